/**
 * Whose client a client is. One handshake can serve several rules only if it is made with the CAs of all of them; what
 * it proves under one rule's own CAs is found out here, by the CA where its chain ended. Pure.
 */
import { getCACertificates } from "node:tls";
import { digestOf } from "./digest.ts";
import { anchorsId, type TrustAnchors, trustBundle } from "./handshake-settings.ts";
import type { ChainResult, HandshakeFacts } from "./peer-facts.ts";
import { certificateDers } from "./pem.ts";

/** What a handshake with the other CAs alone would have said. */
const unknownIssuer: ChainResult = {
  kind: "untrusted",
  code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  text: "unable to get local issuer certificate",
};

/** What a client's certificate must have been made for; OpenSSL's own way is `client`. */
export type ClientPurpose = "client" | "client-or-server";

/** @param anchors undefined: nobody is trusted. @returns the handshake as these CAs alone judge it */
export function underAnchors(
  handshake: HandshakeFacts,
  anchors: TrustAnchors | undefined,
  purpose: ClientPurpose = "client-or-server",
): HandshakeFacts {
  const { chain } = handshake;
  const isServers = chain.kind === "untrusted" && chain.asServer !== undefined && purpose === "client-or-server";
  if (chain.kind !== "trusted" && !isServers) return handshake;
  const [anchor, under] = chain.kind === "trusted" ? [chain.anchor, chain.under] : [chain.asServer];
  if (anchors === undefined || !leadsTo(anchors, anchor, under)) return { ...handshake, chain: unknownIssuer };
  return { ...handshake, chain: { kind: "trusted", ...(under && { under }), ...(anchor && { anchor }) } };
}

/** Where these CAs were asked alone, OpenSSL's own word counts. */
function leadsTo(anchors: TrustAnchors, anchor: string | undefined, under: string | undefined): boolean {
  return under === anchorsId(anchors) || (anchor !== undefined && digestsOf(anchors).has(anchor));
}

/** Without any, clients are asked for certificates and nobody is trusted. Never trusts more than the sets do apart. */
export function joinAnchors(sets: readonly TrustAnchors[]): TrustAnchors {
  const [first] = sets;
  if (first !== undefined && sets.every((set) => anchorsId(set) === anchorsId(first))) return first;
  const bundles = sets.filter((set) => set.kind === "bundle");
  return trustBundle(
    [...new Set(bundles.flatMap(({ pem }) => pem))],
    [...new Set(bundles.flatMap(({ files }) => files))],
    {
      withSystem: sets.some((set) => set.kind === "system" || set.withSystem === true),
      // A chain that ends early for one set would end early for all.
      partialChains: sets.length > 0 && sets.every((set) => set.kind === "bundle" && set.partialChains === true),
    },
  );
}

const known = new WeakMap<TrustAnchors, ReadonlySet<string>>();

function digestsOf(anchors: TrustAnchors): ReadonlySet<string> {
  const before = known.get(anchors);
  if (before !== undefined) return before;
  const own = anchors.kind === "bundle" ? anchors.pem : [];
  const system = anchors.kind === "system" || anchors.withSystem === true ? getCACertificates("default") : [];
  const digests = new Set([...own, ...system].flatMap(digestsOfPem));
  known.set(anchors, digests);
  return digests;
}

function digestsOfPem(pem: string): string[] {
  return certificateDers(pem).map((der) => digestOf(der, "sha256"));
}
