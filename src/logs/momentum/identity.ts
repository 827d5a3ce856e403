/**
 * What Momentum's logs call messages, connections, addresses and certificates. There every recipient has a message of
 * its own, with an id of its own, and the messages that came together share a batch id: so do lines of ours.
 */
import { domainPartOf } from "../../mail/address-text.ts";
import type { AttemptRecord } from "../../mail/attempt.ts";
import type { InboundRecord } from "../../mail/inbound-record.ts";
import { commonNameOf } from "../words/distinguished-name.ts";
import { remember } from "../words/remember.ts";

/** Where there is no message or connection. Momentum: custom_logger, the sample of a rejection log. */
export const noId = "00/00-00000-00000000";

/** Id of the recipient's own copy: the message's, and the recipient's place in its envelope. */
export function copyId({ id }: AttemptRecord): string {
  return id.slice(0, id.lastIndexOf("."));
}

/** @param at the recipient's place in the envelope, from 0 */
export function acceptedId({ messageId }: InboundRecord, at: number): string {
  return messageId === null ? noId : `${messageId}.${at}`;
}

/**
 * The domain that mail is queued under: a gateway's, where one has it, else the recipient's. `routes` lead to hosts
 * (`[192.0.2.1]:587`) and change nothing about it (momentum reference 5.3).
 */
export function routingDomain({ nexthop, to }: Pick<AttemptRecord, "nexthop" | "to">): string {
  if (nexthop === null || nexthop.startsWith("[")) return domainPartOf(to);
  const colon = nexthop.indexOf(":");
  return colon < 0 ? nexthop : nexthop.slice(0, colon);
}

/** The common name of a distinguished name (RFC 4514), the whole of it where it has none. */
export const commonName = remember(2000, (subject) => commonNameOf(subject) || subject);
