import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../mail/reply.ts";
import { formatReplyLines, withStatus } from "./reply-wire.ts";

test("EX-9: the status stands on each line of a reply", () => {
  const wire = formatReplyLines(reply(550, "5.7.1", "one", "two"));
  assert.equal(wire, "550-5.7.1 one\r\n550 5.7.1 two\r\n");
});

test("a reply without text, and one without status", () => {
  assert.equal(formatReplyLines(reply(250, "2.0.0")), "250 2.0.0 \r\n");
  assert.equal(formatReplyLines(reply(354, undefined, "go")), "354 go\r\n");
});

test("AT-28: no text ends the line, leaves ASCII or outgrows 512 octets", () => {
  const wire = formatReplyLines(reply(550, "5.0.0", `a\r\n250 ok\u001b[2Jü${"x".repeat(1000)}`));
  assert.match(wire, /^550 5\.0\.0 a\?\?250 ok\?\[2J\?x+\r\n$/);
  assert.ok(wire.length <= 512);
});

test("EX-9, EX-10: a status is added where it is missing or of another class", () => {
  assert.equal(withStatus(reply(451, undefined, "x")).enhanced, "4.0.0");
  assert.equal(withStatus(reply(451, "5.1.1", "x")).enhanced, "4.0.0");
  assert.equal(withStatus(reply(550, "5.1.1", "x")).enhanced, "5.1.1");
  assert.equal(withStatus(reply(354, undefined, "x")).enhanced, undefined);
});
