/**
 * Mailboxes and IP addresses as values. How they are read off an SMTP line is `../smtp`'s business.
 */
import type { Domain } from "./domain.ts";

/** An IP address in canonical text: dotted quad, or RFC 5952 lower-case IPv6 without brackets. */
export type IpAddress = string & { readonly __ip: unique symbol };

/**
 * One mailbox of an envelope. `text` is what goes on the wire again, byte for byte in the local part
 * (RFC 5321 §2.4), the domain in normal form unless the message is SMTPUTF8.
 * `domain` is a name, an address literal (`ip`), or absent for `postmaster` alone.
 */
export type Mailbox = Readonly<{
  text: string;
  localPart: string;
  host: Readonly<{ kind: "domain"; domain: Domain }> | Readonly<{ kind: "literal"; ip: IpAddress }> | undefined;
}>;

/** The mailbox's domain, or `undefined` for a literal or a bare postmaster. */
export function domainOf(mailbox: Mailbox): Domain | undefined {
  return mailbox.host?.kind === "domain" ? mailbox.host.domain : undefined;
}
