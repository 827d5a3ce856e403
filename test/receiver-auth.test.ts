/**
 * AUTH as a session speaks it, around a mechanism that is a script: states, base64, limits, replies (standards.md section 4).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SaslContext, SaslMechanism, SaslStep, StartSasl } from "../src/smtp/server/sasl/sasl.ts";
import { sampleConduct } from "../src/smtp/server/session-sample.ts";
import { type OpenReceiver, openReceiver, profile, type ReceiverChange } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

const timeout = 10_000;
const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");

/** Steps in order, and what was answered to each. */
type Script = Readonly<{ steps: readonly SaslStep[]; heard: (string | undefined)[]; contexts: SaslContext[] }>;

function script(...steps: SaslStep[]): Script {
  return { steps, heard: [], contexts: [] };
}

function speaking({ steps, heard, contexts }: Script): StartSasl {
  const rest = steps.values();
  return (_mechanism, context) => {
    contexts.push(context);
    return {
      async step(response) {
        heard.push(response?.toString("latin1"));
        const { value } = rest.next();
        assert.ok(value, "the script is at its end");
        return value;
      },
    };
  };
}

const plainAndScram: readonly SaslMechanism[] = ["SCRAM-SHA-256", "PLAIN"];

async function open(said: Script, change: ReceiverChange = {}): Promise<OpenReceiver> {
  return await openReceiver({ led: { mechanisms: plainAndScram }, startSasl: speaking(said), ...change });
}

async function greeted(lab: OpenReceiver): Promise<TestClient> {
  const client = new TestClient(lab.receiver.port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

const challenge = (text: string): SaslStep => ({ kind: "challenge", data: Buffer.from(text, "latin1") });
const alice: SaslStep = { kind: "done", user: "alice" };

test("an initial response, a log-in, and who it was: in the session, in Received, not offered again", {
  timeout,
}, async () => {
  const said = script(alice);
  await using lab = await open(said);
  using client = await greeted(lab);
  assert.match(await client.say("EHLO client.example"), /^250-AUTH SCRAM-SHA-256 PLAIN$/m);
  assert.match(await client.say(`AUTH PLAIN ${base64("\0alice\0secret")}`), /^235 2\.7\.0 /);
  assert.deepEqual(said.heard, ["\0alice\0secret"]);
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@example.org>");
  await client.say("DATA");
  assert.match(await client.say("x\r\n."), /^250 /);
  assert.deepEqual(lab.mails[0]?.session.login, { user: "alice", by: "PLAIN" });
  const { body } = lab.mails[0] ?? {};
  assert.ok(body?.kind === "memory");
  assert.match(Buffer.concat(body.chunks).toString("latin1"), /with ESMTPA id/);
});

test("AU-3: `=` is an empty initial response, no initial response is none", { timeout }, async () => {
  const said = script(challenge("go on"), { kind: "failed", why: "credentials" }, challenge(""), alice);
  await using lab = await open(said);
  using client = await greeted(lab);
  assert.equal(await client.say("AUTH PLAIN ="), `334 ${base64("go on")}`);
  assert.match(await client.say(base64("x")), /^535 5\.7\.8 /);
  assert.equal(await client.say("auth plain"), "334 ");
  assert.match(await client.say(""), /^235 /);
  assert.deepEqual(said.heard, ["", "x", undefined, ""]);
});

test("a mechanism with a last word has it in a challenge that is answered with nothing", { timeout }, async () => {
  const said = script({ ...alice, data: Buffer.from("v=proof") } as SaslStep);
  await using lab = await open(said);
  using client = await greeted(lab);
  assert.equal(await client.say(`AUTH SCRAM-SHA-256 ${base64("n,,")}`), `334 ${base64("v=proof")}`);
  assert.match(await client.say(""), /^235 /);
});

test("a client that answers the last word with something is not logged in", { timeout }, async () => {
  await using lab = await open(script({ ...alice, data: Buffer.from("v=proof") } as SaslStep));
  using client = await greeted(lab);
  await client.say(`AUTH SCRAM-SHA-256 ${base64("n,,")}`);
  assert.match(await client.say(base64("more")), /^501 5\.5\.2 /);
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@example.org>");
  await client.say("DATA");
  await client.say("x\r\n.");
  assert.equal(lab.mails[0]?.session.login, undefined);
});

const wrongTimes: readonly [name: string, before: readonly string[], want: RegExp][] = [
  ["before EHLO", [], /^503 5\.5\.1 /],
  ["after HELO", ["HELO client.example"], /^503 5\.5\.1 /],
  ["inside a transaction", ["EHLO c", "MAIL FROM:<a@example.com>"], /^503 5\.5\.1 /],
  ["after a log-in", ["EHLO c", `AUTH PLAIN ${base64("x")}`], /^503 5\.5\.1 /],
];
for (const [name, before, want] of wrongTimes) {
  test(`AU-1: no AUTH ${name}`, { timeout }, async () => {
    await using lab = await open(script(alice));
    using client = new TestClient(lab.receiver.port);
    await client.reply();
    for (const line of before) await client.say(line);
    assert.match(await client.say(`AUTH PLAIN ${base64("x")}`), want);
  });
}

const slips: readonly [name: string, line: string, want: RegExp][] = [
  ["no mechanism", "AUTH", /^501 5\.5\.4 /],
  ["a mechanism that nobody knows", "AUTH FOO", /^504 5\.5\.4 /],
  ["a mechanism that is not offered", "AUTH LOGIN", /^504 5\.5\.4 /],
  ["an initial response that is no base64", "AUTH PLAIN %%%", /^501 5\.5\.2 /],
  ["base64 with a hole", "AUTH PLAIN YQ=Q", /^501 5\.5\.2 /],
  ["base64 cut short", "AUTH PLAIN YQ", /^501 5\.5\.2 /],
  ["a second argument", "AUTH PLAIN YQ== YQ==", /^501 5\.5\.4 /],
];
for (const [name, line, want] of slips) {
  test(`AU-3: ${name}`, { timeout }, async () => {
    await using lab = await open(script());
    using client = await greeted(lab);
    assert.match(await client.say(line), want);
    assert.match(await client.say("NOOP"), /^250 /);
  });
}

test("AU-3: `*` cancels, and the session goes on", { timeout }, async () => {
  await using lab = await open(script(challenge("")));
  using client = await greeted(lab);
  await client.say("AUTH PLAIN");
  assert.match(await client.say("*"), /^501 5\.7\.0 /);
  assert.match(await client.say("NOOP"), /^250 /);
});

test("AU-3: a response of 12288 octets is taken, a longer one ends the session", { timeout }, async () => {
  const said = script(challenge(""), challenge(""));
  await using lab = await open(said);
  using client = await greeted(lab);
  await client.say("AUTH PLAIN");
  const longest = "A".repeat(12284);
  assert.equal(await client.say(longest), "334 ");
  assert.equal(said.heard[1]?.length, 12284 * 0.75);
  assert.match(await client.say("A".repeat(12288)), /^500 5\.5\.6 /);
  assert.equal(await client.line(), undefined);
});

test("AU-3: a response without an end is not collected", { timeout }, async () => {
  await using lab = await open(script(challenge("")));
  using client = await greeted(lab);
  await client.say("AUTH PLAIN");
  await client.send("A".repeat(13_000));
  assert.match(await client.reply(), /^500 5\.5\.6 /);
});

test("AU-4, AU-10: each failure has its reply, is reported with who was tried, and the third one is the last", {
  timeout,
}, async () => {
  const failed = (why: "credentials" | "locked" | "temporary" | "malformed"): SaslStep => ({
    kind: "failed",
    why,
    triedUser: "alice",
  });
  await using lab = await open(
    script(failed("temporary"), failed("locked"), failed("credentials"), failed("malformed"), failed("credentials")),
  );
  using client = await greeted(lab);
  const auth = `AUTH PLAIN ${base64("x")}`;
  assert.match(await client.say(auth), /^454 4\.7\.0 /);
  assert.match(await client.say(auth), /^454 4\.7\.0 /);
  assert.match(await client.say(auth), /^535 5\.7\.8 /);
  assert.match(await client.say(auth), /^501 5\.5\.2 /);
  assert.match(await client.say(auth), /^421 4\.7\.0 /);
  assert.equal(await client.line(), undefined);
  assert.deepEqual(
    lab.refusals.map(({ stage, triedUser }) => [stage, triedUser]),
    Array.from({ length: 5 }, () => ["auth", "alice"]),
  );
});

test("each log-in is counted by mechanism and result", { timeout }, async () => {
  const failed = (why: "credentials" | "locked" | "temporary"): SaslStep => ({ kind: "failed", why, triedUser: "eve" });
  await using lab = await open(script(failed("credentials"), failed("locked"), failed("temporary"), alice));
  using client = await greeted(lab);
  for (const mechanism of ["PLAIN", "PLAIN", "PLAIN", "SCRAM-SHA-256"]) await client.say(`AUTH ${mechanism} eA==`);
  const logIns = lab.events.filter((event) => event.kind === "log-in");
  assert.deepEqual(
    logIns.map(({ mechanism, result, user }) => `${mechanism} ${result} ${user}`),
    ["PLAIN failed eve", "PLAIN locked eve", "PLAIN temporary eve", "SCRAM-SHA-256 ok alice"],
  );
});

test("a mechanism that breaks is our trouble, not the client's", { timeout }, async () => {
  await using lab = await openReceiver({
    led: { mechanisms: plainAndScram },
    startSasl: () => ({ step: () => Promise.reject(new Error("no memory")) }),
  });
  using client = await greeted(lab);
  assert.match(await client.say(`AUTH PLAIN ${base64("x")}`), /^454 4\.7\.0 /);
  assert.ok(lab.events.some((event) => event.kind === "trouble" && /no memory/.test(event.error)));
});

test("while a password is checked nothing further is obeyed, and what came meanwhile is afterwards", {
  timeout,
}, async () => {
  const gate = Promise.withResolvers<SaslStep>();
  const asked = Promise.withResolvers<void>();
  await using lab = await openReceiver({
    led: { mechanisms: plainAndScram },
    startSasl: () => ({
      step: () => {
        asked.resolve();
        return gate.promise;
      },
    }),
  });
  using client = await greeted(lab);
  await client.send(`AUTH PLAIN ${base64("x")}\r\n`);
  await asked.promise;
  await client.send("MAIL FROM:<a@example.com>\r\n");
  gate.resolve(alice);
  assert.match(await client.reply(), /^235 /);
  assert.match(await client.reply(), /^250 2\.1\.0 /);
});

test("octets pipelined behind AUTH were sent before their time", { timeout }, async () => {
  await using lab = await open(script(alice));
  using client = await greeted(lab);
  await client.send(`AUTH PLAIN ${base64("x")}\r\nMAIL FROM:<a@example.com>\r\n`);
  assert.match(await client.reply(), /^554 5\.5\.0 /);
  assert.equal(await client.line(), undefined);
});

test("AU-2: in clear text, what waits for TLS is neither offered nor taken", { timeout }, async () => {
  await using lab = await openReceiver({ led: { authNeedsTls: true } });
  using client = await greeted(lab);
  assert.doesNotMatch(await client.say("EHLO c"), /AUTH/);
  assert.match(await client.say(`AUTH PLAIN ${base64("x")}`), /^538 5\.7\.11 /);
});

test("AUTH where nobody can log in is no command of ours", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab);
  assert.match(await client.say(`AUTH PLAIN ${base64("x")}`), /^502 5\.5\.1 /);
});

test("AU-4: mail that needs a log-in waits for it", { timeout }, async () => {
  await using lab = await open(script(alice), { led: { mechanisms: plainAndScram, authRequired: true } });
  using client = await greeted(lab);
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^530 5\.7\.0 /);
  assert.deepEqual(
    lab.refusals.map(({ stage }) => stage),
    ["mail"],
  );
  await client.say(`AUTH PLAIN ${base64("x")}`);
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^250 /);
});

test("AU-5, ST-4: a log-in from before TLS is gone inside it", { timeout }, async () => {
  await using lab = await open(script(alice), { led: { mechanisms: plainAndScram, authRequired: true, profile } });
  using client = await greeted(lab);
  assert.match(await client.say(`AUTH PLAIN ${base64("x")}`), /^235 /);
  assert.match(await client.say("STARTTLS"), /^220 /);
  await client.startTls({ servername: "mx.example.org" });
  await client.say("EHLO client.example");
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^530 5\.7\.0 /);
});

test("the conduct is asked anew after a log-in", { timeout }, async () => {
  await using lab = await openReceiver({
    conduct: ({ login }) =>
      sampleConduct({ mechanisms: plainAndScram, wording: login === undefined ? "letterlock" : "postfix" }),
    startSasl: speaking(script(alice)),
  });
  using client = await greeted(lab);
  assert.match(await client.say("STARTTLS x"), /^501 5\.5\.4 No argument/);
  await client.say(`AUTH PLAIN ${base64("x")}`);
  assert.match(await client.say("STARTTLS x"), /^501 5\.5\.4 Syntax: STARTTLS/);
});

test("AU-8: the mechanism sees what was offered, and the tls-exporter value of TLS 1.3 alone", {
  timeout,
}, async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const said = script({ kind: "failed", why: "credentials" });
    await using lab = await open(said, { led: { mechanisms: plainAndScram, profile } });
    using client = await greeted(lab);
    await client.say("STARTTLS");
    const secure = await client.startTls({ servername: "mx.example.org", maxVersion });
    await client.say("EHLO client.example");
    await client.say(`AUTH PLAIN ${base64("x")}`);
    const [context] = said.contexts;
    assert.deepEqual(context?.offered, plainAndScram);
    const expected =
      maxVersion === "TLSv1.2"
        ? undefined
        : secure.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)).toString("hex");
    assert.equal(context.channelBinding()?.toString("hex"), expected);
  }
});

test("AT-21: a client that stalls in the middle of AUTH is timed out", { timeout }, async () => {
  await using lab = await open(script(challenge("")));
  using client = await greeted(lab);
  await client.say("AUTH PLAIN");
  lab.clock.move(301_000);
  assert.match(await client.reply(), /^421 4\.4\.2 /);
  assert.equal(await client.line(), undefined);
});
