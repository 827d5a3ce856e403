// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are values of Postfix
/**
 * Values with `$name`s for `postconf -x`: each construct once, wrong ones too, and any nesting of them.
 */
import fc from "fast-check";

/** `myhostname` is "bar", `mydestination` is empty, `mydomain` is "<bar>"; nobody defines `nobody`. */
export const expressionTexts: readonly string[] = [
  "$myhostname.x",
  "$myhostname_x",
  "${ myhostname }",
  "$(myhostname)",
  "$$myhostname",
  "$$$myhostname",
  "${nobody}",
  "a$mydomain",
  "${myhostname?yes:no}",
  "${myhostname?{ yes }}|",
  "${myhostname? yes }|",
  "${mydestination: {no} }|",
  "${myhostname ? {yes} : {no}}|",
  "${myhostname?{yes} : no }|",
  "${mydestination?{yes} : no }|",
  "${myhostname?{a{b}c}}",
  "${nobody:a}b}",
  "${{a} == {a}}",
  "${{a} == {b}}",
  "${{a} != {b} ? y : n}",
  "${{a} == {b} : {n}}",
  "${{10} < {9} ? {y} : {n}}",
  "${{1a} < {9} ? {y} : {n}}",
  "${{3.10} < {3.9} ? {y} : {n}}",
  "${{3.10} <level {3.9} ? {y} : {n}}",
  "${{3.10} ==level {3.10.0} ? {y} : {n}}",
  "${{3}<=level{3.0}?{y}:{n}}",
  "${{$mydomain} == {<bar>} ? {sha256} : {md5}}",
  "${{a} == {a} ? : {n}}|",
  "${{a} == {b} ? {y} : n : m}",
  "$({a} == {a} ? {y} : {n})",
  "${?x}",
  "${:x}",
  "$(myhostname?x})",
  "${{a} == {b} ? {${myhostname.x}} : {ok}}",
  "${{007} == {7} ? {y} : {n}}",
  "${{9223372036854775807} > {9223372036854775806} ? {y} : {n}}",
  "$",
  "a$",
  "${myhostname",
  "$(myhostname}",
  "${}",
  "${myhostname?{yes}x}",
  "${myhostname?{yes}:{no}x}",
  "${mydestination:{no} x}",
  "${myhostname.x}",
  "${myhostname x?y}",
  "${{a} <> {a} ? {y} : {n}}",
  "${{a} == a ? {y} : {n}}",
  "${{a}}",
  "${{3.x} ==level {3} ? {y} : {n}}",
  "${{3.1} ==levelx {0} ? {y} : {n}}",
  "${{99999999999999999999} < {9} ? {y} : {n}}",
  "${myhostname?{$}}",
];

const name = fc.constantFrom("myhostname", "mydestination", "mydomain", "nobody");
const word = fc.constantFrom("a", "b", "", "10", "9", "3.10", " x ", "$$", "a:b", "?");
const operator = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");

/** Any nesting, mostly of what is right. */
export const expressions: fc.Arbitrary<string> = fc.letrec<{ value: string; part: string }>((tie) => ({
  value: fc
    .array(fc.oneof({ depthSize: "small" }, word, tie("part")), { minLength: 1, maxLength: 3 })
    .map((all) => all.join("")),
  part: fc.oneof(
    { depthSize: "small" },
    name.map((one) => `\${${one}}`),
    name.map((one) => `$(${one})`),
    fc.tuple(name, tie("value")).map(([one, yes]) => `\${${one}?{${yes}}}`),
    fc.tuple(name, tie("value")).map(([one, no]) => `\${${one}:{${no}}}`),
    fc.tuple(name, tie("value"), tie("value")).map(([one, yes, no]) => `\${${one} ? {${yes}} : {${no}}}`),
    fc
      .tuple(tie("value"), operator, tie("value"), tie("value"), tie("value"))
      .map(([left, how, right, yes, no]) => `\${{${left}} ${how} {${right}} ? {${yes}} : {${no}}}`),
  ),
})).value;
