/**
 * Log-ins as a session drives them, with key derivation that is counted instead of being slow.
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { AuthSettings } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import type { SaslContext, SaslExchange, SaslMechanism, SaslStep } from "../smtp/server/sasl/sasl.ts";
import { trustBundle } from "../tls/handshake-settings.ts";
import type { CertificateFacts, HandshakeFacts } from "../tls/peer-facts.ts";
import type { KeyDerivation } from "../users/key-derivation.ts";
import { fitsHash } from "../users/password-hash.ts";
import { makeScramVerifier } from "../users/scram-verifier.ts";
import type { PasswordHash, ScramVerifier, User, UserDirectory } from "../users/user.ts";
import { createUserDirectory } from "../users/user-directory.ts";
import { sampleUser } from "../users/user-sample.ts";
import { type AuthenticatorTools, createAuthenticator } from "./authenticator.ts";

const settings: AuthSettings = {
  failureDelayMs: 1000,
  maxFailures: 100,
  windowMs: 60_000,
  lockMs: 300_000,
  maxFailuresPerSession: 3,
};
const digest = "ab".repeat(32);

/** Time that stands still until it is moved; who waits says for how long. */
class HandClock implements Clock {
  time = 1_000_000;
  readonly waits: number[] = [];
  now = (): number => this.time;
  /** Answers are due at once: how long they should have waited is what is asked here. */
  after = (ms: number, run: () => void): { cancel(): void } => {
    this.waits.push(ms);
    queueMicrotask(run);
    return { cancel: () => undefined };
  };
}

/** What was asked for, without the password; fast, and right. Held back while `gate` is closed. */
class CountedDerivation implements KeyDerivation {
  readonly asked: string[] = [];
  running = 0;
  mostAtOnce = 0;
  gate: Promise<void> = Promise.resolve();
  broken = false;

  scrypt: KeyDerivation["scrypt"] = ({ password, salt, ...cost }) => this.#key("scrypt", password, salt, cost);
  argon2id: KeyDerivation["argon2id"] = ({ password, salt, ...cost }) => this.#key("argon2id", password, salt, cost);
  pbkdf2: KeyDerivation["pbkdf2"] = ({ password, salt, ...cost }) => this.#key("pbkdf2", password, salt, cost);

  async #key(kind: string, password: string, salt: Uint8Array, cost: Readonly<{ length: number }>): Promise<Buffer> {
    const figures = Object.entries(cost).filter(([, value]) => typeof value === "number");
    this.asked.push(`${kind} ${JSON.stringify(Object.fromEntries(figures))} salt=${salt.length}`);
    this.running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    await this.gate;
    this.running -= 1;
    if (this.broken) throw new Error("no memory");
    return createHmac("sha256", salt).update(password).digest().subarray(0, cost.length);
  }
}

function hashOf(password: string, change: Partial<Extract<PasswordHash, { kind: "argon2id" }>> = {}): PasswordHash {
  const salt = createHash("sha256").update(`salt of ${password}`).digest().subarray(0, 16);
  const hash = createHmac("sha256", salt).update(password).digest();
  return { kind: "argon2id", memoryKiB: 19_456, passes: 2, parallelism: 1, salt, hash, ...change };
}

function user(name: string, change: Partial<User> = {}): User {
  return sampleUser({ name, password: hashOf(`${name}'s password`), ...change });
}

type Chain = "trusted" | "trusted elsewhere" | "untrusted";

/** By which CA: the one that the rule names, or one that only another listener has. */
const ca = Buffer.from("our CA");
const anchors = { trusted: createHash("sha256").update(ca).digest("hex"), "trusted elsewhere": digest };
const pem = `-----BEGIN CERTIFICATE-----\n${ca.toString("base64")}\n-----END CERTIFICATE-----\n`;
const clientAnchors = {
  value: trustBundle([pem], []),
  from: { source: "test", file: undefined, line: undefined, column: undefined, scope: "" },
};

function handshake(chain: Chain, certificate: Partial<CertificateFacts> | undefined): HandshakeFacts {
  return {
    chain: chain === "untrusted" ? { kind: chain, code: "X", text: "x" } : { kind: "trusted", anchor: anchors[chain] },
    certificate: certificate as CertificateFacts | undefined,
  } as HandshakeFacts;
}

function sessionFrom(address: string, change: Partial<SessionFacts> = {}): SessionFacts {
  const clientName = { kind: "none" };
  return { id: "s", clientAddress: address as IpAddress, clientName, tls: undefined, ...change } as SessionFacts;
}

class World {
  readonly clock = new HandClock();
  readonly derive = new CountedDerivation();
  readonly troubles: string[] = [];
  directory: UserDirectory;
  readonly #authenticator: ReturnType<typeof createAuthenticator>;

  constructor(users: readonly User[], change: Partial<AuthSettings> = {}, secret = Buffer.alloc(32, 1)) {
    this.directory = createUserDirectory(users);
    const tools: AuthenticatorTools = {
      users: () => this.directory,
      policy: () => ({ rule: () => ({ clientAnchors }) }),
      settings: () => ({ ...settings, ...change }),
      clock: this.clock,
      secret,
      observe: (event) => this.troubles.push(event.kind === "trouble" ? event.error : event.kind),
      derive: this.derive,
    };
    this.#authenticator = createAuthenticator(tools);
  }

  start(mechanism: SaslMechanism, context: SaslContext): SaslExchange {
    return this.#authenticator.startSasl(mechanism, context);
  }

  async talk(mechanism: SaslMechanism, responses: readonly string[], session: SessionFacts): Promise<SaslStep> {
    const context = { session, offered: [mechanism], channelBinding: () => undefined };
    const exchange = this.start(mechanism, context);
    let last: SaslStep = { kind: "failed", why: "malformed" };
    for (const response of responses) last = await exchange.step(Buffer.from(response));
    return last;
  }

  plain(name: string, password: string, from = "192.0.2.1", authzid = ""): Promise<SaslStep> {
    return this.talk("PLAIN", [`${authzid}\0${name}\0${password}`], sessionFrom(from));
  }

  /** What the derivation was asked for by one log-in. */
  async costOf(logIn: () => Promise<SaslStep>): Promise<readonly string[]> {
    const before = this.derive.asked.length;
    await logIn();
    return this.derive.asked.slice(before);
  }
}

function failed(name: string): SaslStep {
  return { kind: "failed", why: "credentials", triedUser: name };
}

test("the right password, and nothing else, logs in", async () => {
  const world = new World([user("alice"), user("bob")]);
  assert.deepEqual(await world.plain("alice", "alice's password"), { kind: "done", user: "alice" });
  assert.deepEqual(await world.plain("alice", "bob's password"), failed("alice"));
  assert.deepEqual(await world.plain("Alice", "alice's password"), failed("Alice"));
  const login = await world.talk("LOGIN", ["alice", "alice's password"], sessionFrom("192.0.2.1"));
  assert.deepEqual(login, { kind: "done", user: "alice" });
});

test("each of the three ways to store a password is held against one in clear text", async () => {
  const derive = new CountedDerivation();
  const scram = await makeScramVerifier("verified", derive);
  const plain = user("plain", { password: undefined, secret: "in clear" });
  const world = new World([user("scram", { password: undefined, scram }), plain, user("hash")]);
  assert.deepEqual(await world.plain("scram", "verified"), { kind: "done", user: "scram" });
  assert.deepEqual(await world.plain("plain", "in clear"), { kind: "done", user: "plain" });
  assert.deepEqual(await world.plain("hash", "hash's password"), { kind: "done", user: "hash" });
  for (const name of ["scram", "plain", "hash"]) assert.deepEqual(await world.plain(name, "wrong"), failed(name));
});

test("AU-4 AT-33 an unknown name costs the same hash with the same parameters as a wrong password, and is told the same", async () => {
  const world = new World([user("alice"), user("nobody-can", { password: undefined, certificates: [] })]);
  const wrong = await world.costOf(() => world.plain("alice", "wrong"));
  assert.deepEqual(wrong, ['argon2id {"memoryKiB":19456,"passes":2,"parallelism":1,"length":32} salt=16']);
  assert.deepEqual(await world.costOf(() => world.plain("mallory", "wrong")), wrong);
  assert.deepEqual(await world.costOf(() => world.plain("nobody-can", "wrong")), wrong);
  // Not even the password of him in whose place he is computed.
  assert.deepEqual(await world.plain("mallory", "alice's password"), failed("mallory"));
  assert.deepEqual(world.clock.waits, [1000, 2000, 4000, 8000]);
});

test("AU-4 AT-33 where users have different parameters, strangers do too, and each keeps his", async () => {
  const strong = { memoryKiB: 65_536, passes: 3 };
  const world = new World([user("alice"), user("bob", { password: hashOf("bob's password", strong) })]);
  const costs = new Map<string, number>();
  for (let number = 0; number < 60; number += 1) {
    const [first, second] = [
      await world.costOf(() => world.plain(`stranger${number}`, "x", `192.0.2.${number}`)),
      await world.costOf(() => world.plain(`stranger${number}`, "y", `192.0.2.${number}`)),
    ];
    assert.deepEqual(first, second);
    costs.set(first.join(), (costs.get(first.join()) ?? 0) + 1);
  }
  assert.equal(costs.size, 2);
  for (const share of costs.values()) assert.ok(share > 10);
});

function verifier(password: string, change: Partial<ScramVerifier> = {}): ScramVerifier {
  const salt = createHash("sha256").update(password).digest().subarray(0, 16);
  const salted = createHmac("sha256", salt).update(password).digest();
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest();
  return {
    iterations: 8192,
    salt,
    storedKey,
    serverKey: createHmac("sha256", salted).update("Server Key").digest(),
    ...change,
  };
}

async function scramChallenge(world: World, name: string): Promise<string> {
  const step = await world.talk("SCRAM-SHA-256", [`n,,n=${name},r=abc`], sessionFrom("192.0.2.1"));
  return step.kind === "challenge" ? step.data.toString().replace(/r=[^,]+,/, "") : step.kind;
}

/** A client whose derivation is the counted one's. */
async function scram(
  world: World,
  name: string,
  password: string,
  between: () => void = () => undefined,
): Promise<SaslStep> {
  let serverFirst = "";
  const bare = `n=${name},r=abc`;
  const context = { session: sessionFrom("192.0.2.1"), offered: [], channelBinding: () => undefined };
  const exchange = world.start("SCRAM-SHA-256", context);
  const first = await exchange.step(Buffer.from(`n,,${bare}`));
  if (first.kind !== "challenge") return first;
  serverFirst = first.data.toString();
  between();
  const [, nonce = "", saltText = ""] = /^r=([^,]+),s=([^,]+),/.exec(serverFirst) ?? [];
  const salted = createHmac("sha256", Buffer.from(saltText, "base64")).update(password).digest();
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const withoutProof = `c=biws,r=${nonce}`;
  const signature = createHmac("sha256", createHash("sha256").update(clientKey).digest())
    .update(`${bare},${serverFirst},${withoutProof}`)
    .digest();
  const proof = Buffer.from(signature.map((octet, at) => octet ^ (clientKey[at] ?? 0))).toString("base64");
  return exchange.step(Buffer.from(`${withoutProof},p=${proof}`));
}

test("AU-7 SCRAM lets in by the verifier, and hashes nothing", async () => {
  const world = new World([user("alice", { scram: verifier("pencil") })]);
  const step = await scram(world, "alice", "pencil");
  assert.equal(step.kind === "done" && step.user, "alice");
  assert.deepEqual(await scram(world, "alice", "Pencil"), failed("alice"));
  assert.deepEqual(world.derive.asked, []);
});

test("AU-4 AT-33 SCRAM: a stranger has a salt of his own that stays, our iterations, and fails only at the end", async () => {
  const users = [user("alice", { scram: verifier("pencil") }), user("no-scram")];
  const [world, restarted] = [new World(users), new World(users)];
  const said = await scramChallenge(world, "mallory");
  assert.match(said, /^s=[A-Za-z0-9+/]{22}==,i=8192$/);
  assert.equal(await scramChallenge(world, "mallory"), said);
  assert.equal(await scramChallenge(restarted, "mallory"), said);
  const more = new World([...users, user("new", { scram: verifier("other") })]);
  assert.equal(await scramChallenge(more, "mallory"), said);
  assert.notEqual(await scramChallenge(world, "eve"), said);
  assert.notEqual(await scramChallenge(new World(users, {}, Buffer.alloc(32, 2)), "mallory"), said);
  assert.match(await scramChallenge(world, "no-scram"), /^s=[A-Za-z0-9+/]{22}==,i=8192$/);
  for (const name of ["mallory", "no-scram"]) assert.deepEqual(await scram(world, name, "pencil"), failed(name));
  assert.deepEqual(await scram(world, "alice", "wrong"), failed("alice"));
});

test("SCRAM: who is removed between the two messages does not get in", async () => {
  const world = new World([user("alice", { scram: verifier("pencil") })]);
  const step = await scram(world, "alice", "pencil", () => {
    world.directory = createUserDirectory([]);
  });
  assert.deepEqual(step, failed("alice"));
});

async function cram(world: World, name: string, secret: string): Promise<SaslStep> {
  const context = { session: sessionFrom("192.0.2.1"), offered: [], channelBinding: () => undefined };
  const exchange = world.start("CRAM-MD5", context);
  const first = await exchange.step(undefined);
  const challenge = first.kind === "challenge" ? first.data : Buffer.alloc(0);
  return exchange.step(Buffer.from(`${name} ${createHmac("md5", secret).update(challenge).digest("hex")}`));
}

test("CRAM-MD5 is for users whose password is known in clear, and nobody else", async () => {
  const world = new World([user("tim", { secret: "tanstaaf" }), user("alice")]);
  assert.deepEqual(await cram(world, "tim", "tanstaaf"), { kind: "done", user: "tim" });
  for (const [name, secret] of [
    ["tim", "x"],
    ["alice", "alice's password"],
    ["alice", ""],
    ["mallory", ""],
  ] as const) {
    assert.deepEqual(await cram(world, name, secret), failed(name));
  }
});

test("EXTERNAL lets in whom the certificate names, by its own digest or its key's, as himself", async () => {
  const tim = user("tim", { certificates: [{ of: "certificate", sha256: digest }] });
  const kim = user("kim", { certificates: [{ of: "spki", sha256: digest }] });
  const world = new World([tim, kim]);
  const external = (authzid: string, certificate: Partial<CertificateFacts> | undefined): Promise<SaslStep> => {
    const tls = { handshake: handshake("untrusted", certificate), serverName: undefined };
    return world.talk("EXTERNAL", [authzid], sessionFrom("192.0.2.1", { tls }));
  };
  assert.deepEqual(await external("", { sha256: digest, spkiSha256: "" }), { kind: "done", user: "tim" });
  assert.deepEqual(await external("tim", { sha256: digest, spkiSha256: "" }), { kind: "done", user: "tim" });
  assert.deepEqual(await external("", { sha256: "", spkiSha256: digest }), { kind: "done", user: "kim" });
  assert.deepEqual(await external("kim", { sha256: digest, spkiSha256: "" }), failed("tim"));
  assert.deepEqual(await external("tim", { sha256: "cd".repeat(32), spkiSha256: "" }), failed("tim"));
  assert.deepEqual(await external("tim", undefined), failed("tim"));
  assert.deepEqual(await world.talk("EXTERNAL", [""], sessionFrom("192.0.2.1")), failed(""));
});

const inTls = (chain: Chain, certificate: object | undefined): Partial<SessionFacts> => ({
  tls: { handshake: handshake(chain, certificate), serverName: undefined },
});
const placeRows: readonly (readonly [
  name: string,
  change: Partial<User>,
  place: Partial<SessionFacts>,
  ok: boolean,
])[] = [
  ["another network", { networks: [{ address: "198.51.100.0" as IpAddress, prefix: 24 }] }, {}, false],
  ["TLS needed, none", { requireTls: "encrypted" }, {}, false],
  ["TLS needed and there", { requireTls: "encrypted" }, inTls("untrusted", undefined), true],
  ["a trusted certificate needed, TLS alone", { requireTls: "trusted" }, inTls("untrusted", undefined), false],
  ["a trusted certificate needed, one that is not", { requireTls: "trusted" }, inTls("untrusted", {}), false],
  ["a trusted chain without a certificate is none", { requireTls: "trusted" }, inTls("trusted", undefined), false],
  [
    "a certificate that another listener's CA vouches for",
    { requireTls: "trusted" },
    inTls("trusted elsewhere", {}),
    false,
  ],
  ["a trusted certificate needed and there", { requireTls: "trusted" }, inTls("trusted", {}), true],
];

for (const [name, change, place, ok] of placeRows) {
  test(`AU-4 limits are judged after the password, and tell nothing: ${name}`, async () => {
    const world = new World([user("alice", change)]);
    const session = sessionFrom("192.0.2.1", place);
    const cost = await world.costOf(() => world.talk("PLAIN", ["\0alice\0alice's password"], session));
    assert.equal(cost.length, 1);
    const step = await world.talk("PLAIN", ["\0alice\0alice's password"], session);
    assert.deepEqual(step, ok ? { kind: "done", user: "alice" } : failed("alice"));
  });
}

test("everybody acts as himself", async () => {
  const world = new World([user("alice"), user("bob")]);
  assert.deepEqual(await world.plain("alice", "alice's password", "192.0.2.1", "alice"), {
    kind: "done",
    user: "alice",
  });
  assert.deepEqual(await world.plain("alice", "alice's password", "192.0.2.1", "bob"), failed("alice"));
});

test("AU-9 names and passwords are prepared before they are compared", async () => {
  const world = new World([user("IX", { password: hashOf("a b\u00e9") })]);
  assert.deepEqual(await world.plain("\u2168", "a\u00a0be\u0301"), { kind: "done", user: "IX" });
  const odd = new World([user("tim", { password: undefined, secret: "a\u0007b" })]);
  assert.deepEqual(await odd.plain("tim", "a\u0007b"), { kind: "done", user: "tim" });
});

test("a right password is hashed once in ten minutes, at once for many connections, and anew when the entry changes", async () => {
  const world = new World([user("alice")]);
  const logIn = (): Promise<SaslStep> => world.plain("alice", "alice's password");
  assert.equal((await world.costOf(() => Promise.all([logIn(), logIn(), logIn()]).then(([step]) => step))).length, 1);
  world.clock.time += 9 * 60_000;
  assert.equal((await world.costOf(logIn)).length, 0);
  world.directory = createUserDirectory([user("alice"), user("bob")]);
  assert.equal((await world.costOf(logIn)).length, 0);
  world.clock.time += 2 * 60_000;
  assert.equal((await world.costOf(logIn)).length, 1);
  world.directory = createUserDirectory([user("alice", { password: hashOf("new password") })]);
  assert.equal((await world.costOf(logIn)).length, 1);
  assert.deepEqual(await logIn(), failed("alice"));
  world.directory = createUserDirectory([]);
  assert.deepEqual(await logIn(), failed("alice"));
});

test("a wrong password is hashed each time", async () => {
  const world = new World([user("alice")]);
  for (let number = 0; number < 3; number += 1)
    assert.equal((await world.costOf(() => world.plain("alice", "wrong"))).length, 1);
});

/** Log-ins that all begin before the first one ends. */
async function atOnce(
  world: World,
  tries: readonly (readonly [password: string, from: string])[],
): Promise<SaslStep[]> {
  let open = (): void => undefined;
  world.derive.gate = new Promise((resolve) => {
    open = resolve;
  });
  const steps = tries.map(([password, from]) => world.plain("alice", password, from));
  open();
  return Promise.all(steps);
}

function isBusy(step: SaslStep): boolean {
  return step.kind === "failed" && step.why === "temporary";
}

test("two are hashed at once, 128 wait, and the rest is told to come back", async () => {
  const world = new World([user("alice")]);
  const tries = Array.from({ length: 200 }, (_, number) => [`guess ${number}`, `192.0.2.${number % 10}`] as const);
  const steps = await atOnce(world, tries);
  assert.equal(world.derive.mostAtOnce, 2);
  assert.equal(world.derive.asked.length, 130);
  assert.equal(steps.filter(isBusy).length, 70);
});

test("one address does not take all the places", async () => {
  const world = new World([user("alice")]);
  const guesses = Array.from({ length: 100 }, (_, number) => [`guess ${number}`, "192.0.2.1"] as const);
  const steps = await atOnce(world, [...guesses, ["alice's password", "192.0.2.2"]]);
  assert.equal(steps.filter(isBusy).length, 68);
  assert.deepEqual(steps.at(-1), { kind: "done", user: "alice" });
});

test("what the machine cannot compute is our trouble, not the user's", async () => {
  const world = new World([user("alice")]);
  world.derive.broken = true;
  assert.deepEqual(await world.plain("alice", "alice's password"), { kind: "failed", why: "temporary" });
  assert.deepEqual(world.troubles, ["no memory"]);
  world.derive.broken = false;
  assert.deepEqual(await world.plain("alice", "alice's password"), { kind: "done", user: "alice" });
});

test("AU-10 each failure of an address doubles the wait, up to sixteen times", async () => {
  const world = new World([user("alice")]);
  for (let number = 0; number < 6; number += 1) await world.plain("alice", "wrong");
  await world.plain("alice", "wrong", "192.0.2.2");
  assert.deepEqual(world.clock.waits, [1000, 2000, 4000, 8000, 16_000, 16_000, 1000]);
  world.clock.time += settings.windowMs + 1;
  await world.plain("alice", "wrong");
  assert.equal(world.clock.waits.at(-1), 1000);
});

test("AU-10 an address that failed too often is locked out, whatever it says, for its time", async () => {
  const world = new World([user("alice"), user("tim", { secret: "x" })], { maxFailures: 3 });
  for (const name of ["alice", "mallory", "alice"]) assert.deepEqual(await world.plain(name, "wrong"), failed(name));
  assert.deepEqual(world.troubles, ["192.0.2.1 is locked out for 300 s after 3 failed tries"]);
  const cost = await world.costOf(async () => {
    assert.deepEqual(await world.plain("alice", "alice's password"), { kind: "failed", why: "locked" });
    return cram(world, "tim", "x");
  });
  assert.deepEqual(cost, []);
  assert.deepEqual(await world.plain("alice", "alice's password", "192.0.2.2"), { kind: "done", user: "alice" });
  world.clock.time += settings.lockMs;
  assert.deepEqual(await world.plain("alice", "alice's password"), { kind: "done", user: "alice" });
});

test("AU-10 failures that are old do not count, a success between does not help", async () => {
  const world = new World([user("alice")], { maxFailures: 3 });
  await world.plain("alice", "wrong");
  world.clock.time += settings.windowMs + 1;
  await world.plain("alice", "wrong");
  await world.plain("alice", "alice's password");
  await world.plain("alice", "wrong");
  assert.deepEqual(world.troubles, []);
  await world.plain("alice", "wrong");
  assert.equal(world.troubles.length, 1);
});

test("AU-10 a /64 is one client, its neighbour is not", async () => {
  const world = new World([user("alice")], { maxFailures: 2 });
  await world.plain("alice", "wrong", "2001:db8::1");
  await world.plain("alice", "wrong", "2001:db8::ffff:1");
  const locked = await world.plain("alice", "alice's password", "2001:db8::2");
  assert.deepEqual(locked, { kind: "failed", why: "locked" });
  const neighbour = await world.plain("alice", "alice's password", "2001:db8:0:1::2");
  assert.deepEqual(neighbour, { kind: "done", user: "alice" });
});

test("AU-10 guesses that wait side by side do not outrun the lock", async () => {
  const world = new World([user("alice")], { maxFailures: 3 });
  const steps = await Promise.all(Array.from({ length: 20 }, (_, number) => world.plain("alice", `guess ${number}`)));
  // Those that were begun when the third failure was counted end as well.
  assert.ok(world.derive.asked.length <= 7, String(world.derive.asked.length));
  assert.ok(steps.filter((step) => step.kind === "failed" && step.why === "locked").length >= 13);
});

test("AU-4 whatever is wrong of name, password or identity, it fails; what is right does not", async () => {
  const words = fc.string({ unit: fc.constantFrom("a", "b", "\u00e9", "@"), minLength: 1, maxLength: 3 });
  const people = fc.uniqueArray(fc.tuple(words, words), { selector: ([name]) => name, minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(people, words, words, fc.option(words, { nil: "" }), async (known, name, password, authzid) => {
      const world = new World(known.map(([one, secret]) => user(one, { password: hashOf(secret) })));
      const isRight =
        known.some(([one, secret]) => one === name && secret === password) && ["", name].includes(authzid);
      const step = await world.plain(name, password, "192.0.2.1", authzid);
      assert.deepEqual(step, isRight ? { kind: "done", user: name } : failed(name));
      for (const [one, secret] of known) {
        assert.deepEqual(await world.plain(one, secret, "192.0.2.2"), { kind: "done", user: one });
      }
    }),
  );
});

test("the counted derivation stands for the real one", async () => {
  assert.equal(await fitsHash(hashOf("x"), "x", new CountedDerivation()), true);
});
