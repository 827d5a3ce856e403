/** Foreign text in a mail log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText } from "../../mail/escape.ts";
import { angled, printable, printableRecord } from "./printable.ts";

test("AT-28: what is not printable becomes a question mark, one for each character", () => {
  assert.equal(printable("a\r\nb\x1b[2J\u{1f600}\u00e9"), "a??b?[2J??");
  assert.equal(printable("plain text (as it is)"), "plain text (as it is)");
  assert.equal(printable("x".repeat(600)), `${"x".repeat(512)}...`);
});

test("AT-28: control characters that a record escaped become a question mark, other scripts stay", () => {
  assert.equal(printableRecord("a\\x0d\\x0ab \\xe9 \\u{4e2d} \\x7f"), "a??b \\xe9 \\u{4e2d} ?");
});

test("AT-28: what stands between angle brackets cannot end them", () => {
  assert.equal(angled('"x>, status=sent (ok) to=<y"@example.net'), '<"x?, status=sent (ok) to=?y"@example.net>');
  assert.equal(angled("bob@example.net"), "<bob@example.net>");
});

test("AT-28: neither lets anything through that is not printable", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.match(printable(text), /^[ -~]*$/);
      assert.match(printableRecord(escapeText(text)), /^[ -~]*$/);
    }),
  );
});
