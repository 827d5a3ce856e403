/**
 * What went wrong, in Postfix's words (postfix reference 4.4, 4.6): the reasons in delivery lines, those of hosts met
 * before, and the lines that tell of a connection or a handshake that did not come about.
 */
import type { AttemptFailure, EarlierHost } from "../../mail/attempt.ts";
import type { SmtpStage } from "../../mail/smtp-stage.ts";
import { wordFailure } from "../../policy/wording.ts";
import { printableRecord } from "../words/printable.ts";
import { replyText } from "../words/reply-text.ts";
import { hostName, hostWithPort } from "./host-names.ts";

/** One host and what came of it; a delivery's record is one too. */
export type HostMet = EarlierHost & Readonly<{ nexthop: string | null }>;

/** The text in the parentheses of a delivery line. */
export function failureText(met: HostMet, failure: AttemptFailure): string {
  return printableRecord(wordsFor(met, failure));
}

function wordsFor(met: HostMet, failure: AttemptFailure): string {
  const peer = hostName(met);
  switch (failure.kind) {
    case "tls":
      return tlsText(failure, peer, met.error);
    case "route":
      return routeText(failure, met);
    case "unreachable":
      return failure.stage === "connect" ? notConnected(met, failure) : brokenText(failure, peer);
    case "broken":
      return brokenText(failure, peer);
    case "greeting":
      return met.reply === null
        ? brokenText(failure, peer)
        : `host ${peer} refused to talk to me: ${replyText(met.reply)}`;
    case "refused":
      return met.reply === null
        ? failure.cause
        : `host ${peer} said: ${replyText(met.reply)} (in reply to ${repliedTo(failure.stage)})`;
    case "suspended":
      return `delivery temporarily suspended: ${failure.cause}`;
    default:
      return met.error ?? failure.cause;
  }
}

function tlsText(failure: AttemptFailure, peer: string, error: string | null): string {
  const { tls, cause } = failure;
  switch (tls) {
    case "refused":
      return `TLS is required, but host ${peer} refused to start TLS: ${cause}`;
    case "unproven":
      return wordFailure("postfix", { kind: tls, problems: [] }, peer).text;
    case "handshake":
    case "mx-pattern":
    case "requirement":
    case "recipient-requirement":
      return wordFailure("postfix", { kind: tls, text: cause }, peer).text;
    case null:
      return error ?? cause;
    default:
      return wordFailure("postfix", { kind: tls }, peer).text;
  }
}

function routeText({ code, cause }: AttemptFailure, { nexthop, error }: HostMet): string {
  const service = `Host or domain name not found. Name service error for name=${nexthop}`;
  switch (code) {
    case "dns-error":
      return `${service} type=MX: Host not found, try again`;
    case "no-such-domain":
      return `${service} type=A: Host not found`;
    case "null-mx":
      return `Domain ${nexthop} does not accept mail (nullMX)`;
    case "loops-to-self":
      return `mail for ${nexthop} loops back to myself`;
    case "no-usable-host":
      return `Host or domain name not found. ${cause}`;
    default:
      return error ?? cause;
  }
}

/** The line about a host to which no connection came about, and the reason where it was the last one. */
export function notConnected(met: HostMet, { code, cause }: AttemptFailure): string {
  return `connect to ${hostWithPort(met)}: ${systemTexts[code ?? ""] ?? cause}`;
}

/** As the C library words them. */
const systemTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ETIMEDOUT: "Connection timed out",
  TIMEOUT: "Connection timed out",
  EADDRNOTAVAIL: "Cannot assign requested address",
  EADDRINUSE: "Address already in use",
  EPIPE: "Broken pipe",
};

function brokenText({ code, stage, cause }: AttemptFailure, peer: string): string {
  const doing = stages[stage ?? "connect"];
  if (code === "PROTOCOL") return `Protocol error: host ${peer} while ${doing}: ${cause}`;
  if (code === "TIMEOUT") return `conversation with ${peer} timed out while ${doing}`;
  return `lost connection with ${peer} while ${doing}`;
}

const stages: Readonly<Record<SmtpStage, string>> = {
  connect: "connecting",
  greeting: "receiving the initial server greeting",
  ehlo: "performing the EHLO handshake",
  starttls: "receiving the STARTTLS response",
  handshake: "performing the TLS handshake",
  mail: "sending MAIL FROM",
  rcpt: "sending RCPT TO",
  data: "sending DATA command",
  body: "sending message body",
  "final-dot": "sending end of data -- message may be sent more than once",
};

function repliedTo(stage: AttemptFailure["stage"]): string {
  if (stage === "mail") return "MAIL FROM command";
  if (stage === "rcpt") return "RCPT TO command";
  return stage === "data" ? "DATA command" : "end of DATA command";
}

/** What is said of a handshake that failed, before the reason in the delivery line. */
export function handshakeErrors(met: HostMet, { code, cause }: AttemptFailure): readonly string[] {
  return sslErrors(`SSL_connect error to ${hostWithPort(met)}`, code, cause);
}

/**
 * @param code the system's or OpenSSL's
 * @param cause OpenSSL's reason; its numbers and the place in its source are not known
 */
export function sslErrors(what: string, code: string | null, cause: string): readonly string[] {
  // Node gives a connection that ended in the middle of a handshake the code of a reset one.
  const isEnd = code === null || /\bdisconnected before\b/.test(cause);
  const system = isEnd ? undefined : systemTexts[code];
  if (system !== undefined) return [`${what}: ${system}`];
  if (isEnd || !code.startsWith("ERR_SSL_")) return [`${what}: lost connection`];
  return [`${what}: -1`, `warning: TLS library problem: error::SSL routines::${printableRecord(cause)}:::`];
}
