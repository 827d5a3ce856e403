// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are values of Postfix
/** The rows are as Postfix 3.10.13 answers them; test/interop/postfix-tables.test.ts asks it about more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expandValue } from "./expand.ts";

const known: ReadonlyMap<string, string> = new Map([
  ["host", "mx.test"],
  ["empty", ""],
  ["nested", "<$host>"],
  ["hollow", "$empty"],
  ["loop", "$loop"],
  ["ping", "$pong"],
  ["pong", "$ping"],
  ["dollar", "$$"],
]);

function expanded(text: string): string {
  const { text: result, problem } = expandValue(text, (name) => known.get(name));
  return problem === undefined ? result : `! ${problem}`;
}

const rows: readonly [id: string, text: string, want: string][] = [
  ["CF-6", "$host", "mx.test"],
  ["CF-6", "${host}", "mx.test"],
  ["CF-6", "$(host)", "mx.test"],
  ["CF-6", "${ host }", "mx.test"],
  ["CF-6", "$host.x", "mx.test.x"],
  ["CF-6", "a$nested", "a<mx.test>"],
  ["CF-6", "$$host", "$host"],
  ["CF-6", "$$$host", "$mx.test"],
  ["CF-6", "$dollar", "$"],
  ["CF-6", "[$nobody]", "[]"],
  ["CF-6", "hash:${nobody}/map", "hash:/map"],
  ["CF-6", "plain", "plain"],
  ["CF-6", "$loop", '! unreasonable macro call nesting: "loop"'],
  ["CF-6", "$ping", '! unreasonable macro call nesting: "pong"'],
  ["CF-6", "a$", '! empty macro name: "a$"'],
  ["CF-6", "${}", '! empty macro name: "${}"'],
  ["CF-6", "${host", '! truncated macro reference: "${host"'],
  ["CF-6", "$(host}", '! truncated macro reference: "$(host}"'],
  ["CF-6", "${host.x}", '! attribute name syntax error at: "...host>>>.x"'],
  ["CF-7", "${host?yes}", "yes"],
  ["CF-7", "${host?{ yes }}|", " yes |"],
  ["CF-7", "${host? yes }|", "yes |"],
  ["CF-7", "${empty?yes}", ""],
  ["CF-7", "${empty:no}", "no"],
  ["CF-7", "${empty: {no} }|", "no|"],
  ["CF-7", "${nobody:$host}", "mx.test"],
  ["CF-7", "${host:no}", ""],
  ["CF-7", "${host?{a}:{b}}", "a"],
  ["CF-7", "${empty ? {a} : b c }|", "b c |"],
  ["CF-7", "${host?a:b}", "a:b"],
  ["CF-7", "${host?{a{b}c}}", "a{b}c"],
  // What counts is the value as written, not what it stands for.
  ["CF-7", "${hollow?yes}", "yes"],
  ["CF-7", "${host?{a}b}", '! ":" expected at: "b"'],
  ["CF-7", "${host:{a}:{b}}", '! unexpected input at: "...host:{a}>>>:{b}"'],
  ["CF-7", "${empty?{${host.x}}}", ""],
  ["CF-8", "${{a} == {a} ? {y} : {n}}", "y"],
  ["CF-8", "${{a}!={a}?{y}:{n}}", "n"],
  ["CF-8", "${{$host} == {mx.test} ? {$host} : {n}}", "mx.test"],
  ["CF-8", "${{a} == {a}}", "true"],
  ["CF-8", "${{a} == {b}}", ""],
  ["CF-8", "${{ a } == {a} ? {y} : {n}}", "n"],
  ["CF-8", "${{10} < {9} ? {y} : {n}}", "n"],
  ["CF-8", "${{1a} < {9} ? {y} : {n}}", "y"],
  ["CF-8", "${{3.10} < {3.9} ? {y} : {n}}", "y"],
  ["CF-8", "${{007} >= {7} ? {y} : {n}}", "y"],
  ["CF-8", "${{} <= {9} ? {y} : {n}}", "y"],
  ["CF-8", "${{3.10} <level {3.9} ? {y} : {n}}", "n"],
  ["CF-8", "${{3.10} ==level {3.10.0} ? {y} : {n}}", "y"],
  ["CF-8", "${{2} >level {1.9} ? {y} : {n}}", "y"],
  ["CF-8", "${{3.x} >=level {3} ? {y} : {n}}", '! malformed compatibility level syntax: "3.x"'],
  ["CF-8", "${{3} ==levels {3}}", '! bad operator suffix at: "...==>>>levels"'],
  ["CF-8", "${{a} <> {a}}", '! a comparison (== != < <= >= >) is expected at: "<> {a}"'],
  ["CF-8", "${{a} == b}", '! "{expression}" expected at: "b"'],
  ["CF-8", "${{99999999999999999999} < {9}}", "! bad conversion: 99999999999999999999"],
  ["CF-9", "${domain_to_ascii{bücher.example}}", "xn--bcher-kva.example"],
  ["CF-9", "${domain_to_ascii{$host}}", "mx.test"],
  ["CF-9", "${other_function{$host}}", '! attribute name syntax error at: "...other_function>>>{$host}"'],
];

for (const [id, text, want] of rows) test(`main.cf ${id}: ${text}`, () => assert.equal(expanded(text), want));

test("main.cf CF-6: a hundred steps deep is too deep, fifty are not", () => {
  const chain = (name: string): string => (name === "n0" ? "end" : `$n${Number(name.slice(1)) - 1}`);
  assert.deepEqual(expandValue("$n50", chain), { text: "end", problem: undefined });
  assert.match(expandValue("$n150", chain).problem ?? "", /nesting/);
});

test("main.cf CF-6: names that double at every step end in a problem, not in memory", () => {
  const doubled = (name: string): string => (name === "n0" ? "text" : `$n${Number(name.slice(1)) - 1}`.repeat(2));
  assert.match(expandValue("$n60", doubled).problem ?? "", /too long|nesting/);
});

test("main.cf CF-6: any text is expanded to something, or told what is wrong with it", () => {
  const piece = fc.constantFrom(
    "$",
    "{",
    "}",
    "(",
    ")",
    "?",
    ":",
    "==",
    "<level",
    "host",
    "loop",
    "empty",
    " ",
    "a",
    "{a}",
    "${",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 }))), (pieces) => {
      const { text, problem } = expandValue(pieces.join(""), (name) => known.get(name));
      assert.ok(problem === undefined || text === "");
    }),
  );
});

test("main.cf CF-6: a text whose dollars are doubled stands for itself", () => {
  fc.assert(fc.property(fc.string(), (text) => assert.equal(expanded(text.replaceAll("$", "$$$$")), text)));
});
