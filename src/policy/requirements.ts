/**
 * A demand in Sendmail's form held against one peer: met, or the reply that says why not, word for word as Sendmail's
 * rulesets say it. Pure. Who is looked up for which demand is the dialect's business; what follows of a failure
 * (next host, later, never) is `judge.ts`'s.
 *
 * The order is Sendmail's: a broken handshake, then VERIFY, then the strength, then the extensions from left to right.
 * VERIFY is about the chain alone; a name counts only where an extension asks for it. Sendmail reference, section 3.
 */
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";
import type { HandshakeFacts, TlsProgress } from "../tls/peer-facts.ts";
import { certificateText } from "./certificate-text.ts";
import type { PeerRequirement, RequirementExtension } from "./rules.ts";

export type RequirementPeer = Readonly<{
  /** The peer's part: a `server` is whom we send to, a `client` connects to us. */
  role: "server" | "client";
  /**
   * `clear`: a client that did not use STARTTLS. `disabled-locally`: a second attempt in clear, after the handshake of
   * the first one broke. Of a client's handshake, `clientCertificate` says whether we asked for one.
   */
  tls: TlsProgress | "clear" | "disabled-locally";
  /** As looked up; an address stands in brackets. */
  hostName: string;
}>;

export type UnmetRequirement = Readonly<{ code: number; status: EnhancedStatus; text: string }>;

/** @returns `undefined` where the demand is met. `text` is without code and status. */
export function unmetRequirement(requirement: PeerRequirement, peer: RequirementPeer): UnmetRequirement | undefined {
  const text =
    hardFailure(peer.tls) ?? unverified(requirement, peer) ?? tooWeak(requirement, peer) ?? misfit(requirement, peer);
  return text === undefined ? undefined : { ...requirement.reply, text };
}

/**
 * What a demand means, without regard to how it is written: `host 403 VERIFY:128+CN`. Equal for demands that every peer
 * fares alike under.
 */
export function describeRequirement({ of, verify, bits, extensions, reply }: PeerRequirement): string {
  const strength = bits === undefined || bits.atLeast === 0 ? "" : `:${bits.atLeast}`;
  const base = verify ? `VERIFY${strength}` : `ENCR${strength || ":0"}`;
  return [`${of} ${reply.code} ${base}`, ...extensions.map(describeExtension)].join("+");
}

function describeExtension(extension: RequirementExtension): string {
  switch (extension.kind) {
    case "cn":
      return extension.name === undefined ? "CN" : `CN:${extension.name.toLowerCase()}`;
    case "subject":
      return `CS:${extension.dn.toLowerCase()}`;
    case "issuer":
      return `CI:${extension.dn.toLowerCase()}`;
    case "issuer-tag":
      return `CI:${[...extension.issuers].toSorted().join(" or ")}`;
  }
}

/** Fails whatever is demanded, an exemption included. */
function hardFailure(tls: RequirementPeer["tls"]): string | undefined {
  const verify = verifyValue("server", tls);
  if (verify === "SOFTWARE") return "TLS handshake failed.";
  return verify === "PROTOCOL" ? "STARTTLS failed." : undefined;
}

/** Sendmail's `${verify}`; empty for a client in clear. */
export type VerifyValue =
  | "OK"
  | "NO"
  | "NOT"
  | "FAIL"
  | "NONE"
  | "CLEAR"
  | "TEMP"
  | "FAILURE"
  | "PROTOCOL"
  | "SOFTWARE"
  | "";

/** As much of how far TLS got as `${verify}` looks at: records tell as much. */
export type VerifiableTls =
  | "clear"
  | "disabled-locally"
  | Readonly<{ kind: "not-offered" | "skipped" | "lost" | "injected" | "failed" }>
  | Readonly<{ kind: "refused"; reply: Pick<Reply, "code"> }>
  | Readonly<{ kind: "done"; handshake: VerifiableHandshake }>;

type VerifiableHandshake = Pick<HandshakeFacts, "clientCertificate"> &
  Readonly<{ certificate: object | undefined; chain: Pick<HandshakeFacts["chain"], "kind"> }>;

export function verifyValue(role: RequirementPeer["role"], tls: VerifiableTls): VerifyValue {
  if (tls === "clear") return "";
  if (tls === "disabled-locally") return "CLEAR";
  switch (tls.kind) {
    case "not-offered":
    case "skipped":
      return "NONE";
    case "refused":
      return refusalValue(tls.reply.code);
    case "lost":
      return "FAILURE";
    // Sendmail does not look for octets behind the 220; what it then reads is no handshake.
    case "injected":
    case "failed":
      return "SOFTWARE";
    case "done":
      return handshakeValue(role, tls.handshake);
  }
}

function refusalValue(code: number): VerifyValue {
  if (code >= 500) return "NONE";
  return code >= 400 ? "TEMP" : "PROTOCOL";
}

function handshakeValue(
  role: RequirementPeer["role"],
  { certificate, chain, clientCertificate }: VerifiableHandshake,
): VerifyValue {
  if (certificate !== undefined) return chain.kind === "trusted" ? "OK" : "FAIL";
  return role === "client" && clientCertificate === "not-asked" ? "NOT" : "NO";
}

/** The values that have words of their own. */
const unverifiedTexts: Partial<Record<VerifyValue, string>> = {
  "": "authentication required",
  FAIL: "authentication failed",
  NO: "not authenticated",
  NOT: "no authentication requested",
  NONE: "other side does not support STARTTLS",
  CLEAR: "STARTTLS disabled locally",
};

function unverified(requirement: PeerRequirement, { role, tls }: RequirementPeer): string | undefined {
  if (!requirement.verify) return undefined;
  const verify = verifyValue(role, tls);
  if (verify === "OK") return undefined;
  // A slip of Sendmail's that is in everybody's logs: the list of extensions stands where the value was meant.
  return unverifiedTexts[verify] ?? `authentication failure ${extensionList(requirement.text)}`;
}

/** What stands behind the base of a demand as written, without comments and blanks around `+` and `:`. */
function extensionList(written: string): string {
  const compact = written
    .replace(/\([^()]*\)/g, "")
    .replace(/\s*([+:])\s*/g, "$1")
    .trim();
  return compact.replace(/^(?:(?:PERM|TEMP)\+)?(?:VERIFY|ENCR)(?::[^+]*)?\+?/i, "");
}

function tooWeak({ bits }: PeerRequirement, { tls }: RequirementPeer): string | undefined {
  if (bits === undefined) return undefined;
  const actual = handshakeOf(tls)?.bits ?? 0;
  return actual < bits.atLeast ? `encryption too weak ${actual} less than ${bits.digits}` : undefined;
}

function handshakeOf(tls: RequirementPeer["tls"]): HandshakeFacts | undefined {
  return typeof tls !== "string" && tls.kind === "done" ? tls.handshake : undefined;
}

const noText = { commonName: "", subject: "", issuer: "" };

function misfit({ extensions }: PeerRequirement, { tls, hostName }: RequirementPeer): string | undefined {
  if (extensions.length === 0) return undefined;
  const certificate = handshakeOf(tls)?.certificate;
  const shown = certificate === undefined ? noText : certificateText(certificate);
  for (const extension of extensions) {
    const text = misfitOf(extension, shown, hostName);
    if (text !== undefined) return text;
  }
  return undefined;
}

function misfitOf(
  extension: RequirementExtension,
  { commonName, subject, issuer }: typeof noText,
  hostName: string,
): string | undefined {
  switch (extension.kind) {
    case "cn":
      return mismatch("CN", commonName, extension.name ?? hostName);
    case "subject":
      return mismatch("Cert Subject", subject, extension.dn);
    case "issuer":
      return mismatch("Cert Issuer", issuer, extension.dn);
    case "issuer-tag":
      return extension.issuers.has(issuer.toLowerCase()) ? undefined : `Cert Issuer ${issuer} not acceptable`;
  }
}

function mismatch(what: string, seen: string, wanted: string): string | undefined {
  return seen.toLowerCase() === wanted.toLowerCase() ? undefined : `${what} ${seen} does not match ${wanted}`;
}
