import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotStuffer, hasCleanLines } from "./transparency.ts";

function stuffed(...chunks: string[]): string {
  const stuffer = new DotStuffer();
  const parts = chunks.flatMap((chunk) => stuffer.stuff(Buffer.from(chunk, "latin1")));
  return Buffer.concat([...parts, stuffer.end()]).toString("latin1");
}

const rows: readonly [name: string, chunks: readonly string[], want: string][] = [
  ["LN-9: no second line end", ["a\r\n"], "a\r\n.\r\n"],
  ["LN-9: a missing line end is added", ["a"], "a\r\n.\r\n"],
  ["an empty body", [], ".\r\n"],
  ["LN-7: a dot opens the body", [".a\r\n"], "..a\r\n.\r\n"],
  ["LN-7: a lone dot", ["a\r\n.\r\nb\r\n"], "a\r\n..\r\nb\r\n.\r\n"],
  ["LN-7: dots on neighbouring lines", ["\r\n.\r\n.\r\n..\r\n"], "\r\n..\r\n..\r\n...\r\n.\r\n"],
  ["a dot inside a line stays", ["a.b\r\n"], "a.b\r\n.\r\n"],
  ["cut between CR LF and dot", ["a\r\n", ".b\r\n"], "a\r\n..b\r\n.\r\n"],
  ["cut between CR and LF", ["a\r", "\n.b\r\n"], "a\r\n..b\r\n.\r\n"],
  ["cut everywhere", [..."a\r\n.\r\n.b"], "a\r\n..\r\n..b\r\n.\r\n"],
  ["LN-5: a bare LF becomes CR LF before stuffing", ["a\n.b\r\n"], "a\r\n..b\r\n.\r\n"],
  ["LN-5: a bare CR becomes CR LF before stuffing", ["a\r.b\r\n"], "a\r\n..b\r\n.\r\n"],
  ["LN-5: a bare CR at the end of a chunk", ["a\r", "b\r\n"], "a\r\nb\r\n.\r\n"],
  ["LN-5: a bare CR at the end of a chunk, then a dot", ["a\r", ".b\r\n"], "a\r\n..b\r\n.\r\n"],
  ["LN-5: a bare CR ends the body", ["a\r"], "a\r\n.\r\n"],
  ["LN-5: a bare LF opens the body", ["\n.\n"], "\r\n..\r\n.\r\n"],
  ["AT-19: NUL before a dot, for peers that drop NUL", ["a\r\n\0.\r\nb\r\n"], "a\r\n.\0.\r\nb\r\n.\r\n"],
  ["AT-19: NULs and a dot open the body", ["\0\0.\r\n"], ".\0\0.\r\n.\r\n"],
  ["AT-19: NULs and a dot, cut between them", ["a\r\n\0", "\0", ".\r\n"], "a\r\n.\0\0.\r\n.\r\n"],
  ["AT-19: NULs and a dot, cut in the line end", ["a\r", "\n\0", ".\r\n"], "a\r\n.\0.\r\n.\r\n"],
  ["NULs without a dot stay", ["\0\r\n\0\0", "a\r\n\0a.\r\n"], "\0\r\n\0\0a\r\n\0a.\r\n.\r\n"],
  ["NULs end the body", ["a\r\n\0"], "a\r\n\0\r\n.\r\n"],
  ["AT-19: NUL behind the dot", ["a\r\n.\0\r\n"], "a\r\n..\0\r\n.\r\n"],
];

for (const [name, chunks, want] of rows) {
  test(`transparency: ${name}`, () => assert.equal(stuffed(...chunks), want));
}

const smuggling = [
  "\n.\n",
  "\r.\r",
  "\r.\n",
  "\n.\r",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r\n",
  "\r\n.\r",
  "\r\n\0.\r\n",
  "\r\n.\0\r\n",
  "\r\n.\r\r\n",
  "\r\r\n.\r\r\n",
  "\r\n.\r\n",
];

for (const sequence of smuggling) {
  test(`transparency: AT-19 ${JSON.stringify(sequence)} ends nothing`, () => {
    const sent = stuffed(`before${sequence}MAIL FROM:<evil@example.com>\r\n`);
    const inside = sent.slice(0, -5);
    assert.ok(sent.endsWith("\r\n.\r\n"));
    assert.doesNotMatch(inside, /\r(?!\n)|(?<!\r)\n/);
    assert.doesNotMatch(inside.replaceAll("\0", ""), /(?:^|[\r\n])\.[\r\n]/);
  });
}

const octets = fc.array(fc.constantFrom("\r", "\n", "\r\n", ".", "a", "\r\n.", "\0", "\r\n\0."), { maxLength: 30 });

test("transparency: however a body is cut, the octets that leave are the same and can be undone", () => {
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 5 }), (parts, size) => {
      const body = parts.join("");
      const chunks = body.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
      const sent = stuffed(...chunks);
      assert.equal(sent, stuffed(body));
      const lines = body.replace(/\r\n|\r|\n/g, "\r\n");
      const ended = lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
      assert.equal(sent, `${ended.replace(/^(?=\0*\.)/gm, ".")}.\r\n`);
    }),
  );
});

test("transparency: clean lines are told from unclean ones across chunks", () => {
  assert.equal(hasCleanLines([Buffer.from("a\r"), Buffer.from("\nb")]), true);
  assert.equal(hasCleanLines([Buffer.from("a\r"), Buffer.from("b")]), false);
  assert.equal(hasCleanLines([Buffer.from("a\nb")]), false);
  assert.equal(hasCleanLines([Buffer.from("a\r")]), false);
});
