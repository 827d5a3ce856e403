/**
 * Cases of the Postfix reference (PT-35 to PT-65) that `test/outcomes.test.ts` leaves out: other spellings of the same
 * rule, names by alias and by address, trust anchors, SNI, implicit TLS; and how far the walk over MX hosts goes.
 * Same form: hosts, rule, and the one line that must come out.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { RecipientOutcome } from "../../src/delivery/attempt-result.ts";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../../src/lab/certificates.ts";
import type { LabZone } from "../../src/lab/dns-zone.ts";
import type { PartnerOptions, PartnerTls } from "../../src/lab/partner-script.ts";
import { type AttemptLab, type SendOptions, secretLine, startAttemptLab } from "../lab/attempt-lab.ts";

type Host = Omit<PartnerOptions, "address" | "port">;

const timeout = 20_000;
const day = 86_400_000;
const authority = await makeAuthority("Lab CA");
const other = await makeAuthority("Other CA");
const good = await authority.issue({ dnsNames: ["mx1.example.test", "mx2.example.test"] });
const selfSigned = await makeSelfSigned({ dnsNames: ["mx1.example.test"] });
const wrongName = await authority.issue({ dnsNames: ["other.example"] });
const realName = await authority.issue({ dnsNames: ["real.example.test"] });
const nameInSubjectOnly = await authority.issue({ commonName: "mx1.example.test", dnsNames: ["other.example"] });
const byAddress = await authority.issue({ dnsNames: ["other.example"], ipAddresses: ["127.0.2.1"] });
const addressAsName = await authority.issue({ dnsNames: ["127.0.2.1"] });

function offers(certificate: IssuedCertificate, mode: PartnerTls["mode"] = "starttls"): Host {
  return mode === "none" ? { tls: { mode } } : { tls: { mode, certificate } };
}
const plain = offers(good, "none");
const fine = offers(good);
const implicit = offers(good, "implicit");

/** `event status achieved host`. */
function summary([first]: readonly RecipientOutcome[]): string {
  assert.ok(first);
  const { outcome, contact } = first;
  const where = contact?.host?.split(".")[0] ?? contact?.address ?? "-";
  return `${outcome.kind} ${outcome.status} ${contact?.verdict?.achieved ?? "-"} ${where}`;
}

type World = Readonly<{ hosts: readonly Host[]; rule: string; more?: string; zone?: LabZone }>;

function lab({ hosts, rule, more = "", zone = {} }: World): Promise<AttemptLab> {
  return startAttemptLab({
    hosts,
    yaml: `tls: { ${/\bca:/.test(rule) ? "" : "ca: ca.pem, "}${rule} }\n${more}`,
    files: {
      "ca.pem": authority.certificatePem,
      "other.pem": other.certificatePem,
      "leaf.pem": good.certificatePem,
      "self.pem": selfSigned.certificatePem,
      "empty.pem": "",
    },
    zone,
  });
}

const pinOf = (octets: Uint8Array, algorithm = "sha256"): string => createHash(algorithm).update(octets).digest("hex");
const colons = (hex: string): string => (hex.match(/../g) ?? []).join(":");
const certificatePin = pinOf(selfSigned.der);
const keyDer = new X509Certificate(selfSigned.der).publicKey.export({ type: "spki", format: "der" });
const keyPin = pinOf(keyDer);
const wrongPin = "00".repeat(32);

const alias: LabZone = {
  "mx1.example.test": { cname: "real.example.test" },
  "real.example.test": { a: ["127.0.2.1"] },
};
const elsewhere: LabZone = { "elsewhere.test": { mx: [[10, "mx1.example.test"]] } };
const toAddress = 'transports: { example.test: { to: "[127.0.2.1]:{port}" } }';
const wrapped = 'transports: { example.test: { to: "[mx1.example.test]:{port}", tls: implicit } }';

type Row = Readonly<{ name: string; want: string; send?: SendOptions } & World>;

const rows: readonly Row[] = [
  {
    name: "PT-37 one of two names",
    hosts: [fine],
    rule: "level: verify, match: [a.b, mx1.example.test]",
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-37 hostname and nexthop",
    hosts: [fine],
    rule: "level: verify, match: [hostname, nexthop]",
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-37 a name in capitals",
    hosts: [fine],
    rule: "level: verify, match: MX1.Example.TEST",
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-39 dot-nexthop, the MX host lies elsewhere",
    hosts: [fine],
    rule: "level: secure, match: dot-nexthop",
    zone: elsewhere,
    send: { to: ["someone@elsewhere.test"] },
    want: "deferred 4.7.5 trusted mx1",
  },
  {
    name: "PT-39 secure, the MX host lies elsewhere",
    hosts: [fine],
    rule: "level: secure",
    zone: elsewhere,
    send: { to: ["someone@elsewhere.test"] },
    want: "deferred 4.7.5 trusted mx1",
  },
  {
    name: "PT-40 NC-1 the name in the subject, another in the SAN",
    hosts: [offers(nameInSubjectOnly)],
    rule: "level: verify",
    want: "deferred 4.7.5 trusted mx1",
  },
  {
    name: "PT-42 the MX host is an alias, certificate for the target",
    hosts: [offers(realName)],
    rule: "level: verify",
    zone: alias,
    want: "deferred 4.7.5 trusted mx1",
  },
  {
    name: "PT-42 the MX host is an alias, certificate for the alias",
    hosts: [fine],
    rule: "level: verify",
    zone: alias,
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-43 NC-5 an address, certificate with it",
    hosts: [offers(byAddress)],
    rule: "level: verify",
    more: toAddress,
    want: "delivered 2.0.0 verified 127.0.2.1",
  },
  {
    name: "PT-43 NC-5 an address, certificate without it",
    hosts: [fine],
    rule: "level: verify",
    more: toAddress,
    want: "deferred 4.7.5 trusted 127.0.2.1",
  },
  {
    name: "PT-43 AT-14 an address, certificate with it as a DNS name",
    hosts: [offers(addressAsName)],
    rule: "level: verify",
    more: toAddress,
    want: "deferred 4.7.5 trusted 127.0.2.1",
  },
  {
    name: "PT-43 NC-5 a name, certificate with the address only",
    hosts: [offers(byAddress)],
    rule: "level: verify",
    want: "deferred 4.7.5 trusted mx1",
  },
  {
    name: "PT-44 only the system's anchors",
    hosts: [fine],
    rule: "level: verify, ca: system",
    want: "deferred 4.7.5 encrypted mx1",
  },
  {
    name: "PT-45 another CA",
    hosts: [fine],
    rule: "level: verify, ca: other.pem",
    want: "deferred 4.7.5 encrypted mx1",
  },
  {
    name: "PT-45 two CAs, one of them right",
    hosts: [fine],
    rule: "level: verify, ca: [other.pem, ca.pem]",
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-45 the leaf is no CA",
    hosts: [fine],
    rule: "level: verify, ca: leaf.pem",
    want: "deferred 4.7.5 encrypted mx1",
  },
  {
    name: "PT-45 a self-signed certificate is its own CA",
    hosts: [offers(selfSigned)],
    rule: "level: verify, ca: self.pem",
    want: "delivered 2.0.0 verified mx1",
  },
  ...[
    ["upper case with colons", `certificate-sha256:${colons(certificatePin.toUpperCase())}`],
    ["lower case with colons", `sha256:${colons(certificatePin)}`],
    ["base64", `certificate-sha256:${Buffer.from(certificatePin, "hex").toString("base64")}`],
    ["the key's digest", `spki-sha256:${keyPin}`],
    ["the key's digest, as either", `sha256:${keyPin}`],
    ["the key's digest by SHA-512", `SPKI-SHA512:${pinOf(keyDer, "sha512").toUpperCase()}`],
    ["wrong, then right", `sha256:${wrongPin}", "spki-sha256:${keyPin}`],
  ].map(
    ([name, pin]): Row => ({
      name: `PT-46 pin: ${name}`,
      hosts: [offers(selfSigned)],
      rule: `level: fingerprint, pins: ["${pin}"]`,
      want: "delivered 2.0.0 verified mx1",
    }),
  ),
  {
    name: "PT-47 the certificate's digest is no key's",
    hosts: [offers(selfSigned)],
    rule: `level: fingerprint, pins: ["spki-sha256:${certificatePin}"]`,
    want: "deferred 4.7.5 encrypted mx1",
  },
  {
    name: "PT-47 the key's digest is no certificate's",
    hosts: [offers(selfSigned)],
    rule: `level: fingerprint, pins: ["certificate-sha256:${keyPin}"]`,
    want: "deferred 4.7.5 encrypted mx1",
  },
  { name: "PT-51 ST-16 verify, not offered", hosts: [plain], rule: "level: verify", want: "deferred 4.7.4 none mx1" },
  {
    name: "PT-51 fingerprint, not offered, old mail",
    hosts: [plain],
    rule: `level: fingerprint, pins: "sha256:${keyPin}"`,
    send: { ageMs: 5 * day },
    want: "deferred 4.7.4 none mx1",
  },
  {
    name: "PT-63 implicit TLS, verify",
    hosts: [implicit],
    rule: "level: verify",
    more: wrapped,
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-63 implicit TLS, wrong name",
    hosts: [offers(wrongName, "implicit")],
    rule: "level: verify",
    more: wrapped,
    want: "deferred 4.7.5 trusted mx1",
  },
  {
    name: "PT-64 implicit TLS at level may",
    hosts: [implicit],
    rule: "level: may",
    more: wrapped,
    want: "delivered 2.0.0 verified mx1",
  },
  {
    name: "PT-64 implicit TLS, the host speaks in clear: never in clear",
    hosts: [fine],
    rule: "level: may, fallback: at once",
    more: wrapped,
    send: { ageMs: 5 * day },
    want: "deferred 4.7.5 none mx1",
  },
];

for (const { name, want, send = {}, ...world } of rows) {
  test(`outcome: ${name}`, { timeout }, async () => {
    await using opened = await lab(world);
    assert.equal(summary(await opened.send(send)), want);
    opened.pool.closeAll();
    await Promise.all(opened.hosts.map((host) => host.settled()));
    const clear = opened.hosts.flatMap((host) =>
      host.connections.map(({ clear: octets }) => octets.toString("latin1")),
    );
    assert.ok(!clear.join("").includes(secretLine));
    assert.doesNotMatch(clear.join(""), /MAIL FROM|RCPT TO/);
  });
}

const refusedRules: readonly [name: string, rule: string, problem: RegExp][] = [
  ["PT-36 match of a wildcard", 'level: verify, match: "*.example.test"', /is no name to expect/],
  ["PT-38 match of a dot", 'level: verify, match: "."', /is no name to expect/],
  ["PT-38 match of two names in one", 'level: verify, match: "mx1.example.test|other"', /is no name to expect/],
  ["PT-44 a CA file without certificates", "level: verify, ca: empty.pem", /no certificate in the CA file/],
  ["PT-45 a CA file that is not there", "level: verify, ca: missing.pem", /missing\.pem/],
  ["PT-48 fingerprint without pins", "level: fingerprint", /without pins/],
  ["PT-48 a pin that is none", 'level: fingerprint, pins: "sha256:zz:11"', /not complete/],
  ["PT-46 a pin by SHA-1", `level: fingerprint, pins: "sha1:${"ab".repeat(20)}"`, /forged/],
];
for (const [name, rule, problem] of refusedRules) {
  test(`refused when it is read: ${name}`, { timeout }, async () => {
    await assert.rejects(lab({ hosts: [fine], rule }), problem);
  });
}

const serverNames: readonly [rule: string, want: string | undefined, more?: string][] = [
  ["level: verify", "mx1.example.test"],
  ["level: may", "mx1.example.test"],
  ["level: verify, sni: hostname", "mx1.example.test"],
  ["level: verify, sni: nexthop", "example.test"],
  ["level: verify, sni: SNI.Example", "sni.example"],
  ["level: verify, sni: off", undefined],
  ["level: may", undefined, toAddress],
];
for (const [rule, want, more = ""] of serverNames) {
  test(`PT-49, TL-8: ${rule}${more === "" ? "" : ", to an address"}: the host sees ${want ?? "no name"}`, {
    timeout,
  }, async () => {
    await using opened = await lab({ hosts: [fine], rule, more });
    assert.match(summary(await opened.send()), /^delivered 2\.0\.0 (?:verified|trusted) /);
    opened.pool.closeAll();
    await opened.hosts[0]?.settled();
    assert.equal(opened.hosts[0]?.connections[0]?.serverName, want);
  });
}

test("PT-65, OUT-17: at level none it is recorded that TLS was offered", { timeout }, async () => {
  await using opened = await lab({ hosts: [fine], rule: "level: none" });
  const outcomes = await opened.send();
  assert.equal(summary(outcomes), "delivered 2.0.0 none mx1");
  assert.equal(outcomes[0]?.contact?.facts?.offered, true);
  assert.equal(outcomes[0]?.contact?.facts?.tls.kind, "skipped");
});

test("MX-14: a host that fails the rule is passed over, and the walk stays in order", { timeout }, async () => {
  await using opened = await lab({
    hosts: [plain, offers(wrongName), offers(good), offers(good)],
    rule: "level: secure",
  });
  assert.equal(summary(await opened.send()), "delivered 2.0.0 verified mx3");
  assert.deepEqual(
    opened.hosts.map((host) => host.connectionCount()),
    [1, 1, 1, 0],
  );
});

const dead = (count: number): LabZone => ({
  "mx1.example.test": { a: Array.from({ length: count }, (_, index) => `127.0.3.${index + 1}`) },
});

test("MX-8: ten addresses are tried in one attempt, not more", { timeout }, async () => {
  await using within = await lab({ hosts: [fine, fine], rule: "level: verify", zone: dead(9) });
  assert.equal(summary(await within.send()), "delivered 2.0.0 verified mx2");
  await using beyond = await lab({ hosts: [fine, fine], rule: "level: verify", zone: dead(10) });
  assert.equal(summary(await beyond.send()), "deferred 4.4.1 - mx1");
  assert.equal(beyond.hosts[1]?.connectionCount(), 0);
});

test("NC-9, AT-12: what one name proved is nothing for another name at the same address", { timeout }, async () => {
  const zone: LabZone = {
    "elsewhere.test": { mx: [[10, "mx9.elsewhere.test"]] },
    "mx9.elsewhere.test": { a: ["127.0.2.1"] },
  };
  await using opened = await lab({ hosts: [fine], rule: "level: verify", zone });
  assert.equal(summary(await opened.send()), "delivered 2.0.0 verified mx1");
  assert.equal(summary(await opened.send({ to: ["someone@elsewhere.test"] })), "deferred 4.7.5 trusted mx9");
  assert.equal(summary(await opened.send()), "delivered 2.0.0 verified mx1");
});

test("ST-15: clear text after a broken handshake is a new connection, in the same attempt, and it shows", {
  timeout,
}, async () => {
  const garbage: Host = { tls: { mode: "starttls", certificate: good, handshake: { kind: "garbage" } } };
  await using opened = await lab({ hosts: [garbage], rule: "level: may, fallback: at once" });
  const outcomes = await opened.send();
  assert.equal(summary(outcomes), "delivered 2.0.0 none mx1");
  assert.equal(opened.hosts[0]?.connectionCount(), 2);
  const codes = outcomes[0]?.contact?.decision.why.map(({ code }) => code) ?? [];
  assert.ok(codes.includes("fallback-clear") && codes.includes("handshake-failed"), codes.join());
  opened.pool.closeAll();
  await opened.hosts[0]?.settled();
  const [first, second] = opened.hosts[0]?.connections.map(({ clear }) => clear.toString("latin1")) ?? [];
  assert.doesNotMatch(first ?? "", /MAIL FROM/);
  assert.doesNotMatch(second ?? "", /STARTTLS/);
});
