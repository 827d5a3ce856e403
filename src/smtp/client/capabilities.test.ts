import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../../mail/reply.ts";
import { type Capabilities, noCapabilities, parseCapabilities } from "./capabilities.ts";

const rows: readonly [name: string, lines: readonly string[], want: Partial<Capabilities>][] = [
  ["letter case", ["pipelining", "8bitMime", "StartTLS"], { pipelining: true, eightBitMime: true, starttls: true }],
  ["EX-1 SIZE with a limit", ["SIZE 1000"], { size: true, maxMessageBytes: 1000 }],
  ["EX-1 SIZE alone", ["SIZE"], { size: true }],
  ["SIZE with nonsense", ["SIZE many"], { size: true }],
  ["EX-11 a parameter where none belongs", ["SMTPUTF8 yes", "DSN x"], { smtputf8: true, dsn: true }],
  ["a keyword inside another", ["XSTARTTLS", "STARTTLSX", "X STARTTLS"], {}],
  ["RFC 9422", ["LIMITS RCPTMAX=20 mailmax=5 X=1"], { maxRecipients: 20, maxTransactions: 5 }],
  ["RFC 9422 a limit of none", ["LIMITS RCPTMAX=0 MAILMAX"], {}],
  ["CL-16 the keyword after a hundred others", [...Array<string>(100).fill("X"), "STARTTLS"], {}],
];

for (const [name, lines, want] of rows) {
  test(`capabilities: ${name}`, () => {
    const seen = parseCapabilities(reply(250, undefined, "mx.example.net", ...lines));
    assert.deepEqual(seen, { ...noCapabilities, keywords: lines.slice(0, 100), ...want });
  });
}

test("capabilities: the greeting line is no keyword", () => {
  assert.equal(parseCapabilities(reply(250, undefined, "STARTTLS")).starttls, false);
});
