import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sameName } from "./distinguished-name.ts";

const rows: readonly [name: string, written: string, shown: string, same: boolean][] = [
  ["RFC 4514 against the order of the certificate", "CN=Root,O=Clinic,C=CH", "C=CH, O=Clinic, CN=Root", true],
  ["as our records print it", "C=CH, O=Clinic, CN=Root", "C=CH, O=Clinic, CN=Root", true],
  ["letter case and blanks", "cn = root , o=CLINIC,C=ch", "C=CH, O=Clinic, CN=Root", true],
  ["an escaped comma", "CN=Root,O=Clinic\\, Inc,C=CH", "C=CH, O=Clinic\\, Inc, CN=Root", true],
  ["the same comma by its octet", "CN=Root,O=Clinic\\2C Inc,C=CH", "C=CH, O=Clinic\\, Inc, CN=Root", true],
  ["UTF-8 by its octets", "CN=Z\\C3\\BCrich", "CN=Zürich", true],
  ["an escaped blank at the end", "CN=Root\\ ,O=X", "O=X, CN=Root\\ ", true],
  ["a blank that is not escaped", "CN=Root ,O=X", "O=X, CN=Root\\ ", false],
  ["one attribute less", "CN=Root,O=Clinic", "C=CH, O=Clinic, CN=Root", false],
  ["one attribute more", "CN=Root,O=Clinic,C=CH,L=Bern", "C=CH, O=Clinic, CN=Root", false],
  ["another value", "CN=Root 2,O=Clinic,C=CH", "C=CH, O=Clinic, CN=Root", false],
  ["an order that is neither", "O=Clinic,CN=Root,C=CH", "C=CH, O=Clinic, CN=Root", false],
  ["a comma that would make two attributes of one", "CN=Root,O=Clinic", "CN=Root\\,O=Clinic", false],
  ["nothing", "", "", false],
];
for (const [name, written, shown, same] of rows) {
  test(`sameName: ${name}`, () => assert.equal(sameName(written, shown), same));
}

test("sameName: any texts, no throw; the same both ways", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[A-C=,\\ 2]*$/));
  fc.assert(fc.property(text, text, (one, other) => sameName(one, other) === sameName(other, one)));
});
