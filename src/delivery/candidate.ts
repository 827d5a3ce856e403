/**
 * One address of an MX host, and how it must be reached: what a decision, a connection and its place in the pool are
 * made of. Pure but for the policy that it asks.
 */
import type { Binding, OutboundSettings } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import { domainOf } from "../mail/address.ts";
import { isIpv6 } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import { type ConnectDecision, decide, type TlsDecision } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { Reason } from "../policy/reasons.ts";
import type { MxHost } from "../route/route.ts";
import type { OpenOptions } from "../smtp/client/sender.ts";
import type { HostContact } from "./attempt-result.ts";
import type { DeliveryJob } from "./delivery-job.ts";

/** Where to go, before it is decided how. */
export type Target = Readonly<{ nexthop: Nexthop; host: MxHost; address: IpAddress }>;

export type Candidate = Target & Readonly<{ decision: ConnectDecision; poolKey: string }>;

/** @param now ms since 1970 */
export function decideFor(
  { nexthop, host, address }: Target,
  { job, binding }: Readonly<{ job: DeliveryJob; binding: Binding }>,
  policy: Policy,
  now: number,
): TlsDecision {
  const recipient = job.lead.recipient.mailbox;
  const rule = policy.rule({
    sender: job.mail.sender.mailbox,
    recipient,
    recipientDomain: domainOf(recipient),
    nexthop,
    binding: binding.name,
    bindingGroup: binding.group,
    host: host.name,
    address,
    now,
  });
  return decide(
    rule,
    {
      nexthop,
      host: host.name,
      address,
      mxStatus: host.mxStatus,
      implicitTls: host.implicitTls,
      messageAgeMs: now - job.mail.arrival.at,
    },
    binding.clientCertificate,
  );
}

export function contactOf(target: Target, decision: TlsDecision): HostContact {
  const { nexthop, host, address } = target;
  return { nexthop, host: host.name, address, port: host.port, decision };
}

export function candidateFor(
  { nexthop, host, address }: Target,
  decision: ConnectDecision,
  binding: Binding,
): Candidate {
  return { nexthop, host, address, decision, poolKey: poolKey({ host, address }, binding, decision) };
}

/** What went wrong with TLS stays part of the story when clear text is used afterwards. */
export function withReasons(candidate: Candidate, why: readonly Reason[]): Candidate {
  const { decision } = candidate;
  return { ...candidate, decision: { ...decision, why: [...decision.why, ...why] } };
}

export function openOptions(
  { host, address, decision }: Candidate,
  binding: Binding,
  outbound: OutboundSettings,
  id: string,
): OpenOptions {
  return {
    id,
    address,
    port: host.port,
    localAddress: sourceAddress(binding, address),
    ehlo: binding.ehlo,
    implicitTls: host.implicitTls,
    starttls: decision.starttls,
    handshake: decision.handshake,
    timeouts: outbound.timeouts,
    eightBitWithoutExtension: outbound.eightBitWithoutExtension,
  };
}

function sourceAddress(binding: Binding, address: IpAddress): IpAddress | undefined {
  return isIpv6(address) ? binding.sourceAddress6 : binding.sourceAddress4;
}

/** With all that a peer sees of the binding: a reload may have changed it under the same name. */
function poolKey({ host, address }: Omit<Target, "nexthop">, binding: Binding, { id }: ConnectDecision): string {
  const source = sourceAddress(binding, address) ?? "";
  const wrapped = host.implicitTls ? "implicit" : "";
  return `${address}|${host.port}|${wrapped}|${host.name ?? ""}|${binding.name}|${source}|${binding.ehlo}|${id}`;
}

export function peerName({ host: { name }, address }: Target): string {
  return name === undefined ? `[${address}]` : `${name}[${address}]`;
}
