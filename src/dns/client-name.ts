/**
 * The name of a client that connected: its PTR name, if that name leads back to the address (RFC 1912 §2.1).
 *
 *     cached --> the same answer again          in flight --> joined
 *     new --PTR--> none, or unknown
 *         --A or AAAA of its names--> verified by the first that holds the address; else unknown if DNS could not tell
 *                                     for one of them; else forged
 *
 * Guarantees:
 *  - the answer comes within `timeoutMs`, and never as a rejection;
 *  - `verified` rests on a name below which the address really stands: whoever holds the address block cannot claim
 *    another's name;
 *  - an address costs one PTR question and at most five others, however many names it is given and clients it has;
 *  - strangers with many addresses and silent reverse zones cannot take all of the resolver's slots: few are asked about
 *    at once, the others wait within their time.
 * Several names are taken in alphabetical order: servers hand them out in turns, and rules should not take turns.
 * Not here: what hangs on the name (`../policy`). `/etc/hosts` is not read.
 */
import { LRUCache } from "lru-cache";
import type { IpAddress } from "../mail/address.ts";
import type { ClientName } from "../mail/client-name.ts";
import type { Clock } from "../mail/clock.ts";
import type { Domain } from "../mail/domain.ts";
import { isIpv6 } from "../mail/ip.ts";
import type { DnsAnswer, Resolver } from "./resolver.ts";
import { Slots } from "./slots.ts";

export type ClientNameOptions = Readonly<{
  resolver: Resolver;
  /** For all questions about one client together. */
  timeoutMs: number;
  clock: Clock;
}>;

const maxNames = 5;
/** Clients asked about at once: with all of their names they leave room for the look-ups of mail. */
const maxAsked = 32;
const maxCached = 20_000;
/** What DNS could not tell is asked again soon. */
const maxSeconds: Readonly<Record<ClientName["kind"], number>> = {
  verified: 3600,
  forged: 900,
  none: 900,
  unknown: 10,
  "not-asked": 0,
};
/** A TTL of nothing must not cost a question for each connection of a busy client. */
const minSeconds = 5;

type Finding = Readonly<{ name: ClientName; seconds: number }>;
type Cached = Readonly<{ name: Promise<ClientName>; expiresAt: number }>;

export function createClientNames(options: ClientNameOptions): (client: IpAddress) => Promise<ClientName> {
  const { clock } = options;
  const cache = new LRUCache<IpAddress, Cached>({ max: maxCached });
  const inFlight = new Map<IpAddress, Promise<ClientName>>();
  const slots = new Slots(maxAsked);
  const ask = async (client: IpAddress): Promise<ClientName> => {
    const { name, seconds } = await findWithin(client, slots, options);
    inFlight.delete(client);
    cache.set(client, { name: Promise.resolve(name), expiresAt: clock.now() + seconds * 1000 });
    return name;
  };
  return (client) => {
    const cached = cache.get(client);
    if (cached !== undefined && cached.expiresAt > clock.now()) return cached.name;
    const flight = inFlight.get(client) ?? ask(client);
    inFlight.set(client, flight);
    return flight;
  };
}

async function findWithin(
  client: IpAddress,
  slots: Slots,
  { resolver, timeoutMs, clock }: ClientNameOptions,
): Promise<Finding> {
  const late = new AbortController();
  const timer = clock.after(timeoutMs, () => late.abort());
  const finding = await slots.use(() => find(client, resolver, late.signal), late.signal);
  timer.cancel();
  // Questions about names behind the one that was verified.
  late.abort();
  return finding ?? unknown;
}

async function find(client: IpAddress, resolver: Resolver, signal: AbortSignal): Promise<Finding> {
  const names = await resolver.ptr(client, signal);
  if (names.kind === "error") return unknown;
  const records = names.kind === "records" ? names.records : [];
  const [first, ...others] = [...new Set(records)].filter((name) => name !== undefined).sort();
  if (first === undefined) return finding({ kind: "none" }, names.ttlSeconds);
  const candidates = [first, ...others].slice(0, maxNames);
  return verify(client, candidates, names.ttlSeconds, (name) => {
    return isIpv6(client) ? resolver.aaaa(name, signal) : resolver.a(name, signal);
  });
}

/** Asks about all at once, so that a zone that keeps silent costs no more time than the others. */
async function verify(
  client: IpAddress,
  names: readonly Domain[],
  ptrSeconds: number,
  addressesOf: (name: Domain) => Promise<DnsAnswer<IpAddress>>,
): Promise<Finding> {
  const asked = names.map((name) => ({ name, answer: addressesOf(name) }));
  let seconds = ptrSeconds;
  let uncertain = false;
  for (const { name, answer } of asked) {
    const said = await answer;
    if (said.kind === "error") {
      uncertain = true;
      continue;
    }
    if (said.kind === "records" && said.records.includes(client)) {
      return finding({ kind: "verified", name }, Math.min(ptrSeconds, said.ttlSeconds));
    }
    seconds = Math.min(seconds, said.ttlSeconds);
  }
  const [claimed] = names;
  return uncertain || claimed === undefined ? unknown : finding({ kind: "forged", name: claimed }, seconds);
}

function finding(name: ClientName, ttlSeconds: number): Finding {
  return { name, seconds: Math.max(minSeconds, Math.min(ttlSeconds, maxSeconds[name.kind])) };
}

const unknown = finding({ kind: "unknown" }, maxSeconds.unknown);
