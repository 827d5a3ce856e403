import assert from "node:assert/strict";
import { test } from "node:test";
import { claimedTwice, type NamedCertificate, serveTogether } from "./served-certificates.ts";

/** `a rsa mx.example *.example` */
function certificate(text: string): NamedCertificate {
  const [name = "", keyType = "", ...names] = text.split(" ");
  return { credential: { name, id: name, certificateChain: "", privateKey: "" }, names, keyType };
}

const rows: readonly (readonly [name: string, given: readonly string[], want: string])[] = [
  ["one", ["a ec mx.example"], "a"],
  ["RSA and ECDSA side by side", ["a ec mx.example", "b rsa mx.example"], "a+b"],
  ["one of each key type", ["a ec mx.example", "b ec mx.example", "c rsa mx.example"], "a+c"],
  [
    "a wildcard of another key type covers the name",
    ["a ec mx.example", "b rsa *.example"],
    "a+b | a+b: mx.example | b: *.example",
  ],
  [
    "of several names all must be carried to stand beside the first; each name gets whoever carries it",
    ["a ec mx.example www.example", "b rsa mx.example"],
    "a | a+b: mx.example",
  ],
  [
    "others by their names",
    ["a ec mx.example", "b ec other.example *.sub.example"],
    "a | b: other.example *.sub.example",
  ],
  [
    "a wildcard of another certificate does not hide a name of the first",
    ["a ec mx.example", "b ec *.example"],
    "a | a: mx.example | b: *.example",
  ],
  [
    "two names of two key types each",
    ["a ec a.example", "b rsa a.example", "c ec b.example", "d rsa b.example"],
    "a+b | c+d: b.example",
  ],
  ["a wildcard covers one label", ["a ec x.y.example", "b rsa *.example"], "a | b: *.example"],
  ["the first without names", ["a ec", "b rsa mx.example"], "a+b | b: mx.example"],
];

for (const [name, given, want] of rows) {
  test(`served certificates: ${name} (TL-9)`, () => {
    const [first, ...more] = given.map(certificate);
    assert.ok(first !== undefined);
    const { default: byDefault, others } = serveTogether([first, ...more]);
    const words = [byDefault, ...others].map(({ credentials, names }, at) => {
      const who = credentials.map((each) => each.name).join("+");
      return at === 0 ? who : `${who}: ${names.join(" ")}`;
    });
    assert.equal(words.join(" | "), want);
  });
}

test("served certificates: a name that two of one key type carry is told once for each pair", () => {
  const told = claimedTwice(
    ["a ec mx.example www.example", "b rsa mx.example", "c ec www.example mx.example", "d rsa *.example"].map(
      certificate,
    ),
  );
  assert.deepEqual(told, [{ name: "www.example", winner: "a", loser: "c" }]);
});
