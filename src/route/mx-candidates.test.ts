import assert from "node:assert/strict";
import { test } from "node:test";
import type { DnsAnswer, MxRecord } from "../dns/resolver.ts";
import { domain } from "../mail/domain.ts";
import { type MxCandidates, maxHosts, orderCandidates, readMxCandidates } from "./mx-candidates.ts";

const nexthop = domain("example.com");

function mx(preference: number, exchange?: string, invalidTarget?: string): MxRecord {
  const host = exchange === undefined ? undefined : domain(exchange);
  return invalidTarget === undefined ? { preference, exchange: host } : { preference, exchange: host, invalidTarget };
}

function records(...list: MxRecord[]): DnsAnswer<MxRecord> {
  return { kind: "records", records: list, status: "secure", name: nexthop, ttlSeconds: 60 };
}

function denial(kind: "no-data" | "no-name"): DnsAnswer<MxRecord> {
  return { kind, status: "insecure", name: nexthop, ttlSeconds: 60 };
}

function error(text: string, extended?: string): DnsAnswer<MxRecord> {
  return { kind: "error", error: text, extended };
}

function summary(read: MxCandidates): string {
  if (read.kind !== "candidates") return `${read.kind} ${read.status} ${read.code}: ${read.text}`;
  return `${read.status}: ${read.candidates.map(({ name, preference }) => `${preference} ${name}`).join(", ")}`;
}

const rows: readonly [name: string, answer: DnsAnswer<MxRecord>, want: string][] = [
  ["records", records(mx(10, "a.example"), mx(20, "b.example")), "secure: 10 a.example, 20 b.example"],
  [
    "a host named twice counts once, at its best",
    records(mx(20, "a.example"), mx(10, "a.example")),
    "secure: 10 a.example",
  ],
  ["MX-2: NXDOMAIN", denial("no-name"), "fail 5.1.2 no-such-domain: example.com: no such domain"],
  ["MX-3: an error is no absence", error("SERVFAIL"), "defer 4.4.3 dns-error: MX of example.com: SERVFAIL"],
  [
    "RS-12: with the extended error",
    error("SERVFAIL", "6 DNSSEC bogus"),
    "defer 4.4.3 dns-error: MX of example.com: SERVFAIL: 6 DNSSEC bogus",
  ],
  ["MX-4: no MX is the domain itself at 0", denial("no-data"), "insecure: 0 example.com"],
  ["NM-1: null MX", records(mx(0)), "fail 5.1.10 null-mx: 556 example.com takes no mail: null MX (RFC 7505)"],
  [
    "NM-1: null MX at any preference",
    records(mx(10)),
    "fail 5.1.10 null-mx: 556 example.com takes no mail: null MX (RFC 7505)",
  ],
  ["NM-2: a root beside others is ignored", records(mx(0), mx(10, "a.example")), "secure: 10 a.example"],
  [
    "NM-2: two roots are no null MX",
    records(mx(0), mx(1)),
    "fail 5.4.4 no-usable-host: example.com: no MX record names a host",
  ],
  [
    "MX-5, MX-11: an address as target is not used, nor is the domain",
    records(mx(0, undefined, "192.0.2.1")),
    "fail 5.4.4 no-usable-host: example.com: no MX record names a host",
  ],
];
for (const [name, answer, want] of rows) {
  test(`readMxCandidates: ${name}`, () => assert.equal(summary(readMxCandidates(answer, nexthop)), want));
}

/** 0.9, 0.8 ...: the later of two equals goes first. */
function falling(): () => number {
  let next = 1;
  return () => (next -= 0.1);
}

function named(...list: readonly [number, string][]) {
  return list.map(([preference, name]) => ({ preference, name: domain(name) }));
}

test("orderCandidates: MX-6 by preference, equals by chance", () => {
  const given = named([20, "d.example"], [10, "a.example"], [10, "b.example"], [5, "c.example"]);
  const names = (random: () => number): string =>
    orderCandidates(given, random)
      .map(({ name }) => name[0])
      .join("");
  assert.equal(
    names(() => 0.5),
    "cabd",
  );
  assert.equal(names(falling()), "cbad");
});

test("orderCandidates: MX-6 each of the equals comes first as often as another", () => {
  const given = named([10, "a.example"], [10, "b.example"], [10, "c.example"]);
  const first = new Map<string, number>();
  for (let round = 0; round < 3000; round++) {
    const [best] = orderCandidates(given, Math.random);
    if (best !== undefined) first.set(best.name, (first.get(best.name) ?? 0) + 1);
  }
  // 1000 expected, standard deviation 26
  assert.ok(first.size === 3 && [...first.values()].every((times) => times > 800 && times < 1200));
});

test("orderCandidates: a zone with thousands of hosts gets a few looked up, the best ones", () => {
  const given = named(
    ...Array.from({ length: 2000 }, (_, index): [number, string] => [2000 - index, `h${index}.example`]),
  );
  const ordered = orderCandidates(given, Math.random);
  assert.deepEqual([ordered.length, ordered[0]?.preference, ordered.at(-1)?.preference], [maxHosts, 1, maxHosts]);
});
