/**
 * What a hostile client does with AUTH, held against a receiver with the real log-in behind it: responses in pieces and
 * out of place, leaving while a password is computed, and two hundred guessers at once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAuthenticator } from "../src/admission/authenticator.ts";
import { systemClock } from "../src/mail/clock.ts";
import { saslMechanisms } from "../src/smtp/server/sasl/sasl.ts";
import { type KeyDerivation, nodeKeyDerivation } from "../src/users/key-derivation.ts";
import { hashPassword } from "../src/users/password-hash.ts";
import type { User } from "../src/users/user.ts";
import { createUserDirectory } from "../src/users/user-directory.ts";
import { sampleUser } from "../src/users/user-sample.ts";
import { type OpenReceiver, openReceiver } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

const timeout = 30_000;
const password = "correct horse";
const alice: User = sampleUser({ password: await hashPassword("argon2id", password, nodeKeyDerivation) });

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const plain = (name: string, secret: string): string => base64(`\0${name}\0${secret}`);

/** With time as it is, since hashing takes some. */
function open(derive: KeyDerivation = nodeKeyDerivation): Promise<OpenReceiver> {
  const settings = {
    failureDelayMs: 0,
    maxFailures: 1_000_000,
    windowMs: 1000,
    lockMs: 1000,
    maxFailuresPerSession: 3,
  };
  const { startSasl } = createAuthenticator({
    users: () => createUserDirectory([alice]),
    policy: () => ({ rule: () => ({}) }),
    settings: () => settings,
    clock: systemClock,
    secret: Buffer.alloc(32, 1),
    observe: () => undefined,
    derive,
  });
  const limits = { maxConnections: 500, maxConnectionsPerAddress: 500, maxCommands: 1_000_000 };
  return openReceiver({ startSasl, led: { mechanisms: saslMechanisms }, limits });
}

async function greeted(lab: OpenReceiver): Promise<TestClient> {
  const client = new TestClient(lab.receiver.port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

test("AT-21: AUTH and its responses one octet at a time are a log-in like any other", { timeout }, async () => {
  await using lab = await open();
  using client = await greeted(lab);
  await client.drip("AUTH LOGIN\r\n");
  assert.match(await client.reply(), /^334 /);
  await client.drip(`${base64("alice")}\r\n`);
  assert.match(await client.reply(), /^334 /);
  await client.drip(`${base64(password)}\r\n`);
  assert.match(await client.reply(), /^235 /);
});

test("AT-4: commands in the place of a response are a response: none is obeyed", { timeout }, async () => {
  await using lab = await open();
  using client = await greeted(lab);
  await client.say("AUTH LOGIN");
  assert.match(await client.say("QUIT"), /^334 /, "base64 of three characters: a name");
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^501 5\.5\.2 /);
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^503 /, "no transaction was begun");
  assert.match(await client.say("STARTTLS"), /^220 /, "and TLS was not started either");
});

test("AT-24: a TLS record in the place of a response ends the log-in, not the server", { timeout }, async () => {
  await using lab = await open();
  using client = await greeted(lab);
  await client.say("AUTH PLAIN");
  await client.send(Buffer.from("160301000501000001000d0a", "hex"));
  assert.match(await client.reply(), /^501 5\.5\.2 /);
  assert.match(await client.say("NOOP"), /^250 /);
});

test("AU-1: AUTH between two chunks and inside one is no log-in", { timeout }, async () => {
  await using lab = await open();
  using client = await greeted(lab);
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@example.org>");
  const inside = `AUTH PLAIN ${plain("alice", password)}\r\n`;
  await client.send(`BDAT ${inside.length}\r\n${inside}`);
  assert.match(await client.reply(), /^250 /);
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", password)}`), /^503 /);
  assert.match(await client.say("BDAT 0 LAST"), /^250 /);
  assert.equal(lab.mails[0]?.session.login, undefined);
});

test("AU-3: twelve thousand octets of base64 that mean nothing are refused without a hash", { timeout }, async () => {
  let hashes = 0;
  const counting: KeyDerivation = { ...nodeKeyDerivation };
  for (const name of Object.keys(nodeKeyDerivation) as (keyof KeyDerivation)[]) {
    Object.assign(counting, {
      [name]: (...given: never[]) => {
        hashes++;
        return (nodeKeyDerivation[name] as (...all: never[]) => Promise<Buffer>)(...given);
      },
    });
  }
  await using lab = await open(counting);
  using client = await greeted(lab);
  await client.say("AUTH PLAIN");
  assert.match(await client.say("QUFB".repeat(3000)), /^5\d\d /);
  assert.equal(hashes, 0);
  await client.say(`AUTH PLAIN ${plain("alice", "wrong")}`);
  assert.equal(hashes, 1, "this one counts");
});

test("AT-22: who leaves while his password is computed leaves nothing behind, and the next one is served", {
  timeout,
}, async () => {
  await using lab = await open();
  const leaving = await Promise.all(Array.from({ length: 20 }, () => greeted(lab)));
  await Promise.all(leaving.map((client, at) => client.send(`AUTH PLAIN ${plain("alice", `wrong ${at}`)}\r\n`)));
  for (const client of leaving) client[Symbol.dispose]();
  using client = await greeted(lab);
  assert.match(await client.say(`AUTH PLAIN ${plain("alice", password)}`), /^235 /);
  const gone = () => lab.events.filter(({ kind }) => kind === "session-ended").length;
  while (gone() < leaving.length) await new Promise(setImmediate);
  assert.deepEqual(
    lab.events.filter(({ kind }) => kind === "trouble"),
    [],
  );
});

test("AT-22, AT-33: two hundred wrong log-ins at once are answered, and others are served meanwhile", {
  timeout,
}, async (context) => {
  await using lab = await open();
  const guessers = await Promise.all(Array.from({ length: 200 }, () => greeted(lab)));
  using other = await greeted(lab);
  let guessing = true;
  const begun = performance.now();
  const answers = Promise.all(
    guessers.map((client, at) =>
      client.say(`AUTH PLAIN ${plain(at % 2 === 0 ? "alice" : `nobody ${at}`, `wrong ${at}`)}`),
    ),
  ).finally(() => {
    guessing = false;
  });
  const waits: number[] = [];
  while (guessing) {
    const asked = performance.now();
    assert.match(await other.say("RSET"), /^250 /);
    waits.push(performance.now() - asked);
  }
  const took = performance.now() - begun;
  const codes = (await answers).map((reply) => reply.slice(0, 9));
  assert.deepEqual(new Set(codes.map((code) => /^(?:535 5\.7\.8|454 4\.7\.0)/.test(code))), new Set([true]));
  assert.ok(codes.some((code) => code === "535 5.7.8"));
  waits.sort((one, two) => one - two);
  const [median = 0, p99 = 0] = [0.5, 0.99].map((share) => waits[Math.floor(waits.length * share)]);
  const computed = codes.filter((code) => code === "535 5.7.8").length;
  context.diagnostic(
    `${computed} of 200 computed in ${took.toFixed(0)} ms; RSET median ${median.toFixed(2)}, p99 ${p99.toFixed(1)} ms`,
  );
  assert.ok(waits.length > 10, "the other client had its turn between");
  assert.ok(median < took / 4, `${median} of ${took} ms`);
  using next = await greeted(lab);
  assert.match(await next.say(`AUTH PLAIN ${plain("alice", password)}`), /^235 /);
  for (const client of guessers) client[Symbol.dispose]();
});
