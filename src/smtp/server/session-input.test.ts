import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SessionInput } from "./session-input.ts";

/** What commands are taken while the pieces come; `|` stands where a piece has been used up. */
function commands(pieces: readonly string[]): string {
  const input = new SessionInput();
  return pieces.map((piece) => [...drain(input, piece)].join(" ")).join("|");
}

function* drain(input: SessionInput, piece: string): Generator<string> {
  input.add(Buffer.from(piece, "latin1"));
  for (;;) {
    const read = input.takeCommand();
    if (read.kind === "open") return;
    if (read.kind !== "line") return yield read.kind;
    yield read.tooLong ? "too long" : `<${read.line.toString("latin1")}>`;
  }
}

const long = "x".repeat(5000);
const rows: readonly [name: string, pieces: readonly string[], want: string][] = [
  ["two lines in one read", ["NOOP\r\nRSET\r\n"], "<NOOP> <RSET>"],
  ["one line in three reads", ["NO", "OP\r", "\n"], "||<NOOP>"],
  ["an empty line", ["\r\n"], "<>"],
  ["SR-21 4096 octets with CR LF", [`${long.slice(0, 4094)}\r\n`], `<${long.slice(0, 4094)}>`],
  ["SR-21 one more", [`${long.slice(0, 4095)}\r\nNOOP\r\n`], "too long <NOOP>"],
  ["a long line in pieces, its end cut in two", [long, `${long}\r`, "\nNOOP\r\n"], "||too long <NOOP>"],
  ["LN-1 a bare LF that ends a read", ["NOOP\n"], "bare-line-feed"],
  ["LN-1 a bare LF at the end of a line that is too long", [long, "\n"], "|bare-line-feed"],
  ["AT-24 a TLS record", ["\x16\x03\x01\x02"], "foreign"],
  ["a CR alone may be half of an end", ["\r"], ""],
];
for (const [name, pieces, want] of rows) {
  test(`input of a session: ${name}`, () => assert.equal(commands(pieces), want));
}

test("input of a session: an AUTH response is bounded, whether its end has come or not", () => {
  const input = new SessionInput();
  input.add(Buffer.from("abc\r\nabcd\r\nabcde"));
  assert.deepEqual(input.takeResponse(5), { kind: "line", line: Buffer.from("abc"), tooLong: false });
  assert.deepEqual(input.takeResponse(5), { kind: "line", line: Buffer.from("abcd"), tooLong: true });
  assert.deepEqual(input.takeResponse(5), { kind: "open" });
  input.add(Buffer.from("f"));
  const last = input.takeResponse(5);
  assert.ok(last.kind === "line" && last.tooLong);
});

test("input of a session: however lines are cut into reads, the same lines come out", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "\r", "\r\n"), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const whole = commands([pieces.join("")]);
      assert.equal(commands(pieces).replaceAll("|", " ").replace(/ +/g, " ").trim(), whole);
    }),
  );
});
