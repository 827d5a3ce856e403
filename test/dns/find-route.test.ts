/**
 * Routes found through the real resolver from the lab's DNS server: what the packets say is what the route says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { type LabZone, startDnsServer } from "../../src/lab/dns-server.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import { domain } from "../../src/mail/domain.ts";
import { findRoute } from "../../src/route/find-route.ts";
import type { Route } from "../../src/route/route.ts";
import { HandClock } from "./hand-clock.ts";

const zone: LabZone = {
  "example.com": {
    mx: [
      [20, "mx2.example.net"],
      [10, "mx1.example.net"],
    ],
    ad: true,
  },
  "mx1.example.net": { a: ["9.9.9.11"], aaaa: ["2620:fe::11"], ad: true },
  "mx2.example.net": { cname: "host.example.org", ad: true },
  "host.example.org": { a: ["9.9.9.12"] },
  "alias.example": { cname: "example.com", ad: true },
  "bare.example": { a: ["9.9.9.13"] },
  "null.example": { mx: [[0, "."]], a: ["9.9.9.13"] },
  "broken.example": { a: ["9.9.9.13"], misbehave: { MX: "servfail" } },
  "loop.example": { cname: "loop.example" },
  "pointless.example": { mx: [[0, "loop.example"]] },
  "back.example": { mx: [[10, "relay.example"]] },
  "inside.example": { mx: [[10, "localhost.example"]] },
  "localhost.example": { a: ["127.0.0.1"], aaaa: ["::1", "::ffff:127.0.0.1"] },
};

const rows: readonly [name: string, nexthop: string, want: string][] = [
  [
    "MX-1, MX-6, MX-11",
    "example.com",
    "mx1.example.net secure secure 2620:fe::11 9.9.9.11, mx2.example.net secure insecure 9.9.9.12",
  ],
  [
    "MX-1: CNAME at the domain",
    "alias.example",
    "mx1.example.net secure secure 2620:fe::11 9.9.9.11, mx2.example.net secure insecure 9.9.9.12",
  ],
  ["MX-2", "none.example", "fail 5.1.2 no-such-domain"],
  ["MX-3: SERVFAIL is no reason to use the domain's address", "broken.example", "defer 4.4.3 dns-error"],
  ["MX-4", "bare.example", "bare.example insecure insecure 9.9.9.13"],
  ["NM-1", "null.example", "fail 5.1.10 null-mx"],
  ["AT-17, AT-32: CNAME to itself at the domain", "loop.example", "defer 4.4.3 dns-error"],
  ["AT-17: CNAME loop at an MX host", "pointless.example", "defer 4.4.3 dns-error"],
  ["AT-32, MX-9: MX pointing back", "back.example", "fail 5.4.6 loops-to-self"],
  ["MX-12: loopback in every spelling", "inside.example", "fail 5.4.4 address-not-allowed"],
];

function summary(route: Route): string {
  if (route.kind !== "hosts") return `${route.kind} ${route.status} ${route.code}`;
  return route.hosts
    .map(({ name, mxStatus, addressStatus, addresses }) => [name, mxStatus, addressStatus, ...addresses].join(" "))
    .join(", ");
}

for (const [name, nexthop, want] of rows) {
  test(`findRoute over the wire: ${name}`, async () => {
    await using server = await startDnsServer(zone);
    const servers = [{ address: server.address as IpAddress, port: server.port, trusted: true }];
    await using resolver = createStubResolver({ servers, timeoutMs: 2000, overallMs: 20_000, clock: new HandClock() });
    const route = await findRoute(
      { kind: "mx", domain: domain(nexthop), port: 25 },
      {
        resolver,
        ownNames: new Set([domain("relay.example")]),
        ownAddresses: new Set(),
        ownEndpoints: new Set(),
        ipv4: true,
        ipv6: true,
        allowAddresses: [],
        random: Math.random,
      },
    );
    assert.equal(summary(route), want);
  });
}
