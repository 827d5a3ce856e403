import assert from "node:assert/strict";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { allowedCiphers } from "../../../tls/cipher-settings.ts";
import { cipherChoice } from "./cipher-grades.ts";
import { defaultOf } from "./parameters.ts";

const lists = {
  high: defaultOf("tls_high_cipherlist"),
  medium: defaultOf("tls_medium_cipherlist"),
  null: defaultOf("tls_null_cipherlist"),
};

for (const grade of ["high", "MEDIUM", "low", "export"]) {
  test(`postfix cipher grade ${grade}: a list that OpenSSL takes, TLS 1.3 included`, () => {
    const choice = cipherChoice(grade, "aNULL:RC4, kEDH+aRSA", "verify", lists);
    assert.ok(choice.kind === "list");
    assert.match(choice.ciphers, /^TLS_AES_256_GCM_SHA384:/);
    assert.match(choice.ciphers, /!aNULL:!RC4:!kEDH\+aRSA:!aNULL:!eNULL$/);
    assert.doesNotThrow(() => createSecureContext({ ciphers: allowedCiphers(choice.ciphers) }));
  });
}

test("postfix cipher grade: low and export mean medium", () => {
  assert.deepEqual(cipherChoice("low", "", "may", lists), cipherChoice("medium", "", "may", lists));
});

test("postfix cipher grade: unknown, unencrypted, or nothing left is refused in words", () => {
  assert.deepEqual(cipherChoice("bogus", "", "may", lists), {
    kind: "invalid",
    problem: 'invalid cipher grade: "bogus"',
  });
  for (const [grade, exclude] of [
    ["null", ""],
    ["high", "ALL"],
  ] as const) {
    const choice = cipherChoice(grade, exclude, "encrypt", lists);
    assert.match(choice.kind === "invalid" ? choice.problem : "", /^no ciphers left of grade/);
  }
});

test("postfix cipher grade: where an exclude list leaves only what is never negotiated here, TLS 1.3 is left", () => {
  const choice = cipherChoice("medium", "aECDSA:aRSA", "may", lists);
  assert.ok(choice.kind === "list");
  assert.match(choice.ciphers, /^(TLS_\w+:?)+$/);
});

test("postfix cipher grade: no list brings OpenSSL below security level 2", () => {
  const choice = cipherChoice("high", "", "may", { ...lists, high: "HIGH:@SECLEVEL=0" });
  assert.equal(choice.kind, "invalid");
});
