/**
 * From an MX answer to the hosts worth looking up, in the order to try them. Pure; RFC 5321 §5.1, RFC 7505.
 */
import type { DnsAnswer, DnssecStatus, MxRecord } from "../dns/resolver.ts";
import type { Domain } from "../mail/domain.ts";
import { defer, fail, type RouteFailure } from "./route-failure.ts";

export type MxCandidate = Readonly<{ name: Domain; preference: number }>;

export type MxCandidates =
  | Readonly<{ kind: "candidates"; candidates: readonly MxCandidate[]; status: DnssecStatus }>
  | RouteFailure;

/** Hosts looked up for one domain: more would be an amplifier in the hands of whoever wrote the zone. */
export const maxHosts = 32;

/**
 * @param nexthopDomain as routing chose it; CNAMEs were followed by the resolver (MX-1)
 */
export function readMxCandidates(answer: DnsAnswer<MxRecord>, nexthopDomain: Domain): MxCandidates {
  switch (answer.kind) {
    case "error":
      // Never a reason to fall back to the address of the domain itself (MX-3).
      return defer("dns-error", "4.4.3", describeError(`MX of ${nexthopDomain}`, answer));
    case "no-name":
      return fail("no-such-domain", "5.1.2", `${nexthopDomain}: no such domain`);
    case "no-data":
      return { kind: "candidates", candidates: [{ name: nexthopDomain, preference: 0 }], status: answer.status };
    case "records":
      return readRecords(answer.records, answer.status, nexthopDomain);
  }
}

function readRecords(records: readonly MxRecord[], status: DnssecStatus, domain: Domain): MxCandidates {
  if (isNullMx(records)) return fail("null-mx", "5.1.10", `556 ${domain} takes no mail: null MX (RFC 7505)`);
  const best = new Map<Domain, number>();
  for (const { exchange, preference } of records) {
    if (exchange === undefined) continue; // a root beside others (NM-2), or no host name (MX-11)
    best.set(exchange, Math.min(preference, best.get(exchange) ?? preference));
  }
  if (best.size === 0) return fail("no-usable-host", "5.4.4", `${domain}: no MX record names a host`);
  return { kind: "candidates", candidates: Array.from(best, ([name, preference]) => ({ name, preference })), status };
}

function isNullMx(records: readonly MxRecord[]): boolean {
  const [only, ...others] = records;
  return only !== undefined && others.length === 0 && only.exchange === undefined && only.invalidTarget === undefined;
}

/**
 * By preference, equal ones in random order (MX-6), the first `maxHosts`.
 *
 * @param random 0 to below 1
 */
export function orderCandidates(candidates: readonly MxCandidate[], random: () => number): readonly MxCandidate[] {
  if (candidates.length < 2) return candidates;
  const tickets = candidates.map((candidate) => ({ candidate, ticket: random() }));
  tickets.sort((a, b) => a.candidate.preference - b.candidate.preference || a.ticket - b.ticket);
  return tickets.slice(0, maxHosts).map(({ candidate }) => candidate);
}

/** One line for log and DSN. */
export function describeError(what: string, { error, extended }: Extract<DnsAnswer<never>, { kind: "error" }>): string {
  return extended === undefined ? `${what}: ${error}` : `${what}: ${error}: ${extended}`;
}
