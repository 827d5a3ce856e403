import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nodeKeyDerivation } from "./key-derivation.ts";
import { fitsVerifier, formatScramVerifier, makeScramVerifier, parseScramVerifier } from "./scram-verifier.ts";

/** As PostgreSQL derives it from the password and salt of RFC 7677 §3. */
const example =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

test("AU-7 the verifier of RFC 7677's example fits its password alone", async () => {
  const stored = parseScramVerifier(example);
  assert.ok(typeof stored !== "string");
  assert.equal(await fitsVerifier(stored, "pencil", nodeKeyDerivation), true);
  assert.equal(await fitsVerifier(stored, "Pencil", nodeKeyDerivation), false);
  assert.equal(formatScramVerifier(stored), example);
});

test("AU-7 a new verifier has at least 4096 iterations and a salt of its own, and holds no password", async () => {
  const made = await makeScramVerifier("correct horse", nodeKeyDerivation);
  const other = await makeScramVerifier("correct horse", nodeKeyDerivation);
  assert.ok(made.iterations >= 4096);
  assert.notDeepEqual(made.salt, other.salt);
  assert.ok(!formatScramVerifier(made).includes("correct"));
  assert.deepEqual(parseScramVerifier(formatScramVerifier(made)), made);
});

const refused: readonly (readonly [text: string, why: RegExp])[] = [
  ["pencil", /no SCRAM verifier/],
  ["$argon2id$v=19$", /belongs under password/],
  [example.replace("4096", "4095"), /least/],
  [example.replace("4096", "99999999"), /most/],
  [example.replace("gQ==", "gR=="), /base64/],
  [example.slice(0, -2), /no SCRAM verifier/],
  [example.replace("SHA-256", "SHA-1"), /no SCRAM verifier/],
];

for (const [text, why] of refused) {
  test(`no verifier: ${text.slice(0, 40)} ... ${why}`, () => {
    const found = parseScramVerifier(text);
    assert.ok(typeof found === "string");
    assert.match(found, why);
  });
}

test("any text at all is a verifier that is written the same again, or none", () => {
  const cut = fc.tuple(fc.nat(example.length), fc.string({ maxLength: 3 })).map(([at, text]) => {
    return example.slice(0, at) + text + example.slice(at + 1);
  });
  fc.assert(
    fc.property(fc.oneof(cut, fc.string()), (text) => {
      const found = parseScramVerifier(text);
      if (typeof found !== "string") assert.equal(formatScramVerifier(found), text);
    }),
  );
});
