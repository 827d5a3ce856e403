/**
 * What becomes of a message at every level in every situation, over real sockets: the cases of the Postfix reference
 * (PT-33 to PT-62) with Letterlock's four differences (docs/decisions/0003-tls-outcomes.md), and the attacks AT-1 to
 * AT-8. A row is: hosts, rule, age, and the one line that must come out. Hosts that fail are followed by a good one
 * where the case is about the next MX host.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { RecipientOutcome } from "../src/delivery/attempt-result.ts";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../src/lab/certificates.ts";
import type { PartnerHandshake, PartnerOptions, PartnerTls } from "../src/lab/partner-script.ts";
import { type AttemptLab, secretLine, startAttemptLab } from "./lab/attempt-lab.ts";

type Host = Omit<PartnerOptions, "address" | "port">;

const day = 86_400_000;
const old = 10 * 60_000;
const authority = await makeAuthority("Lab CA");
const other = await makeAuthority("Other CA");
const good = await authority.issue({ dnsNames: ["mx1.example.test", "mx2.example.test"] });
const names = { dnsNames: ["mx1.example.test"] };
const selfSigned = await makeSelfSigned(names);
const expired = await authority.issue({ ...names, notBefore: Date.now() - 9 * day, notAfter: Date.now() - day });
const wrongName = await authority.issue({ dnsNames: ["other.example"] });
const nexthopName = await authority.issue({ dnsNames: ["example.test"] });
const unknownCa = await other.issue(names);
const wildcard = await authority.issue({ dnsNames: ["*.example.test"] });
const twoLabels = await authority.issue({ dnsNames: ["*.test"] });
const commonNameOnly = await authority.issue({ commonName: "mx1.example.test" });
const client = await authority.issue({ dnsNames: ["relay.test"] });

function starttls(
  certificate: IssuedCertificate,
  more: Partial<Extract<PartnerTls, { mode: "starttls" | "implicit" }>> = {},
): Host {
  return { tls: { mode: "starttls", certificate, ...more } };
}
function breaking(handshake: PartnerHandshake): Host {
  return starttls(good, { handshake });
}
const plain: Host = { tls: { mode: "none" } };
const fine = starttls(good);
const reject4 = breaking({ kind: "refuse", reply: "454 4.7.0 TLS not available" });
const reject5 = breaking({ kind: "refuse", reply: "554 5.7.0 no TLS" });
const garbage = breaking({ kind: "garbage" });
const dropHandshake = breaking({ kind: "drop" });
const dropCommand = breaking({ kind: "drop-before-reply" });
const dropMail: Host = { ...fine, answers: { MAIL: (_line, inTls) => (inTls ? "drop" : undefined) } };
const onlyTls12 = starttls(good, { maxVersion: "TLSv1.2" });
const onlyAes128 = starttls(good, { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
const wantsClient = starttls(good, { clientCertificate: { wanted: "required", anchors: [authority.certificatePem] } });

const certificateSha256 = createHash("sha256").update(selfSigned.der).digest("hex");

/** `event status achieved host`, host by its number. */
function summary([first]: readonly RecipientOutcome[]): string {
  assert.ok(first);
  const { outcome, contact } = first;
  const where = contact?.host?.slice(0, 3) ?? "-";
  return `${outcome.kind} ${outcome.status} ${contact?.verdict?.achieved ?? "-"} ${where}`;
}

type Row = readonly [name: string, hosts: readonly Host[], rule: string, want: string, ageMs?: number];

const rows: readonly Row[] = [
  ["PT-50 may, not offered", [plain], "level: may", "delivered 2.0.0 none mx1"],
  ["PT-50 may, STARTTLS 454", [reject4], "level: may", "delivered 2.0.0 none mx1"],
  ["PT-50 may, STARTTLS 554", [reject5], "level: may", "delivered 2.0.0 none mx1"],
  ["may with fallback never, STARTTLS 454", [reject4], "level: may, fallback: never", "deferred 4.7.0 none mx1"],
  ["none, offered", [fine], "level: none", "delivered 2.0.0 none mx1"],
  ["PT-51 encrypt, not offered", [plain], "level: encrypt", "deferred 4.7.4 none mx1"],
  ["PT-52 encrypt, STARTTLS 454", [reject4], "level: encrypt", "deferred 4.7.0 none mx1"],
  ["PT-53 encrypt, STARTTLS 554: waits, safer than Postfix", [reject5], "level: encrypt", "deferred 4.7.0 none mx1"],
  ["PT-53 encrypt, STARTTLS 554, second host good", [reject5, fine], "level: encrypt", "delivered 2.0.0 verified mx2"],
  ["PT-54 may, dropped at STARTTLS, any age", [dropCommand], "level: may", "deferred 4.4.2 none mx1", old],
  ["PT-54 encrypt, dropped at STARTTLS", [dropCommand], "level: encrypt", "deferred 4.4.2 none mx1"],
  ["PT-55 may, garbage, fresh", [garbage], "level: may", "deferred 4.7.5 none mx1"],
  ["PT-55 may, garbage, old", [garbage], "level: may", "delivered 2.0.0 none mx1", old],
  ["PT-55 may, dropped in the handshake, fresh", [dropHandshake], "level: may", "deferred 4.7.5 none mx1"],
  ["PT-55 may, dropped in the handshake, old", [dropHandshake], "level: may", "delivered 2.0.0 none mx1", old],
  ["may with fallback at once, garbage, fresh", [garbage], "level: may, fallback: at once", "delivered 2.0.0 none mx1"],
  ["may with fallback never, garbage, old", [garbage], "level: may, fallback: never", "deferred 4.7.5 none mx1", old],
  ["PT-56 may, dropped at MAIL, fresh", [dropMail], "level: may", "deferred 4.4.2 verified mx1"],
  ["PT-56 may, dropped at MAIL, old", [dropMail], "level: may", "delivered 2.0.0 none mx1", old],
  ["PT-57 may, garbage, second host good", [garbage, fine], "level: may", "delivered 2.0.0 verified mx2"],
  [
    "may, garbage, second host good, old: TLS before clear text",
    [garbage, fine],
    "level: may",
    "delivered 2.0.0 verified mx2",
    old,
  ],
  ["PT-58 encrypt, garbage, any age", [garbage], "level: encrypt", "deferred 4.7.5 none mx1", old],
  ["PT-58 encrypt, dropped in the handshake", [dropHandshake], "level: encrypt", "deferred 4.7.5 none mx1", old],
  ["PT-59 may, self-signed", [starttls(selfSigned)], "level: may", "delivered 2.0.0 encrypted mx1"],
  ["PT-59 encrypt, expired", [starttls(expired)], "level: encrypt", "delivered 2.0.0 encrypted mx1"],
  ["PT-59 encrypt, unknown CA", [starttls(unknownCa)], "level: encrypt", "delivered 2.0.0 encrypted mx1"],
  ["PT-60 may, wrong name", [starttls(wrongName)], "level: may", "delivered 2.0.0 trusted mx1"],
  ["PT-60 encrypt, wrong name", [starttls(wrongName)], "level: encrypt", "delivered 2.0.0 trusted mx1"],
  ["PT-61 verify, self-signed", [starttls(selfSigned)], "level: verify", "deferred 4.7.5 encrypted mx1"],
  ["PT-61 verify, expired", [starttls(expired)], "level: verify", "deferred 4.7.5 encrypted mx1"],
  ["PT-61 verify, unknown CA", [starttls(unknownCa)], "level: verify", "deferred 4.7.5 encrypted mx1"],
  ["PT-61 verify, wrong name", [starttls(wrongName)], "level: verify", "deferred 4.7.5 trusted mx1"],
  ["PT-33 verify, good", [fine], "level: verify", "delivered 2.0.0 verified mx1"],
  ["PT-34 secure, MX below the domain", [fine], "level: secure", "delivered 2.0.0 verified mx1"],
  ["PT-35 verify, certificate for the domain", [starttls(nexthopName)], "level: verify", "deferred 4.7.5 trusted mx1"],
  [
    "PT-35 secure, certificate for the domain",
    [starttls(nexthopName)],
    "level: secure",
    "delivered 2.0.0 verified mx1",
  ],
  ["PT-36 verify match .example.test", [fine], "level: verify, match: .example.test", "delivered 2.0.0 verified mx1"],
  ["PT-36 verify match example.test", [fine], "level: verify, match: example.test", "deferred 4.7.5 trusted mx1"],
  [
    "PT-37 verify, one of several names",
    [starttls(wrongName)],
    "level: verify, match: [hostname, other.example]",
    "delivered 2.0.0 verified mx1",
  ],
  [
    "PT-40 verify, common name only: RFC 9525, stricter than Postfix",
    [starttls(commonNameOnly)],
    "level: verify",
    "deferred 4.7.5 trusted mx1",
  ],
  ["PT-41 verify, wildcard for one label", [starttls(wildcard)], "level: verify", "delivered 2.0.0 verified mx1"],
  ["PT-41 verify, wildcard for two labels", [starttls(twoLabels)], "level: verify", "deferred 4.7.5 trusted mx1"],
  [
    "PT-46 fingerprint, right certificate, self-signed",
    [starttls(selfSigned)],
    `level: fingerprint, pins: "certificate-sha256:${certificateSha256}"`,
    "delivered 2.0.0 verified mx1",
  ],
  [
    "PT-47 fingerprint, wrong",
    [fine],
    `level: fingerprint, pins: "sha256:${"00".repeat(32)}"`,
    "deferred 4.7.5 trusted mx1",
  ],
  ["PT-62 encrypt, first host without TLS", [plain, fine], "level: encrypt", "delivered 2.0.0 verified mx2"],
  ["PT-62 verify, first host misnamed", [starttls(wrongName), fine], "level: verify", "delivered 2.0.0 verified mx2"],
  ["verify, wrong protocol (PT-28)", [onlyTls12], "level: verify, protocols: [TLSv1.3]", "deferred 4.7.5 none mx1"],
  [
    "encrypt, no common cipher",
    [onlyAes128],
    "level: encrypt, protocols: [TLSv1.2], ciphers: ECDHE-ECDSA-AES256-GCM-SHA384",
    "deferred 4.7.5 none mx1",
  ],
  [
    "encrypt, cipher with too few bits",
    [onlyAes128],
    "level: encrypt, min-cipher-bits: 256",
    "deferred 4.7.5 verified mx1",
  ],
  ["verify, client certificate demanded, none configured", [wantsClient], "level: verify", "deferred 4.7.5 none mx1"],
  [
    "verify, client certificate demanded and shown",
    [wantsClient],
    "level: verify, client-certificate: relay",
    "delivered 2.0.0 verified mx1",
  ],
  ["dane refuses until there is evidence", [fine], "level: dane", "deferred 4.7.5 - mx1"],
  [
    "on-failure bounce: all hosts fail the policy",
    [plain, starttls(wrongName)],
    "level: verify, on-failure: bounce",
    "failed 5.7.5 trusted mx2",
  ],
  [
    "on-failure bounce: another host may be fine later",
    [plain, { ...fine, answers: { greeting: "421 4.3.2 busy" } }],
    "level: verify, on-failure: bounce",
    "deferred 4.3.2 - mx2",
  ],
  [
    "monitored verify lets mail pass",
    [starttls(wrongName)],
    "level: verify, mode: monitor",
    "delivered 2.0.0 trusted mx1",
  ],
  ["monitored verify in clear", [plain], "level: verify, mode: monitor", "delivered 2.0.0 none mx1"],
];

function lab(hosts: readonly Host[], rule: string): Promise<AttemptLab> {
  return startAttemptLab({
    hosts,
    yaml: `certificates: { relay: { certificate: relay.crt, key: relay.key } }\ntls: { ca: ca.pem, ${rule} }`,
    files: { "ca.pem": authority.certificatePem, "relay.crt": client.chainPem, "relay.key": client.privateKeyPem },
  });
}

/** Everything that a host received outside TLS, as text. */
async function clearOctets({ hosts, pool }: AttemptLab): Promise<string> {
  pool.closeAll();
  await Promise.all(hosts.map((host) => host.settled()));
  return hosts.flatMap((host) => host.connections.map(({ clear }) => clear.toString("latin1"))).join("");
}

for (const [name, hosts, rule, want, ageMs = 0] of rows) {
  test(`outcome: ${name}`, async () => {
    await using world = await lab(hosts, rule);
    assert.equal(summary(await world.send({ ageMs })), want);
    const mayBeClear = /level: (?:may|none)|monitor/.test(rule);
    const clear = await clearOctets(world);
    if (!mayBeClear) assert.doesNotMatch(clear, /MAIL FROM|RCPT TO|secret/i);
    else if (/ none /.test(want) && want.startsWith("delivered"))
      assert.ok(clear.includes(secretLine), "sent in clear");
  });
}

const injected = (segment: "same" | "later"): Host =>
  breaking({ kind: "inject", segment, lines: "250-mx1.example.test\r\n250 SIZE 1\r\n250 2.1.0 ok\r\n" });
const stripped: Host = { ...plain, answers: { EHLO: "250-mx1.example.test\r\n250-XXXXXXXA\r\n250 PIPELINING" } };
const noEhlo: Host = { ...fine, answers: { EHLO: "502 5.5.1 what?" } };
const odd = (reply: string): Host => breaking({ kind: "refuse", reply });
const cutInData: Host = { ...fine, answers: { DATA: "drop" } };

const attacks: readonly [name: string, host: Host][] = [
  ["AT-1 STARTTLS stripped from EHLO", stripped],
  ["AT-2 STARTTLS answered by 454", reject4],
  ["AT-2 STARTTLS answered by 500", odd("500 5.5.2 what?")],
  ["AT-2 STARTTLS answered by 250", odd("250 2.0.0 fine")],
  ["AT-2 STARTTLS answered by 354", odd("354 go ahead")],
  ["AT-3 EHLO answered by 502", noEhlo],
  ["AT-5 octets behind the 220, same segment", injected("same")],
  ["AT-5 octets behind the 220, another segment", injected("later")],
  ["AT-6 dropped before the reply to STARTTLS", dropCommand],
  ["AT-7 handshake cut after the ClientHello", dropHandshake],
  ["AT-7 garbage for a ServerHello", garbage],
  [
    "AT-7 an answer in TLS 1.0",
    starttls(good, { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" }),
  ],
  ["AT-8 cut off in TLS, in the middle of a transaction", cutInData],
];
for (const [name, host] of attacks) {
  for (const level of ["encrypt", "verify"]) {
    test(`attack: ${name}, level ${level}: nothing of the message in clear, at any age`, async () => {
      await using world = await lab([host], `level: ${level}`);
      for (const ageMs of [0, 5 * day]) {
        const [first] = await world.send({ ageMs });
        assert.equal(first?.outcome.kind, "deferred");
      }
      assert.doesNotMatch(await clearOctets(world), /MAIL FROM|RCPT TO|secret|DATA/i);
    });
  }
}

test("AT-5 may: injected octets are no reason to go on in clear, at any age", async () => {
  await using world = await lab([injected("same")], "level: may");
  const [first] = await world.send({ ageMs: 5 * day });
  assert.equal(first?.outcome.kind, "deferred");
  assert.doesNotMatch(await clearOctets(world), /MAIL FROM|secret/);
});

test("PO-9 a connection is reused under its own decision only", async () => {
  await using world = await startAttemptLab({
    hosts: [starttls(wrongName)],
    yaml: `tls:
  ca: ca.pem
  level: encrypt
bindings:
  strict: { tls: { level: verify } }
  loose: {}
default-binding: loose`,
    files: { "ca.pem": authority.certificatePem },
  });
  assert.equal(summary(await world.send()), "delivered 2.0.0 trusted mx1");
  const [again] = await world.send();
  assert.equal(again?.contact?.reusedConnection, true);
  assert.equal(summary(await world.send({ binding: "strict" })), "deferred 4.7.5 trusted mx1");
  assert.equal(world.hosts[0]?.messages.length, 2);
});

test("a pooled connection that died unseen costs no attempt", async () => {
  await using world = await lab([fine], "level: verify");
  await world.send();
  world.hosts[0]?.dropConnections();
  assert.equal(summary(await world.send()), "delivered 2.0.0 verified mx1");
});

test("CL-12 recipients end one by one; 4yz goes on to the next host, 5yz does not", async () => {
  const picky: Host = {
    ...fine,
    answers: {
      RCPT: (line) => (line.includes("gone") ? "550 5.1.1 gone" : line.includes("busy") ? "450 4.2.1 busy" : undefined),
    },
  };
  await using world = await lab([picky, fine], "level: verify");
  const outcomes = await world.send({ to: ["a@example.test", "gone@example.test", "busy@example.test"] });
  const byName = new Map(outcomes.map((one) => [one.recipient.recipient.mailbox.localPart, summary([one])]));
  assert.equal(byName.get("a"), "delivered 2.0.0 verified mx1");
  assert.equal(byName.get("gone"), "failed 5.1.1 verified mx1");
  assert.equal(byName.get("busy"), "delivered 2.0.0 verified mx2");
});

test("CL-15 a greeting of 554 leads to the next host; all of them to a bounce", async () => {
  const closed: Host = { ...fine, answers: { greeting: "554 5.3.2 no mail here" } };
  await using two = await lab([closed, fine], "level: verify");
  assert.equal(summary(await two.send()), "delivered 2.0.0 verified mx2");
  await using none = await lab([closed, closed], "level: verify");
  assert.equal(summary(await none.send()), "failed 5.3.2 - mx2");
});

test("CL-8 lost behind the final dot: deferred as uncertain, no other host in this attempt", async () => {
  await using world = await lab([{ ...fine, answers: { message: "drop" } }, fine], "level: verify");
  const [first] = await world.send();
  assert.equal(first?.outcome.kind, "deferred");
  assert.equal(first?.uncertain, true);
  assert.equal(world.hosts[1]?.connectionCount(), 0);
});

test("EX-12 a UTF-8 address to hosts without SMTPUTF8 goes back cleanly", async () => {
  await using world = await lab([{ ...fine, keywords: ["PIPELINING", "8BITMIME"] }], "level: verify");
  const [first] = await world.send({ to: ["dömi@example.test"], smtputf8: true });
  assert.equal(`${first?.outcome.kind} ${first?.outcome.status}`, "failed 5.6.7");
});
