import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotReader } from "./dot-reader.ts";

/** Feeds pieces until the data ends. */
function readAll(pieces: readonly string[]): { text: string; rest: string | undefined } {
  const reader = new DotReader();
  let text = "";
  for (const [index, piece] of pieces.entries()) {
    const read = reader.read(Buffer.from(piece, "latin1"));
    text += read.text.toString("latin1");
    if (read.rest !== undefined) {
      return { text, rest: read.rest.toString("latin1") + pieces.slice(index + 1).join("") };
    }
  }
  return { text, rest: undefined };
}

/** The rule, written as plainly as it can be. */
function plainly(wire: string): { text: string; rest: string | undefined } {
  const end = `\r\n${wire}`.indexOf("\r\n.\r\n");
  const data = end < 0 ? wire : wire.slice(0, end);
  const text = `\r\n${data}`.replaceAll("\r\n.", "\r\n").slice(2);
  return { text, rest: end < 0 ? undefined : wire.slice(end + 3) };
}

function cutAt(text: string, cuts: readonly number[]): string[] {
  const sorted = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((one, other) => one - other), text.length];
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end));
}

const wires = fc.string({
  unit: fc.constantFrom("\r", "\n", ".", "\r\n", "\r\n.", "\r\n.\r\n", "a", "\0"),
  maxLength: 40,
});

test("LN-1, LN-8, LN-13: however reads cut the data, it is the same data", () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 });
  fc.assert(
    fc.property(wires, cuts, (wire, where) => {
      const whole = plainly(`${wire}\r\n.\r\nREST`);
      assert.deepEqual(readAll(cutAt(`${wire}\r\n.\r\nREST`, where)), whole);
    }),
    { numRuns: 3000 },
  );
});

test("LN-1: one octet at a time", () => {
  fc.assert(
    fc.property(wires, (wire) => {
      const all = `${wire}\r\n.\r\nREST`;
      assert.deepEqual(readAll([...all]), plainly(all));
    }),
    { numRuns: 1000 },
  );
});

const nearMisses = [
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
];

for (const miss of nearMisses) {
  test(`LN-2, AT-19: ${JSON.stringify(miss)} does not end data, cut anywhere`, () => {
    const wire = `text${miss}more`;
    for (let cut = 0; cut <= wire.length; cut++) {
      assert.equal(readAll([wire.slice(0, cut), wire.slice(cut)]).rest, undefined);
    }
  });
}

test("LN-8: a message of nothing but dots is unstuffed in bounded time", () => {
  const reader = new DotReader();
  const read = reader.read(Buffer.from("..\r\n".repeat(16384)));
  assert.equal(read.text.toString(), ".\r\n".repeat(16384));
});
