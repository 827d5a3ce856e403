import assert from "node:assert/strict";
import { test } from "node:test";
import { getCACertificates } from "node:tls";
import { sampleClientCa, sampleClientHandshake } from "./client-sample.ts";
import { joinAnchors, underAnchors } from "./client-trust.ts";
import { digestOf } from "./digest.ts";
import { anchorsId, type TrustAnchors, trustBundle } from "./handshake-settings.ts";
import type { ChainResult } from "./peer-facts.ts";

const ours = trustBundle([sampleClientCa], ["ours.pem"]);
const theirs = trustBundle([sampleClientCa.replace("MDAw", "MTEx")], ["theirs.pem"]);
const system: TrustAnchors = { kind: "system" };
const [systemCa = ""] = getCACertificates("default");
const systemDigest = digestOf(Buffer.from(systemCa.replace(/-----[^-]+-----/g, ""), "base64"), "sha256");

const rows: readonly [name: string, chain: ChainResult, anchors: TrustAnchors | undefined, trusted: boolean][] = [
  ["the set that the chain leads to", sampleClientHandshake.chain, ours, true],
  ["another set", sampleClientHandshake.chain, theirs, false],
  ["no set", sampleClientHandshake.chain, undefined, false],
  ["a set of none", sampleClientHandshake.chain, trustBundle([], []), false],
  ["the system's CAs, and one of ours", sampleClientHandshake.chain, system, false],
  ["the system's CAs, and one of them", { kind: "trusted", anchor: systemDigest }, system, true],
  [
    "ours with the system's",
    { kind: "trusted", anchor: systemDigest },
    trustBundle([], [], { withSystem: true }),
    true,
  ],
  [
    "ours with several to a file",
    sampleClientHandshake.chain,
    trustBundle([`${systemCa}\n${sampleClientCa}`], []),
    true,
  ],
  ["an end that nobody told", { kind: "trusted" }, ours, false],
  ["a chain that is not trusted", { kind: "untrusted", code: "CERT_HAS_EXPIRED", text: "expired" }, ours, false],
];
for (const [name, chain, anchors, trusted] of rows) {
  test(`a client's chain under ${name}`, () => {
    const seen = underAnchors({ ...sampleClientHandshake, chain }, anchors);
    assert.equal(seen.chain.kind === "trusted", trusted);
    if (chain.kind === "untrusted") assert.equal(seen.chain, chain);
    assert.deepEqual({ ...seen, chain }, { ...sampleClientHandshake, chain });
  });
}

test("joined sets trust what each of them trusts, and nobody else", () => {
  const both = joinAnchors([ours, theirs, ours]);
  assert.ok(both.kind === "bundle");
  assert.deepEqual([both.pem.length, both.files], [2, ["ours.pem", "theirs.pem"]]);
  assert.equal(joinAnchors([ours]), ours);
  assert.equal(anchorsId(joinAnchors([])), anchorsId(trustBundle([], [])));
  assert.equal(joinAnchors([system, system]), system);
  const withSystem = joinAnchors([ours, system]);
  assert.ok(withSystem.kind === "bundle" && withSystem.withSystem === true && withSystem.pem.length === 1);
});

test("a chain may end early only where every set lets it", () => {
  const partial = trustBundle([sampleClientCa], [], { partialChains: true });
  const other = trustBundle([sampleClientCa, systemCa], [], { partialChains: true });
  const ends = (sets: readonly TrustAnchors[]) => {
    const joined = joinAnchors(sets);
    return joined.kind === "bundle" && joined.partialChains === true;
  };
  assert.deepEqual([ends([partial, other]), ends([partial, theirs]), ends([partial, system])], [true, false, false]);
});
