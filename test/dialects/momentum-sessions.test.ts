/**
 * Momentum's inbound cases, as a client sees them: a receiver that an ecelerity.conf leads (reference, sections 2.8 and 6).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { type IssuedCertificate, makeAuthority } from "../../src/lab/certificates.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import type { User } from "../../src/users/user.ts";
import { sampleUser } from "../../src/users/user-sample.ts";
import { TestClient } from "../smtp-client.ts";
import { connectEncrypted, cramMd5, encrypt, greet, openDialect, plain, send, type Visit } from "./inbound-lab.ts";
import { compile, errors } from "./momentum/lab.ts";

const timeout = 10_000;
const partners = await makeAuthority("A");
const strangers = await makeAuthority("B");
const trusted = await partners.issue({ dnsNames: ["client.example"] });
const untrusted = await strangers.issue({ dnsNames: ["client.example"] });

function momentum(text: string): Compiled {
  const compiled = compile(text, { "A.pem": partners.certificatePem });
  assert.deepEqual(errors(compiled), []);
  return compiled;
}

const listen = (extensions: string, more = ""): Compiled =>
  momentum(
    `ESMTP_Listener { Listen ":25" { TLS_Certificate = "c.pem" TLS_Key = "k.pem" SMTP_Extensions = ( ${extensions} ) ${more} } }`,
  );
const offering = (more = ""): Compiled => listen('"ENHANCEDSTATUSCODES" "STARTTLS"', more);

async function offers(compiled: Compiled, visit: Visit = {}): Promise<readonly string[]> {
  await using lab = await openDialect(compiled, visit);
  const { client, offered } = await greet(lab);
  using _ = client;
  return offered;
}

const shown = ({ chainPem, privateKeyPem }: IssuedCertificate): ConnectionOptions => ({
  cert: chainPem,
  key: privateKeyPem,
});

test("momentum 45: STARTTLS that is not in smtp_extensions is neither listed nor done", { timeout }, async () => {
  await using lab = await openDialect(listen('"ENHANCEDSTATUSCODES"'));
  const { client, offered } = await greet(lab);
  using _ = client;
  assert.ok(!offered.includes("STARTTLS"));
  assert.match(await client.say("STARTTLS"), /^50[0-9] /);
});

test("momentum 46: the second EHLO lists no STARTTLS, and the session knows of its TLS", { timeout }, async () => {
  await using lab = await openDialect(
    momentum(`relay_domains = ( ours.example )
      ESMTP_Listener { smtp_extensions = ( STARTTLS ) tls_certificate = "s.pem" Listen ":25" {} }`),
  );
  const { client, offered } = await greet(lab);
  using _ = client;
  assert.ok(offered.includes("STARTTLS"));
  assert.ok(!(await encrypt(client)).includes("STARTTLS"));
  assert.equal(await send(client, "b@ours.example"), "250 2.1.0, 250 2.1.5");
  await client.say("DATA");
  await client.say("x\r\n.");
  assert.equal(lab.mails[0]?.session.tls?.handshake.protocol, "TLSv1.3");
});

test("momentum 47: octets behind STARTTLS: refused, cut off, and on record", { timeout }, async () => {
  await using lab = await openDialect(offering());
  const { client } = await greet(lab);
  using _ = client;
  await client.send("STARTTLS\r\nEHLO x\r\n");
  const answer = await client.rest();
  assert.match(answer, /^[45]\d\d /);
  assert.doesNotMatch(answer, /^220|^250/m);
  assert.deepEqual(
    lab.refusals.map(({ stage }) => stage),
    ["starttls"],
  );
});

test("momentum 48: starttls_injection_policy = ignore: they are thrown away, and the handshake begins", {
  timeout,
}, async () => {
  await using lab = await openDialect(offering('starttls_injection_policy = "ignore"'));
  const { client } = await greet(lab);
  using _ = client;
  await client.send("STARTTLS\r\nEHLO injected.example\r\n");
  assert.match(await client.reply(), /^220 /);
  await client.startTls({ rejectUnauthorized: false });
  assert.match(await client.say("MAIL FROM:<a@sender.example>"), /^503 /, "the EHLO of before does not count");
});

test("momentum 48: allow is never followed: the octets end the session", { timeout }, async () => {
  await using lab = await openDialect(offering('starttls_injection_policy = "allow"'));
  const { client } = await greet(lab);
  using _ = client;
  await client.send("STARTTLS\r\nEHLO x\r\n");
  assert.doesNotMatch(await client.rest(), /^220|^250/m);
});

const requiring = offering('tls_verify_mode = "require" tls_client_ca = "A.pem" tls_verified_peer_can_relay = true');

test("momentum 49: a certificate of another CA does not end the session, and proves nothing", { timeout }, async () => {
  await using lab = await openDialect(requiring);
  const { client } = await greet(lab);
  using _ = client;
  await encrypt(client, shown(untrusted));
  assert.equal(await send(client, "b@stranger.example"), "250 2.1.0, 550 5.7.1");
});

test("momentum 50: without a certificate the TLS session fails", { timeout }, async () => {
  await using lab = await openDialect(requiring);
  const { client } = await greet(lab);
  using _ = client;
  await assert.rejects(encrypt(client));
});

test("momentum 51: who never sends STARTTLS hands in mail as usual", { timeout }, async () => {
  const compiled = momentum(`relay_domains = ( ours.example )
    ESMTP_Listener { Listen ":25" { tls_certificate = "s.pem" smtp_extensions = ( STARTTLS )
      tls_verify_mode = "require" tls_client_ca = "A.pem" } }`);
  await using lab = await openDialect(compiled);
  const { client } = await greet(lab);
  using _ = client;
  assert.equal(await send(client, "b@ours.example"), "250 2.1.0, 250 2.1.5");
});

const relaying = 'tls_client_ca = "A.pem" tls_verified_peer_can_relay = true';
const relayCases: readonly [title: string, option: string, options: ConnectionOptions, want: string][] = [
  ["a certificate of CA A, mode unset", relaying, shown(trusted), "250 2.1.5"],
  ["a certificate of another CA", relaying, shown(untrusted), "550 5.7.1"],
  ["no certificate", relaying, {}, "550 5.7.1"],
  ["mode none: what is presented is ignored", `${relaying} tls_verify_mode = none`, shown(trusted), "550 5.7.1"],
  ["not asked for", 'tls_client_ca = "A.pem"', shown(trusted), "550 5.7.1"],
  [
    "tls_verified_peer_is_authorized in a listen",
    'tls_client_ca = "A.pem" tls_verified_peer_is_authorized = true',
    shown(trusted),
    "250 2.1.5",
  ],
];
for (const [title, option, options, want] of relayCases) {
  test(`momentum 52: relaying by certificate: ${title}`, { timeout }, async () => {
    await using lab = await openDialect(offering(option));
    const { client } = await greet(lab);
    using _ = client;
    await encrypt(client, options);
    assert.equal(await send(client, "b@stranger.example"), `250 2.1.0, ${want}`);
  });
}

test("momentum 52: tls_verified_peer_is_authorized in a pathway, which HTTP may share, lets nobody relay", {
  timeout,
}, async () => {
  await using lab = await openDialect(
    momentum(`pathway "p" { tls_client_ca = "A.pem" tls_verified_peer_is_authorized = true }
      ESMTP_Listener { pathway = "p" tls_certificate = "s.pem" smtp_extensions = ( STARTTLS ) Listen ":25" {} }`),
  );
  const { client } = await greet(lab);
  using _ = client;
  await encrypt(client, shown(trusted));
  assert.equal(await send(client, "b@stranger.example"), "250 2.1.0, 550 5.7.1");
});

test("momentum 53: use_ssl on a port of its own: the greeting comes inside TLS", { timeout }, async () => {
  const compiled = momentum(`tls_certificate = "s.pem"
    ESMTP_Listener { Listen ":465" { use_ssl = true } Listen ":25" { smtp_extensions = ( STARTTLS ) } }`);
  await using lab = await openDialect(compiled, { localPort: 465 });
  const { client, greeting, offered } = await connectEncrypted(lab);
  using _ = client;
  assert.match(greeting, /^220 /);
  assert.ok(!offered.includes("STARTTLS"));
});

test("momentum 54: the narrowest peer of the most particular scope decides", { timeout }, async () => {
  const compiled = momentum(`tls_certificate = "s.pem"
    ESMTP_Listener {
      Peer "10.0.0.0/8" { SMTP_Extensions = ( "STARTTLS" ) }
      Listen ":25" { Peer "10.1.2.3" { SMTP_Extensions = ( "ENHANCEDSTATUSCODES" ) } }
    }`);
  assert.ok(!(await offers(compiled, { client: "10.1.2.3" })).includes("STARTTLS"));
  assert.ok((await offers(compiled, { client: "10.9.9.9" })).includes("STARTTLS"));
});

test("momentum 60: a certificate at the top serves a listener that has none", { timeout }, async () => {
  const compiled = momentum(
    'tls_certificate = "s.pem" ESMTP_Listener { smtp_extensions = ( STARTTLS ) Listen ":25" {} }',
  );
  await using lab = await openDialect(compiled);
  const { client } = await greet(lab);
  using _ = client;
  await client.say("STARTTLS");
  const secure = await client.startTls({ rejectUnauthorized: false });
  assert.equal(secure.getPeerCertificate().subjectaltname, "DNS:client.example");
});

test("momentum 61: an injection policy in a pathway_group is not recognised: reject applies", { timeout }, async () => {
  const compiled = momentum(`pathway_group "pg" { starttls_injection_policy = "ignore" pathway "p" {} }
    ESMTP_Listener { Pathway = "p" tls_certificate = "s.pem" smtp_extensions = ( STARTTLS ) Listen ":25" {} }`);
  await using lab = await openDialect(compiled);
  const { client } = await greet(lab);
  using _ = client;
  await client.send("STARTTLS\r\nEHLO x\r\n");
  assert.doesNotMatch(await client.rest(), /^220|^250/m);
});

const alice: User = sampleUser({ secret: "secret" });

test("momentum: AUTH is offered as smtp_extensions lists it, in clear text too; users are our own", {
  timeout,
}, async () => {
  const compiled = listen('"STARTTLS" "AUTH LOGIN PLAIN" "AUTH CRAM-MD5"');
  const visit = { users: [alice] };
  assert.ok((await offers(compiled, visit)).includes("AUTH CRAM-MD5 PLAIN LOGIN"));
  assert.ok(!(await offers(offering(), visit)).some((line) => line.startsWith("AUTH")));
  await using lab = await openDialect(compiled, visit);
  const { client } = await greet(lab);
  using _ = client;
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", "wrong")}`), /^535 /);
  assert.match(await cramMd5(client, "alice", "secret"), /^235 /);
  assert.equal(await send(client, "b@stranger.example"), "250 2.1.0, 250 2.1.5");
});

const hosts = momentum(`relay_hosts = ( 192.0.2.0/24 2001:db8:: )
  ESMTP_Listener {
    Listen ":25" { Peer "198.51.100.1" { open_relay = true } Peer "203.0.113.0/24" { always_deny = true } }
    Listen ":26" { relay_hosts = ( 198.51.100.0/24 ) }
  }`);
const relayHosts: readonly [client: string, port: number, want: string][] = [
  ["192.0.2.7", 25, "250 2.1.5"],
  ["198.51.100.1", 25, "250 2.1.5"],
  ["198.51.100.2", 25, "550 5.7.1"],
  ["2001:db8::", 25, "250 2.1.5"],
  ["2001:db8::1", 25, "550 5.7.1"],
  ["192.0.2.7", 26, "550 5.7.1"],
  ["198.51.100.2", 26, "250 2.1.5"],
];
for (const [client, localPort, want] of relayHosts) {
  test(`momentum: relay_hosts and open_relay: ${client} at port ${localPort}`, { timeout }, async () => {
    await using lab = await openDialect(hosts, { client, localPort });
    const greeted = await greet(lab);
    using one = greeted.client;
    assert.equal(await send(one, "b@stranger.example"), `250 2.1.0, ${want}`);
  });
}

test("momentum: always_deny: nothing is taken from these clients", { timeout }, async () => {
  await using lab = await openDialect(hosts, { client: "203.0.113.9" });
  using client = new TestClient(lab.receiver.port);
  assert.match(await client.reply(), /^521 5\.3\.2 /);
  assert.equal(await client.line(), undefined);
});
