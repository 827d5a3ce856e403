/**
 * The receiver's TLS profile, seen by real handshakes (standards.md sections 7, 8 and 19).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { sampleConduct } from "../src/smtp/server/session-sample.ts";
import { type OpenReceiver, openReceiver, profile, rootPem, sniProfile } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

/** ms; a test that hangs says so. */
const timeout = 10_000;

/** A finished handshake with an implicit-TLS listener; rejects with the client's error. */
async function shake({ receiver }: OpenReceiver, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port } = receiver;
  const socket = connect({ host: "127.0.0.1", port, ca: [rootPem], servername: "mx.example.org", ...options });
  await once(socket, "secureConnect");
  return socket;
}

async function servedName(lab: OpenReceiver, servername: string): Promise<string | undefined> {
  const socket = await shake(lab, { servername, rejectUnauthorized: false });
  const name = socket.getPeerX509Certificate()?.subjectAltName;
  socket.destroy();
  return name;
}

test("TL-2, TL-12, TL-19: TLS 1.3 with the hybrid group by default, and reported", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  const socket = await shake(lab);
  assert.equal(socket.getProtocol(), "TLSv1.3");
  await once(socket, "data"); // the greeting
  const [started, ...events] = lab.events;
  assert.ok(started?.kind === "session-started");
  const { kind: _, ...label } = started;
  assert.deepEqual(events, [
    {
      kind: "inbound-handshake",
      ...label,
      protocol: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      group: "X25519MLKEM768",
      resumed: false,
      certificate: null,
      chain: null,
      certificateAsked: false,
      serverName: "mx.example.org",
    },
  ]);
  socket.destroy();
});

for (const [group, maxVersion] of [
  ["X25519", "TLSv1.3"],
  ["prime256v1", "TLSv1.3"],
  ["prime256v1", "TLSv1.2"],
] as const) {
  test(`TL-19: the group is known on our side: ${group}, ${maxVersion}`, { timeout }, async () => {
    await using lab = await openReceiver({ implicitTls: true });
    const socket = await shake(lab, { ecdhCurve: group, maxVersion });
    await once(socket, "data");
    const shaken = lab.events.find((event) => event.kind === "inbound-handshake");
    assert.equal(shaken?.group, group);
    socket.destroy();
  });
}

test("TL-1: nothing below TLS 1.2", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  for (const maxVersion of ["TLSv1", "TLSv1.1"] as const) {
    const ciphers = "ALL:@SECLEVEL=0";
    await assert.rejects(shake(lab, { minVersion: "TLSv1", maxVersion, ciphers }), /protocol version|unsupported/i);
  }
  while (lab.receiver.sessions > 0) await new Promise(setImmediate);
  assert.deepEqual(
    lab.events.map(({ kind }) => kind),
    [1, 2].flatMap(() => ["session-started", "inbound-handshake-failed", "session-ended"]),
  );
});

test("TL-3, TL-4: TLS 1.2 with ECDHE and AEAD only", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  const maxVersion = "TLSv1.2";
  const good = await shake(lab, { maxVersion });
  assert.match(good.getCipher().standardName, /^TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384$/);
  good.destroy();
  for (const ciphers of ["ECDHE-ECDSA-AES256-SHA384", "AES256-GCM-SHA384", "aNULL:@SECLEVEL=0"]) {
    await assert.rejects(shake(lab, { maxVersion, ciphers }), /handshake failure|no ciphers/i, ciphers);
  }
});

test("TL-9: the certificate that SNI asks for, the default one for any other name", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true, led: { profile: sniProfile } });
  assert.equal(await servedName(lab, "other.example.org"), "DNS:other.example.org");
  assert.equal(await servedName(lab, "OTHER.example.org"), "DNS:other.example.org");
  assert.equal(await servedName(lab, "a.wild.example.org"), "DNS:*.wild.example.org");
  assert.equal(await servedName(lab, "a.b.wild.example.org"), "DNS:mx.example.org");
  assert.equal(await servedName(lab, "unknown.example.net"), "DNS:mx.example.org");
  assert.equal(await servedName(lab, ""), "DNS:mx.example.org");
});

test("TL-10, AT-24: ALPN without an SMTP name is refused, with one it is served", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  await assert.rejects(shake(lab, { ALPNProtocols: ["h2", "http/1.1"] }), /no application protocol/i);
  const socket = await shake(lab, { ALPNProtocols: ["h2", "smtp"] });
  assert.equal(socket.alpnProtocol, "smtp");
  socket.destroy();
});

test("TL-6, AT-13: renegotiation is refused", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  const socket = await shake(lab, { maxVersion: "TLSv1.2" });
  await once(socket, "data"); // the greeting
  const failed = once(socket, "error") as Promise<[Error]>;
  socket.renegotiate({}, () => undefined);
  socket.write("NOOP\r\n"); // Node's client looks at the refusal with its next write
  assert.match((await failed)[0].message, /no renegotiation/);
  socket.destroy();
});

test("TL-16: a ticket opens its own listener again, and no other one", { timeout }, async () => {
  await using one = await openReceiver({ implicitTls: true });
  await using two = await openReceiver({ implicitTls: true, listener: "two" });
  const maxVersion = "TLSv1.2"; // where the ticket is there as soon as the handshake is
  const first = await shake(one, { maxVersion });
  const session = first.getSession();
  assert.ok(session);
  first.destroy();
  const again = await shake(one, { maxVersion, session });
  assert.equal(again.isSessionReused(), true);
  again.destroy();
  const elsewhere = await shake(two, { maxVersion, session });
  assert.equal(elsewhere.isSessionReused(), false);
  elsewhere.destroy();
});

test("TL-16: tickets end with the day", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  const maxVersion = "TLSv1.2";
  const first = await shake(lab, { maxVersion });
  const session = first.getSession();
  assert.ok(session);
  first.destroy();
  lab.clock.move(24 * 60 * 60 * 1000);
  const later = await shake(lab, { maxVersion, session });
  assert.equal(later.isSessionReused(), false);
  later.destroy();
});

test("TL-16: no tickets where SNI chooses the certificate", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true, led: { profile: sniProfile } });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const first = await shake(lab, { maxVersion, servername: "other.example.org" });
    await once(first, "data"); // the greeting comes after any TLS 1.3 ticket
    const session = first.getSession();
    first.destroy();
    const options = session === undefined ? {} : { session };
    const again = await shake(lab, { maxVersion, ...options });
    assert.equal(again.isSessionReused(), false, maxVersion);
    again.destroy();
  }
});

test("renewed certificates serve the next connection", { timeout }, async () => {
  let now = profile;
  await using lab = await openReceiver({ implicitTls: true, conduct: () => sampleConduct({ profile: now }) });
  assert.equal(await servedName(lab, "mx.example.org"), "DNS:mx.example.org");
  const [renewed] = sniProfile.others;
  assert.ok(renewed);
  now = { ...profile, default: renewed };
  assert.equal(await servedName(lab, "mx.example.org"), "DNS:other.example.org");
});

test("ST-1, ST-2: a certificate that OpenSSL refuses is as good as none, and someone is told", {
  timeout,
}, async () => {
  const [credential] = profile.default.credentials;
  const broken = {
    ...profile,
    default: { credentials: [{ ...credential, privateKey: "no key" }], names: [] } as const,
  };
  await using lab = await openReceiver({ led: { profile: broken } });
  using client = new TestClient(lab.receiver.port);
  await client.reply();
  assert.doesNotMatch(await client.say("EHLO client.example"), /STARTTLS/);
  assert.match(await client.say("STARTTLS"), /^454 4\.7\.0 /);
  assert.ok(lab.events.some(({ kind }) => kind === "trouble"));
});

test("TL-14, AT-36: a ClientHello that comes one octet at a time", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  const far = createConnection({ host: "127.0.0.1", port: lab.receiver.port, noDelay: true });
  const dripping = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => void drip(far, bytes).then(() => done(), done),
  });
  far.on("data", (bytes) => dripping.push(bytes));
  const socket = connect({ socket: dripping, ca: [rootPem], servername: "mx.example.org" });
  const [greeting] = await once(socket, "data");
  assert.match(String(greeting), /^220 /);
  socket.destroy();
  dripping.destroy();
  far.destroy();
});

async function drip(socket: Socket, bytes: Buffer): Promise<void> {
  for (const octet of bytes) await new Promise((resolve) => socket.write(Buffer.of(octet), resolve));
}
