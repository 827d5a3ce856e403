import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nodeKeyDerivation } from "./key-derivation.ts";
import { fitsHash, formatPasswordHash, hashPassword, parsePasswordHash, passwordSchemes } from "./password-hash.ts";

/** From RFC 7914 §12 and from the test of the reference implementation of Argon2. */
const published = [
  [
    "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
    "pleaseletmein",
  ],
  ["$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"],
] as const;

for (const [text, password] of published) {
  test(`a published ${text.split("$")[1]} hash fits its password and no other, and is written as it was read`, async () => {
    const stored = parsePasswordHash(text);
    assert.ok(typeof stored !== "string", String(stored));
    assert.equal(await fitsHash(stored, password, nodeKeyDerivation), true);
    assert.equal(await fitsHash(stored, `${password} `, nodeKeyDerivation), false);
    assert.equal(formatPasswordHash(stored), text);
  });
}

for (const scheme of passwordSchemes) {
  test(`a new ${scheme} hash fits after it was written and read, and has a salt of its own`, async () => {
    const [one, other] = await Promise.all([
      hashPassword(scheme, "p\u00e4ss wort", nodeKeyDerivation),
      hashPassword(scheme, "p\u00e4ss wort", nodeKeyDerivation),
    ]);
    assert.notDeepEqual(one.salt, other.salt);
    const read = parsePasswordHash(formatPasswordHash(one));
    assert.ok(typeof read !== "string");
    assert.equal(await fitsHash(read, "p\u00e4ss wort", nodeKeyDerivation), true);
  });
}

const salt = "c29tZXNhbHQ";
const hash = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const refused: readonly (readonly [text: string, why: RegExp])[] = [
  ["secret", /clear text/],
  ["", /clear text/],
  ["$6$salt$hash", /crypt\(3\)/],
  ["$2b$10$abcdefghijklmnopqrstuv", /crypt\(3\)/],
  ["SCRAM-SHA-256$4096:AAAA$A:A", /scram/],
  [`$argon2i$v=19$m=65536,t=2,p=1$${salt}$${hash}`, /not argon2id/],
  [`$argon2id$v=16$m=65536,t=2,p=1$${salt}$${hash}`, /version 19/],
  [`$argon2id$m=65536,t=2,p=1$${salt}$${hash}`, /version 19/],
  [`$argon2id$v=19$m=65536,t=2,p=1$${salt}$${hash.slice(0, 20)}`, /damaged/],
  [`$argon2id$v=19$m=65536,t=2,p=1$${salt}$${hash}=`, /damaged/],
  [`$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHR$${hash}`, /base64/],
  [`$argon2id$v=19$m=64,t=2,p=1$${salt}$${hash}`, /too low/],
  [`$argon2id$v=19$m=1024,t=1,p=200$${salt}$${hash}`, /eight times/],
  [`$argon2id$v=19$m=2097152,t=1,p=1$${salt}$${hash}`, /256 MiB/],
  [`$argon2id$v=19$m=65536,t=9999,p=1$${salt}$${hash}`, /too long/],
  [`$scrypt$ln=9,r=8,p=1$${salt}$${hash}`, /too low/],
  [`$scrypt$ln=20,r=8,p=1$${salt}$${hash}`, /256 MiB/],
  [`$scrypt$ln=99,r=8,p=1$${salt}$${hash}`, /256 MiB/],
  [`$scrypt$ln=17,r=8,p=99$${salt}$${hash}`, /too long/],
];

for (const [text, why] of refused) {
  test(`no password hash: ${JSON.stringify(text)}`, () => {
    const found = parsePasswordHash(text);
    assert.ok(typeof found === "string");
    assert.match(found, why);
  });
}

test("any text at all is a hash that can be used, or is told off without being repeated", () => {
  const parts = fc.constantFrom("$", "scrypt", "argon2id", "v=19", "m=65536", "ln=14,r=8,p=1", salt, hash, "=", ",");
  const mangled = fc.array(fc.oneof(parts, fc.string({ maxLength: 4 })), { maxLength: 12 }).map((all) => all.join(""));
  fc.assert(
    fc.property(fc.oneof(mangled, fc.string()), (text) => {
      const found = parsePasswordHash(text);
      if (typeof found === "string") assert.ok(text.length < 5 || !found.includes(text));
      else assert.equal(formatPasswordHash(found), text);
    }),
  );
});
