/**
 * May this client send to this recipient through us? Never an open relay: a stranger reaches only the domains that we
 * relay for (SR-14, AT-29). Decides on the parsed mailbox alone.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import { type DomainPattern, DomainTable } from "../mail/domain-pattern.ts";
import { type Cidr, inAnyCidr } from "../mail/ip.ts";
import { type Reply, reply } from "../mail/reply.ts";

export type RelayCheck = (client: IpAddress, recipient: Mailbox) => Reply | undefined;

const refusal = reply(550, "5.7.1", "relaying denied");
const noLiterals = reply(550, "5.1.2", "address literals are not relayed here");
const noMailbox = reply(550, "5.1.1", "no such mailbox here");

/** `postmaster` alone or at our own name, in any letter case (SR-2, RFC 5321 §4.5.1). */
export function isOurPostmaster({ localPart, host }: Mailbox, hostname: Domain): boolean {
  if (host !== undefined && !(host.kind === "domain" && host.domain === hostname)) return false;
  return localPart.toLowerCase() === "postmaster";
}

export function createRelayCheck(
  networks: readonly Cidr[],
  domains: readonly DomainPattern[],
  options: Readonly<{
    allowLiterals: boolean;
    hostname: Domain;
    /** The operator names a mailbox for his mail: anybody may write to it. */
    takesPostmaster: boolean;
  }>,
): RelayCheck {
  const ours = new DomainTable<true>();
  for (const pattern of domains) ours.set(pattern, true);
  const known = new Map<IpAddress, boolean>();

  function isOurClient(client: IpAddress): boolean {
    const before = known.get(client);
    if (before !== undefined) return before;
    const inside = inAnyCidr(client, networks);
    if (known.size > 10_000) known.clear();
    known.set(client, inside);
    return inside;
  }

  return (client, recipient) => {
    const { host } = recipient;
    if (options.takesPostmaster && isOurPostmaster(recipient, options.hostname)) return undefined;
    if (host === undefined) return noMailbox;
    const inside = isOurClient(client);
    if (host.kind === "literal") {
      if (!inside) return refusal;
      return options.allowLiterals ? undefined : noLiterals;
    }
    return inside || ours.find(host.domain) === true ? undefined : refusal;
  };
}
