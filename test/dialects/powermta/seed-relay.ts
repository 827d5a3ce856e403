/**
 * The founding article's inbound example as it was published, typographic quotes and lost line breaks included, with the
 * certificate that the article describes: `check` takes it, `start` opens what it says, and clients meet what it says.
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { makeAuthority } from "../../../src/lab/certificates.ts";
import { folderFor, RunningRelay, run } from "../../cli/command.ts";
import { sendOver } from "../../relay/relay-lab.ts";
import { TestClient } from "../../smtp-client.ts";
import { ehlo, encrypt, plain } from "../inbound-lab.ts";

const address = "1.2.3.4";
const example = "/etc/pmta/config";
const yaml = `hostname: relay.test
workers: 1
metrics: off
log: { level: info, format: json }
dns: { servers: ["127.0.0.1:1"] }
relay-domains: [ours.test]
`;

async function start(t: TestContext, file: string): Promise<RunningRelay> {
  const folder = folderFor(t);
  writeFileSync(path.join(folder, "letterlock.yaml"), yaml);
  const relay = RunningRelay.begin(folder, path.join(folder, "letterlock.yaml"), ["--powermta", file]);
  await relay.says(/^Letterlock runs with/m);
  return relay;
}

/** Whether anybody listens there. */
async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.end();
  });
}

describe("the published inbound example", () => {
  before(async () => {
    copyFileSync(path.join(import.meta.dirname, "seed-inbound.conf"), example);
    const authority = await makeAuthority("Lab CA");
    const leaf = await authority.issue({ dnsNames: ["relay.test"], keyKind: "rsa-2048" });
    const key = createPrivateKey(leaf.privateKeyPem)
      .export({ type: "pkcs1", format: "pem", cipher: "des-ede3-cbc", passphrase: "YourPasswordHere" })
      .toString();
    assert.match(key, /^-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,/);
    writeFileSync("/etc/pmta/smtp-cert.pem", leaf.chainPem + key);
  });

  test("powermta T48: check takes it without an error, and names what the web page did to it", async () => {
    const { code, stdout } = await run(["check", "--powermta", example]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /config:3:53: warning: a typographic quote/);
    assert.match(stdout, /config:3:124: warning: the tag <source 0\/0> stands behind a typographic quote/);
    assert.doesNotMatch(stdout, /YourPasswordHere/);
  });

  test("powermta T39: as it stands: TLS from the first octet at 1.2.3.4:465, and no other listener", async (t) => {
    await using relay = await start(t, example);
    assert.match(relay.printed, /1\.2\.3\.4:465 /);
    using client = new TestClient(465, address);
    const secure = await client.startTls({ rejectUnauthorized: false, servername: "relay.test" });
    assert.equal(secure.getPeerCertificate().subjectaltname, "DNS:relay.test");
    assert.match(await client.reply(), /^220 relay\.test /);
    const offered = await ehlo(client);
    assert.ok(!offered.includes("STARTTLS"));
    assert.match(await sendOver(client, { to: ["a@ours.test"] }), /^250/);
    assert.equal(await answers(25), false);
  });

  test("powermta T43: with a listener on port 25 and a user: AUTH only behind STARTTLS", async (t) => {
    const main = "/etc/pmta/main";
    const more = `include config
smtp-listener 1.2.3.4:25
<smtp-user injector>
  password "s3cret words"
</smtp-user>
<source {auth}>
  always-allow-relaying yes
</source>
`;
    writeFileSync(main, more);
    const relay = await start(t, main);
    t.after(() => relay[Symbol.asyncDispose]());
    using client = new TestClient(25, address);
    await client.reply();
    const clear = await ehlo(client);
    assert.ok(clear.includes("STARTTLS"));
    assert.ok(!clear.some((line) => line.startsWith("AUTH")));
    assert.match(await client.say(`AUTH PLAIN ${plain("injector", "s3cret words")}`), /^530 5\.7\.0 /);
    const inside = await encrypt(client);
    assert.ok(inside.includes("AUTH CRAM-MD5 PLAIN LOGIN"), inside.join());
    await client.say("MAIL FROM:<a@sender.test>");
    assert.match(await client.say("RCPT TO:<b@stranger.test>"), /^550 5\.7\.1 /);
    await client.say("RSET");
    assert.match(await client.say(`AUTH PLAIN ${plain("injector", "s3cret words")}`), /^235 2\.7\.0 /);
    assert.match(await sendOver(client, { to: ["b@stranger.test"] }), /^250/);
    using other = new TestClient(465, address);
    await other.startTls({ rejectUnauthorized: false, servername: "relay.test" });
    assert.match(await other.reply(), /^220 /);
    for (const one of [client, other]) {
      assert.match(await one.say("QUIT"), /^221 /);
      one.end(); // the relay would wait some seconds for it
    }
    relay.signal("SIGTERM");
    await relay.ended;
    const records = readFileSync(path.join(relay.folder, "data/inbound.jsonl"), "utf8").trim().split("\n");
    const { event, user, by, tls } = JSON.parse(records.at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([event, user, by], ["accepted", "injector", "PLAIN"]);
    assert.equal((tls as { protocol: string }).protocol, "TLSv1.3");
  });
});
