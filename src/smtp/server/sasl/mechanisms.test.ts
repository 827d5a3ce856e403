/**
 * The mechanisms that need no dialogue of their own: PLAIN, LOGIN, CRAM-MD5, EXTERNAL, and what all of them do with
 * octets that make no sense. SCRAM's dialogues are in `scram.test.ts`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SessionFacts } from "../receiver.ts";
import { startCramMd5 } from "./cram-md5.ts";
import { startExternal } from "./external.ts";
import type { LogInChecks } from "./log-in-checks.ts";
import { startLogin } from "./login.ts";
import { startPlain } from "./plain.ts";
import { type SaslExchange, type SaslStep, saslMechanisms } from "./sasl.ts";
import { startMechanism } from "./start-mechanism.ts";

/** Says who was asked about, and lets everybody in whose proof is right. */
function checksOf(change: Partial<LogInChecks> = {}): LogInChecks & { asked: string[] } {
  const asked: string[] = [];
  const record = { iterations: 4096, salt: Buffer.alloc(16), storedKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) };
  return {
    asked,
    async password({ name, authzid }, password) {
      asked.push([authzid, name, password].join("|"));
      return { kind: "done", user: name };
    },
    scramRecord: () => record,
    sharedSecret: () => "tanstaaftanstaaf",
    certificateUser: () => undefined,
    async conclude({ name, authzid }, proof) {
      asked.push([authzid, name, proof].join("|"));
      return proof === "right" ? { kind: "done", user: name } : { kind: "failed", why: "credentials" };
    },
    ...change,
  };
}

function inWords(step: SaslStep): string {
  if (step.kind === "challenge") return `challenge ${step.data.toString()}`;
  return step.kind === "done" ? `done ${step.user}` : `failed ${step.why}`;
}

/** @param responses undefined: the exchange begins without one */
async function talk(exchange: SaslExchange, responses: readonly (string | Buffer | undefined)[]): Promise<string> {
  let last = "";
  for (const response of responses) {
    const octets = typeof response === "string" ? Buffer.from(response) : response;
    last = inWords(await exchange.step(octets));
  }
  return last;
}

const long = "x".repeat(256);
const plainRows: readonly (readonly [
  name: string,
  responses: readonly (string | Buffer | undefined)[],
  want: string,
])[] = [
  ["asks when nothing came with AUTH", [undefined], "challenge "],
  ["in one message", ["\0tim\0tanstaaf"], "done tim: |tim|tanstaaf"],
  ["in the second message", [undefined, "\0tim\0tanstaaf"], "done tim: |tim|tanstaaf"],
  ["as somebody else is for others to judge", ["ursel\0kurt\0xipj3plmq"], "done kurt: ursel|kurt|xipj3plmq"],
  ["in UTF-8", ["\0j\u00fcrgen\0p\u00e4sswort"], "done j\u00fcrgen: |j\u00fcrgen|p\u00e4sswort"],
  ["nothing", [""], "failed malformed: "],
  ["one NUL", ["tim\0tanstaaf"], "failed malformed: "],
  ["three NULs", ["\0tim\0tan\0staaf"], "failed malformed: "],
  ["no name", ["\0\0tanstaaf"], "failed malformed: "],
  ["no password", ["\0tim\0"], "failed malformed: "],
  ["no UTF-8", [Buffer.from([0, 0xff, 0, 0x41])], "failed malformed: "],
  ["a name of 255 octets", [`\0${long.slice(1)}\0p`], `done ${long.slice(1)}: |${long.slice(1)}|p`],
  ["a name of 256 octets", [`\0${long}\0p`], "failed malformed: "],
  ["an identity of 256 octets", [`${long}\0tim\0p`], "failed malformed: "],
  ["a password of 1024 octets", [`\0tim\0${"p".repeat(1024)}`], `done tim: |tim|${"p".repeat(1024)}`],
  ["a password of 1025 octets", [`\0tim\0${"p".repeat(1025)}`], "failed malformed: "],
];

for (const [name, responses, want] of plainRows) {
  test(`PLAIN: ${name}`, async () => {
    const checks = checksOf();
    const said = await talk(startPlain(checks), responses);
    assert.equal(said.startsWith("challenge") ? said : `${said}: ${checks.asked.join(", ")}`, want);
  });
}

const loginRows: readonly (readonly [name: string, responses: readonly (string | undefined)[], want: string])[] = [
  ["asks for the name", [undefined], "challenge Username:"],
  ["asks for the password", [undefined, "tim"], "challenge Password:"],
  ["takes a name that came with AUTH", ["tim"], "challenge Password:"],
  ["name and password", [undefined, "tim", "tanstaaf"], "done tim"],
  ["name with AUTH, then the password", ["tim", "tanstaaf"], "done tim"],
  ["no name", [""], "failed malformed"],
  ["no password", ["tim", ""], "failed malformed"],
  ["a name of 256 octets", [long], "failed malformed"],
  ["NUL in the password", ["tim", "a\0b"], "failed malformed"],
];

for (const [name, responses, want] of loginRows) {
  test(`LOGIN: ${name}`, async () => assert.equal(await talk(startLogin(checksOf()), responses), want));
}

const challenge = "<1896.697170952@postoffice.reston.mci.net>";
const cramRows: readonly (readonly [name: string, responses: readonly (string | undefined)[], want: string])[] = [
  ["sends its challenge", [undefined], `challenge ${challenge}`],
  ["the example of RFC 2195 §2", [undefined, "tim b913a602c7eda7a495b4e6e7334d3890"], "done tim"],
  ["another digest", [undefined, "tim b913a602c7eda7a495b4e6e7334d3891"], "failed credentials"],
  ["capitals in the digest", [undefined, "tim B913A602C7EDA7A495B4E6E7334D3890"], "failed malformed"],
  ["a name with a space", [undefined, "tim b b913a602c7eda7a495b4e6e7334d3890"], "done tim b"],
  ["no name", [undefined, " b913a602c7eda7a495b4e6e7334d3890"], "failed malformed"],
  ["no digest", [undefined, "tim"], "failed malformed"],
  ["a name of 256 octets", [undefined, `${long} b913a602c7eda7a495b4e6e7334d3890`], "failed malformed"],
  ["an initial response, though the server speaks first", ["tim b913a602c7eda7a495b4e6e7334d3890"], "failed malformed"],
];

for (const [name, responses, want] of cramRows) {
  test(`CRAM-MD5: ${name}`, async () => {
    assert.equal(await talk(startCramMd5(checksOf(), challenge), responses), want);
  });
}

test("CRAM-MD5: no challenge is sent twice", async () => {
  assert.notEqual(await talk(startCramMd5(checksOf()), [undefined]), await talk(startCramMd5(checksOf()), [undefined]));
});

const externalRows: readonly (readonly [
  name: string,
  user: string | undefined,
  responses: readonly (string | undefined)[],
  want: string,
])[] = [
  ["asks when nothing came with AUTH", "tim", [undefined], "challenge "],
  ["whom the certificate says", "tim", [""], "done tim: |tim|right"],
  ["as somebody else is for others to judge", "tim", ["kurt"], "done tim: kurt|tim|right"],
  ["nobody's certificate", undefined, ["tim"], "failed credentials: tim|tim|wrong"],
  ["no certificate and no name", undefined, [""], "failed credentials: ||wrong"],
  ["NUL", "tim", ["a\0b"], "failed malformed: "],
];

for (const [name, user, responses, want] of externalRows) {
  test(`EXTERNAL: ${name}`, async () => {
    const checks = checksOf({ certificateUser: () => user });
    const said = await talk(startExternal(checks), responses);
    assert.equal(said.startsWith("challenge") ? said : `${said}: ${checks.asked.join(", ")}`, want);
  });
}

test("any octets at all get a step, and nobody is let in by chance", async () => {
  const chunks = fc.constantFrom(
    "\0",
    "n,,n=a,r=b",
    "n,,",
    "p=tls-exporter,,",
    "c=biws,r=",
    ",p=",
    "=",
    ",",
    "m=x",
    "tim ",
  );
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((some) => Buffer.from(some)),
    fc.array(fc.oneof(chunks, fc.string({ maxLength: 8 })), { maxLength: 12 }).map((all) => Buffer.from(all.join(""))),
  );
  const dialogue = fc.array(fc.option(octets, { nil: undefined, freq: 8 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...saslMechanisms), dialogue, async (mechanism, responses) => {
      const checks = checksOf({ password: async () => ({ kind: "failed", why: "credentials" }) });
      const offered = [mechanism];
      const context = { session: {} as SessionFacts, offered, channelBinding: () => Buffer.alloc(32) };
      const exchange = startMechanism(mechanism, context, checks);
      for (const response of responses) {
        const step = await exchange.step(response);
        assert.notEqual(step.kind, "done");
        if (step.kind === "failed") return;
      }
    }),
    { numRuns: 3000 },
  );
});

test("the longest line that a session takes is read in no time by each mechanism", async () => {
  for (const piece of ["\0", "=", ",", "a=,", "=2C", "r=", ",p=", "x ", "n,,n=a,r=b,"]) {
    const octets = Buffer.from(piece.repeat(9216 / piece.length));
    for (const mechanism of saslMechanisms) {
      const context = { session: {} as SessionFacts, offered: [], channelBinding: () => undefined };
      const began = process.cpuUsage();
      const exchange = startMechanism(mechanism, context, checksOf());
      await exchange.step(octets);
      assert.ok(process.cpuUsage(began).user < 1_000_000, `${mechanism} ${piece}`);
    }
  }
});
