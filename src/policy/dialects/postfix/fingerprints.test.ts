import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseFingerprints, printFingerprints } from "./fingerprints.ts";

const sha256 = "ab".repeat(32);

test("postfix fingerprints: any case, with colons or without (MAT-14)", () => {
  const spelled = [sha256, sha256.toUpperCase(), (sha256.match(/../g) ?? []).join(":")];
  const read = parseFingerprints("SHA256", spelled);
  assert.deepEqual(read.kind === "pins" && read.pins.map(({ digest }) => digest), [sha256, sha256, sha256]);
  assert.equal(read.kind === "pins" && read.pins[0]?.of, "either");
});

test("postfix fingerprints: a wrong length is kept and told, what is no hexadecimal is left out (MAT-15)", () => {
  const read = parseFingerprints("sha256", ["00:11", "zz:11", sha256]);
  assert.ok(read.kind === "pins");
  assert.deepEqual([read.pins.length, read.wrongLength, read.malformed], [2, ["00:11"], ["zz:11"]]);
});

test("postfix fingerprints: a digest we cannot make is no pin", () => {
  for (const name of ["sha384", "constructor", ""]) {
    assert.deepEqual(parseFingerprints(name, [sha256]), { kind: "unsupported", algorithm: name });
  }
});

test("postfix fingerprints: printed and parsed again they are the same", () => {
  const digests = fc.array(fc.stringMatching(/^(?:[0-9a-f]{2}){1,40}$/), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(digests, fc.constantFrom("md5", "sha1", "sha256", "sha512"), (texts, algorithm) => {
      const read = parseFingerprints(algorithm, texts);
      assert.ok(read.kind === "pins");
      const again = parseFingerprints(algorithm, printFingerprints(read.pins).split("|"));
      assert.deepEqual(again.kind === "pins" && again.pins, read.pins);
    }),
  );
});
