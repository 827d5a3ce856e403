/**
 * PowerMTA's grammar: lines, quotes, sections, includes, macros; what it refuses, and that what is printed reads the same.
 * The reference's cases T27, T48 to T50 and T53.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { cleanLine, textOf, wordsOf } from "../../src/policy/dialects/powermta/lines.ts";
import { optionTable } from "../../src/policy/dialects/powermta/options.ts";
import { type PowerMtaNode, parsePowerMta } from "../../src/policy/dialects/powermta/parse.ts";
import { printPowerMta } from "../../src/policy/dialects/powermta/print.ts";
import { compiled, compiledWith, levelFor, lines, main, ruleFor, textsOf } from "./powermta/files.ts";

function seed(name: string): string {
  return readFileSync(new URL(`powermta/seed-${name}.conf`, import.meta.url), "utf8");
}

/** Without places: `name value`, `<name argument>` and what is inside. */
function bare(nodes: readonly PowerMtaNode[]): unknown[] {
  return nodes.map((node) =>
    node.kind === "section"
      ? [`<${node.name}`, node.argument, bare(node.children)]
      : [node.name, node.value, ...(node.block === undefined ? [] : [bare(node.block)])],
  );
}

const read: readonly [title: string, text: string, want: unknown[]][] = [
  ["keywords in any case", "Use-StartTLS yes", [["use-starttls", "yes"]]],
  ["comments and blank lines", "# one\n\n  a b # two\r\n#", [["a", "b"]]],
  ["a comment after a tag", "<domain x> # note\n</domain> # end", [["<domain", "x", []]]],
  [
    "an argument with blanks and quotes",
    '<acct-file "c:\\my stuff\\\\proc.exe">\n</acct-file>',
    [["<acct-file", '"c:\\my stuff\\\\proc.exe"', []]],
  ],
  [
    "a command line behind |",
    "<acct-file |/bin/x --a >/dev/null>\n</acct-file>",
    [["<acct-file", "|/bin/x --a >/dev/null", []]],
  ],
  ["a closing tag with its argument", "<domain-key-list k>\n</domain-key-list k>", [["<domain-key-list", "k", []]]],
  ["a blank before the >", "<mx-rollup-list >\n</mx-rollup-list >", [["<mx-rollup-list", "", []]]],
  ["a regular expression as a line", "/too  many/ x", [["/too  many/", "x"]]],
  [
    "an inline pattern list",
    "<pattern-list p>\nmail-from /a/ <pattern-list>\n* virtual-mta=m\n</pattern-list>\n</pattern-list>",
    [["<pattern-list", "p", [["mail-from", "/a/", [["*", "virtual-mta=m"]]]]]],
  ],
  ["escaped quotes", 'command "a \\"b\\" c"', [["command", '"a \\"b\\" c"']]],
  ["a byte order mark", "\uFEFFa b", [["a", "b"]]],
];
for (const [title, text, want] of read) {
  test(`powermta syntax: ${title}`, () => {
    const { nodes, findings } = parsePowerMta(text);
    assert.deepEqual(findings, []);
    assert.deepEqual(bare(nodes), want);
  });
}

const words: readonly [value: string, words: readonly string[]][] = [
  ["a  b", ["a", "b"]],
  ['"a b" c', ["a b", "c"]],
  ['""', [""]],
  ['a"b c"d', ["ab cd"]],
  ['"a\\"b\\\\"', ['a"b\\']],
  ['one " two', ["one", '"', "two"]],
  ["", []],
];
for (const [value, want] of words)
  test(`powermta words of ${JSON.stringify(value)}`, () => assert.deepEqual(wordsOf(value), want));

test("powermta text of a value: quoted as a whole or as written", () => {
  assert.deepEqual([textOf('"a b"'), textOf('"a" "b"'), textOf("a b"), textOf('""')], ["a b", '"a" "b"', "a b", ""]);
});

const faults: readonly [title: string, text: string, want: RegExp][] = [
  ["a section that is never closed", "<domain x>\nuse-starttls yes", /^1: .*<domain> is never closed/],
  ["a tag that closes nothing", "</domain>", /^1: .*<\/domain> closes nothing/],
  [
    "sections that overlap",
    "<virtual-mta a>\n<domain x>\n</virtual-mta>",
    /^2: .*<domain> is not closed before <\/virtual-mta>/,
  ],
  ["a tag without its >", "<domain x\n</domain>", /^1: .*this is no tag/],
  ["text after a tag", "<domain x> use-starttls yes\n</domain>", /^1: .*text after the tag: use-starttls yes/],
  ["an argument that is missing", "<domain >\n</domain>", /^1: .*<domain>: argument missing/],
  ["a value that is missing", "<domain x>\nuse-starttls\n</domain>", /^2: .*use-starttls: argument missing/],
  ["a typo in a value", "<domain x>\nrequire-starttls yess\n</domain>", /^2: .*"yess" is neither yes nor no/],
  [
    "a closing tag at the end of a line",
    "<domain x>\nuse-starttls yes</domain>",
    /^2: .*the tag <\/domain> stands at the end of another line/,
  ],
  ["a quote that is not closed", '<domain x>\nsmtp-tls-ciphers "HIGH\n</domain>', /^2: .*a quote is not closed/],
  ["an unknown section", "<smtp-source 0/0>\n</smtp-source>", /^1: .*unknown section <smtp-source>/],
  ["another unknown section", "<bounce-log x>\n</bounce-log>", /^1: .*unknown section <bounce-log>/],
  ["brace blocks", "smtp-listener 0.0.0.0:25 {\n  max 1\n}", /^1: .*"{" is no parameter/],
  [
    "an invented directive",
    "<domain x>\nmax-message-rate 1/h\n</domain>",
    /^2: .*unknown directive "max-message-rate"/,
  ],
  ["enable-starttls", "<domain x>\nenable-starttls yes\n</domain>", /^2: .*unknown directive "enable-starttls"/],
  ["tls required", "<domain x>\ntls required\n</domain>", /^2: .*unknown directive "tls"/],
  [
    "require-starttls in a listener",
    "<smtp-listener 0/0:25>\nrequire-starttls yes\n</smtp-listener>",
    /^2: .*require-starttls cannot stand in <smtp-listener>/,
  ],
  [
    "require-starttls outside of a section",
    "require-starttls yes",
    /^1: .*require-starttls cannot stand outside of sections/,
  ],
  ["records all", "<acct-file a>\nrecords all\n</acct-file>", /^2: .*"all" is no record type/],
  ["records without a comma", "<acct-file a>\nrecords d b\n</acct-file>", /^2: .*"d b" is no record type/],
  [
    "smtp-source-host reversed",
    "<virtual-mta m>\nsmtp-source-host mx.test 192.0.2.1\n</virtual-mta>",
    /^2: .*smtp-source-host: the address comes first/,
  ],
  ["two names in <domain>", "<domain a.com b.com>\n</domain>", /^1: .*<domain a.com b.com> is no domain/],
  [
    "a section in a section that cannot hold it",
    "<source 0/0>\n<domain x>\n</domain>\n</source>",
    /^2: .*<domain> cannot stand in <source>/,
  ],
  ["an unknown macro", "<domain a.$b>\n</domain>", /^1: .*there is no domain-macro b/],
];
for (const [title, text, want] of faults) {
  test(`powermta error: ${title}`, () => {
    const made = compiledWith(text);
    assert.match(textsOf(made, "error").join("\n"), want);
    assert.match(textsOf(made, "error")[0] ?? "", new RegExp(`Error in line \\d+ of ${main}: `));
    assert.notEqual(ruleFor(made, "any.test").refuse, undefined);
  });
}

for (const name of [
  "use-smtps",
  "verify-server-certificate",
  "smtp-client-tls-certificate",
  "smtp-tls-certificate",
  "tls-ca",
  "mta-sts",
  "dane",
  "tls-required",
]) {
  test(`powermta error: ${name} is not a directive of PowerMTA`, () => {
    assert.match(textsOf(compiledWith(`<domain x>\n${name} yes\n</domain>`), "error").join(), /unknown directive/);
  });
}

test("powermta T27: macros that hold each other are an error", () => {
  const made = compiledWith("domain-macro a $b\ndomain-macro b $a\n<domain x.$a>\n</domain>");
  assert.match(textsOf(made, "error").join("\n"), /^1: Error in line 1 of .*: domain-macro a is a circle: a > b > a/);
  assert.match(textsOf(compiledWith("domain-macro a $a"), "error").join(), /a > a/);
});

test("powermta macros: within macros, several in one name, parts of a name, items that begin with a dot", () => {
  const made = compiled(
    lines(`domain-macro com com, co.uk,; domain-macro tld $com, org # others; domain-macro dotted .net, .co.in
    <domain $isp.$tld>; require-starttls yes; </domain>; <domain mail$dotted>; require-starttls yes; </domain>; domain-macro isp yahoo, ymail`),
  );
  for (const name of ["yahoo.com", "ymail.co.uk", "ymail.org", "mail.net", "mail.co.in"])
    assert.equal(levelFor(made, name), "encrypt");
  for (const name of ["yahoo.net", "mail.com"]) assert.equal(levelFor(made, name), "may");
});

test("powermta macros: one that stands for millions of names is an error, at once", () => {
  const ten = Array.from({ length: 10 }, (_, at) => `x${at}`).join(",");
  const text = `domain-macro m ${ten}\n<domain ${"$m.".repeat(20)}test>\n</domain>`;
  assert.match(textsOf(compiledWith(text), "error").join(), /stands for more than 200000 names/);
  const nested = Array.from({ length: 5000 }, (_, at) => `domain-macro m${at} $m${at + 1}`).join("\n");
  assert.match(textsOf(compiledWith(nested), "error").join(), /deeper than 100/);
});

test("powermta T48: typographic quotes are read, with line and column", () => {
  const text = "<domain *>\n  smtp-tls-ciphers \u201cECDHE+AESGCM\u201d\n</domain>";
  const made = compiled(text);
  assert.match(ruleFor(made, "a.test").ciphers?.value ?? "", /ECDHE\+AESGCM$/);
  const warnings = made.notes.filter(({ kind }) => kind === "warning");
  assert.deepEqual(
    warnings.map(({ line, column }) => [line, column]),
    [
      [2, 20],
      [2, 33],
    ],
  );
  assert.match(warnings[0]?.text ?? "", /typographic quote/);
});

test("powermta T49: a tag at the end of another line is an error that names it, and so is a directive", () => {
  const glued = 'smtp-server-tls-certificate c.pem "pw" smtp-server-tls-ciphers "HIGH:!ADH"<source 0/0>';
  const errors = textsOf(compiledWith(`${glued}\nallow-starttls yes\n</source>`), "error").join("\n");
  assert.match(errors, /^1: Error in line 1 of .*: the tag <source 0\/0> stands at the end of another line/m);
  assert.match(errors, /smtp-server-tls-certificate takes FILE \[PASSWORD\], here are 4 words/);
  assert.doesNotMatch(errors, /closes nothing/);
});

test("powermta T48: what the web page's typographic quotes ran together is read as the lines that it was, and told", () => {
  const { nodes, findings } = parsePowerMta(seed("inbound"));
  assert.deepEqual(bare(nodes), [
    ["smtp-listener", "1.2.3.4:465 tls=yes"],
    ["smtp-server-tls-certificate", '/etc/pmta/smtp-cert.pem "YourPasswordHere"'],
    ["smtp-server-tls-ciphers", '"HIGH:MEDIUM:!ADH:@STRENGTH"'],
    [
      "<source",
      "0/0",
      [
        ["allow-starttls", "yes"],
        ["require-starttls-before-auth", "yes"],
        ["allow-unencrypted-plain-auth", "no"],
      ],
    ],
  ]);
  assert.deepEqual(
    findings.map(({ severity, line, column }) => [severity, line, column]),
    [53, 70, 96, 123, 72, 124].map((column) => ["warning", 3, column]),
  );
  assert.match(findings.at(-1)?.reason ?? "", /^the tag <source 0\/0> stands behind a typographic quote/);
});

const whole: readonly [title: string, line: string, want: unknown][] = [
  [
    "a word that no directive is called",
    "smtp-client-certificate \u201cc.pem\u201d secret",
    ["smtp-client-certificate", '"c.pem" secret'],
  ],
  [
    "a name without a value",
    "smtp-client-certificate \u201cc.pem\u201d source",
    ["smtp-client-certificate", '"c.pem" source'],
  ],
  [
    "a name inside of the quotes",
    "smtp-client-certificate c.pem \u201c source x\u201d",
    ["smtp-client-certificate", 'c.pem " source x"'],
  ],
];
for (const [title, line, want] of whole) {
  test(`powermta T48: ${title} behind a typographic quote begins no line`, () => {
    assert.deepEqual(bare(parsePowerMta(line).nodes), [want]);
  });
}

test("powermta T50: # begins a comment anywhere: the password is a, and that is told", () => {
  const { nodes } = parsePowerMta("auth-password a#b");
  assert.deepEqual(bare(nodes), [["auth-password", "a"]]);
  const made = compiled("<domain x>\nauth-password a#b\n</domain>");
  assert.match(textsOf(made, "warning").join(), /^2: a # begins a comment/);
  assert.deepEqual(cleanLine("a b # c").findings, []);
  assert.equal(cleanLine('a "b # c" # d').text, 'a "b # c"');
});

test("powermta T53: an unknown directive is an error in PowerMTA's own form, with the nearest name", () => {
  const made = compiledWith("host-name relay.test\nfoo-bar yes\n<domain x>\nrequire-startls yes\n</domain>");
  const [unknown, mistyped] = made.notes.filter(({ kind }) => kind === "error");
  assert.equal(unknown?.text, 'Error in line 2 of /etc/pmta/config: unknown directive "foo-bar"');
  assert.equal(mistyped?.remedy, "did you mean require-starttls?");
});

test("powermta: known names of other subjects are read, and said to have no effect", () => {
  const made = compiled(
    'log-file /var/log/pmta\nspool /var/spool\n<domain *>\nmax-smtp-out 20\nretry-after 10m\n</domain>\n<bounce-category-patterns>\n/said "x/ spam-related\n</bounce-category-patterns>',
  );
  assert.equal(textsOf(made, "no-effect").length, 4);
  assert.deepEqual(textsOf(made, "applied"), ['8: /said "x/: bounces whose reply fits are of this category']);
  assert.equal(textsOf(made, "error", "warning").length, 0);
});

test("powermta: a directive stated twice: the later line counts, and is told", () => {
  const made = compiled(
    lines(
      "<domain *>; require-starttls yes; </domain>; <domain *>; require-starttls no; require-starttls no; </domain>",
    ),
  );
  assert.equal(levelFor(made, "a.test"), "may");
  assert.deepEqual(textsOf(made, "warning"), [
    "6: require-starttls replaces what line 2 of /etc/pmta/config says at the same place",
  ]);
});

test("powermta include: in a section, with wildcards, and its lines keep their file", () => {
  const made = compiled("<domain a.test>\n  include tls.conf\n</domain>\ninclude /etc/pmta/d/*.conf", {
    "/etc/pmta/tls.conf": "require-starttls yes",
    "/etc/pmta/d/b.conf": "<domain b.test>\nrequire-starttls yes\n</domain>",
    "/etc/pmta/d/c.txt": "nonsense",
  });
  const { level } = ruleFor(made, "a.test");
  assert.deepEqual([level.value, level.from.file, level.from.line], ["encrypt", "/etc/pmta/tls.conf", 1]);
  assert.equal(levelFor(made, "b.test"), "encrypt");
});

const includes: readonly [title: string, texts: Record<string, string>, want: RegExp][] = [
  ["missing", { [main]: "include gone.conf" }, /\/etc\/pmta\/gone.conf cannot be read/],
  ["a URL", { [main]: "include https://config.test/x" }, /include of a URL is refused/],
  ["itself", { [main]: "include config" }, /is a circle/],
  ["a circle", { [main]: "include a", "/etc/pmta/a": "include b", "/etc/pmta/b": "include a" }, /is a circle/],
  ["half a section", { [main]: "include a\n</domain>", "/etc/pmta/a": "<domain x>" }, /<domain> is never closed/],
];
for (const [title, texts, want] of includes) {
  test(`powermta include: ${title} is an error`, () => {
    assert.match(textsOf(compiledWith(texts[main] ?? "", texts), "error").join("\n"), want);
  });
}

test("powermta include: files that include files that ... end", () => {
  const texts: Record<string, string> = { "/etc/pmta/f20": "" };
  for (let at = 0; at < 20; at += 1) texts[`/etc/pmta/f${at}`] = `include f${at + 1}\ninclude f${at + 1}`;
  assert.match(textsOf(compiledWith("include f0", texts), "error").join(), /more than 10000 files/);
});

test("powermta include: config-defaults is read too", () => {
  const made = compiled("host-name relay.test", {
    "/etc/pmta/config-defaults": "<domain *>\nrequire-starttls yes\n</domain>",
  });
  assert.equal(levelFor(made, "a.test"), "encrypt");
});

// --- round trip -----------------------------------------------------------------------------------------------------

const name = fc.constantFrom("use-starttls", "smtp-tls-ciphers", "log-file", "mx", "include", "x.y", "/a b\\/ c/");
const value = fc.oneof(
  fc.constantFrom("yes", '"a b"', '""', "a, b; c", '"x\\"y" z', "[1.2.3.4]:25", "$a.$b", '"c:\\\\x"'),
  fc.string({ unit: fc.constantFrom(..."ab \"\\/,$<>[]*'"), maxLength: 12 }),
);
const section = fc.constantFrom("domain", "source", "virtual-mta", "acct-file", "pattern-list");
const argument = fc.constantFrom("*", "a.test", "[*.]a.test", '"a b"', "0/0", "{auth}", "|/bin/x >y");
const { tree } = fc.letrec<{ tree: string[]; node: string[] }>((tie) => ({
  tree: fc.array(tie("node"), { maxLength: 4 }).map((parts) => parts.flat()),
  node: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(name, value).map(([one, two]) => [`${one} ${two}`]) },
    fc.tuple(section, argument, tie("tree")).map(([tag, words, inner]) => [`<${tag} ${words}>`, ...inner, `</${tag}>`]),
    fc
      .tuple(tie("tree"))
      .map(([inner]) => [
        "<pattern-list p>",
        "mail-from /x/ <pattern-list>",
        ...inner,
        "</pattern-list>",
        "</pattern-list>",
      ]),
  ),
}));

test("powermta: what is printed reads the same", () => {
  fc.assert(
    fc.property(tree, (text) => {
      const { nodes } = parsePowerMta(text.join("\n"));
      assert.deepEqual(bare(parsePowerMta(printPowerMta(nodes)).nodes), bare(nodes));
    }),
    { numRuns: 1000 },
  );
});

const fragment = fc.oneof(
  fc.constantFrom(
    "<",
    ">",
    "</",
    "domain",
    "<domain *>",
    "</domain>",
    '"',
    "\\",
    "#",
    "\n",
    " ",
    "$a",
    "domain-macro a $b",
    "\u201c",
    "\u201d",
    "/x/",
    "<pattern-list>",
    "include config",
    "virtual-mta=m",
  ),
  fc.constantFrom(...optionTable.map((option) => `${option.name} yes\n`)),
  fc.string({ unit: "binary", maxLength: 10 }),
);
const noise = fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join(""));

test("powermta: any text: no throw, no hang, and what is printed reads the same", () => {
  fc.assert(
    fc.property(noise, (text) => {
      const { nodes } = parsePowerMta(text);
      assert.deepEqual(bare(parsePowerMta(printPowerMta(nodes)).nodes), bare(nodes));
      const made = compiledWith(text);
      for (const note of made.notes) assert.ok(note.line >= 1 && note.column >= 1 && note.text !== "");
      assert.ok(made.source.outbound !== undefined && ruleFor(made, "a.test").level !== undefined);
      made.export();
    }),
    { numRuns: 800 },
  );
});

test("powermta: ten megabytes of one line, and of nothing but tags, are read in seconds", () => {
  for (const text of [
    '"'.repeat(1e6),
    "<".repeat(1e6),
    "<domain x>\n".repeat(1e5),
    `a ${"$a".repeat(1e5)}`,
    "\\".repeat(1e6),
    "x ".repeat(1e6),
  ]) {
    const before = performance.now();
    compiledWith(text);
    assert.ok(performance.now() - before < 5000, text.slice(0, 10));
  }
});
