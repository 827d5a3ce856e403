/**
 * Who a client is by its certificate alone, without AUTH (PowerMTA's `authentication-method certificate`). That the
 * client holds the key was proven by the handshake; which certificates count is a list of digests, so no CA is asked.
 */
import type { IpAddress } from "../mail/address.ts";
import { pinFits } from "../policy/pins.ts";
import type { InboundRule } from "../policy/rules.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";
import type { User, UserDirectory, UserPlace } from "../users/user.ts";
import { mayUse } from "../users/user-limits.ts";

export type CertificatePlace = Readonly<{
  client: IpAddress;
  /** As the rule's own CAs judge it; undefined: in clear. */
  tls: HandshakeFacts | undefined;
}>;

/** @returns undefined also for a user who is not known, or may not log in from there */
export function certificateUser(rule: InboundRule, place: CertificatePlace, users: UserDirectory): string | undefined {
  const certificate = place.tls?.certificate;
  if (certificate === undefined) return undefined;
  const name = rule.userByCertificate?.value.find(({ pin }) => pinFits(pin, certificate))?.user;
  const user = name === undefined ? undefined : users.find(name);
  return user !== undefined && mayUse(user, userPlace(place)) ? user.name : undefined;
}

/** What the limits of a user look at. */
export function userPlace({ client, tls }: CertificatePlace): UserPlace {
  if (tls === undefined) return { client, tls: "clear" };
  return { client, tls: tls.certificate !== undefined && tls.chain.kind === "trusted" ? "trusted" : "encrypted" };
}

/** He may do what he logged in for, still: a reload may have taken it from him. */
export function stillThere(name: string, place: CertificatePlace, users: UserDirectory): User | undefined {
  const user = users.find(name);
  return user !== undefined && mayUse(user, userPlace(place)) ? user : undefined;
}
