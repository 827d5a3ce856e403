/**
 * SCRAM-SHA-256 and -PLUS: the example of RFC 7677, a client of our own that can be told to misbehave, and each rule
 * of RFC 5802 on what the messages may say.
 */
import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { LogInChecks, ScramRecord } from "./log-in-checks.ts";
import type { SaslMechanism, SaslStep } from "./sasl.ts";
import { startScram } from "./scram.ts";
import { parseClientFinal, parseClientFirst } from "./scram-messages.ts";

const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const binding = Buffer.alloc(32, 7);

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function recordOf(password: string): ScramRecord {
  const salted = pbkdf2Sync(password, salt, 4096, 32, "sha256");
  const storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest();
  return { iterations: 4096, salt, storedKey, serverKey: hmac(salted, "Server Key") };
}

const pencil = recordOf("pencil");

function checksOf(concluded: string[]): LogInChecks {
  return {
    password: () => assert.fail("SCRAM shows no password"),
    scramRecord: () => pencil,
    sharedSecret: () => assert.fail("SCRAM shares no secret"),
    certificateUser: () => undefined,
    async conclude({ name, authzid }, proof, data) {
      concluded.push(`${authzid}|${name}|${proof}`);
      if (proof === "wrong") return { kind: "failed", why: "credentials" };
      return { kind: "done", user: name, ...(data && { data }) };
    },
  };
}

type Change = Readonly<{
  plus: boolean;
  offered: readonly SaslMechanism[];
  gs2: string;
  /** What the client says that it binds to. */
  bound: Buffer;
  password: string;
  bare: string;
  /** What becomes of the second message. */
  final: (message: string) => string;
}>;

/** One log-in by a client of our own. @returns how it ended, what was concluded, and whether the server proved itself */
async function logIn(change: Partial<Change>): Promise<string> {
  const { plus = false, gs2 = plus ? "p=tls-exporter,," : "n,,", bound = plus ? binding : Buffer.alloc(0) } = change;
  const { offered = [], password = "pencil", bare = "n=user,r=abc", final = (message: string) => message } = change;
  const concluded: string[] = [];
  const context = { offered, channelBinding: () => (plus ? binding : undefined) };
  const exchange = startScram(checksOf(concluded), { plus, context });
  const first = await exchange.step(Buffer.from(gs2 + bare));
  if (first.kind !== "challenge") return [ending(first), ...concluded].join(" ");
  const serverFirst = first.data.toString();
  const nonce = /^r=([^,]+),/.exec(serverFirst)?.[1] ?? "";
  const salted = pbkdf2Sync(password, salt, 4096, 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  const channel = Buffer.concat([Buffer.from(gs2), bound]).toString("base64");
  const withoutProof = `c=${channel},r=${nonce}`;
  const authMessage = `${bare},${serverFirst},${withoutProof}`;
  const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
  const proof = Buffer.from(signature.map((octet, at) => octet ^ (clientKey[at] ?? 0))).toString("base64");
  const last = await exchange.step(Buffer.from(final(`${withoutProof},p=${proof}`)));
  const expected = `v=${hmac(hmac(salted, "Server Key"), authMessage).toString("base64")}`;
  const proven = last.kind === "done" && last.data?.toString() === expected ? ["proven"] : [];
  return [ending(last), ...concluded, ...proven].join(" ");
}

function ending(step: SaslStep): string {
  return step.kind === "failed" ? `failed ${step.why}` : step.kind;
}

test("AU-7 the example of RFC 7677 §3, word for word", async () => {
  const concluded: string[] = [];
  const nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const context = { offered: [], channelBinding: () => undefined };
  const exchange = startScram(checksOf(concluded), { plus: false, context, nonce });
  const said = async (text: string | undefined): Promise<string> => {
    const step = await exchange.step(text === undefined ? undefined : Buffer.from(text));
    return step.kind === "failed" ? ending(step) : (step.data?.toString() ?? "");
  };
  assert.equal(await said(undefined), "");
  assert.equal(
    await said("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  assert.equal(
    await said(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    ),
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  );
  assert.deepEqual(concluded, ["|user|right"]);
});

const rows: readonly (readonly [name: string, change: Partial<Change>, want: string])[] = [
  ["AU-7 the right password, and the server proves that it knows it", {}, "done |user|right proven"],
  ["AU-7 another password", { password: "Pencil" }, "failed credentials |user|wrong"],
  ["AU-8 bound by tls-exporter", { plus: true }, "done |user|right proven"],
  ["AU-8 bound to another TLS session", { plus: true, bound: Buffer.alloc(32, 8) }, "failed credentials |user|wrong"],
  ["AU-8 bound to nothing", { plus: true, bound: Buffer.alloc(0) }, "failed credentials |user|wrong"],
  ["AU-8 -PLUS without binding", { plus: true, gs2: "n,," }, "failed malformed"],
  ["AU-8 -PLUS by a client that thinks we cannot", { plus: true, gs2: "y,," }, "failed malformed"],
  ["AU-8 tls-unique is not had", { plus: true, gs2: "p=tls-unique,," }, "failed malformed"],
  ["AU-8 binding where it was not asked for", { gs2: "p=tls-exporter,,", bound: binding }, "failed malformed"],
  ["AU-8 the client could bind, and -PLUS was not offered", { gs2: "y,," }, "done |user|right proven"],
  [
    "AU-8 the client could bind, and -PLUS was offered: somebody took it out of the list",
    { gs2: "y,,", offered: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] },
    "failed credentials |user|wrong",
  ],
  ["AU-8 the client cannot bind", { offered: ["SCRAM-SHA-256-PLUS"] }, "done |user|right proven"],
  [
    "AU-8 another header in the second message",
    { final: (text) => text.replace("biws", "eSws") },
    "failed credentials |user|wrong",
  ],
  [
    "as somebody else is for others to judge",
    { gs2: "n,a=boss,", bare: "n=user,r=abc" },
    "done boss|user|right proven",
  ],
  ["a comma and an equals sign in the name", { bare: "n=a=2Cb=3D,r=abc" }, "done |a,b=|right proven"],
  ["an equals sign that is not written out", { bare: "n=a=b,r=abc" }, "failed malformed"],
  ["=2c in small letters", { bare: "n=a=2cb,r=abc" }, "failed malformed"],
  ["a mandatory extension", { bare: "m=x,n=user,r=abc" }, "failed malformed"],
  ["a mandatory extension further on", { bare: "n=user,r=abc,m=x" }, "failed malformed"],
  ["an optional extension is signed and ignored", { bare: "n=user,r=abc,x=y" }, "done |user|right proven"],
  ["what is no attribute", { bare: "n=user,r=abc,xy" }, "failed malformed"],
  ["no name", { bare: "n=,r=abc" }, "failed malformed"],
  ["an empty identity, as GNU SASL sends it", { gs2: "n,a=," }, "done |user|right proven"],
  ["no nonce", { bare: "n=user,r=" }, "failed malformed"],
  ["a space in the nonce", { bare: "n=user,r=a b" }, "failed malformed"],
  ["a nonce of 513 characters", { bare: `n=user,r=${"a".repeat(513)}` }, "failed malformed"],
  ["a name of 256 octets", { bare: `n=${"a".repeat(256)},r=abc` }, "failed malformed"],
  ["name and nonce the other way round", { bare: "r=abc,n=user" }, "failed malformed"],
  ["no header", { gs2: "", bare: "n=user,r=abc" }, "failed malformed"],
  ["an unknown flag", { gs2: "z,," }, "failed malformed"],
  ["AU-7 the client's nonce alone", { final: (text) => text.replace(/r=[^,]+/, "r=abc") }, "failed malformed"],
  ["AU-7 a nonce that goes on", { final: (text) => text.replace(/,p=/, "x,p=") }, "failed malformed"],
  ["a proof that is too short", { final: (text) => `${text.slice(0, -8)}=` }, "failed malformed"],
  ["no proof", { final: (text) => text.replace(/,p=.*/, "") }, "failed malformed"],
  ["something behind the proof", { final: (text) => `${text},x=y` }, "failed malformed"],
  [
    "an extension that the proof does not cover",
    { final: (text) => text.replace(",p=", ",x=y,p=") },
    "failed credentials |user|wrong",
  ],
  [
    "a mandatory extension in the second message",
    { final: (text) => text.replace(",p=", ",m=y,p=") },
    "failed malformed",
  ],
];

for (const [name, change, want] of rows) {
  test(`SCRAM: ${name}`, async () => assert.equal(await logIn(change), want));
}

test("AU-7 the server's part of the nonce is new each time", async () => {
  const nonces = await Promise.all(
    [1, 2].map(async () => {
      const context = { offered: [], channelBinding: () => undefined };
      const step = await startScram(checksOf([]), { plus: false, context }).step(Buffer.from("n,,n=user,r=abc"));
      return step.kind === "challenge" ? /^r=abc([^,]{24,}),/.exec(step.data.toString())?.[1] : undefined;
    }),
  );
  assert.ok(nonces[0] !== undefined && nonces[1] !== undefined && nonces[0] !== nonces[1]);
});

test("AU-7 whatever octet of the second message is changed, nobody gets in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 127 }), async (plus, at, flip) => {
      const final = (text: string): string => {
        const octets = Buffer.from(text);
        const index = at % octets.length;
        octets[index] = (octets[index] ?? 0) ^ flip;
        return octets.toString();
      };
      assert.match(await logIn({ plus, final }), /^failed /);
    }),
    { numRuns: 60 },
  );
});

test("any text at all is a client's message of which every part is its own, or none", () => {
  const parts = fc.constantFrom(
    "n",
    "y",
    "p=tls-exporter",
    ",",
    "n=",
    "r=",
    "c=",
    "p=",
    "m=",
    "a=",
    "=2C",
    "biws",
    "x",
  );
  const texts = fc.array(fc.oneof(parts, fc.string({ maxLength: 3 })), { maxLength: 16 }).map((all) => all.join(""));
  fc.assert(
    fc.property(texts, (text) => {
      const first = parseClientFirst(Buffer.from(text));
      if (first !== undefined) assert.ok(text === first.gs2Header + first.bare && text.includes(first.nonce));
      const final = parseClientFinal(Buffer.from(text));
      if (final !== undefined) assert.ok(text.startsWith(`${final.withoutProof},p=`));
    }),
    { numRuns: 3000 },
  );
});
