import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createClientNames } from "../../src/dns/client-name.ts";
import type { DnsAnswer, Resolver } from "../../src/dns/resolver.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import { type Domain, domain } from "../../src/mail/domain.ts";
import { HandClock } from "./hand-clock.ts";

const client = "192.0.2.7" as IpAddress;
const nothing = { kind: "no-data", status: "insecure", name: domain("x.example"), ttlSeconds: 60 } as const;
const failed = { kind: "error", error: "SERVFAIL", extended: undefined } as const;

function found<T>(ttlSeconds: number, ...records: readonly T[]): DnsAnswer<T> {
  return { ...nothing, kind: "records", records, ttlSeconds };
}

/** `ptr` and `a` as they are answered; every PTR question is counted. */
function scripted(
  ptr: DnsAnswer<Domain | undefined>,
  a: Resolver["a"] = async () => nothing,
  ask: Resolver["ptr"] = async () => ptr,
) {
  const asked: string[] = [];
  const none = async (): Promise<typeof nothing> => nothing;
  const resolver: Resolver = {
    mx: none,
    txt: none,
    aaaa: none,
    a,
    ptr: (address, signal) => {
      asked.push(address);
      return ask(address, signal);
    },
  };
  const clock = new HandClock();
  return { asked, clock, nameOf: createClientNames({ resolver, timeoutMs: 5_000, clock }) };
}

const mx = domain("mx.example");
const lifetimes: readonly [name: string, ptr: DnsAnswer<Domain>, a: DnsAnswer<IpAddress>, keptSeconds: number][] = [
  ["verified: the shorter TTL", found(600, mx), found(200, client), 200],
  ["verified: an hour at most", found(86_400, mx), found(86_400, client), 3600],
  ["verified: five seconds at least", found(0, mx), found(600, client), 5],
  ["forged: a quarter of an hour at most", found(3600, mx), found<IpAddress>(3600), 900],
  ["forged: as long as the denial says", found(3600, mx), nothing, 60],
  ["none: as long as the denial says", nothing, nothing, 60],
  ["none: a quarter of an hour at most", { ...nothing, kind: "no-name", ttlSeconds: 3600 }, nothing, 900],
  ["unknown: ten seconds", failed, nothing, 10],
  ["unknown, the name: ten seconds", found(3600, mx), failed, 10],
];
for (const [name, ptr, a, keptSeconds] of lifetimes) {
  test(`createClientNames keeps ${name}`, async () => {
    const { asked, clock, nameOf } = scripted(ptr, async () => a);
    const first = await nameOf(client);
    clock.advance(keptSeconds * 1000 - 1);
    assert.deepEqual(await nameOf(client), first);
    assert.equal(asked.length, 1);
    clock.advance(1);
    assert.deepEqual(await nameOf(client), first);
    assert.equal(asked.length, 2);
  });
}

test("createClientNames: a name that was verified in time counts although another keeps silent", async () => {
  const ended: Domain[] = [];
  const silent = domain("a.example");
  const { clock, nameOf } = scripted(found(60, mx, silent), (name, signal) => {
    if (name === mx) return Promise.resolve(found(60, client));
    return new Promise((resolve) => {
      signal?.addEventListener("abort", () => {
        ended.push(name);
        resolve(failed);
      });
    });
  });
  const answer = nameOf(client);
  await new Promise(setImmediate);
  clock.advance(5_000);
  assert.deepEqual(await answer, { kind: "verified", name: mx });
  assert.deepEqual(ended, [silent]);
});

test("createClientNames: questions whose answers no longer count are ended", async () => {
  const late = domain("z.example");
  let ended = false;
  const { nameOf } = scripted(found(60, mx, late), (name, signal) => {
    if (name === mx) return Promise.resolve(found(60, client));
    return new Promise(() => signal?.addEventListener("abort", () => (ended = true)));
  });
  assert.deepEqual(await nameOf(client), { kind: "verified", name: mx });
  assert.equal(ended, true);
});

test("createClientNames: verified by nothing but an address that is the client's own, whatever the zones say", async () => {
  const names = Array.from("abcdefgh", (letter) => domain(`${letter}.example`));
  const answer = fc.constantFrom("own", "own among others", "other", "none", "error");
  const zone = fc.array(fc.tuple(fc.constantFrom(...names), answer), { maxLength: 12 });
  const addresses: Readonly<Record<string, DnsAnswer<IpAddress>>> = {
    own: found(60, client),
    "own among others": found(60, "192.0.2.70" as IpAddress, client),
    other: found(60, "192.0.2.70" as IpAddress, "92.0.2.7" as IpAddress),
    none: nothing,
    error: failed,
  };
  await fc.assert(
    fc.asyncProperty(zone, async (entries) => {
      const said = new Map(entries);
      const looked = [...said.keys()].sort().slice(0, 5);
      const { nameOf } = scripted(
        found(60, ...entries.map(([name]) => name)),
        async (name) => addresses[said.get(name) ?? "none"] ?? nothing,
      );
      const answers = looked.map((name) => said.get(name));
      const first = looked.find((name) => said.get(name)?.startsWith("own"));
      const otherwise = answers.includes("error") ? "unknown" : answers.length === 0 ? "none" : "forged";
      const name = await nameOf(client);
      assert.equal(name.kind, first === undefined ? otherwise : "verified");
      if (first !== undefined) assert.deepEqual(name, { kind: "verified", name: first });
    }),
  );
});

test("createClientNames: whoever comes from many addresses is asked about a few at a time", async () => {
  const asked: string[] = [];
  const { clock, nameOf } = scripted(nothing, undefined, (address, signal) => {
    asked.push(address);
    return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(failed)));
  });
  const names = Array.from({ length: 100 }, (_, number) => nameOf(`192.0.2.${number}` as IpAddress));
  await new Promise(setImmediate);
  assert.equal(asked.length, 32);
  clock.advance(5_000);
  assert.deepEqual(new Set((await Promise.all(names)).map(({ kind }) => kind)), new Set(["unknown"]));
  assert.ok(asked.length < 100);
  const next = nameOf("198.51.100.1" as IpAddress);
  await new Promise(setImmediate);
  assert.equal(asked.at(-1), "198.51.100.1");
  clock.advance(5_000);
  await next;
});

test("createClientNames: the longest kept addresses make room", async () => {
  const { asked, nameOf } = scripted(nothing);
  const at = (number: number): IpAddress => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}` as IpAddress;
  for (let number = 0; number <= 20_000; number += 1) await nameOf(at(number));
  await nameOf(at(20_000));
  assert.equal(asked.length, 20_001);
  await nameOf(at(0));
  assert.equal(asked.length, 20_002);
});
