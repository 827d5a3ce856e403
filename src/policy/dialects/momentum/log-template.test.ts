import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TemplatePart } from "../../../mail/log-template.ts";
import { allNamespaces, defaultNamespaces, logMacros } from "./log-macros.ts";
import { headersOf, parseTemplate } from "./log-template.ts";

function shown(part: TemplatePart): string {
  if (part.kind === "text") return part.text;
  return `<${part.name}${part.argument === undefined ? "" : ` ${part.argument}`}>`;
}

function read(text: string, namespaces = allNamespaces): string {
  return parseTemplate(text, namespaces).template.map(shown).join("");
}

function problems(text: string, namespaces = allNamespaces): string[] {
  return parseTemplate(text, namespaces).problems.map(
    ({ column, text: what, remedy }) => `${column}: ${what} (${remedy})`,
  );
}

const rows: readonly [name: string, text: string, want: string][] = [
  ["macros between delimiters", "%t@%i@D@%r@%R", "<t>@<i>@D@<r>@<R>"],
  ["the longest name counts", "%B|%BI|%P|%PG|%c|%CI|%C", "<B>|<BI>|<P>|<PG>|<c>|<CI>|<C>"],
  ["arguments", "%h{X-Job}@%t{%m:%d:%H:%M:%S}@%T{3}@%us{6}", "<h X-Job>@<t %m:%d:%H:%M:%S>@<T 3>@<us 6>"],
  ["arguments that may be left out", "%t %T", "<t> <T>"],
  ["a brace behind a macro that takes none is text", '{"ip":"%H"}%i{x}', '{"ip":"<H>"}<i>{x}'],
  ["a percent sign", "100%%", "100%"],
  ["one colon behind a name is a delimiter", "%H:%t:%outbound_tls:%p", "<H>:<t>:<outbound_tls>:<p>"],
  [
    "names of TLS run over underscores",
    "%outbound_tls_cipher_usebits@%local_ip",
    "<outbound_tls_cipher_usebits>@<local_ip>",
  ],
  [
    "TLS macros as context keys",
    "%vctx_conn{outbound_tls_cipher}%vctx_mess{local_ip}",
    "<vctx_conn outbound_tls_cipher><vctx_mess local_ip>",
  ],
  ["with its namespace said", "%outbound_tls:local_ip@%custom_logger:t", "<local_ip>@<t>"],
  [
    "in braces",
    "%{vctx_conn:tls}@%{outbound_tls:outbound_tls}@%{i}@%{h:Subject}",
    "<vctx_conn tls>@<outbound_tls>@<i>@<h Subject>",
  ],
  ["our own", "%letterlock_tls_required", "<letterlock_tls_required>"],
];

for (const [name, text, want] of rows) {
  test(`log template: ${name}`, () => {
    assert.equal(read(text), want);
    assert.deepEqual(problems(text), []);
  });
}

const wrong: readonly [text: string, want: string, problem: RegExp][] = [
  ["%H_%R", "<R>", /^1: %H_ is no macro .*letters, _ and : belong to the name: set another character behind %H/],
  ["a %tat %R", "a  <R>", /^3: %tat is no macro/],
  ["%H::%t", "<t>", /^1: %H:: is no macro/],
  ["%outbound_tls_chipher", "", /did you mean %outbound_tls_cipher\?/],
  ["%letterlock_tls_requird", "", /did you mean %letterlock_tls_required\?/],
  ["%H% @%r", "<H>% @<r>", /^3: % stands alone/],
  ["%", "%", /^1: % stands alone/],
  ["%{H", "%{H", /^1: % stands alone/],
  ["%h@", "@", /^1: %h lacks its \{\}: nothing is printed \(write for instance %h\{Subject\}\)/],
  ["%h{Sub ject}", "", /^1: %h\{Sub ject\}: no such argument/],
  ["%us{9}", "", /^1: %us\{9\}: no such argument/],
  ["%T{x}", "<T>", /^1: %T\{x\}: no such argument/],
  ["%h{Subject", "<h Subject>", /^3: \{ is never closed/],
  ["%vctx_mess{campaign}@", "@", /^1: %vctx_mess\{campaign\}: nothing here sets it/],
  ["%vctx_conn{rcptto_domain}", "", /nothing here sets it/],
  ["%H\n%t\t\n", "<H>\n<t>\t\n", /^3: a control character in a template is shown/],
];

for (const [text, want, problem] of wrong) {
  test(`log template: ${JSON.stringify(text)} is told, and the rest is printed`, () => {
    assert.equal(read(text), want);
    assert.equal(problems(text).length, 1);
    assert.match(problems(text)[0] ?? "", problem);
  });
}

test("momentum 59: macros of TLS by their bare names need the namespace, their qualified names do not", () => {
  assert.equal(read("%i@%outbound_tls", defaultNamespaces), "<i>@");
  assert.match(
    problems("%i@%outbound_tls", defaultNamespaces)[0] ?? "",
    /^4: %outbound_tls is not expanded: .*write namespace = "custom_logger,sieve,outbound_tls"/,
  );
  assert.equal(read("%outbound_tls:outbound_tls", defaultNamespaces), "<outbound_tls>");
  assert.equal(read("%vctx_conn{outbound_tls}", defaultNamespaces), "<vctx_conn outbound_tls>");
  assert.equal(read("%letterlock_tls_rule", defaultNamespaces), "<letterlock_tls_rule>");
  assert.equal(read("%t", ["sieve"]), "");
});

test("log template: every macro of the table is read", () => {
  for (const { name, argument } of logMacros) {
    const text = argument === undefined ? `%${name}` : `%${name}{${argument.shown}}`;
    const want = argument === undefined ? `<${name}>` : `<${name} ${argument.shown}>`;
    assert.equal(read(text), want);
    assert.deepEqual(problems(text), []);
  }
  assert.equal(new Set(logMacros.map(({ name }) => name)).size, logMacros.length);
});

test("log template: names of header fields, each once, lower case", () => {
  const { template } = parseTemplate("%h{Subject}%h{X-Job}%h{subject}%i", allNamespaces);
  assert.deepEqual(headersOf(template), ["subject", "x-job"]);
});

test("log template: no text throws or hangs, and columns lie in it", () => {
  const piece = fc.constantFrom("%", "{", "}", ":", "_", "t", "vctx_conn", "outbound_tls", "h", "@", "\n", "%%", "é");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => parts.join("")),
      ),
      (text) => {
        const { template, problems: found } = parseTemplate(text, allNamespaces);
        assert.ok(template.every((part) => part.kind === "macro" || part.text !== ""));
        assert.ok(found.every(({ column }) => column >= 1 && column <= text.length));
      },
    ),
  );
});
