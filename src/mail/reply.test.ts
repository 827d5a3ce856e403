/** A reply as a value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { reply, shortReply } from "./reply.ts";

test("CL-16: of a reply that is kept for each of a thousand recipients no more is kept than anybody is told", () => {
  const usual = reply(550, "5.1.1", "no such user", "see https://example.net/");
  assert.equal(shortReply(usual), usual);
  const { code, enhanced, lines } = shortReply(reply(450, "4.2.0", ...Array<string>(150).fill("\ufffd".repeat(300))));
  assert.deepEqual([code, enhanced, lines.length, lines[0]?.length], [450, "4.2.0", 1, 2048]);
});
