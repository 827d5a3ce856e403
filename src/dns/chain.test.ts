import assert from "node:assert/strict";
import { test } from "node:test";
import { domain } from "../mail/domain.ts";
import { type Chain, type ChainReading, readChain, startChain } from "./chain.ts";
import type { DnsMessage, DnsRecord } from "./message.ts";
import type { QuestionType } from "./query.ts";
import type { DnssecStatus } from "./resolver.ts";

function a(owner: string, value: string, ttlSeconds = 300): DnsRecord {
  return { owner, ttlSeconds, type: "A", value } as DnsRecord;
}

function cname(owner: string, value: string, ttlSeconds = 300): DnsRecord {
  return { owner, ttlSeconds, type: "CNAME", value };
}

function soa(owner: string, ttlSeconds = 60): DnsMessage["soa"] {
  return { owner, ttlSeconds };
}

function read(change: Partial<DnsMessage>, from: Chain, status: DnssecStatus = "secure"): string {
  const message = { rcode: 0, authentic: true, truncated: false, answers: [], soa: undefined, extended: undefined };
  return summary(readChain({ ...message, ...change }, "A", from, status));
}

function summary(reading: ChainReading<string>): string {
  if (reading.kind === "continues") return `continues at ${reading.chain.name} ${reading.chain.status}`;
  const { answer } = reading;
  if (answer.kind === "error") return `error: ${answer.error}`;
  const records = answer.kind === "records" ? ` ${answer.records.join(" ")}` : "";
  return `${answer.kind}${records} ${answer.status} at ${answer.name} for ${answer.ttlSeconds} s`;
}

const x = "x.example";
const long = Array.from({ length: 9 }, (_, link) => cname(`c${link}.example`, `c${link + 1}.example`));
const rows: readonly [name: string, seen: Partial<DnsMessage>, want: string][] = [
  [
    "records",
    { answers: [a(x, "192.0.2.1"), a(x, "192.0.2.2")] },
    "records 192.0.2.1 192.0.2.2 secure at x.example for 300 s",
  ],
  [
    "RS-11: the smallest TTL",
    { answers: [a(x, "192.0.2.1"), a(x, "192.0.2.2", 20)] },
    "records 192.0.2.1 192.0.2.2 secure at x.example for 20 s",
  ],
  [
    "RS-11: an hour at most",
    { answers: [a(x, "192.0.2.1", 86400)] },
    "records 192.0.2.1 secure at x.example for 3600 s",
  ],
  [
    "TTL 0 is shared for a moment",
    { answers: [a(x, "192.0.2.1", 0)] },
    "records 192.0.2.1 secure at x.example for 1 s",
  ],
  [
    "RS-7: records of another owner are ignored",
    { answers: [a("y.example", "192.0.2.1")], soa: soa("example") },
    "no-data secure at x.example for 60 s",
  ],
  [
    "MX-1: a CNAME and its target, TTL of the chain",
    { answers: [a("y.example", "192.0.2.1"), cname(x, "y.example", 30)] },
    "records 192.0.2.1 secure at y.example for 30 s",
  ],
  [
    "RS-7: CNAMEs in any order",
    { answers: [cname("y.example", "z.example"), a("z.example", "192.0.2.1"), cname(x, "y.example")] },
    "records 192.0.2.1 secure at z.example for 300 s",
  ],
  [
    "a CNAME whose target has no such records",
    { answers: [cname(x, "y.example", 30)], soa: soa("example", 600) },
    "no-data secure at y.example for 30 s",
  ],
  ["a CNAME whose target was not looked at", { answers: [cname(x, "y.example")] }, "continues at y.example secure"],
  [
    "an SOA of another zone says nothing of the target",
    { answers: [cname(x, "y.test")], soa: soa("example") },
    "continues at y.test secure",
  ],
  [
    "RS-15: NXDOMAIN under a CNAME",
    { rcode: 3, answers: [cname(x, "y.example")], soa: soa("example") },
    "no-name secure at y.example for 60 s",
  ],
  ["NXDOMAIN", { rcode: 3, soa: soa("example", 300) }, "no-name secure at x.example for 300 s"],
  [
    "RS-11: a denial for 15 minutes at most",
    { rcode: 3, soa: soa("example", 86400) },
    "no-name secure at x.example for 900 s",
  ],
  ["a denial without SOA is shared for a moment", { rcode: 3 }, "no-name secure at x.example for 1 s"],
  ["no answer at all is a denial", {}, "no-data secure at x.example for 1 s"],
  ["AT-32: CNAME to itself", { answers: [cname(x, x)] }, "error: CNAME loop at x.example"],
  ["AT-17: CNAME loop", { answers: [cname(x, "y.example"), cname("y.example", x)] }, "error: CNAME loop at x.example"],
  [
    "AT-17: a chain of ten",
    { answers: [cname(x, "c0.example"), ...long, a("c9.example", "192.0.2.1")] },
    "error: more than 8 CNAMEs from x.example",
  ],
  [
    "a chain of eight",
    { answers: [cname(x, "c2.example"), ...long.slice(2), a("c9.example", "192.0.2.1")] },
    "records 192.0.2.1 secure at c9.example for 300 s",
  ],
  [
    "a CNAME to what is no host name",
    { answers: [cname(x, "\\x61206c.example")] },
    "error: x.example is an alias of \\x61206c.example, which is no host name",
  ],
];
for (const [name, seen, want] of rows) {
  test(`readChain: ${name}`, () => assert.equal(read(seen, startChain(domain(x))), want));
}

test("readChain: RS-6 one insecure link makes the whole chain insecure", () => {
  const second: Chain = { ...startChain(domain(x)), passed: [domain("first.example")], status: "insecure" };
  assert.equal(read({ answers: [a(x, "192.0.2.1")] }, second), "records 192.0.2.1 insecure at x.example for 300 s");
  const insecure = read({ answers: [a(x, "192.0.2.1")] }, startChain(domain(x)), "insecure");
  assert.equal(insecure, "records 192.0.2.1 insecure at x.example for 300 s");
});

test("readChain: AT-17 a loop over several answers is seen", () => {
  const second: Chain = { ...startChain(domain(x)), passed: [domain("first.example")] };
  assert.equal(read({ answers: [cname(x, "first.example")] }, second), "error: CNAME loop at first.example");
});

test("readChain: RFC 2317 §4 a slash may stand where PTR questions are led, and nowhere else", () => {
  const target = "7.0/25.2.0.192.in-addr.arpa";
  const message = { rcode: 0, authentic: true, truncated: false, soa: undefined, extended: undefined };
  const reading = (type: QuestionType) =>
    summary(readChain({ ...message, answers: [cname(x, target)] }, type, startChain(domain(x)), "secure"));
  assert.equal(reading("PTR"), `continues at ${target} secure`);
  assert.equal(reading("A"), `error: x.example is an alias of ${target}, which is no host name`);
});
