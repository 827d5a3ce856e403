/**
 * What a user may do, asked at log-in and for each message. Pure.
 */
import { domainOf, type Mailbox } from "../mail/address.ts";
import { type Domain, parentOf } from "../mail/domain.ts";
import type { DomainPattern } from "../mail/domain-pattern.ts";
import { inAnyCidr } from "../mail/ip.ts";
import type { User, UserPlace } from "./user.ts";

const strength = { clear: 0, encrypted: 1, trusted: 2 } as const;
const needed = { none: 0, encrypted: 1, trusted: 2 } as const;

/** May he log in, and stay logged in, from there? */
export function mayUse({ networks, requireTls }: User, { client, tls }: UserPlace): boolean {
  return strength[tls] >= needed[requireTls] && (networks === undefined || inAnyCidr(client, networks));
}

/**
 * May he send as this envelope sender? Letter case does not count. The null sender is everybody's: notices have no other
 * (RFC 5321 §4.5.5), and Postfix's `reject_sender_login_mismatch` lets it pass as well.
 */
export function maySendAs({ senders }: User, sender: Mailbox | undefined): boolean {
  if (senders === undefined || sender === undefined) return true;
  const domain = domainOf(sender);
  const address = senderAddress(sender);
  return senders.some((allowed) =>
    "address" in allowed ? allowed.address === address : covers(allowed.domain, domain),
  );
}

/** The form in which `User.senders` holds addresses: lower case, domains as A-labels. */
export function senderAddress({ localPart, host }: Pick<Mailbox, "localPart" | "host">): string {
  const right = host === undefined ? "" : host.kind === "domain" ? `@${host.domain}` : `@[${host.ip}]`;
  return `${localPart.normalize("NFC").toLowerCase()}${right}`;
}

function covers(pattern: DomainPattern, domain: Domain | undefined): boolean {
  if (pattern.kind === "any") return true;
  if (domain === undefined || pattern.kind === "exact") return domain === pattern.domain;
  for (let parent = parentOf(domain); parent !== undefined; parent = parentOf(parent)) {
    if (parent === pattern.domain) return true;
  }
  return false;
}
