/**
 * The language of ecelerity.conf: every form that the manual shows, printing and parsing again, and whatever else a file
 * may hold.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseMomentum } from "../../src/policy/dialects/momentum/parse.ts";
import { printMomentum } from "../../src/policy/dialects/momentum/print.ts";
import type { Item, Word } from "../../src/policy/dialects/momentum/syntax.ts";
import { compile, errors, folder, issued, notes, pemFiles, question, ruleFor } from "./momentum/lab.ts";

const fixture = (name: string): string => readFileSync(path.join(import.meta.dirname, "momentum", name), "utf8");

/** Canonical text, or the problem and where it is. */
function printed(text: string): string {
  const { items, problem } = parseMomentum(text);
  return problem === undefined ? printMomentum(items) : `${problem.line}:${problem.column}: ${problem.text}`;
}

const forms: readonly [title: string, text: string, want: string][] = [
  ["bare and quoted values", 'tls = required\nTLS_CA="a b"', 'tls = "required"\ntls_ca = "a b"\n'],
  [
    "several statements on a line, comments behind them",
    "a = 1 b = -1 # c = 2\n/* d\n= 3 */ e = 0644",
    'a = "1"\nb = "-1"\ne = "0644"\n',
  ],
  ["a brace on the next line", "domain x\n{\n}", 'domain "x" {\n}\n'],
  ["an equals sign before the brace", "ESMTP_Listener = { }", "esmtp_listener {\n}\n"],
  ["both an instance and an equals sign", 'listen ":25" = {}', 'listen ":25" {\n}\n'],
  ["a socket path is no regular expression", "Listen /path/2025 {}", 'listen "/path/2025" {\n}\n'],
  [
    "a bare regular expression, its brace glued on",
    "Domain /(^|[.])x[.](a|b)$/{ tls = no }",
    'domain "/(^|[.])x[.](a|b)$/" {\n  tls = "no"\n}\n',
  ],
  ["one with backslashes stays bare", "domain /x\\.de$/ {}", "domain /x\\.de$/ {\n}\n"],
  ["one with a hash and an escaped slash", "domain /a#b\\/c/ {}", "domain /a#b\\/c/ {\n}\n"],
  ["bare addresses and URIs", "peer ::1 {} uri = digest:///opt/x", 'peer "::1" {\n}\nuri = "digest:///opt/x"\n'],
  ["lists: mixed, with commas, empty", 'x = ( "a b" c, d ) y = ()', 'x = ( "a b" "c" "d" )\ny = ( )\n'],
  [
    "dictionaries, with and without =",
    'map [ a.b = c ] z = [ k = "v w" ]',
    'map = [ "a.b" = "c" ]\nz = [ "k" = "v w" ]\n',
  ],
  ["escapes survive as they are", 'banner = "a\\r\\n\\w \\"q\\""', 'banner = "a\\r\\n\\w \\"q\\""\n'],
  ["templates are text", 'f = "$user %{x} %Y"', 'f = "$user %{x} %Y"\n'],
  [
    "includes anywhere",
    "binding b { readonly_include x.conf } INCLUDE y",
    'binding "b" {\n  readonly_include "x.conf"\n}\ninclude "y"\n',
  ],
  ["a byte order mark and CRLF", "\ufefftls = no\r\n", 'tls = "no"\n'],
  ["no value", "tls =\n}", "2:1: Syntax error near '}'"],
  ["no equals sign", 'tls "required"\nb = c', "2:1: Syntax error near 'b'"],
  ["one brace too many", "a = b }", "1:7: Syntax error near '}'"],
  ["a scope left open", "x {\n  y {\n  }\n", "1:1: the scope x is opened by { and never closed"],
  ["a quote left open", 'a = b\nc = "d', "2:5: a text is opened by a double quote and never closed"],
  ["a comment left open", "a = b\n/* c", "2:1: a comment is opened by /* and never closed"],
  [
    "a regular expression left open",
    "domain /x {\n}/ {}",
    "1:8: a regular expression is opened by / and not closed on its line",
  ],
  ["a list in a list", "a = ( ( b ) )", "1:7: Syntax error near '('"],
  ["single quotes do not quote", "a = 'b c'", "1:10: Syntax error near the end of the file"],
];

for (const [title, text, want] of forms) test(`momentum language: ${title}`, () => assert.equal(printed(text), want));

test("momentum language: scopes deeper than any configuration are refused, not recursed into", () => {
  assert.match(printed("a {".repeat(100_000)), /^1:195: Syntax error near '\{'/);
});

// Generated texts

const name = fc
  .stringMatching(/^[a-z_][a-z0-9_]{0,8}$/)
  .filter((text) => !["include", "readonly_include"].includes(text));
const quotable = fc
  .stringMatching(/^[ -!#-[\]-~äß]{0,12}$/)
  .map((text): Word => ({ text, quoted: true, line: 0, column: 0 }));
const option = fc.record({
  kind: fc.constant("option" as const),
  name,
  value: fc.oneof(
    quotable.map((word) => ({ kind: "word" as const, word })),
    fc.array(quotable, { maxLength: 3 }).map((words) => ({ kind: "list" as const, words })),
    fc
      .array(fc.record({ key: quotable, value: quotable }), { maxLength: 3 })
      .map((entries) => ({ kind: "dictionary" as const, entries })),
  ),
  line: fc.constant(0),
  column: fc.constant(0),
});
const include = fc.record({
  kind: fc.constant("include" as const),
  keyword: fc.constantFrom("include" as const, "readonly_include" as const),
  target: quotable,
  line: fc.constant(0),
  column: fc.constant(0),
});
const items: fc.Arbitrary<Item[]> = fc.letrec<{ items: Item[] }>((tie) => ({
  items: fc.array(
    fc.oneof(
      { depthSize: "small" },
      option,
      include,
      fc.record({
        kind: fc.constant("scope" as const),
        name: fc.oneof(name, fc.constant("domain")),
        instance: fc.option(quotable, { nil: undefined }),
        items: tie("items"),
        line: fc.constant(0),
        column: fc.constant(0),
      }),
    ),
    { maxLength: 4 },
  ),
})).items;

/** Positions apart. */
function meaning(value: unknown): string {
  return JSON.stringify(value, (key, inner) =>
    key === "line" || key === "column" || key === "quoted" ? undefined : inner,
  );
}

test("momentum language: what is printed parses to the same items, and prints as itself", () => {
  fc.assert(
    fc.property(items, (written) => {
      const text = printMomentum(written);
      const { items: read, problem } = parseMomentum(text);
      assert.equal(problem, undefined);
      assert.equal(meaning(read), meaning(written));
      assert.equal(printMomentum(read), text);
    }),
  );
});

const pieces = fc.constantFrom(
  ...[
    'tls = "required"',
    "domain",
    "binding",
    '"x"',
    "/a(b/",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "=",
    '"',
    "#",
    "/*",
    "*/",
    "\n",
    ",",
  ],
  ...[
    "include",
    "tls_ca",
    "host",
    "listen",
    ":25",
    "ESMTP_Listener",
    "peer",
    "10.0.0.0/8",
    "tls_ciphers",
    "NORMAL:-VERS-TLS1.0",
  ],
  ...["tls_protocols", "+ALL", "local_changes_file", "l.conf", "gateway", "routes", "custom_logger", "\\", "\u0000"],
);

test("momentum language: nothing makes the parser or the compiler throw, and a broken file lets no mail out", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 80 }),
    fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(" ")),
  );
  fc.assert(
    fc.property(text, (written) => {
      const compiled = compile(written, { "l.conf": "tls = no" });
      const rule = ruleFor(compiled);
      compiled.source.candidates(question("p.example"));
      compiled.export();
      if (errors(compiled).length > 0) assert.notEqual(rule.refuse, undefined);
    }),
    { numRuns: 400 },
  );
});

// The page that started it

const shown = {
  "/path/to/customer1.key": "k.pem",
  "/path/to/customer2.cert": "c.pem",
  "/path/to/customer1/partners.cabundle": "A.pem",
};

test("momentum language: the manual's example, word for word", () => {
  const text = fixture("outbound-tls-2020.conf");
  const there = Object.fromEntries(Object.entries(shown).map(([file, pem]) => [file, pemFiles[pem] ?? ""]));
  const compiled = compile(text, there);
  assert.deepEqual(errors(compiled), []);
  const rule = ruleFor(compiled, "trusted.partner.example.com", "customer-1");
  assert.equal(rule.level.value, "encrypt");
  assert.equal(
    rule.clientCertificate?.value !== "none" && rule.clientCertificate?.value.certificateChain,
    issued.chainPem,
  );
  assert.deepEqual(rule.anchors?.value.kind === "bundle" && rule.anchors.value.files, [
    "/path/to/customer1/partners.cabundle",
  ]);
  assert.equal(ruleFor(compiled, "trusted.partner.example.com").level.value, "none");
});

test("momentum language: the same with the key of another certificate, as its names suggest: that mail waits", () => {
  const there = Object.fromEntries(Object.entries(shown).map(([file, pem]) => [file, pemFiles[pem] ?? ""]));
  const compiled = compile(fixture("outbound-tls-2020.conf"), {
    ...there,
    "/path/to/customer1.key": pemFiles["other.key"] ?? "",
  });
  assert.match(String(ruleFor(compiled, "trusted.partner.example.com", "customer-1").refuse?.value), /does not belong/);
  assert.equal(notes(compiled, "warning").filter(({ text }) => /^mail waits .*does not belong/.test(text)).length, 1);
  assert.equal(ruleFor(compiled, "trusted.partner.example.com").refuse, undefined);
});

test("momentum language: the page of 2023 shows half an example: no mail leaves", () => {
  const compiled = compile(fixture("outbound-tls-2023.conf"));
  assert.match(errors(compiled)[0] ?? "", /opened by \{ and never closed/);
  assert.notEqual(ruleFor(compiled, "p.example", "customer-1").refuse, undefined);
});

// Files

const includes: readonly [title: string, files: Readonly<Record<string, string>>, text: string, want: string][] = [
  [
    "beside the including file before the search path",
    { "x.conf": "tls = required", "/opt/conf/x.conf": "tls = no" },
    "include x.conf",
    "encrypt",
  ],
  ["along the search path", { "/opt/conf/x.conf": "tls = required" }, "include x.conf", "encrypt"],
  [
    "beside the included file",
    { "d/x.conf": "include y.conf", "d/y.conf": "tls = required" },
    "include d/x.conf",
    "encrypt",
  ],
  ["inside a scope", { "x.conf": "tls = required" }, "domain p.example { readonly_include x.conf }", "encrypt"],
  ["as a file URI", { "x.conf": "tls = required" }, `include "file://${folder}/x.conf"`, "encrypt"],
  ["twice", { "x.conf": "tls = required" }, "include x.conf tls = no include x.conf", "encrypt"],
  ["missing", {}, "include x.conf", "1: there is no file x.conf beside this one or along the search path"],
  [
    "itself, through another",
    { "x.conf": "include ecelerity.conf" },
    "include x.conf",
    "1: /etc/momentum/ecelerity.conf includes itself",
  ],
  ["elsewhere", {}, 'include "http://x.example/"', "1: 'http://x.example/' is not a file"],
  ["broken", { "x.conf": "tls =" }, "include x.conf", "1: Syntax error near the end of the file"],
];

for (const [title, files, text, want] of includes) {
  test(`momentum files: an include ${title}`, () => {
    const compiled = compile(text, files);
    const [error] = errors(compiled);
    assert.equal(error ?? ruleFor(compiled).level.value, want);
  });
}

test("momentum files: a file of local changes that was never written is only a warning", () => {
  const compiled = compile('local_changes_file = "none.conf" tls = required');
  assert.deepEqual([errors(compiled), ruleFor(compiled).level.value], [[], "encrypt"]);
  assert.match(
    notes(compiled, "warning")
      .map(({ text }) => text)
      .join(),
    /there is no file none.conf/,
  );
});
