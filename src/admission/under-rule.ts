/**
 * A client's handshake as one rule judges it.
 */
import type { InboundRule } from "../policy/rules.ts";
import { underAnchors } from "../tls/client-trust.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";

/** By the rule's own CAs, for the purposes that it takes. */
export function underRule(handshake: HandshakeFacts, { clientAnchors, clientPurpose }: InboundRule): HandshakeFacts {
  return underAnchors(handshake, clientAnchors?.value, clientPurpose?.value);
}
