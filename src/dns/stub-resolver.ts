/**
 * Letterlock's own stub resolver: a list of recursive resolvers asked over UDP and TCP, answers that carry whether a
 * trusted one validated them, and one cache for all mail look-ups. Standards.md section 18.4 (RS-*).
 *
 * Guarantees:
 *  - never throws and never rejects: every trouble is an `error` answer, which nobody may read as absence;
 *  - `secure` only from a server marked trusted, asked with EDNS, with AD and RCODE 0 or 3, on every link of a chain;
 *  - a cached answer is the same promise again; sockets are open only while a question waits.
 * Not here: MX preferences and null MX (`../route`), TLSA (comes with DANE), start-up self-test of the servers (RS-13).
 */
import type { IpAddress } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import { Lookup } from "./lookup.ts";
import type { DnsServer } from "./query.ts";
import type { MxRecord, PtrRecord, Resolver } from "./resolver.ts";
import { ServerList } from "./servers.ts";
import { Slots } from "./slots.ts";
import { reverseName } from "./wire-name.ts";

export type StubResolverOptions = Readonly<{
  /** In the order to ask them. None: every question is answered by an error. */
  servers: readonly DnsServer[];
  /** Wait for one server in the first round; doubles with each round. */
  timeoutMs: number;
  /** For a question as a whole. */
  overallMs: number;
  clock: Clock;
  /** Questions on the wire at once; more wait. */
  maxInFlight?: number;
  /** Answers kept for each record type. */
  maxCached?: number;
}>;

export function createStubResolver(options: StubResolverOptions): Resolver & AsyncDisposable {
  const { servers, timeoutMs, clock, overallMs, maxInFlight = 256, maxCached = 20_000 } = options;
  const shared = {
    servers: new ServerList(servers, timeoutMs, clock),
    slots: new Slots(maxInFlight),
    clock,
    overallMs,
    maxCached,
  };
  const mx = new Lookup<MxRecord>("MX", shared);
  const a = new Lookup<IpAddress>("A", shared);
  const aaaa = new Lookup<IpAddress>("AAAA", shared);
  const txt = new Lookup<string>("TXT", shared);
  const ptr = new Lookup<PtrRecord>("PTR", shared);
  return {
    mx: (name, signal) => mx.ask(name, signal),
    a: (name, signal) => a.ask(name, signal),
    aaaa: (name, signal) => aaaa.ask(name, signal),
    txt: (name, signal) => txt.ask(name, signal),
    ptr: (address, signal) => ptr.ask(reverseName(address), signal),
    async [Symbol.asyncDispose]() {
      await Promise.all([mx, a, aaaa, txt, ptr].map((lookup) => lookup.stop()));
    },
  };
}
