import assert from "node:assert/strict";
import { test } from "node:test";
import type { DnsAnswer, DnssecStatus, MxRecord, Resolver } from "../dns/resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import { type Domain, domain } from "../mail/domain.ts";
import { parseCidr } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import { findRoute, type RouteOptions } from "./find-route.ts";
import type { Route } from "./route.ts";

type Host = Readonly<{
  mx?: readonly (readonly [preference: number, host: string])[] | "error";
  a?: readonly string[] | "error";
  aaaa?: readonly string[] | "error";
  status?: DnssecStatus;
}>;

type World = Readonly<Record<string, Host>>;

function scripted(world: World): Resolver {
  function answer<T>(name: Domain, given: (host: Host) => readonly T[] | "error" | undefined): Promise<DnsAnswer<T>> {
    const host = world[name];
    const records = host && given(host);
    const base = { status: host?.status ?? "secure", name, ttlSeconds: 60 } as const;
    if (records === "error") return Promise.resolve({ kind: "error", error: "SERVFAIL", extended: undefined });
    if (host === undefined) return Promise.resolve({ kind: "no-name", ...base });
    if (records === undefined) return Promise.resolve({ kind: "no-data", ...base });
    return Promise.resolve({ kind: "records", records, ...base });
  }
  function addresses(given: Host["a"]): readonly IpAddress[] | "error" | undefined {
    return given as readonly IpAddress[] | "error" | undefined;
  }
  return {
    mx: (name) =>
      answer<MxRecord>(name, ({ mx }) => {
        if (mx === undefined || mx === "error") return mx;
        return mx.map(([preference, host]) => ({ preference, exchange: host === "." ? undefined : domain(host) }));
      }),
    a: (name) => answer(name, ({ a }) => addresses(a)),
    aaaa: (name) => answer(name, ({ aaaa }) => addresses(aaaa)),
    txt: (name) => answer<string>(name, () => undefined),
    ptr: () => answer<Domain>(domain("7.2.0.192.in-addr.arpa"), () => undefined),
  };
}

const toExample: Nexthop = { kind: "mx", domain: domain("example.com"), port: 25 };

function options(world: World, change: Partial<RouteOptions> = {}): RouteOptions {
  return {
    resolver: scripted(world),
    ownNames: new Set([domain("relay.example")]),
    ownAddresses: new Set(["9.9.9.1" as IpAddress]),
    ownEndpoints: new Set(["127.0.0.1 2525"]),
    ipv4: true,
    ipv6: true,
    allowAddresses: [],
    random: () => 0.5,
    ...change,
  };
}

function summary(route: Route): string {
  if (route.kind !== "hosts") return `${route.kind} ${route.status} ${route.code}: ${route.text}`;
  return route.hosts
    .map(({ preference, name, addresses, mxStatus, addressStatus }) => {
      const insecure = [mxStatus === "insecure" ? "mx" : "", addressStatus === "insecure" ? "address" : ""].filter(
        Boolean,
      );
      return `${preference} ${name ?? "-"} ${addresses.join(" ")}${insecure.length > 0 ? ` insecure ${insecure}` : ""}`;
    })
    .join(", ");
}

const a = { a: ["9.9.9.11"] };
const b = { a: ["9.9.9.12"] };
const c = { a: ["9.9.9.13"] };

/** Public-looking addresses: documentation ranges are refused by the address guard, as they should be. */
const rows: readonly [name: string, world: World, want: string, change?: Partial<RouteOptions>][] = [
  [
    "MX-6: by preference",
    {
      "example.com": {
        mx: [
          [20, "b.example"],
          [10, "a.example"],
        ],
      },
      "a.example": a,
      "b.example": b,
    },
    "10 a.example 9.9.9.11, 20 b.example 9.9.9.12",
  ],
  ["MX-2: no such domain", {}, "fail 5.1.2 no-such-domain: example.com: no such domain"],
  [
    "MX-3: MX question unanswered",
    { "example.com": { mx: "error", ...a } },
    "defer 4.4.3 dns-error: MX of example.com: SERVFAIL",
  ],
  ["MX-4: implicit MX", { "example.com": a }, "0 example.com 9.9.9.11"],
  [
    "MX-4: implicit MX without address",
    { "example.com": {} },
    "fail 5.4.4 no-usable-host: example.com: no address for example.com",
  ],
  [
    "MX-5: the domain's own address is not used beside MX",
    { "example.com": { mx: [[10, "a.example"]], ...c } },
    "fail 5.4.4 no-usable-host: example.com: no address for a.example",
  ],
  [
    "MX-7: families in turn, IPv6 first",
    {
      "example.com": {
        a: ["9.9.9.1", "9.9.9.2"].map((x) => x.replace(".9.1", ".9.3")),
        aaaa: ["2620:fe::1", "2620:fe::2", "2620:fe::3"],
      },
    },
    "0 example.com 2620:fe::1 9.9.9.3 2620:fe::2 9.9.9.2 2620:fe::3",
  ],
  ["IPv6 off", { "example.com": { ...a, aaaa: ["2620:fe::1"] } }, "0 example.com 9.9.9.11", { ipv6: false }],
  ["IPv4 off", { "example.com": { ...a, aaaa: ["2620:fe::1"] } }, "0 example.com 2620:fe::1", { ipv4: false }],
  [
    "DA-6: one family unanswered: the other is used, and stays secure",
    { "example.com": { ...a, aaaa: "error" } },
    "0 example.com 9.9.9.11",
  ],
  [
    "DA-6: every family unanswered: the next host",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
        ],
      },
      "a.example": { a: "error", aaaa: "error" },
      "b.example": b,
    },
    "20 b.example 9.9.9.12",
  ],
  [
    "MX-10: no host usable, one unanswered",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
        ],
      },
      "a.example": {},
      "b.example": { a: "error" },
    },
    "defer 4.4.3 dns-error: A of b.example: SERVFAIL",
  ],
  [
    "MX-10: no host usable, all for sure",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
        ],
      },
      "a.example": {},
    },
    "fail 5.4.4 no-usable-host: example.com: no address for a.example, b.example",
  ],
  [
    "NM-1: null MX",
    { "example.com": { mx: [[0, "."]], ...a } },
    "fail 5.1.10 null-mx: 556 example.com takes no mail: null MX (RFC 7505)",
  ],
  [
    "NM-2: a root beside others",
    {
      "example.com": {
        mx: [
          [0, "."],
          [10, "a.example"],
        ],
      },
      "a.example": a,
    },
    "10 a.example 9.9.9.11",
  ],
  [
    "the status of each answer",
    { "example.com": { mx: [[10, "a.example"]], status: "insecure" }, "a.example": a },
    "10 a.example 9.9.9.11 insecure mx",
  ],
  [
    "an insecure address",
    { "example.com": { mx: [[10, "a.example"]] }, "a.example": { ...a, status: "insecure" } },
    "10 a.example 9.9.9.11 insecure address",
  ],
  [
    "MX-9: our name and what is worse is dropped",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "relay.example"],
          [20, "b.example"],
          [30, "c.example"],
        ],
      },
      "a.example": a,
      "b.example": b,
      "c.example": c,
    },
    "10 a.example 9.9.9.11",
  ],
  [
    "MX-9: our address and what is worse is dropped",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
          [30, "c.example"],
        ],
      },
      "a.example": a,
      "b.example": { a: ["9.9.9.1"] },
      "c.example": c,
    },
    "10 a.example 9.9.9.11",
  ],
  [
    "MX-9: among several addresses",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
        ],
      },
      "a.example": { a: ["9.9.9.11", "9.9.9.1"] },
      "b.example": b,
    },
    "fail 5.4.6 loops-to-self: example.com: its best mail host is this one",
  ],
  [
    "MX-9, AT-32: MX pointing back by name",
    {
      "example.com": {
        mx: [
          [10, "relay.example"],
          [20, "b.example"],
        ],
      },
      "b.example": b,
    },
    "fail 5.4.6 loops-to-self: example.com: its best mail host is this one",
  ],
  [
    "MX-9, AT-32: implicit MX pointing back by address",
    { "example.com": { a: ["9.9.9.1"] } },
    "fail 5.4.6 loops-to-self: example.com: its best mail host is this one",
  ],
  [
    "MX-9: what we listen on is ours at any port",
    { "example.com": { a: ["127.0.0.1"] } },
    "fail 5.4.6 loops-to-self: example.com: its best mail host is this one",
    { ownEndpoints: new Set(["127.0.0.1 25"]) },
  ],
  [
    "MX-12: private, loopback and documentation addresses are skipped",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
        ],
      },
      "a.example": { a: ["10.0.0.1", "127.0.0.1", "192.0.2.1"], aaaa: ["::1", "fc00::1"] },
      "b.example": b,
    },
    "20 b.example 9.9.9.12",
  ],
  [
    "MX-12: nothing else is left",
    { "example.com": { a: ["10.0.0.1"] } },
    "fail 5.4.4 address-not-allowed: example.com: example.com has the address 10.0.0.1, which is not a public one",
  ],
  [
    "MX-12: nothing else is left, and one host unanswered",
    {
      "example.com": {
        mx: [
          [10, "a.example"],
          [20, "b.example"],
        ],
      },
      "a.example": { a: ["10.0.0.1"] },
      "b.example": { a: "error" },
    },
    "defer 4.4.3 dns-error: A of b.example: SERVFAIL",
  ],
  [
    "MX-12: allowed by the operator",
    { "example.com": { a: ["10.0.0.1", "10.1.0.1"] } },
    "0 example.com 10.0.0.1",
    { allowAddresses: [{ address: "10.0.0.0" as IpAddress, prefix: 16 }] },
  ],
];
for (const [name, world, want, change] of rows) {
  test(`findRoute: ${name}`, async () =>
    assert.equal(summary(await findRoute(toExample, options(world, change))), want));
}

function host(text: string, port: number, isIp = true): Nexthop {
  return { kind: "host", host: isIp ? (text as IpAddress) : domain(text), isIp, port, implicitTls: port === 465 };
}

const hosts: readonly [name: string, nexthop: Nexthop, world: World, want: string][] = [
  ["MX-13: an address connects directly", host("9.9.9.11", 25), {}, "0 - 9.9.9.11 insecure address"],
  ["MX-12: the operator may name a private address", host("10.0.0.1", 25), {}, "0 - 10.0.0.1 insecure address"],
  [
    "a host without MX look-up",
    host("a.example", 465, false),
    { "a.example": { ...a, mx: [[1, "b.example"]] } },
    "0 a.example 9.9.9.11",
  ],
  [
    "a private address of a named host",
    host("a.example", 25, false),
    { "a.example": { a: ["10.0.0.1"] } },
    "0 a.example 10.0.0.1",
  ],
  ["MX-9: another server on this machine", host("127.0.0.1", 25), {}, "0 - 127.0.0.1 insecure address"],
  [
    "MX-9: our own listener",
    host("127.0.0.1", 2525),
    {},
    "fail 5.4.6 loops-to-self: [127.0.0.1] port 2525 is this server itself",
  ],
  [
    "MX-9: our own listener by name",
    host("a.example", 2525, false),
    { "a.example": { a: ["127.0.0.1"] } },
    "fail 5.4.6 loops-to-self: [a.example] port 2525 is this server itself",
  ],
  [
    "no address",
    host("a.example", 25, false),
    { "a.example": {} },
    "fail 5.4.4 no-usable-host: no address for [a.example]",
  ],
  ["no such name", host("a.example", 25, false), {}, "fail 5.4.4 no-usable-host: no address for [a.example]"],
  [
    "MX-3: unanswered",
    host("a.example", 25, false),
    { "a.example": { aaaa: "error" } },
    "defer 4.4.3 dns-error: AAAA of a.example: SERVFAIL",
  ],
];
for (const [name, nexthop, world, want] of hosts) {
  test(`findRoute to a host: ${name}`, async () =>
    assert.equal(summary(await findRoute(nexthop, options(world))), want));
}

test("findRoute: port and implicit TLS are the nexthop's", async () => {
  const route = await findRoute(host("a.example", 465, false), options({ "a.example": a }));
  assert.ok(route.kind === "hosts");
  assert.deepEqual(
    route.hosts.map(({ port, implicitTls }) => [port, implicitTls]),
    [[465, true]],
  );
  const other = await findRoute({ ...toExample, port: 2525 }, options({ "example.com": a }));
  assert.ok(other.kind === "hosts" && other.hosts[0]?.port === 2525 && !other.hosts[0].implicitTls);
  const wrapped = await findRoute({ ...toExample, port: 465, implicitTls: true }, options({ "example.com": a }));
  assert.ok(wrapped.kind === "hosts" && wrapped.hosts[0]?.port === 465 && wrapped.hosts[0].implicitTls);
});

test("findRoute: MX-9 an address of this machine at another port than 25 is another server", async () => {
  const allowAddresses = [parseCidr("127.0.0.0/8")].filter((block) => block !== undefined);
  const own = { allowAddresses, ownAddresses: new Set(["127.0.0.1" as IpAddress]) };
  const world: World = { "example.com": { a: ["127.0.0.1"] } };
  assert.equal(summary(await findRoute({ ...toExample, port: 10025 }, options(world, own))), "0 example.com 127.0.0.1");
  assert.match(summary(await findRoute(toExample, options(world, own))), /loops-to-self/);
});

test("findRoute: all hosts are asked at once, none that our own name rules out", async () => {
  const world: World = {
    "example.com": {
      mx: [
        [1, "a.example"],
        [2, "b.example"],
        [3, "relay.example"],
        [4, "c.example"],
      ],
    },
    "a.example": a,
  };
  const asked: string[] = [];
  const real = scripted(world);
  const held = Promise.withResolvers<void>();
  const resolver: Resolver = {
    ...real,
    a: async (name) => {
      asked.push(name);
      await held.promise;
      return real.a(name);
    },
  };
  const routed = findRoute(toExample, options(world, { resolver }));
  await new Promise(setImmediate);
  assert.deepEqual(asked, ["a.example", "b.example"]);
  held.resolve();
  assert.equal(summary(await routed), "1 a.example 9.9.9.11");
});
