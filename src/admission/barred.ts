/**
 * A client from whom nothing is taken, and what it is told. Codes and words of the systems whose configuration asks for
 * it are theirs: Postfix closes the connection (INB-13, INB-14), Sendmail keeps it open and repeats itself (4.3).
 * Our own: RFC 3207 §4.1 (ST-8).
 */
import { verifiedName } from "../mail/client-name.ts";
import { isIpv6 } from "../mail/ip.ts";
import { type Reply, reply } from "../mail/reply.ts";
import { type UnmetRequirement, unmetRequirement } from "../policy/requirements.ts";
import type { InboundRule, PeerRequirement, RejectedClient } from "../policy/rules.ts";
import type { Conduct } from "../smtp/server/conduct.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";

export type BarredClient = Readonly<{
  session: SessionFacts;
  /** As the rule's own CAs judge it; undefined: in clear. */
  tls: HandshakeFacts | undefined;
  hostname: string;
}>;

/** Nothing about the configuration is told to strangers: the log says what it is. */
const misconfigured = reply(451, "4.3.5", "The configuration here asks for what cannot be done, try again later");
const notShown = reply(554, "5.7.1", "A client certificate is required here, and none was shown");
const notTrusted = reply(554, "5.7.1", "A client certificate of a trusted CA is required here");

export function barredFor(rule: InboundRule, client: BarredClient): Conduct["barred"] {
  const { barred, rejected, refuse } = rule;
  if (barred?.value === true) return { reply: neverTaken(client.hostname), close: true };
  // What is found out inside TLS comes last, and has the last word (Sendmail, where TLS begins with the first octet).
  if (rejected?.value.at === "session") return unmet(rule, client) ?? turnedAway(rejected.value);
  if (refuse !== undefined) return { reply: misconfigured, close: false };
  return untrusted(rule, client) ?? unmet(rule, client);
}

/** RFC 7504 §3 */
function neverTaken(hostname: string): Reply {
  return reply(521, "5.3.2", `${hostname} does not accept mail from you`);
}

/** A 421 ends the connection. */
function turnedAway(rejected: RejectedClient): Conduct["barred"] {
  return { reply: rejection(rejected), close: rejected.code === 421 };
}

export function rejection({ code, status, text }: RejectedClient): Reply {
  return reply(code, status, text);
}

/** In clear, a client that may start TLS is told to; one that cannot will never show a certificate. */
function untrusted(rule: InboundRule, { tls, hostname }: BarredClient): Conduct["barred"] {
  if (rule.clientCertificate?.value !== "require-trusted") return undefined;
  if (tls === undefined && rule.starttls?.value === "unavailable") return { reply: misconfigured, close: false };
  if (tls === undefined && rule.starttls?.value !== "never") return undefined;
  const shown = tls?.certificate !== undefined;
  if (shown && tls.chain.kind === "trusted") return undefined;
  if (rule.wording?.value !== "postfix") return { reply: shown ? notTrusted : notShown, close: false };
  const text = shown ? "Client certificate not trusted" : "No client certificate presented";
  return { reply: reply(421, "4.7.1", `${hostname} Error: ${text}`), close: true };
}

/** Inside TLS alone: in clear they are held against each envelope, so that the client may still start TLS. */
function unmet(rule: InboundRule, { session, tls }: BarredClient): Conduct["barred"] {
  if (tls === undefined) return undefined;
  const refusal = unmetDemand(rule, session, tls);
  return refusal === undefined ? undefined : { reply: refusal, close: false };
}

/** The first of the demands in Sendmail's form that this client does not meet. @param tls undefined: in clear */
export function unmetDemand(
  { requirements = [] }: InboundRule,
  session: SessionFacts,
  tls: HandshakeFacts | undefined,
): Reply | undefined {
  for (const requirement of requirements) {
    const failure = failureOf(requirement, session, tls);
    if (failure !== undefined) return reply(failure.code, failure.status, failure.text);
  }
  return undefined;
}

export function failureOf(
  requirement: PeerRequirement,
  { clientName, clientAddress }: SessionFacts,
  tls: HandshakeFacts | undefined,
): UnmetRequirement | undefined {
  const address = isIpv6(clientAddress) ? `IPv6:${clientAddress}` : clientAddress;
  return unmetRequirement(requirement, {
    role: "client",
    tls: tls === undefined ? "clear" : { kind: "done", handshake: tls },
    hostName: verifiedName(clientName) ?? `[${address}]`,
  });
}
