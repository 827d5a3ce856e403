/**
 * Inbound settings and demands in a few words each, escaped for a terminal.
 */
import { escapeText } from "../mail/escape.ts";
import { formatReply, reply } from "../mail/reply.ts";
import type { InboundSetting } from "../policy/inbound.ts";
import type {
  InboundDemand,
  InboundRule,
  NamePattern,
  PeerRequirement,
  RelayByCertificate,
  Sourced,
} from "../policy/rules.ts";
import type { TrustAnchors } from "../tls/handshake-settings.ts";
import { describeReference } from "../tls/names.ts";

type ValueOf<S extends InboundSetting> = NonNullable<InboundRule[S]> extends Sourced<infer V> ? V : never;

const plain = (value: string | boolean): string => (typeof value === "string" ? value : value ? "yes" : "no");

const inWords: Readonly<{ [S in InboundSetting]: (value: ValueOf<S>) => string }> = {
  starttls: plain,
  implicitTls: plain,
  barred: plain,
  rejected: ({ code, status, text, at }) => `${formatReply(reply(code, status, text))} (at ${at})`,
  clientCertificate: plain,
  clientAnchors: anchorsInWords,
  clientPurpose: plain,
  certificates: ({ default: first, others }) =>
    [first, ...others].map(({ credentials }) => credentials.map(({ name }) => name).join("+")).join(", "),
  protocols: ({ min, max }) => (min === max ? min : `${min} to ${max}`),
  ciphers: plain,
  groups: plain,
  auth: plain,
  mechanisms: (mechanisms) => mechanisms.join(", ") || "none",
  authRequired: plain,
  pipelined: plain,
  mailWithoutHello: plain,
  wording: plain,
  received: plain,
  requirementsAt: plain,
  relay: plain,
  relayByCertificate: rightInWords,
  userByCertificate: (users) => users.map(({ user }) => user).join(", "),
  refuse: plain,
};

/** @param value as that setting has it */
export function settingInWords(setting: InboundSetting, value: unknown): string {
  return escapeText((inWords[setting] as (value: unknown) => string)(value));
}

function anchorsInWords(anchors: TrustAnchors): string {
  if (anchors.kind === "system") return "the system's CAs";
  if (anchors.pem.length === 0 && anchors.withSystem !== true) return "no CAs: nobody is trusted";
  const files = anchors.files.length > 0 ? [`the CAs of ${anchors.files.join(", ")}`] : [];
  const system = anchors.withSystem === true ? ["the system's CAs"] : [];
  return [...files, ...system].join(" and ") || `${anchors.pem.length} CAs`;
}

function rightInWords(right: RelayByCertificate): string {
  switch (right.kind) {
    case "trusted":
      return "any with a trusted chain";
    case "match":
      return oneOf(right) || "nobody";
    case "names":
      return `a trusted one of ${right.issuers.size} issuers and ${right.subjects.size} subjects`;
  }
}

/** What a client must have for it. */
export function demandInWords(demand: InboundDemand): string {
  const { level, minCipherBits, anchors } = demand;
  if (level === "none") return "nothing";
  const bits = minCipherBits === undefined ? "" : `, cipher of at least ${minCipherBits} bits`;
  if (level === "encrypted") return `TLS${bits}`;
  const trusted = anchors === undefined ? "the CAs of its handshake" : anchorsInWords(anchors);
  if (level === "trusted") return `a client certificate trusted by ${trusted}${bits}`;
  return `a client certificate: ${oneOf(demand)}${bits}`;
}

/** A demand in Sendmail's form; what it says of names stands in its own text. */
export function requirementInWords({ verify, bits, extensions }: PeerRequirement): string {
  const parts = [
    ...(verify ? ["a client certificate trusted by the CAs of its handshake"] : []),
    ...(bits === undefined ? [] : [`a cipher of at least ${bits.atLeast} bits`]),
    ...(extensions.length === 0 ? [] : ["what is said of the certificate's names"]),
  ];
  return parts.length === 0 ? "TLS" : parts.join(", ");
}

function oneOf({ pins = [], names = [], issuers = [] }: Pick<InboundDemand, "pins" | "names" | "issuers">): string {
  return [
    ...(pins.length > 0 ? [`one of ${pins.length} pinned certificates or keys`] : []),
    ...(names.length > 0 ? [`trusted, with the name ${names.map(nameInWords).join(" or ")}`] : []),
    ...(issuers.length > 0 ? [`trusted, issued by ${issuers.join(" or ")}`] : []),
  ].join("; or ");
}

function nameInWords(pattern: NamePattern): string {
  return pattern.kind === "name" || pattern.kind === "below" ? describeReference(pattern) : pattern.kind;
}
