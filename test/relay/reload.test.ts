/**
 * Reload of a running relay: everything or nothing, and no session or message is lost over it.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { test } from "node:test";
import { type Authority, type IssuedCertificate, makeAuthority } from "../../src/lab/certificates.ts";
import type { QueueCounts } from "../../src/queue/queue.ts";
import { TestClient } from "../smtp-client.ts";
import { type RelayLab, sendOver, startRelayLab } from "./relay-lab.ts";

const plain = { tls: { mode: "none" } } as const;
const busy = { ...plain, answers: { RCPT: "451 4.7.1 try later" } };

/** What the log was told: each listener that was opened, once. */
function opened(lab: RelayLab): string[] {
  return lab.events.flatMap((event) =>
    event.kind === "listening" ? [`${event.listener} ${event.address}:${event.port} ${event.tls}`] : [],
  );
}

function portOf(lab: RelayLab, name: string): number {
  return lab.relay.listeners.find((listener) => listener.name === name)?.port ?? assert.fail(`no listener ${name}`);
}

test("an unchanged listener keeps its sessions; a message goes on under the new settings", async () => {
  await using lab = await startRelayLab();
  using client = await lab.client();
  await client.say("MAIL FROM:<a@sender.test>");
  await lab.relay.reload(lab.settings("relay-networks: []"));
  assert.match(await client.say("RCPT TO:<b@example.test>"), /^550 5\.7\.1/);
  await lab.relay.reload(lab.settings(""));
  assert.match(await client.say("RCPT TO:<b@example.test>"), /^250/);
});

test("listeners are added and removed; sessions of a removed one hear 421, a message under way is taken", async () => {
  await using lab = await startRelayLab({
    listeners: '[{name: in, address: "127.0.0.1:0", tls: none}, {name: old, address: "127.0.0.1:0", tls: none}]',
  });
  const port = portOf(lab, "old");
  using client = await lab.client("old");
  await client.say("MAIL FROM:<a@sender.test>");
  await client.say("RCPT TO:<b@example.test>");
  await client.say("DATA");
  await lab.relay.reload(
    lab.settings("", '[{name: in, address: "127.0.0.1:0", tls: none}, {name: new, address: "127.0.0.1:0", tls: none}]'),
  );
  assert.deepEqual(
    lab.relay.listeners.map(({ name }) => name),
    ["in", "new"],
  );
  const told = [`in 127.0.0.1:${portOf(lab, "in")} none`, `old 127.0.0.1:${port} none`];
  assert.deepEqual(opened(lab), [...told, `new 127.0.0.1:${portOf(lab, "new")} none`]);
  using fresh = await lab.client("new");
  assert.match(await fresh.say("NOOP"), /^250/);
  using late = new TestClient(port);
  assert.equal(await late.line(), undefined, "nobody listens on the removed port");
  await client.send("Subject: x\r\n\r\nx\r\n");
  assert.match(await client.say("."), /^250/);
  assert.match(await client.reply(), /^421/);
  await lab.until(() => lab.host("example.test").messages.length === 1);
});

test("a listener that cannot be opened: everything stays as it was", async () => {
  await using lab = await startRelayLab();
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const taken = (other.address() as { port: number }).port;
  const listening = `[{name: in, address: "127.0.0.1:0", tls: none}, {name: free, address: "127.0.0.1:0", tls: none}, {name: taken, address: "127.0.0.1:${taken}", tls: none}]`;
  const next = lab.settings("relay-networks: []", listening);
  await assert.rejects(
    lab.relay.reload(next, { first: true }),
    new RegExp(`listener taken cannot have 127.0.0.1:${taken}: another program listens there`),
  );
  assert.deepEqual(
    lab.relay.listeners.map(({ name }) => name),
    ["in"],
  );
  assert.deepEqual(opened(lab), [`in 127.0.0.1:${portOf(lab, "in")} none`]);
  assert.match(await lab.send({ to: ["b@example.test"] }), /^250/);
  other.close();
  await once(other, "close");
});

test("mail of a binding that is gone leaves under the default one", async () => {
  await using lab = await startRelayLab({
    hosts: { "example.test": busy },
    yaml: "bindings: {a: {ehlo: a.test}, b: {ehlo: b.test}}\ndefault-binding: a",
  });
  await lab.send({ to: ["x@example.test"] });
  await lab.until(async () => ((await lab.call("queue.counts")) as QueueCounts).ready === 1);
  await lab.relay.reload(lab.settings("bindings: {b: {ehlo: b.test}}\ndefault-binding: b"));
  const before = lab.records().length;
  await lab.call("queue.retry");
  await lab.until(() => lab.records().length > before);
  await lab.host("example.test").settled();
  const greetings = lab.host("example.test").connections.map(({ clear }) => /^EHLO (\S+)/.exec(clear.toString())?.[1]);
  assert.deepEqual(greetings, ["a.test", "b.test"]);
});

test("a connection made under a changed binding is not used again", async () => {
  await using lab = await startRelayLab({ yaml: "bindings: {a: {ehlo: a.test}}\ndefault-binding: a" });
  await lab.send({ to: ["x@example.test"] });
  await lab.until(() => lab.relay.state().idleConnections === 1);
  await lab.relay.reload(lab.settings("bindings: {a: {ehlo: other.test}}\ndefault-binding: a"));
  await lab.send({ to: ["x@example.test"] });
  await lab.until(() => lab.host("example.test").messages.length === 2);
  assert.equal(lab.host("example.test").connectionCount(), 2);
});

/** The serial number of the certificate that the relay shows in a handshake now. */
async function servedSerial(authority: Authority, client: TestClient): Promise<string | undefined> {
  await client.say("STARTTLS");
  const secure = await client.startTls({ ca: [authority.certificatePem], servername: "relay.test" });
  return secure.getPeerX509Certificate()?.serialNumber;
}

function serialOf({ certificatePem }: IssuedCertificate): string {
  return new X509Certificate(certificatePem).serialNumber;
}

test("a renewed certificate serves new handshakes; sessions under the old one go on", async () => {
  const authority = await makeAuthority();
  const [first, second] = [
    await authority.issue({ dnsNames: ["relay.test"] }),
    await authority.issue({ dnsNames: ["relay.test"] }),
  ];
  const yaml = "certificates: {main: {certificate: main.crt, key: main.key}}";
  const listeners = '[{name: in, address: "127.0.0.1:0", tls: starttls, certificate: main}]';
  await using lab = await startRelayLab({
    yaml,
    listeners,
    files: { "main.crt": first.chainPem, "main.key": first.privateKeyPem },
  });
  using before = await lab.client();
  assert.equal(await servedSerial(authority, before), serialOf(first));
  writeFileSync(path.join(lab.folder, "main.crt"), second.chainPem);
  writeFileSync(path.join(lab.folder, "main.key"), second.privateKeyPem);
  await lab.relay.reload(lab.settings(yaml, listeners));
  using after = await lab.client();
  assert.equal(await servedSerial(authority, after), serialOf(second));
  await before.say("EHLO client.test");
  assert.match(await sendOver(before, { to: ["x@example.test"] }), /^250/);
});

test("a table of another mail server's configuration that changed holds for the next message", async () => {
  const yaml = 'policy: [postfix: { main: "{folder}/main.cf" }]';
  await using lab = await startRelayLab({
    yaml,
    files: { "main.cf": "smtp_tls_policy_maps = texthash:$config_directory/tls_policy\n", tls_policy: "" },
  });
  await lab.send({ to: ["x@example.test"] });
  await lab.until(() => lab.relay.state().idleConnections === 1);
  // A next-hop is looked up as it is written: with the port where that is not 25.
  const { port } = lab.host("example.test");
  writeFileSync(path.join(lab.folder, "tls_policy"), `example.test:${port} encrypt\nexample.test encrypt\n`);
  await lab.relay.reload(lab.settings(yaml));
  await lab.send({ to: ["x@example.test"] });
  await lab.until(() => lab.records().length === 2);
  const [first, second] = lab.records();
  assert.deepEqual([first?.event, second?.event], ["delivered", "deferred"]);
  assert.deepEqual([second?.rule?.file, second?.rule?.line], [path.join(lab.folder, "tls_policy"), 1]);
  assert.equal(lab.host("example.test").messages.length, 1);
});
