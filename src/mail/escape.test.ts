/** Other people's text on one line, and no longer than it may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText } from "./escape.ts";

test("AT-28: control characters, line breaks and other scripts are shown, not passed on", () => {
  assert.equal(escapeText("a\r\nb\x1b[2J\u009b \u{1f600}\ud800"), "a\\x0d\\x0ab\\x1b[2J\\x9b \\u{1f600}\\u{d800}");
});

test("AT-28: escapes count: what a stranger sends in eight-bit octets takes no more room than anything else", () => {
  assert.equal(escapeText("\ufffd".repeat(100), 20), "\\u{fffd}\\u{fffd}...");
  assert.equal(escapeText("plain text", 5), "plain...");
  assert.equal(escapeText("\x00".repeat(5), 20), "\\x00".repeat(5));
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.integer({ min: 1, max: 50 }), (text, max) => {
      const escaped = escapeText(text, max);
      assert.ok(escaped.length <= max + 3);
      assert.match(escaped, /^[ -~]*$/);
    }),
  );
});
