/**
 * May this client send to this recipient through us? Never an open relay: a stranger reaches only the domains that we
 * relay for (SR-14, AT-29); anywhere else by a right: its network, its log-in or its certificate. Decides on the parsed
 * mailbox alone.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import { type DomainPattern, DomainTable } from "../mail/domain-pattern.ts";
import { type Cidr, inAnyCidr } from "../mail/ip.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { ReplyWording } from "../smtp/server/conduct.ts";

/** By what right mail goes to where we are not at home. */
export type RelayRight = "network" | "user" | "certificate";

export type RelayAnswer =
  /** To our own: no right is needed. */
  | Readonly<{ kind: "ours" }>
  | Readonly<{ kind: "by-right"; right: RelayRight }>
  | Readonly<{ kind: "refused"; reply: Reply }>;

export type RelayClient = Readonly<{
  address: IpAddress;
  /** Asked only where it matters: what a rule, a log-in or a certificate allows, apart from our networks. */
  otherRight: () => RelayRight | undefined;
  wording: ReplyWording;
}>;

export type RelayCheck = (client: RelayClient, recipient: Mailbox) => RelayAnswer;

const denied = reply(550, "5.7.1", "relaying denied");
/** Postfix: PT-93; Sendmail: section 10. */
const refusals: Readonly<Record<ReplyWording, Reply>> = {
  letterlock: denied,
  momentum: denied,
  powermta: denied,
  postfix: reply(554, "5.7.1", "Relay access denied"),
  sendmail: reply(550, "5.7.1", "Relaying denied"),
};
const noLiterals = reply(550, "5.1.2", "address literals are not relayed here");
const noMailbox = reply(550, "5.1.1", "no such mailbox here");
const atHome: RelayAnswer = { kind: "ours" };

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

  function byRight({ address, otherRight, wording }: RelayClient): Exclude<RelayAnswer, { kind: "ours" }> {
    const right = isOurClient(address) ? "network" : otherRight();
    return right === undefined ? refused(refusals[wording]) : { kind: "by-right", right };
  }

  return (client, recipient) => {
    const { host } = recipient;
    if (options.takesPostmaster && isOurPostmaster(recipient, options.hostname)) return atHome;
    if (host === undefined) return refused(noMailbox);
    if (host.kind === "domain" && ours.find(host.domain) === true) return atHome;
    const answer = byRight(client);
    return host.kind === "domain" || answer.kind === "refused" || options.allowLiterals ? answer : refused(noLiterals);
  };
}

function refused(reply: Reply): RelayAnswer & { kind: "refused" } {
  return { kind: "refused", reply };
}
