// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are values of Postfix
/**
 * Tables and the keys to ask them, drawn by type: every construct of the type's manual page in any order, wrong ones too,
 * over an alphabet so small that keys hit.
 */
import fc from "fast-check";
import { pcrePattern, posixPattern } from "./patterns.ts";

/** `spec` for what stands in main.cf itself, `text` for a file. */
export type Sample = Readonly<{ type: string; spec?: string; text?: string; keys: readonly string[] }>;

export function drawTables(type: string, seed: number): readonly Sample[] {
  const arbitrary = byType[type] ?? textTable(type);
  return fc.sample(arbitrary, { seed, numRuns: type === "regexp" || type === "pcre" ? 50 : 25 });
}

const domain = fc.constantFrom(
  "a.test",
  "B.test",
  "b.test",
  ".test",
  "[a.test]",
  "[a.test]:25",
  "a.test:25",
  "a.test.",
  "é.test",
);
const domains = [
  "a.test",
  "A.Test",
  "b.test",
  ".test",
  "[a.test]",
  "[a.test]:25",
  "a.test:25",
  "a.test.",
  "É.test",
  "none",
  '"b',
  '"a',
];

const textLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(domain, fc.constantFrom(" may", "\tencrypt  x", "  none \t", " a b  c", "\r")).map(join),
  },
  { weight: 1, arbitrary: domain },
  fc.constantFrom(
    "",
    "# comment",
    "   # comment",
    "  more",
    "\tmore",
    " ",
    "a.test: x",
    '"a b" quoted',
    '"b open',
    'x\\"y z',
    "\\ v w",
  ),
);

function join(parts: readonly string[]): string {
  return parts.join("");
}

function textTable(type: string): fc.Arbitrary<Sample> {
  // A key that stands twice in a texthash table: postmap goes by the first, Postfix itself refuses the table.
  const lines =
    type === "texthash"
      ? fc.uniqueArray(textLine, { minLength: 1, maxLength: 8, selector: (line) => line.split(/\s/)[0]?.toLowerCase() })
      : fc.array(textLine, { minLength: 1, maxLength: 8 });
  return lines.map((all) => ({
    type,
    text: `${all.join("\n")}\n`,
    keys: [...domains, '"a b"', "a.test:", 'x\\"y', "\\ v"],
  }));
}

const inlineItem = fc.oneof(
  fc.tuple(domain, fc.constantFrom("=may", "=a=b", "=")).map(join),
  fc.tuple(fc.constant("{ "), domain, fc.constantFrom(" = a b }", "=may}", " =x, y }", "}", " x = y}")).map(join),
);
const inlineSpec = fc
  .tuple(fc.array(inlineItem, { maxLength: 4 }), fc.constantFrom(", ", " ", ","), fc.constantFrom("", "", "", "", " x"))
  .map(([items, separator, tail]) => `inline:{ ${items.join(separator)} }${tail}`);
const staticSpec = fc.constantFrom(
  "static:x",
  "static:a b",
  "static:{ a b }",
  "static:{}",
  "static:",
  "static:{a",
  "static:{a} b",
  "static:{a{b}}",
  "static:é",
);

const address = fc.constantFrom("192.0.2.1", "192.0.2.9", "198.51.100.1", "2001:db8::1", "::ffff:192.0.2.1");
const block = fc.constantFrom(
  "192.0.2.0/24",
  "192.0.2.1",
  "!192.0.2.0/28",
  "0.0.0.0/0",
  "::/0",
  "[2001:db8::]/32",
  "[2001:db8::/32]",
  "192.0.2.1/24",
  "192.0.2.0/33",
  "192.0.2",
  "2001:db8:0::/47",
  "::ffff:0:0/96",
  "! 198.51.100.0/24",
  "192.0.2.0/",
  "1.2.3.4/x",
);
const cidrLine = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(block, fc.constantFrom(" ok", "\tnot  ok", "", " $1")).map(join) },
  block.map((one) => `if ${one}`),
  fc.constantFrom("endif", "endif", "ENDIF", "# comment", "", "  more", "iffy x"),
);
const cidrKeys = fc
  .array(address, { minLength: 2, maxLength: 5 })
  .map((some) => [...some, "example.test", "192.0.2", ""]);

const patternKeys = fc.array(fc.array(fc.constantFrom("a", "b", "A", ".", "1", "-"), { maxLength: 6 }).map(join), {
  minLength: 8,
  maxLength: 12,
});

function patternTable(type: string, pattern: fc.Arbitrary<string>): fc.Arbitrary<Sample> {
  const written = fc
    .tuple(fc.constantFrom("", "", "", "!", "! !"), pattern, fc.constantFrom("", "", "i", "m", "q"))
    .map(([negation, text, flags]) => `${negation}/${text}/${flags}`);
  const result = fc.constantFrom("x", "y z", "$1", "<${1}>", "$(2)$1", "$$", "$1a", "$0", "$", "");
  const second = type === "regexp" ? fc.constantFrom("", "", "!/b/", "!/[1a]$/") : fc.constant("");
  const line = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(written, second, fc.constant(" "), result).map(join) },
    written.map((one) => `if ${one}`),
    fc.constantFrom("endif", "EndIf", "endif x", "# comment", "", "abc x", "/a", "!"),
  );
  return fc
    .tuple(fc.array(line, { minLength: 1, maxLength: 6 }), patternKeys)
    .map(([lines, keys]) => ({ type, text: `${lines.join("\n")}\n`, keys }));
}

/** Postmap gives up where a member is wrong, Postfix itself goes on until it is asked: members are right ones. */
const member = fc.oneof(
  fc
    .array(fc.tuple(domain, fc.constantFrom("=", "=a.test", "=may", "=.test")).map(join), {
      minLength: 1,
      maxLength: 3,
    })
    .map((items) => `inline:{${items.join(", ")}}`),
  fc.constantFrom("static:x", "static:{a b}", "static:a.test", "static:{}", "inline:{a.test=b.test, b.test=.test}"),
);

function joinedTable(type: string): fc.Arbitrary<Sample> {
  return fc
    .tuple(fc.array(member, { maxLength: 3 }), fc.constantFrom(",", " "))
    .map(([members, separator]) => ({ type, spec: `${type}:{${members.join(separator)}}`, keys: domains }));
}

function specTable(type: string, spec: fc.Arbitrary<string>): fc.Arbitrary<Sample> {
  return spec.map((one) => ({ type, spec: one, keys: domains }));
}

const byType: Readonly<Record<string, fc.Arbitrary<Sample>>> = {
  inline: specTable("inline", inlineSpec),
  static: specTable("static", staticSpec),
  cidr: fc
    .tuple(fc.array(cidrLine, { minLength: 1, maxLength: 6 }), cidrKeys)
    .map(([lines, keys]) => ({ type: "cidr", text: `${lines.join("\n")}\n`, keys: keys.filter((key) => key !== "") })),
  regexp: patternTable("regexp", posixPattern),
  pcre: patternTable("pcre", pcrePattern),
  unionmap: joinedTable("unionmap"),
  pipemap: joinedTable("pipemap"),
};
