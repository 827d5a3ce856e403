/**
 * The receiver with the real authenticator over real TLS: proofs that hold for one TLS session alone, addresses that are
 * locked out, and what a stranger hears.
 */
import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { createAuthenticator } from "../src/admission/authenticator.ts";
import type { AuthSettings } from "../src/config/settings.ts";
import { saslMechanisms } from "../src/smtp/server/sasl/sasl.ts";
import { nodeKeyDerivation } from "../src/users/key-derivation.ts";
import { hashPassword } from "../src/users/password-hash.ts";
import { makeScramVerifier } from "../src/users/scram-verifier.ts";
import type { User } from "../src/users/user.ts";
import { createUserDirectory } from "../src/users/user-directory.ts";
import { sampleUser } from "../src/users/user-sample.ts";
import { HandClock, type OpenReceiver, openReceiver } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

const password = "correct horse";
const alice: User = sampleUser({
  password: await hashPassword("argon2id", password, nodeKeyDerivation),
  scram: await makeScramVerifier(password, nodeKeyDerivation),
  requireTls: "encrypted",
});

const settings: AuthSettings = {
  failureDelayMs: 0,
  maxFailures: 5,
  windowMs: 600_000,
  lockMs: 900_000,
  maxFailuresPerSession: 3,
};

function open(change: Partial<AuthSettings> = {}, clock = new HandClock()): Promise<OpenReceiver> {
  const { startSasl } = createAuthenticator({
    users: () => createUserDirectory([alice]),
    policy: () => ({ rule: () => ({}) }),
    settings: () => ({ ...settings, ...change }),
    clock,
    secret: Buffer.alloc(32, 1),
    observe: () => undefined,
  });
  return openReceiver({ startSasl, led: { mechanisms: saslMechanisms } });
}

type Secured = Readonly<{ client: TestClient; socket: TLSSocket }>;

async function connect(port: number): Promise<Secured> {
  const client = new TestClient(port);
  await client.reply();
  await client.say("EHLO c.example");
  await client.say("STARTTLS");
  const socket = await client.startTls();
  await client.say("EHLO c.example");
  return { client, socket };
}

function bindingOf({ socket }: Secured): Buffer {
  return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function plain(name: string, secret: string): string {
  return Buffer.from(`\0${name}\0${secret}`).toString("base64");
}

/** @param bound what the client believes the TLS session to be @returns the replies from the proof on */
async function scramPlus({ client }: Secured, bound: Buffer, secret = password): Promise<readonly string[]> {
  const bare = "n=alice,r=abc";
  const header = "p=tls-exporter,,";
  const answer = await client.say(`AUTH SCRAM-SHA-256-PLUS ${Buffer.from(header + bare).toString("base64")}`);
  const serverFirst = Buffer.from(answer.slice(4), "base64").toString();
  const [, nonce = "", salt = "", count = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
  const salted = pbkdf2Sync(secret, Buffer.from(salt, "base64"), Number(count), 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  const withoutProof = `c=${Buffer.concat([Buffer.from(header), bound]).toString("base64")},r=${nonce}`;
  const authMessage = `${bare},${serverFirst},${withoutProof}`;
  const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
  const proof = Buffer.from(signature.map((octet, at) => octet ^ (clientKey[at] ?? 0))).toString("base64");
  const reply = await client.say(Buffer.from(`${withoutProof},p=${proof}`).toString("base64"));
  if (!reply.startsWith("334 ")) return [reply];
  const proven = hmac(hmac(salted, "Server Key"), authMessage).toString("base64");
  assert.equal(Buffer.from(reply.slice(4), "base64").toString(), `v=${proven}`);
  return [reply, await client.say("")];
}

test("AU-8: SCRAM-SHA-256-PLUS holds in its own TLS session, and not in another that the same client has", async () => {
  await using relay = await open();
  const one = await connect(relay.receiver.port);
  const other = await connect(relay.receiver.port);
  using _first = one.client;
  using _second = other.client;
  assert.notDeepEqual(bindingOf(one), bindingOf(other));
  assert.match((await scramPlus(other, bindingOf(one)))[0] ?? "", /^535 5\.7\.8 /);
  assert.match((await scramPlus(one, bindingOf(one), "another"))[0] ?? "", /^535 5\.7\.8 /);
  assert.match((await scramPlus(one, bindingOf(one)))[1] ?? "", /^235 2\.7\.0 /);
  assert.match((await scramPlus(other, bindingOf(other)))[1] ?? "", /^235 2\.7\.0 /);
  assert.deepEqual(
    relay.refusals.map(({ stage, triedUser }) => [stage, triedUser]),
    [
      ["auth", "alice"],
      ["auth", "alice"],
    ],
  );
});

test("AU-4, AT-33: an unknown name and a wrong password hear the same words", async () => {
  await using relay = await open();
  const { client } = await connect(relay.receiver.port);
  using _closed = client;
  const wrong = await client.say(`AUTH PLAIN ${plain("alice", "wrong")}`);
  assert.equal(await client.say(`AUTH PLAIN ${plain("mallory", "wrong")}`), wrong);
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", password)}`), /^235 2\.7\.0 /);
});

test("AU-4: who needs TLS is told nothing of it in clear text, whatever the mechanisms", async () => {
  await using relay = await open();
  using client = new TestClient(relay.receiver.port);
  await client.reply();
  await client.say("EHLO c.example");
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", password)}`), /^535 5\.7\.8 User name or password wrong$/);
});

test("AU-10: an address that failed too often is locked out in every session, until its time is over", async () => {
  const clock = new HandClock();
  await using relay = await open({ maxFailures: 3 }, clock);
  const one = await connect(relay.receiver.port);
  using _first = one.client;
  for (const name of ["alice", "mallory"]) await one.client.say(`AUTH PLAIN ${plain(name, "wrong")}`);
  const other = await connect(relay.receiver.port);
  using _second = other.client;
  assert.match(await other.client.say(`AUTH PLAIN ${plain("alice", "wrong")}`), /^535 /);
  assert.match(await other.client.say(`AUTH PLAIN ${plain("alice", password)}`), /^454 4\.7\.0 /);
  const third = await connect(relay.receiver.port);
  using _third = third.client;
  assert.match(await third.client.say(`AUTH PLAIN ${plain("alice", password)}`), /^454 4\.7\.0 /);
  clock.move(settings.lockMs);
  assert.match(await third.client.say(`AUTH PLAIN ${plain("alice", password)}`), /^235 /);
});

test("AU-10: the third failure of a session is its last", async () => {
  await using relay = await open();
  const { client } = await connect(relay.receiver.port);
  using _closed = client;
  for (let count = 0; count < 2; count += 1) {
    assert.match(await client.say(`AUTH PLAIN ${plain("alice", "wrong")}`), /^535 /);
  }
  await client.send(`AUTH PLAIN ${plain("alice", "wrong")}\r\n`);
  assert.match(await client.rest(), /421 4\.7\.0 Too many failed log-ins/);
});
