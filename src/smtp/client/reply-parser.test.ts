import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatReply, type Reply } from "../../mail/reply.ts";
import { ReplyParser } from "./reply-parser.ts";

/** Replies as text, then what was wrong. */
function read(...chunks: (string | Buffer)[]): (string | undefined)[] {
  const parser = new ReplyParser();
  const seen: (string | undefined)[] = [];
  for (const chunk of chunks) {
    const problem = parser.feed(Buffer.from(chunk), (reply) => seen.push(formatReply(reply)));
    if (problem !== undefined) return [...seen, `! ${problem}`];
  }
  return parser.idle ? seen : [...seen, "..."];
}

const tooLong = "! reply line too long";
const rows: readonly [name: string, chunks: readonly string[], want: readonly string[]][] = [
  ["one line", ["250 ok\r\n"], ["250 ok"]],
  ["CL-3 no text", ["250\r\n", "250 \r\n"], ["250", "250"]],
  ["CL-3 a code that nobody knows", ["299 odd\r\n"], ["299 odd"]],
  ["CL-4 many lines", ["250-a\r\n250-b\r\n250 c\r\n"], ["250 a b c"]],
  ["CL-4 the last line without text", ["250-a\r\n250\r\n"], ["250 a"]],
  ["CL-4 the code changes", ["250-a\r\n251 b\r\n"], ["! the code changed within a reply"]],
  ["several in one chunk", ["250 a\r\n550 b\r\n354 c\r\n"], ["250 a", "550 b", "354 c"]],
  ["octet by octet", [..."250-a\r\n250 b\r\n"], ["250 a b"]],
  ["an unfinished line", ["250 ok"], ["..."]],
  ["an unfinished reply", ["250-ok\r\n"], ["..."]],
  ["bare LF", ["250 ok\n"], ["250 ok"]],
  ["enhanced status", ["250 2.1.5 ok\r\n"], ["250 2.1.5 ok"]],
  ["enhanced status of another class is text", ["250 5.1.5 ok\r\n"], ["250 5.1.5 ok"]],
  ["no code", ["hello\r\n"], ["! not an SMTP reply"]],
  ["an empty line", ["\r\n"], ["! not an SMTP reply"]],
  ["a code below 200", ["199 no\r\n"], ["! not an SMTP reply"]],
  ["a code above 599", ["600 no\r\n"], ["! not an SMTP reply"]],
  ["four digits", ["2500 no\r\n"], ["! not an SMTP reply"]],
  ["HTTP", ["HTTP/1.1 400 Bad Request\r\n"], ["! not an SMTP reply"]],
  ["CL-16 a line of 2048 octets", [`250 ${"x".repeat(2044)}\r\n`], [`250 ${"x".repeat(2044)}`]],
  ["CL-16 a longer one", [`250 ${"x".repeat(2045)}\r\n`], [tooLong]],
  ["AT-20 a line without end", ["250 ", ...Array<string>(3).fill("x".repeat(1000))], [tooLong]],
  ["CL-16 200 lines", ["250-x\r\n".repeat(199), "250 x\r\n"], [`250${" x".repeat(200)}`]],
  ["AT-20 201 lines", ["250-x\r\n".repeat(201)], ["! reply too long"]],
  ["CL-16 64 KiB", [`250-${"x".repeat(1000)}\r\n`.repeat(66)], ["! reply too long"]],
];

for (const [name, chunks, want] of rows) {
  test(`reply parser: ${name}`, () => assert.deepEqual(read(...chunks), want));
}

test("reply parser: enhanced status is taken off each line", () => {
  const replies: Reply[] = [];
  new ReplyParser().feed(Buffer.from("550-5.1.1 no\r\n550 5.1.1 such user\r\n"), (reply) => replies.push(reply));
  assert.deepEqual(replies, [{ code: 550, enhanced: "5.1.1", lines: ["no", "such user"] }]);
});

test("reply parser: an enhanced status of another class is no status", () => {
  const replies: Reply[] = [];
  new ReplyParser().feed(Buffer.from("550 4.1.1 no\r\n"), (reply) => replies.push(reply));
  assert.deepEqual(replies, [{ code: 550, enhanced: undefined, lines: ["4.1.1 no"] }]);
});

test("reply parser: text is UTF-8, and octets that are not do no harm", () => {
  assert.deepEqual(read(Buffer.from("250 gr\u00fc\u00dfe\r\n", "utf8")), ["250 gr\u00fc\u00dfe"]);
  assert.deepEqual(read(Buffer.from("250 \xff\r\n", "latin1")), ["250 \ufffd"]);
});

const pieces = fc.constantFrom("250", "354", "5", " ", "-", "\r\n", "\n", "\r", "2.1.0 ", "text", "\0", "\xff", "421");

test("reply parser: any octets, cut anywhere: no throw, and the same replies", () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (parts, size) => {
      const octets = Buffer.from(parts.join(""), "latin1");
      const cut: Buffer[] = [];
      for (let at = 0; at < octets.length; at += size) cut.push(octets.subarray(at, at + size));
      assert.deepEqual(read(...cut), read(octets));
    }),
  );
});
