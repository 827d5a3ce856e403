import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeaderSection, type HeadersWanted } from "./header-section.ts";

type Seen = Readonly<{ passed: string; received: number; utf8: boolean; binding: string | undefined; tooBig: boolean }>;

const removed: HeadersWanted = new Map([["x-binding", "remove"]]);

function read(pieces: readonly string[], { maxBytes = 1000, wanted = removed } = {}): Seen {
  const header = new HeaderSection({ maxBytes, wanted });
  const passed: Buffer[] = [];
  for (const piece of pieces) if (!header.tooBig) passed.push(...header.push(Buffer.from(piece, "latin1")));
  if (!header.tooBig) passed.push(...header.end());
  return {
    passed: Buffer.concat(passed).toString("latin1"),
    received: header.receivedCount,
    utf8: header.hasUtf8,
    binding: header.values.get("x-binding"),
    tooBig: header.tooBig,
  };
}

const rows: readonly [name: string, text: string, want: Partial<Seen>][] = [
  ["nothing at all", "", { passed: "", received: 0 }],
  [
    "LP-1: Received fields, any case, blank before the colon",
    "Received: a\r\nRECEIVED :b\r\nReceived-X: c\r\n\r\n",
    { received: 2 },
  ],
  ["LP-1: the body does not count", "A: b\r\n\r\nReceived: c\r\n", { received: 0 }],
  ["LP-1: a header that the message ends in", "A: b\r\nReceived: c", { received: 1 }],
  ["EX-12: 8-bit in the header", "A: \xe4\r\n\r\nx", { utf8: true }],
  ["EX-12: 8-bit in the body only", "A: b\r\n\r\n\xe4", { utf8: false }],
  ["no header: the first line is body", "hello there\r\nReceived: x\r\n\xe4", { received: 0, utf8: false }],
  ["no header: an empty line", "\r\nReceived: x\r\n", { received: 0, passed: "\r\nReceived: x\r\n" }],
  [
    "binding header between others",
    "A: b\r\nX-Binding: blue\r\nC: d\r\n\r\nx",
    { binding: "blue", passed: "A: b\r\nC: d\r\n\r\nx" },
  ],
  ["binding header, folded and last", "X-binding :\r\n\t blue \r\n\r\nx", { binding: "blue", passed: "\r\nx" }],
  ["binding header in the body stays", "A: b\r\n\r\nX-Binding: blue\r\n", { binding: undefined }],
  ["binding header, the message ends in it", "A: b\r\nX-Binding: blue", { binding: "blue", passed: "A: b\r\n" }],
  [
    "binding header twice: the first counts, both go",
    "X-Binding: a\r\nX-Binding: b\r\n\r\n",
    { binding: "a", passed: "\r\n" },
  ],
  ["AT-23: too many octets of header", `A: ${"b".repeat(600)}\r\nC: ${"d".repeat(600)}\r\n\r\nx`, { tooBig: true }],
  ["AT-23: one endless field", `A: ${"b".repeat(1200)}`, { tooBig: true }],
  ["one endless line that is no field", "b".repeat(1200), { tooBig: false, passed: "b".repeat(1200) }],
];

for (const [name, text, want] of rows) {
  test(`header section: ${name}`, () => {
    const seen = read([text]);
    const relevant = Object.fromEntries(Object.keys(want).map((key) => [key, seen[key as keyof Seen]]));
    assert.deepEqual(relevant, want);
    assert.deepEqual(read([...text]), seen, "one octet at a time");
  });
}

test("TR-6: without a binding header every octet passes, wherever reads cut", () => {
  const parts = fc.array(
    fc.string({ unit: fc.constantFrom("\r\n", "a", "A: b\r\n", " ", ":", "\r", "\n"), maxLength: 9 }),
  );
  fc.assert(
    fc.property(parts, (pieces) => assert.equal(read(pieces).passed, pieces.join(""))),
    { numRuns: 2000 },
  );
});

test("a field that is wanted and stays, also folded, among others", () => {
  const header = new HeaderSection({
    maxBytes: 1000,
    wanted: new Map([
      ["x-a", "keep"],
      ["x-b", "remove"],
    ]),
  });
  const passed = header.push(Buffer.from("X-B: 1\r\nX-A: 2\r\n 3\r\nX-a: 4\r\nSubject: 5\r\n\r\n"));
  assert.equal(Buffer.concat(passed).toString(), "X-A: 2\r\n 3\r\nX-a: 4\r\nSubject: 5\r\n\r\n");
  assert.deepEqual(
    [...header.values],
    [
      ["x-b", "1"],
      ["x-a", "2 3"],
    ],
  );
});

test("AT-23: a long header that drips in takes linear time", () => {
  const header = new HeaderSection({ maxBytes: 300_000, wanted: new Map() });
  const octet = Buffer.from("a");
  header.push(Buffer.from("A: "));
  for (let count = 0; count < 250_000; count++) header.push(octet);
  assert.equal(header.done, false);
  assert.equal(Buffer.concat(header.push(Buffer.from("\r\n\r\n"))).length, 250_007);
});
