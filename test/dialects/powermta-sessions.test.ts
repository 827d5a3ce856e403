/**
 * PowerMTA's inbound cases, as a client sees them: a receiver that a PowerMTA configuration leads (reference, sections
 * 2.5, 4.1 and 7).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../../src/lab/certificates.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { TestClient } from "../smtp-client.ts";
import { connectEncrypted, cramMd5, encrypt, greet, openDialect, plain, send, type Visit } from "./inbound-lab.ts";
import { compiled, lines } from "./powermta/files.ts";

const timeout = 10_000;
const authority = await makeAuthority("Lab");
const server = await authority.issue({ dnsNames: ["relay.test"] });
const other = await authority.issue({ dnsNames: ["other.test"] });
const user = await makeSelfSigned({ commonName: "u" });
const stranger = await makeSelfSigned({ commonName: "u" });
const files = {
  "/etc/pmta/c.pem": server.chainPem + server.privateKeyPem,
  "/etc/pmta/other.pem": other.chainPem + other.privateKeyPem,
  "/etc/pmta/u.pem": user.certificatePem,
};
const certificate = "smtp-server-tls-certificate c.pem";
const alice = "<smtp-user alice>; password secret; </smtp-user>";

function pmta(text: string): Compiled {
  return compiled(lines(text), files);
}

async function offers(made: Compiled, visit: Visit = {}): Promise<readonly string[]> {
  await using lab = await openDialect(made, visit);
  const { client, offered } = await greet(lab);
  using _ = client;
  return offered;
}

const authOf = (offered: readonly string[]): string | undefined => offered.find((line) => line.startsWith("AUTH"));

test("powermta T39: tls=yes: the greeting comes inside TLS, and EHLO lists no STARTTLS", { timeout }, async () => {
  const made = pmta(
    `smtp-listener 192.0.2.25:465 tls=yes; ${certificate}; <source 0/0>; allow-starttls yes; </source>`,
  );
  await using lab = await openDialect(made, { localPort: 465 });
  const { client, greeting, offered } = await connectEncrypted(lab);
  using _ = client;
  assert.match(greeting, /^220 relay\.test /);
  assert.ok(!offered.includes("STARTTLS"));
});

test("powermta T40: immediate-tls with the section's own certificate", { timeout }, async () => {
  const made = pmta(
    `${certificate}; <smtp-listener 192.0.2.25:465>; immediate-tls true; tls-certificate other.pem; </smtp-listener>`,
  );
  await using lab = await openDialect(made, { localPort: 465 });
  const { client, names } = await connectEncrypted(lab);
  using _ = client;
  assert.equal(names, "DNS:other.test");
});

test("powermta T41: without allow-starttls, STARTTLS is neither listed nor done", { timeout }, async () => {
  await using lab = await openDialect(pmta(certificate));
  const { client, offered } = await greet(lab);
  using _ = client;
  assert.ok(!offered.includes("STARTTLS"));
  assert.match(await client.say("STARTTLS"), /^50[0-9] /);
});

test("powermta T42: CRAM-MD5 alone in clear; inside TLS CRAM-MD5 PLAIN LOGIN, and no STARTTLS", {
  timeout,
}, async () => {
  const made = pmta(
    `${certificate}; ${alice}; <source 0/0>; allow-starttls yes; allow-unencrypted-plain-auth no; </source>`,
  );
  await using lab = await openDialect(made);
  const { client, offered } = await greet(lab);
  using _ = client;
  assert.equal(authOf(offered), "AUTH CRAM-MD5");
  assert.ok(offered.includes("STARTTLS"));
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", "secret")}`), /^5/);
  const inside = await encrypt(client);
  assert.equal(authOf(inside), "AUTH CRAM-MD5 PLAIN LOGIN");
  assert.ok(!inside.includes("STARTTLS"));
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", "secret")}`), /^235 2\.7\.0 /);
});

test("powermta T42: CRAM-MD5 in clear, with the password of the file", { timeout }, async () => {
  await using lab = await openDialect(pmta(`${alice}; <source 0/0>; allow-auth yes; </source>`));
  const { client } = await greet(lab);
  using _ = client;
  assert.match(await cramMd5(client, "alice", "wrong"), /^535 /);
  assert.match(await cramMd5(client, "alice", "secret"), /^235 2\.7\.0 /);
});

test("powermta T43: AUTH in clear is refused with 530 and not listed; after STARTTLS it works", {
  timeout,
}, async () => {
  const made = pmta(
    `${certificate}; ${alice}; <source 0/0>; allow-starttls yes; require-starttls-before-auth yes; </source>`,
  );
  await using lab = await openDialect(made);
  const { client, offered } = await greet(lab);
  using _ = client;
  assert.equal(authOf(offered), undefined);
  assert.match(await client.say("AUTH CRAM-MD5"), /^530 5\.7\.0 Must issue a STARTTLS command first/);
  assert.match(await send(client, "b@stranger.test"), /^250 2\.1\.0, 550 5\.7\.1/);
  await client.say("RSET");
  await encrypt(client);
  assert.match(await cramMd5(client, "alice", "secret"), /^235 /);
});

const one = "<source 10.0.0.5>; allow-starttls yes; </source>";
const ten = "<source 10/8>; allow-starttls no; </source>";
const all = "<source 0/0>; allow-starttls no; </source>";
for (const sources of [
  [one, ten, all],
  [all, ten, one],
]) {
  test("powermta T44: the most specific source decides in any order", { timeout }, async () => {
    const made = pmta(`${certificate}; ${sources.join("; ")}`);
    assert.ok((await offers(made, { client: "10.0.0.5" })).includes("STARTTLS"));
    assert.ok(!(await offers(made, { client: "10.0.0.6" })).includes("STARTTLS"));
  });
}

test("powermta T45: the source that the listener names goes before the client's address", { timeout }, async () => {
  const made = pmta(`${certificate}; smtp-listener 192.0.2.25:2525 source=in1; smtp-listener 192.0.2.25:25
    <source in1>; allow-starttls yes; </source>; <source 0/0>; allow-starttls no; </source>`);
  assert.ok((await offers(made, { localPort: 2525 })).includes("STARTTLS"));
  assert.ok(!(await offers(made)).includes("STARTTLS"));
});

const known = `${certificate}; <smtp-user u>; authentication-method certificate; tls-certificate u.pem; source s; </smtp-user>
  <source s>; always-allow-relaying yes; </source>; <source 0/0>; allow-starttls yes; require-auth yes; </source>`;

const shown = ({ chainPem, privateKeyPem }: IssuedCertificate): ConnectionOptions => ({
  cert: chainPem,
  key: privateKeyPem,
});

test("powermta T46: whoever shows u's certificate is u, with the settings of his source", { timeout }, async () => {
  await using lab = await openDialect(pmta(known));
  const { client } = await greet(lab);
  using _ = client;
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^530 5\.7\.0 /);
  await encrypt(client, shown(user));
  assert.equal(await send(client, "b@stranger.test"), "250 2.1.0, 250 2.1.5");
});

test("powermta T46: AUTH after the certificate: EXTERNAL as the same user, or another user by password", {
  timeout,
}, async () => {
  const made = pmta(`relay-domain ours.test; ${known}; ${alice}; <source {auth}>; always-allow-relaying no; </source>`);
  for (const [command, want] of [
    ["AUTH EXTERNAL =", "250 2.1.0, 250 2.1.5"],
    [`AUTH PLAIN ${plain("alice", "secret")}`, "250 2.1.0, 550 5.7.1"],
  ] as const) {
    await using lab = await openDialect(made);
    const { client } = await greet(lab);
    using _ = client;
    assert.equal(authOf(await encrypt(client, shown(user))), "AUTH EXTERNAL CRAM-MD5 PLAIN LOGIN");
    assert.match(await client.say(`AUTH PLAIN ${plain("alice", "wrong")}`), /^535 /);
    assert.match(await client.say(command), /^235 /);
    assert.match(await client.say(command), /^503 /);
    assert.equal(await send(client, "b@stranger.test"), want);
  }
});

for (const [title, options] of [
  ["another certificate of the same name", shown(stranger)],
  ["no certificate", {}],
] as const) {
  test(`powermta T46: with ${title} nobody is let in, and the session goes on`, { timeout }, async () => {
    await using lab = await openDialect(pmta(known));
    const { client } = await greet(lab);
    using _ = client;
    await encrypt(client, options);
    assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^530 5\.7\.0 /);
  });
}

test("powermta T46: a user's settings count once he has logged in: his source lets him relay", {
  timeout,
}, async () => {
  const made = pmta(`relay-domain [*.]ours.test; <smtp-user u>; password x; source s; </smtp-user>
    <smtp-user v>; password x; </smtp-user>; <source s>; always-allow-relaying yes; </source>
    <source 0/0>; allow-unencrypted-plain-auth yes; </source>`);
  for (const [name, want] of [
    ["u", "250 2.1.0, 250 2.1.5"],
    ["v", "250 2.1.0, 550 5.7.1"],
  ] as const) {
    await using lab = await openDialect(made);
    const { client } = await greet(lab);
    using _ = client;
    assert.match(await send(client, "b@stranger.test"), /550 5\.7\.1$/);
    await client.say("RSET");
    assert.match(await client.say(`AUTH PLAIN ${plain(name, "x")}`), /^235 /);
    assert.equal(await send(client, "b@stranger.test"), want);
    assert.match(await client.say("RCPT TO:<c@mx.ours.test>"), /^250 /);
  }
});

test("powermta: require-auth: no mail before AUTH, to our own domains neither", { timeout }, async () => {
  const made = pmta(`host-name relay.test; ${alice}; <source 0/0>; require-auth yes; </source>`);
  await using lab = await openDialect(made);
  const { client } = await greet(lab);
  using _ = client;
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^530 5\.7\.0 /);
  await cramMd5(client, "alice", "secret");
  assert.equal(await send(client, "b@relay.test"), "250 2.1.0, 250 2.1.5");
});

test("powermta: smtp-service no: nothing is taken, and the connection ends", { timeout }, async () => {
  const made = pmta("<source 0/0>; smtp-service no; </source>; <source 192.0.2.0/24>; smtp-service yes; </source>");
  assert.ok((await offers(made)).length > 0);
  await using lab = await openDialect(made, { client: "198.51.100.1" });
  using client = new TestClient(lab.receiver.port);
  assert.equal(await client.reply(), "521 5.3.2 relay.test does not accept mail from you");
  assert.equal(await client.line(), undefined);
});
