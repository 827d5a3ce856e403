/** Whose certificate it is, whatever else stands in its name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf, commonNameOf } from "./distinguished-name.ts";

const rows: readonly [name: string, attributes: readonly string[], commonName: string | undefined][] = [
  ["C=CH, CN=mx.example.net", ["C=CH", "CN=mx.example.net"], "mx.example.net"],
  ["O=Evil\\, CN=bank.example, CN=evil.test", ["O=Evil\\, CN=bank.example", "CN=evil.test"], "evil.test"],
  ["O=back\\\\, CN=evil.test", ["O=back\\\\", "CN=evil.test"], "evil.test"],
  ["CN=one, CN=two", ["CN=one", "CN=two"], "one"],
  ["O=cut in the middle of\\", ["O=cut in the middle of"], undefined],
  ["", [], undefined],
];

for (const [name, attributes, commonName] of rows) {
  test(`AT-28: the common name of "${name}" is ${commonName}`, () => {
    assert.deepEqual(attributesOf(name), attributes);
    assert.equal(commonNameOf(name), commonName);
  });
}
