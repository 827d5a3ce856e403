/**
 * What a client showed, held against one demand on its mail: met, or what is missing, in words that tell the sender's
 * postmaster what to do, under the code that the rule chose. Also what a certificate gives a right to: relaying. Pure.
 *
 * Promises: a stronger demand is never met by what a weaker one refuses; a demand in monitor mode changes no answer; of
 * a certificate, names and issuer count only if its chain leads to a CA that counts, digests without any (INB-16), since
 * the handshake proved that the client holds the key.
 *
 * The enhanced status is the rule's. It should be x.7.10 where encryption is what is asked for and x.7.1 where a
 * certificate is (RFC 3463 §3.8, RFC 5248 registry).
 */
import { type Reply, reply } from "../mail/reply.ts";
import { type ClientPurpose, underAnchors } from "../tls/client-trust.ts";
import type { TrustAnchors } from "../tls/handshake-settings.ts";
import { certificateMatches, type ReferenceName } from "../tls/names.ts";
import type { CertificateFacts, HandshakeFacts } from "../tls/peer-facts.ts";
import { certificateText } from "./certificate-text.ts";
import { sameName } from "./distinguished-name.ts";
import { pinFits } from "./pins.ts";
import type { InboundDemand, NamePattern, RelayByCertificate } from "./rules.ts";

export type InboundPeer = Readonly<{
  /** Undefined: in clear. */
  handshake: HandshakeFacts | undefined;
  /** The CAs that the client's rule names: they count where a demand names none. Undefined: nobody is trusted. */
  anchors: TrustAnchors | undefined;
  /** Of the client's rule as well. */
  purpose?: ClientPurpose | undefined;
}>;

/** `void`: its exception has ended, so it asks for nothing any more. `missing` is a sentence without a full stop. */
export type DemandVerdict =
  | Readonly<{ kind: "met" | "void" }>
  | Readonly<{ kind: "unmet"; missing: string; reply: Reply }>
  | Readonly<{ kind: "would-pass" }>
  | Readonly<{ kind: "would-fail"; missing: string }>;

/** @param now ms since 1970 */
export function judgeDemand(demand: InboundDemand, peer: InboundPeer, now: number): DemandVerdict {
  // Sources pass over what has expired; between the question and now it may have done so.
  if (demand.exception !== undefined && demand.exception.expiresAt <= now) return { kind: "void" };
  const missing = missingFor(demand, peer);
  if (demand.mode === "monitor")
    return missing === undefined ? { kind: "would-pass" } : { kind: "would-fail", missing };
  if (missing === undefined) return { kind: "met" };
  const { code, status, text } = demand.answer;
  return { kind: "unmet", missing, reply: reply(code, status, text ?? missing) };
}

function missingFor(demand: InboundDemand, { handshake, anchors, purpose }: InboundPeer): string | undefined {
  if (demand.level === "none") return undefined;
  if (handshake === undefined) return "TLS is required for this mail: issue STARTTLS first";
  const { bits, cipher } = handshake;
  if (demand.minCipherBits !== undefined && bits < demand.minCipherBits) {
    return `this mail needs a cipher of at least ${demand.minCipherBits} bits: ${cipher} has ${bits}`;
  }
  if (demand.level === "encrypted") return undefined;
  const { certificate, clientCertificate } = handshake;
  if (certificate === undefined) {
    return clientCertificate === "not-asked"
      ? "this mail needs a client certificate, and this connection was not asked for one: write to the postmaster here"
      : "this mail needs a client certificate, and none was shown";
  }
  const { chain } = underAnchors(handshake, demand.anchors ?? anchors, purpose);
  if (demand.level === "matching") {
    return matches(demand, certificate, chain.kind === "trusted")
      ? undefined
      : mismatch(demand, chain.kind === "trusted");
  }
  return chain.kind === "trusted" ? undefined : `the client certificate is not trusted here: ${chain.text}`;
}

function mismatch({ names = [], issuers = [] }: InboundDemand, trusted: boolean): string {
  return trusted || names.length + issuers.length === 0
    ? "the client certificate is not among those that may send this mail"
    : "the client certificate is not trusted here, nor is it one of those that need no CA to send this mail";
}

type Match = Pick<InboundDemand, "names" | "issuers" | "pins">;

function matches(
  { pins = [], names = [], issuers = [] }: Match,
  certificate: CertificateFacts,
  trusted: boolean,
): boolean {
  if (pins.some((pin) => pinFits(pin, certificate))) return true;
  if (!trusted) return false;
  return (
    names.some((pattern) => carriesName(certificate, pattern)) ||
    issuers.some((issuer) => sameName(issuer, certificate.issuer))
  );
}

function carriesName(certificate: CertificateFacts, pattern: NamePattern): boolean {
  const reference = referenceOf(pattern);
  return reference !== undefined && certificateMatches(certificate, reference) !== undefined;
}

/** The names of outbound routing mean nothing here, and fit nobody. */
function referenceOf(pattern: NamePattern): ReferenceName | undefined {
  return pattern.kind === "name" || pattern.kind === "below" ? pattern : undefined;
}

/** May whoever showed this certificate send to anywhere? @param handshake as the rule's own CAs judge it */
export function mayRelayByCertificate(wish: RelayByCertificate, { certificate, chain }: HandshakeFacts): boolean {
  if (certificate === undefined) return false;
  const trusted = chain.kind === "trusted";
  switch (wish.kind) {
    case "trusted":
      return trusted;
    case "match":
      return matches(wish, certificate, trusted);
    case "names": {
      if (!trusted) return false;
      const { issuer, subject } = certificateText(certificate);
      const answer = wish.issuers.get(issuer.toLowerCase());
      return answer === "relay" || (answer === "subject" && wish.subjects.has(subject.toLowerCase()));
    }
  }
}
