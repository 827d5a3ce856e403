/**
 * The addresses of one host, both families at once, in the order to try them.
 */
import type { DnsAnswer, DnssecStatus, Resolver } from "../dns/resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import { describeError } from "./mx-candidates.ts";

/**
 * - `found`: at least one address.
 * - `none`: every family that we use is definitely empty (MX-10).
 * - `error`: nothing found, and at least one question went unanswered (DA-6).
 */
export type HostAddresses =
  | Readonly<{ kind: "found"; addresses: readonly IpAddress[]; status: DnssecStatus }>
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "error"; text: string }>;

export type AddressOptions = Readonly<{
  resolver: Resolver;
  ipv4: boolean;
  ipv6: boolean;
  signal?: AbortSignal | undefined;
}>;

type AddressAnswer = DnsAnswer<IpAddress>;

/** Kept for one host; the delivery tries fewer still (MX-8). */
const maxAddresses = 16;

export async function lookupHost(name: Domain, options: AddressOptions): Promise<HostAddresses> {
  const { resolver, ipv4, ipv6, signal } = options;
  const asked4 = ipv4 ? resolver.a(name, signal) : undefined;
  const answer6 = ipv6 ? await resolver.aaaa(name, signal) : undefined;
  return readAddresses(name, answer6, await asked4);
}

/**
 * `undefined`: family not in use. The status is that of the answers whose addresses are used: a question that an
 * attacker keeps from being answered must not turn the other one's `secure` into `insecure`.
 */
export function readAddresses(
  name: Domain,
  answer6: AddressAnswer | undefined,
  answer4: AddressAnswer | undefined,
): HostAddresses {
  const [ipv6, ipv4] = [addressesOf(answer6), addressesOf(answer4)];
  if (ipv6.length + ipv4.length > 0) {
    const isInsecure = [answer6, answer4].some((answer) => answer?.kind === "records" && answer.status === "insecure");
    return { kind: "found", addresses: interleave(ipv6, ipv4), status: isInsecure ? "insecure" : "secure" };
  }
  if (answer6?.kind === "error") return { kind: "error", text: describeError(`AAAA of ${name}`, answer6) };
  if (answer4?.kind === "error") return { kind: "error", text: describeError(`A of ${name}`, answer4) };
  return { kind: "none" };
}

function addressesOf(answer: AddressAnswer | undefined): readonly IpAddress[] {
  return answer?.kind === "records" ? answer.records : [];
}

/** One of each in turn, IPv6 first, each family in the resolver's order (MX-7; RFC 8305 §4). */
function interleave(ipv6: readonly IpAddress[], ipv4: readonly IpAddress[]): readonly IpAddress[] {
  if (ipv6.length === 0) return ipv4.slice(0, maxAddresses);
  const mixed: IpAddress[] = [];
  for (let index = 0; index < Math.max(ipv6.length, ipv4.length); index++) {
    for (const address of [ipv6[index], ipv4[index]]) if (address !== undefined) mixed.push(address);
  }
  return mixed.slice(0, maxAddresses);
}
