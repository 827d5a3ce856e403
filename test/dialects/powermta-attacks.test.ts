/**
 * PowerMTA configurations that were made or damaged to get mail out in clear, as somebody else, or to stop the program.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../../src/mail/address.ts";
import type { Compiled, SourceFiles } from "../../src/policy/dialects/dialect.ts";
import { compilePowerMta } from "../../src/policy/dialects/powermta/compile.ts";
import { compiled, compiledWith, filesOf, levelFor, lines, mailbox, main, ruleFor, textsOf } from "./powermta/files.ts";

function refuses(made: Compiled): boolean {
  const { refuse } = ruleFor(made, "a.test");
  return refuse !== undefined && refuse.value !== false;
}

const section = (statement: string): string => `<domain *>\n${statement}\n</domain>\n`;

const broken: readonly (readonly [name: string, text: string, others?: Readonly<Record<string, string>>])[] = [
  ["an include by wildcard from a folder that is gone", "include partners/*.conf\n"],
  ["a block of addresses that is none", "<source 10.0.0.0/33>\nallow-starttls yes\n</source>\n"],
  ["a truth value named like a method", section("require-starttls constructor")],
  ["a truth value named like the prototype", section("require-starttls __proto__")],
  ["an octet of value 0", section("require-starttls yes\0")],
  ["UTF-16", [...section("require-starttls yes")].join("\0")],
  [
    "lines that end in a carriage return alone",
    `# from another system\r${section("require-starttls yes").replaceAll("\n", "\r")}`,
  ],
  ["a soft hyphen in a keyword", section("require\u00adstarttls yes")],
  ["an equals sign", section("require-starttls = yes")],
  ["two words for one", section("require-starttls yes no")],
  ["a quote that stays open in a tag", `<virtual-mta "m1>\n</virtual-mta>\n`],
  ["a quote that stays open around a domain", `<domain "a.test>\nrequire-starttls yes\n</domain>\n`],
  ["a macro that names nothing", "domain-macro m ,\n<domain $m>\nrequire-starttls yes\n</domain>\n"],
  ["ten thousand sections in each other", "<domain *>\n".repeat(10_000)],
  ["a chain of includes without end", "include f0\n", Object.fromEntries(chain(9000))],
  ["lists that go on in a chain without end", patternChain(5000)],
  ["lists nested deeper than they are followed", nested(70)],
  [
    "a POSIX class named like a method",
    "<pattern-list l>\nmail-from /[[:constructor:]]/ virtual-mta=m\n</pattern-list>\n",
  ],
];

function* chain(length: number): Generator<[string, string]> {
  for (let at = 0; at < length; at += 1) yield [`/etc/pmta/f${at}`, `include f${at + 1}\n`];
}

function patternChain(length: number): string {
  const lists = Array.from({ length }, (_, at) => `<pattern-list L${at}>\n* call-to:L${at + 1}\n</pattern-list>\n`);
  return `${lists.join("")}<pattern-list L${length}>\n* virtual-mta=x\n</pattern-list>\n`;
}

function nested(depth: number): string {
  const open = "mail-from /x/ <pattern-list>\n".repeat(depth);
  return `<pattern-list l>\n${open}* virtual-mta=x\n${"</pattern-list>\n".repeat(depth + 1)}`;
}

for (const [name, text, others] of broken) {
  test(`powermta attack: ${name}: an error, and no mail leaves`, () => {
    const made = compiledWith(text, others);
    assert.notDeepEqual(textsOf(made, "error"), []);
    assert.ok(refuses(made));
  });
}

test("powermta attack: a file that its folder lists and that leads nowhere, and shipped defaults that cannot be read", () => {
  const files = filesOf({ [main]: "include partners/*.conf\n" });
  const dangling: SourceFiles = {
    ...files,
    list: (folder) => (folder === "/etc/pmta/partners" ? ["bank.conf"] : files.list(folder)),
  };
  const locked: SourceFiles = {
    ...filesOf({ [main]: "" }),
    modifiedAt: (name) => (name === "/etc/pmta/config-defaults" ? 0 : undefined),
  };
  for (const each of [dangling, locked]) {
    const made = compilePowerMta({ file: main }, each);
    assert.match(textsOf(made, "error").join(), /cannot be read/);
    assert.ok(refuses(made));
  }
});

test("powermta attack: lists that call the next twice are looked through once each", () => {
  const lists = Array.from(
    { length: 45 },
    (_, at) => `<pattern-list L${at}>\nmail-from /x/ call-to:L${at + 1}\n* call-to:L${at + 1}\n</pattern-list>\n`,
  );
  const made = compiled(`${lists.join("")}<pattern-list L45>\n* virtual-mta=x\n</pattern-list>\n`);
  assert.equal(levelFor(made, "a.test"), "may");
});

test("powermta attack: a hundred thousand tags on one line, and a tag of blanks", () => {
  const before = process.cpuUsage();
  compiledWith(`use-starttls yes${"<source 0/0>".repeat(100_000)}`);
  compiledWith(`<acct-file${" ".repeat(100_000)}x`);
  compiledWith(`<acct-file${' "'.repeat(50_000)}x`);
  assert.ok(process.cpuUsage(before).user < 5_000_000);
});

test("powermta attack: virtual MTAs and macros named like members of every object", () => {
  const made = compiled(
    lines(`domain-macro constructor a.test; domain-macro __proto__ b.test; <domain $constructor>; require-starttls yes; </domain>
    <domain $__proto__>; require-starttls yes; </domain>; <virtual-mta __proto__>; <domain c.test>; require-starttls yes; </domain>; </virtual-mta>`),
  );
  assert.deepEqual(
    ["a.test", "b.test", "c.test"].map((to) => levelFor(made, to)),
    ["encrypt", "encrypt", "may"],
  );
  assert.equal(levelFor(made, "c.test", { binding: "__proto__" }), "encrypt");
});

test("powermta attack: a virtual MTA of the prototype's name that is not there is refused", () => {
  const made = compiled("<source 0/0>\nprocess-x-virtual-mta yes\n</source>\n");
  const answer = made.settings.chooseBinding?.choose({
    listener: "smtp",
    client: "192.0.2.7" as IpAddress,
    user: undefined,
    sender: mailbox("a@b.test"),
    recipients: [mailbox("c@d.test")],
    header: () => "constructor",
  });
  assert.equal(answer?.kind, "reject");
});

test("powermta attack: a pattern list held against a header field made to stop it", () => {
  const made = compiled(
    lines(`<virtual-mta m>; </virtual-mta>; <pattern-list l>; header subject /^(\\w+\\s?)*$/ virtual-mta=m; </pattern-list>
    <source 0/0>; pattern-list l; </source>`),
  );
  const ask = (subject: string) =>
    made.settings.chooseBinding?.choose({
      listener: "smtp",
      client: "192.0.2.7" as IpAddress,
      user: undefined,
      sender: mailbox("a@b.test"),
      recipients: [mailbox("c@d.test")],
      header: () => subject,
    });
  const before = process.cpuUsage();
  assert.deepEqual(ask(`${"a".repeat(10_000)}!`), { kind: "binding", name: "{default}" });
  assert.deepEqual(ask("two words"), { kind: "binding", name: "m" });
  assert.ok(process.cpuUsage(before).user < 2_000_000);
});

const onlyOld: readonly (readonly [statements: string, min: string, max: string])[] = [
  ["smtp-tls-allow-tlsv1.2 no; smtp-tls-allow-tlsv1.3 no", "TLSv1.2", "TLSv1.3"],
  ["smtp-tls-allow-tlsv1.2 no; smtp-tls-allow-tlsv1.3 no; require-starttls yes", "TLSv1.3", "TLSv1.2"],
  ["smtp-tls-allow-tlsv1.2 no; smtp-tls-allow-tlsv1.3 no; smtp-tls-allow-tlsv1.1 no", "TLSv1.3", "TLSv1.2"],
];
for (const [statements, min, max] of onlyOld) {
  test(`powermta attack: ${statements}: no clear text where PowerMTA would encrypt with an old version`, () => {
    assert.deepEqual(ruleFor(compiled(lines(section(statements))), "a.test").protocols?.value, { min, max });
  });
}

test("powermta host-name: what is no domain name is told, globally and in a virtual MTA", () => {
  const made = compiled("host-name mail..test\n<virtual-mta m>\nhost-name -\n</virtual-mta>\n");
  assert.equal(made.settings.hostname, undefined);
  const told = textsOf(made, "differs").filter((text) => text.includes("is no domain name"));
  assert.deepEqual(
    told.map((text) => text.slice(0, 2)),
    ["1:", "3:"],
  );
});
