/** What hosts say, and PowerMTA's category of it (reference, section 3.6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { noteBook, placed } from "./accounting-sample.ts";
import { bounceCategories, bouncePatterns } from "./bounce-patterns.ts";

const rows: readonly [text: string, category: string][] = [
  ["2.0.0;smtp;250 2.0.0 Ok: queued as 4F2A, no spam found", "success"],
  ["4.4.7;smtp;TLS is required, but was not offered by host mx.example.net[192.0.2.7]", "message-expired"],
  ["5.1.1;smtp;550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown", "bad-mailbox"],
  ["5.0.0;smtp;550 No such user here", "bad-mailbox"],
  ["5.1.1;smtp;550 5.1.1 x", "bad-mailbox"],
  ["5.1.2;", "bad-domain"],
  ["5.1.10;", "bad-domain"],
  ["5.2.2;smtp;552 5.2.2 mailbox full", "quota-issues"],
  ["4.2.2;smtp;452 4.2.2 The recipient is over quota", "quota-issues"],
  ["5.2.1;smtp;550 5.2.1 x", "inactive-mailbox"],
  ["5.0.0;smtp;554 This account has been disabled or discontinued", "inactive-mailbox"],
  ["5.7.1;smtp;554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example", "spam-related"],
  ["5.7.1;smtp;554 5.7.1 Denied - Spam Suspected", "spam-related"],
  ["5.7.1;smtp;550 5.7.1 message contains a virus", "virus-related"],
  ["5.7.1;smtp;550 5.7.1 relaying denied", "relaying-issues"],
  ["5.1.8;smtp;553 5.1.8 Sender address rejected: Domain not found", "invalid-sender"],
  ["5.6.3;", "content-related"],
  ["5.7.0;smtp;550 5.7.0 message content rejected", "content-related"],
  ["5.7.1;smtp;550 5.7.1 x", "policy-related"],
  ["5.0.0;smtp;550 Administrative prohibition: not allowed", "policy-related"],
  ["4.7.0;smtp;421 4.7.0 mx.example.com Error: too many errors", "policy-related"],
  ["5.5.2;smtp;500 5.5.2 Error: bad syntax", "protocol-errors"],
  ["5.0.0;smtp;503 x", "protocol-errors"],
  ["5.3.5;", "bad-configuration"],
  ["4.4.1;", "no-answer-from-host"],
  ["4.4.2;", "bad-connection"],
  ["5.4.6;", "routing-errors"],
  ["5.4.4;smtp;550 5.4.4 unrouteable address", "routing-errors"],
  ["4.7.5;smtp;TLS handshake with mx.example.net[192.0.2.7] failed", "other"],
  ["5.0.0;smtp;554 no", "other"],
];
for (const [text, category] of rows) {
  test(`bounce category: ${text} is ${category}`, () => assert.equal(bounceCategories([])(text), category));
}

test("every category of PowerMTA is met", () => {
  const all =
    "bad-configuration bad-connection bad-domain bad-mailbox content-related inactive-mailbox invalid-sender message-expired no-answer-from-host other policy-related protocol-errors quota-issues relaying-issues routing-errors spam-related success virus-related";
  assert.deepEqual([...new Set(rows.map(([, category]) => category))].sort(), all.split(" "));
});

test("own patterns go before the shipped ones, in their order", () => {
  const { notes } = noteBook();
  const lines = [placed("/User unknown/", "gone"), placed("/unknown/", "later"), placed("/^4\\.4\\.1;/", "away")];
  const category = bounceCategories(bouncePatterns(lines, notes));
  assert.equal(category("5.1.1;smtp;550 5.1.1 user UNKNOWN"), "gone");
  assert.equal(category("5.1.1;smtp;550 5.1.1 unknown"), "later");
  assert.equal(category("4.4.1;"), "away");
  assert.equal(category("4.4.2;"), "bad-connection");
});

test("a line that is no pattern and category is an error, a pattern beyond us is left out", () => {
  const { notes, told } = noteBook();
  const lines = [placed("/x/", ""), placed("y", "z"), placed("/a++/", "b"), placed("/a\\/b/", "c")];
  const own = bouncePatterns(lines, notes);
  assert.deepEqual(
    own.map(({ category }) => category),
    ["c"],
  );
  assert.equal(bounceCategories(own)("5.0.0;smtp;550 a/b"), "c");
  assert.deepEqual(
    told.map((text) => text.split(":")[0]),
    ["error 1", "error 1", "differs 1"],
  );
});

test("a reply made to be slow is not", () => {
  const text = `5.0.0;smtp;550 ${"user mailbox domain ".repeat(30)}${"a".repeat(400)}`;
  const before = performance.now();
  for (let round = 0; round < 20; round += 1) bounceCategories([])(text);
  assert.ok(performance.now() - before < 200);
});
