import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandTally } from "./command-tally.ts";

test("counts what was said by verb, in any case, and what went well", () => {
  const tally = new CommandTally();
  assert.equal(tally.last, "connect");
  for (const line of [
    "EHLO a\r\n",
    "ehlo b\r\n",
    "Mail FROM:<>\r\n",
    "XCLIENT a=b\r\n",
    "\x16\x03\x01\r\n",
    "STARTTLSX",
  ]) {
    const verb = tally.said(Buffer.from(line, "latin1"));
    if (verb === "ehlo") tally.succeeded(verb);
  }
  assert.equal(tally.last, "unknown");
  assert.deepEqual(tally.counts, {
    ehlo: { said: 2, good: 2 },
    mail: { said: 1, good: 0 },
    unknown: { said: 3, good: 0 },
  });
});
