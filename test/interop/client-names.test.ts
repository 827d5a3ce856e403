/**
 * Names of clients as a real resolver tells them: unbound, over a zone with classless reverse zones, names that lead
 * nowhere, and broken ones.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { startDnsOfZone } from "./lab/dns.ts";
import { Namespace } from "./lab/namespace.ts";
import { missing } from "./lab/programs.ts";

const program = path.join(import.meta.dirname, "lab/name-clients.ts");
const skip = missing();
const below6 = `${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa.`;

const zone = [
  "7.2.0.192.in-addr.arpa. 60 IN PTR mx.partner.test.",
  "mx.partner.test. 60 IN A 192.0.2.7",
  "mx.partner.test. 60 IN AAAA 2001:db8::7",
  `7.${below6} 60 IN PTR mx.partner.test.`,
  "8.2.0.192.in-addr.arpa. 60 IN PTR mx.partner.test.",
  "9.2.0.192.in-addr.arpa. 60 IN PTR nowhere.partner.test.",
  // RFC 2317 §4 as its example has it, and with the dash that many use instead of the slash.
  "10.2.0.192.in-addr.arpa. 60 IN CNAME 10.0/25.2.0.192.in-addr.arpa.",
  "10.0/25.2.0.192.in-addr.arpa. 60 IN PTR classless.partner.test.",
  "11.2.0.192.in-addr.arpa. 60 IN CNAME 11.0-25.2.0.192.in-addr.arpa.",
  "11.0-25.2.0.192.in-addr.arpa. 60 IN PTR classless.partner.test.",
  "classless.partner.test. 60 IN A 192.0.2.10",
  "classless.partner.test. 60 IN A 192.0.2.11",
  ...Array.from({ length: 40 }, (_, number) => `12.2.0.192.in-addr.arpa. 60 IN PTR host${number}.partner.test.`),
  "host1.partner.test. 60 IN A 192.0.2.12",
  "13.2.0.192.in-addr.arpa. 60 IN PTR two\\032words.partner.test.",
  "14.2.0.192.in-addr.arpa. 60 IN CNAME 14.2.0.192.in-addr.arpa.",
  '15.2.0.192.in-addr.arpa. 60 IN TXT "no name"',
];

test("client names: what unbound says of addresses becomes names, each for its reason", { skip }, async () => {
  await using namespace = await Namespace.create();
  await startDnsOfZone(namespace, zone);
  const clients = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16].map((host) => `192.0.2.${host}`);
  const said = await namespace.run(process.execPath, [program, ...clients, "2001:db8::7", "2001:db8::8"]);
  assert.equal(said.code, 0, said.stderr);
  const verified = (name: string) => ({ kind: "verified", name });
  assert.deepEqual(JSON.parse(said.stdout), {
    "192.0.2.7": verified("mx.partner.test"),
    "192.0.2.8": { kind: "forged", name: "mx.partner.test" },
    "192.0.2.9": { kind: "forged", name: "nowhere.partner.test" },
    "192.0.2.10": verified("classless.partner.test"),
    "192.0.2.11": verified("classless.partner.test"),
    "192.0.2.12": verified("host1.partner.test"),
    "192.0.2.13": { kind: "none" },
    "192.0.2.14": { kind: "unknown" },
    "192.0.2.15": { kind: "none" },
    "192.0.2.16": { kind: "none" },
    "2001:db8::7": verified("mx.partner.test"),
    "2001:db8::8": { kind: "none" },
  });
});
