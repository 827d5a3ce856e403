/**
 * A client's handshake as one rule judges it.
 */
import type { InboundRule } from "../policy/rules.ts";
import { type ClientPurpose, underAnchors } from "../tls/client-trust.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";

const ours = "letterlock";

/** By the rule's own CAs, for the purposes that it takes. */
export function underRule(handshake: HandshakeFacts, rule: InboundRule): HandshakeFacts {
  return underAnchors(handshake, rule.clientAnchors?.value, purposeUnder(rule, rule.clientAnchors?.from.source));
}

/**
 * A server's certificate is good for its client where our own configuration names the CAs (TL-17): other mail servers
 * take OpenSSL's word, and what they give to whoever is trusted was never meant for every server there is.
 *
 * @param source whose CAs they are
 */
export function purposeUnder({ clientPurpose }: InboundRule, source: string | undefined): ClientPurpose {
  const said = clientPurpose?.from.source;
  if (clientPurpose !== undefined && (said === ours || said === source)) return clientPurpose.value;
  return source === ours ? "client-or-server" : "client";
}
