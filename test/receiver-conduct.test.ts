/**
 * How a session obeys its conduct: client certificates as facts, clients from whom nothing is taken, what is pipelined
 * behind STARTTLS, names of clients, and in whose words STARTTLS is answered.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { type IssuedCertificate, makeAuthority } from "../src/lab/certificates.ts";
import type { ClientName } from "../src/mail/client-name.ts";
import { domain } from "../src/mail/domain.ts";
import { reply } from "../src/mail/reply.ts";
import type { Conduct } from "../src/smtp/server/conduct.ts";
import type { SessionFacts } from "../src/smtp/server/receiver.ts";
import { sampleConduct } from "../src/smtp/server/session-sample.ts";
import { underAnchors } from "../src/tls/client-trust.ts";
import { trustBundle } from "../src/tls/handshake-settings.ts";
import type { ServerCredential, ServerTlsProfile } from "../src/tls/server-tls.ts";
import { type OpenReceiver, openReceiver, profile } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

const timeout = 10_000;
const partners = await makeAuthority();
const strangers = await makeAuthority();
const trusted = await partners.issue({ dnsNames: ["mx.partner.example"], commonName: "mx.partner.example" });
const unknown = await strangers.issue({ dnsNames: ["mx.partner.example"] });

const asking: ServerTlsProfile = {
  ...profile,
  clientAnchors: trustBundle([partners.certificatePem], ["partners.pem"]),
};

async function greeted(lab: OpenReceiver): Promise<TestClient> {
  const client = new TestClient(lab.receiver.port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

async function secured(lab: OpenReceiver, options: ConnectionOptions = {}): Promise<TestClient> {
  const client = await greeted(lab);
  assert.match(await client.say("STARTTLS"), /^220 /);
  await client.startTls(options);
  return client;
}

const shown = ({ chainPem, privateKeyPem }: IssuedCertificate): ConnectionOptions => ({
  cert: chainPem,
  key: privateKeyPem,
});

/** What the session knew of the client once it had sent a message inside TLS. */
async function factsOf(options: ConnectionOptions, asked: ServerTlsProfile = asking): Promise<SessionFacts> {
  await using lab = await openReceiver({ led: { profile: asked } });
  using client = await secured(lab, options);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@example.org>");
  await client.say("DATA");
  await client.say("x\r\n.");
  const [mail] = lab.mails;
  assert.ok(mail);
  return mail.session;
}

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`TL-17: a client certificate of a trusted CA, ${maxVersion}`, { timeout }, async () => {
    const { tls } = await factsOf({ ...shown(trusted), maxVersion });
    assert.equal(tls?.handshake.clientCertificate, "sent");
    assert.equal(tls.handshake.certificate?.commonName, "mx.partner.example");
    assert.equal(tls.handshake.chain.kind, "trusted");
    assert.equal(tls.handshake.protocol, maxVersion);
    const anchor = tls.handshake.chain.kind === "trusted" ? tls.handshake.chain.anchor : undefined;
    assert.equal(anchor, createHash("sha256").update(partners.der).digest("hex"));
  });

  test(`TL-17: one of an unknown CA is taken and not trusted, ${maxVersion}`, { timeout }, async () => {
    const { tls } = await factsOf({ ...shown(unknown), maxVersion });
    assert.equal(tls?.handshake.clientCertificate, "sent");
    assert.deepEqual(
      tls.handshake.chain.kind === "untrusted" && tls.handshake.chain.code,
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    );
  });

  test(`TL-17: none is taken, too, ${maxVersion}`, { timeout }, async () => {
    const { tls } = await factsOf({ maxVersion });
    assert.equal(tls?.handshake.clientCertificate, "asked");
    assert.equal(tls.handshake.certificate, undefined);
    assert.equal(tls.handshake.chain.kind, "untrusted");
  });
}

test("TL-17: nobody is asked where the profile does not say so", { timeout }, async () => {
  const { tls } = await factsOf(shown(trusted), profile);
  assert.equal(tls?.handshake.clientCertificate, "not-asked");
  assert.equal(tls.handshake.certificate, undefined);
});

test("asked without any CA: a certificate is a fact, nobody is trusted, the system's CAs least of all", {
  timeout,
}, async () => {
  const { tls } = await factsOf(shown(trusted), { ...profile, clientAnchors: trustBundle([], []) });
  assert.equal(tls?.handshake.certificate?.commonName, "mx.partner.example");
  assert.equal(tls.handshake.chain.kind, "untrusted");
});

test("a chain through an intermediate CA ends at the trusted one, and the intermediate is on record", {
  timeout,
}, async () => {
  const below = await partners.intermediate("Partner issuing CA");
  const { tls } = await factsOf(shown(await below.issue({ dnsNames: ["mx.partner.example"] })));
  assert.ok(tls?.handshake.chain.kind === "trusted");
  assert.equal(tls.handshake.chain.anchor, createHash("sha256").update(partners.der).digest("hex"));
  assert.deepEqual(
    tls.handshake.intermediates.map((der) => Buffer.from(der).toString("hex")),
    [Buffer.from(below.der).toString("hex")],
  );
});

test("TL-17: a server's certificate from a trusted CA is told apart from a bad one, and both purposes can be had", {
  timeout,
}, async () => {
  const below = await partners.intermediate("Partner issuing CA");
  const serving = await below.issue({ dnsNames: ["mx.partner.example"], purposes: ["server"] });
  const { tls } = await factsOf(shown(serving));
  assert.ok(tls?.handshake.chain.kind === "untrusted");
  assert.equal(tls.handshake.chain.code, "INVALID_PURPOSE");
  const anchors = trustBundle([partners.certificatePem], ["partners.pem"]);
  assert.equal(underAnchors(tls.handshake, anchors, "client-or-server").chain.kind, "trusted");
  assert.equal(underAnchors(tls.handshake, anchors, "client").chain.kind, "untrusted");
  const others = trustBundle([strangers.certificatePem], ["strangers.pem"]);
  assert.equal(underAnchors(tls.handshake, others, "client-or-server").chain.kind, "untrusted");
});

test("TL-17: a server's certificate from an unknown CA, or one for another use, is trusted for neither", {
  timeout,
}, async () => {
  const anchors = trustBundle([partners.certificatePem], ["partners.pem"]);
  const foreign = await strangers.intermediate("Partner issuing CA");
  const bad = [
    await foreign.issue({ dnsNames: ["mx.partner.example"], purposes: ["server"] }),
    await partners.issue({ dnsNames: ["mx.partner.example"], purposes: ["email"] }),
    await partners.issue({ dnsNames: ["mx.partner.example"], purposes: ["server"], notBefore: 0, notAfter: 1e12 }),
  ];
  for (const certificate of bad) {
    const { tls } = await factsOf(shown(certificate));
    assert.ok(tls);
    assert.equal(underAnchors(tls.handshake, anchors, "client-or-server").chain.kind, "untrusted");
  }
});

const faults: readonly [name: string, issue: () => Promise<IssuedCertificate>][] = [
  ["expired", () => partners.issue({ dnsNames: ["a.example"], notBefore: 0, notAfter: Date.UTC(2020, 0, 1) })],
  [
    "from the future",
    () => partners.issue({ dnsNames: ["a.example"], notBefore: Date.UTC(2040, 0, 1), notAfter: Date.UTC(2041, 0, 1) }),
  ],
  [
    "with ten thousand names",
    () => partners.issue({ dnsNames: Array.from({ length: 3000 }, (_, at) => `n${at}.example`) }),
  ],
];
for (const [name, issue] of faults) {
  test(`AT-35, TL-17: a certificate ${name} never breaks the handshake`, { timeout: 20_000 }, async () => {
    const { tls } = await factsOf(shown(await issue()));
    assert.notEqual(tls, undefined);
  });
}

test("AT-35: a chain of a hundred certificates ends the connection or is taken, and others are served", {
  timeout: 30_000,
}, async () => {
  let authority = partners;
  for (let depth = 0; depth < 100; depth++) authority = await authority.intermediate(`CA ${depth}`);
  const deep = await authority.issue({ dnsNames: ["deep.example"] });
  await using lab = await openReceiver({ led: { profile: asking } });
  const client = await greeted(lab);
  await client.say("STARTTLS");
  await client.startTls(shown(deep)).catch(() => undefined);
  client[Symbol.dispose]();
  using other = await secured(lab, shown(trusted));
  assert.match(await other.say("EHLO client.example"), /^250/);
});

test("AT-12: no session of a listener that asks for certificates is resumed", { timeout }, async () => {
  await using lab = await openReceiver({ led: { profile: asking }, implicitTls: true });
  using first = new TestClient(lab.receiver.port);
  const one = await first.startTls(shown(trusted));
  await first.reply();
  const session = one.getSession();
  using second = new TestClient(lab.receiver.port);
  const two = await second.startTls({ ...shown(unknown), ...(session === undefined ? {} : { session }) });
  assert.equal(two.isSessionReused(), false);
});

const twoKinds = async (): Promise<ServerTlsProfile> => {
  const make = async (keyKind: "rsa-2048" | "ec-p256"): Promise<ServerCredential["credentials"][0]> => {
    const { chainPem, privateKeyPem } = await partners.issue({ dnsNames: ["mx.example.org"], keyKind });
    return { name: keyKind, id: keyKind, certificateChain: chainPem, privateKey: privateKeyPem };
  };
  const credentials = [await make("rsa-2048"), await make("ec-p256")] as const;
  return { ...profile, default: { credentials, names: [] } };
};

test("RSA and ECDSA side by side: each client sees the one that it can check", { timeout }, async () => {
  await using lab = await openReceiver({ led: { profile: await twoKinds() }, implicitTls: true });
  const keyType = async (sigalgs: string): Promise<string | undefined> => {
    using client = new TestClient(lab.receiver.port);
    const secure = await client.startTls({ sigalgs, rejectUnauthorized: false });
    return secure.getPeerX509Certificate()?.publicKey.asymmetricKeyType;
  };
  assert.equal(await keyType("rsa_pss_rsae_sha256:rsa_pkcs1_sha256"), "rsa");
  assert.equal(await keyType("ecdsa_secp256r1_sha256"), "ec");
});

test("postfix PT-94: `.parent` serves every name below it, the exact name before it", { timeout }, async () => {
  const credential = async (name: string): Promise<ServerCredential["credentials"][0]> => {
    const { chainPem, privateKeyPem } = await partners.issue({ dnsNames: [name] });
    return { name, id: name, certificateChain: chainPem, privateKey: privateKeyPem };
  };
  const others: readonly ServerCredential[] = [
    { credentials: [await credential("below.test")], names: [".below.test"] },
    { credentials: [await credential("exact.test")], names: ["exact.below.test"] },
  ];
  await using lab = await openReceiver({ led: { profile: { ...profile, others } }, implicitTls: true });
  const served = async (servername: string): Promise<string | undefined> => {
    using client = new TestClient(lab.receiver.port);
    const secure = await client.startTls({ servername, rejectUnauthorized: false });
    return secure.getPeerX509Certificate()?.subjectAltName;
  };
  assert.equal(await served("a.below.test"), "DNS:below.test");
  assert.equal(await served("a.b.below.test"), "DNS:below.test");
  assert.equal(await served("exact.below.test"), "DNS:exact.test");
  assert.equal(await served("below.test"), "DNS:mx.example.org");
  assert.equal(await served("unrelated.test"), "DNS:mx.example.org");
});

test("Momentum: whoever shows no certificate where one is required is cut off after the handshake", {
  timeout,
}, async () => {
  await using lab = await openReceiver({ led: { profile: asking, cutWithoutCertificate: true } });
  const cut = await greeted(lab);
  await cut.say("STARTTLS");
  await cut.startTls().catch(() => undefined);
  assert.equal(await cut.line(), undefined);
  using bad = await secured(lab, shown(unknown));
  assert.match(await bad.say("EHLO client.example"), /^250/);
});

// --- clients from whom nothing is taken ---------------------------------------------------------------------------

const noMail = reply(454, "4.7.0", "not authenticated");

test("ST-8: a barred client may say hello, wait and go; any other command that there is has its reply", {
  timeout,
}, async () => {
  await using lab = await openReceiver({ led: { barred: { reply: noMail, close: false }, starttls: "never" } });
  using client = await greeted(lab);
  assert.equal(await client.say("EHLO c"), "250-mx.example.org\n250 ENHANCEDSTATUSCODES");
  for (const line of [
    "MAIL FROM:<a@example.com>",
    "RCPT TO:<b@example.org>",
    "DATA",
    "VRFY x",
    "HELP",
    "STARTTLS",
    "AUTH PLAIN",
  ]) {
    assert.equal(await client.say(line), "454 4.7.0 not authenticated");
  }
  assert.match(await client.say("FOO"), /^500 /);
  for (const line of ["NOOP", "RSET", "HELO c"]) assert.match(await client.say(line), /^250 /);
  assert.match(await client.say("QUIT"), /^221 /);
  assert.deepEqual(
    lab.refusals.map(({ stage }) => stage),
    ["mail"],
  );
});

test("EX-17: the octets of a barred client's chunk are read and thrown away", { timeout }, async () => {
  await using lab = await openReceiver({ led: { barred: { reply: noMail, close: false } } });
  using client = await greeted(lab);
  await client.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
  assert.equal(await client.reply(), "454 4.7.0 not authenticated");
  assert.match(await client.reply(), /^250 2\.0\.0 Ok/);
});

test("a barred client in clear may start TLS, which may make it good", { timeout }, async () => {
  const conduct = ({ tls }: SessionFacts): Conduct =>
    sampleConduct({ profile, barred: tls === undefined ? { reply: noMail, close: false } : undefined });
  await using lab = await openReceiver({ conduct });
  using client = await greeted(lab);
  assert.match(await client.say("EHLO c"), /^250 STARTTLS$/m);
  assert.equal(await client.say("MAIL FROM:<a@example.com>"), "454 4.7.0 not authenticated");
  await client.say("STARTTLS");
  await client.startTls();
  await client.say("EHLO c");
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^250 /);
});

test("postfix INB-13: told once, at the first command after the handshake, and closed", { timeout }, async () => {
  const barred = { reply: reply(421, "4.7.1", "mx.example.org Error: No client certificate presented"), close: true };
  const conduct = ({ tls }: SessionFacts): Conduct =>
    sampleConduct({ profile: asking, wording: "postfix", barred: tls === undefined ? undefined : barred });
  await using lab = await openReceiver({ conduct });
  using client = await secured(lab);
  assert.equal(await client.say("EHLO c"), "421 4.7.1 mx.example.org Error: No client certificate presented");
  assert.equal(await client.line(), undefined);
  assert.deepEqual(
    lab.refusals.map(({ stage, reply: { code } }) => [stage, code]),
    [["client", 421]],
  );
});

test("RFC 7504 §3: a client from whom nothing is ever taken is told so in place of the greeting", {
  timeout,
}, async () => {
  const barred = { reply: reply(521, "5.3.2", "mx.example.org does not accept mail from you"), close: true };
  await using lab = await openReceiver({ led: { barred } });
  using client = new TestClient(lab.receiver.port);
  assert.equal(await client.reply(), "521 5.3.2 mx.example.org does not accept mail from you");
  assert.equal(await client.line(), undefined);
  assert.deepEqual(
    lab.refusals.map(({ stage }) => stage),
    ["client"],
  );
});

// --- octets behind STARTTLS ----------------------------------------------------------------------------------------

const injections = ["NOOP\r\n", "EHLO evil.example\r\nMAIL FROM:<evil@example.com>\r\n", "MAIL FROM:<x@y.example>"];
for (const pipelined of injections) {
  test(`AT-4, ST-3: behind STARTTLS in one segment: thrown away where the conduct says so (${pipelined.slice(0, 4)})`, {
    timeout,
  }, async () => {
    await using lab = await openReceiver({ led: { profile, pipelined: "discard" } });
    using client = await greeted(lab);
    await client.send(`STARTTLS\r\n${pipelined}`);
    assert.match(await client.reply(), /^220 /);
    await client.startTls();
    // Nothing of it is answered, and no transaction is open.
    assert.match(await client.say("RCPT TO:<b@example.org>"), /^503 5\.5\.1 Send MAIL first/);
    assert.match(await client.say("EHLO client.example"), /^250-mx/);
  });
}

test("AT-4, ST-3: refused and closed by default, however it is cut into segments", { timeout }, async () => {
  for (const cut of [9, 10, 11, 12, 16]) {
    await using lab = await openReceiver({ led: { profile } });
    using client = await greeted(lab);
    const octets = "STARTTLS\r\nNOOP\r\n";
    await client.send(octets.slice(0, cut));
    await client.send(octets.slice(cut));
    const said = await client.rest();
    assert.match(said, /^(?:554 5\.5\.0 [^\r]+\r\n|220 [^\r]+\r\n)/);
    assert.doesNotMatch(said, /250/);
  }
});

test("AT-6: EHLO, MAIL and AUTH said in clear are forgotten inside TLS", { timeout }, async () => {
  await using lab = await openReceiver({ led: { profile } });
  using client = await greeted(lab);
  await client.say("MAIL FROM:<evil@example.com>");
  assert.match(await client.say("STARTTLS"), /^220 /);
  await client.startTls();
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^503 5\.5\.1 Send MAIL first/);
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^503 5\.5\.1 Send EHLO first/);
});

test("postfix INB-6: MAIL without a new EHLO, where the conduct takes it", { timeout }, async () => {
  await using lab = await openReceiver({ led: { profile, mailWithoutHello: true } });
  using client = await secured(lab);
  assert.match(await client.say("MAIL FROM:<a@example.com> BODY=8BITMIME"), /^250 /);
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^250 /);
});

// --- the client's name ---------------------------------------------------------------------------------------------

test("the greeting waits for the client's name, and the conduct knows it", { timeout }, async () => {
  const found = Promise.withResolvers<ClientName>();
  const seen: ClientName[] = [];
  await using lab = await openReceiver({
    clientName: () => found.promise,
    conduct: ({ clientName }) => {
      seen.push(clientName);
      return sampleConduct();
    },
  });
  using client = new TestClient(lab.receiver.port);
  let isGreeted = false;
  const greeting = client.reply().then((text) => {
    isGreeted = true;
    return text;
  });
  while (lab.receiver.sessions === 0) await new Promise(setImmediate);
  assert.equal(isGreeted, false);
  const name: ClientName = { kind: "verified", name: domain("mx.partner.example") };
  found.resolve(name);
  assert.match(await greeting, /^220 /);
  await client.say("EHLO c");
  assert.deepEqual(seen[0], name);
});

test("EX-23: who talks while his name is looked up has talked too early; who leaves is forgotten", {
  timeout,
}, async () => {
  const found = Promise.withResolvers<ClientName>();
  await using lab = await openReceiver({ clientName: () => found.promise });
  using early = new TestClient(lab.receiver.port);
  const left = new TestClient(lab.receiver.port);
  while (lab.receiver.sessions < 2) await new Promise(setImmediate);
  await early.send("EHLO c\r\n");
  left[Symbol.dispose]();
  found.resolve({ kind: "none" });
  assert.match(await early.reply(), /^554 5\.5\.0 /);
  early.end();
  while (lab.receiver.sessions > 0) await new Promise(setImmediate);
});

// --- in whose words ------------------------------------------------------------------------------------------------

type Said = Readonly<{ line: string; want: string }>;
const wordings: readonly [name: string, led: Partial<Conduct>, said: readonly Said[]][] = [
  [
    "postfix INB-1",
    { wording: "postfix", starttls: "never" },
    [{ line: "STARTTLS", want: "502 5.5.1 Error: command not implemented" }],
  ],
  [
    "postfix INB-2, INB-3",
    { wording: "postfix", profile },
    [
      { line: "STARTTLS foo", want: "501 5.5.4 Syntax: STARTTLS" },
      { line: "STARTTLS", want: "220 2.0.0 Ready to start TLS" },
    ],
  ],
  [
    "postfix INB-7, INB-8, PT-88",
    { wording: "postfix", profile, starttls: "require" },
    [
      { line: "MAIL FROM:<a@example.com>", want: "530 5.7.0 Must issue a STARTTLS command first" },
      { line: "NOOP", want: "250 2.0.0 Ok" },
      { line: "HELO c", want: "250 mx.example.org" },
      { line: "AUTH PLAIN", want: "530 5.7.0 Must issue a STARTTLS command first" },
      { line: "FOO", want: "500 5.5.1 Unknown command" },
    ],
  ],
  [
    "postfix INB-9",
    { wording: "postfix", profile, authNeedsTls: true },
    [{ line: "AUTH PLAIN", want: "503 5.5.1 Error: authentication not enabled" }],
  ],
  [
    "postfix INB-10, PT-90",
    { wording: "postfix", starttls: "unavailable" },
    [{ line: "STARTTLS", want: "454 4.7.0 TLS not available due to local problem" }],
  ],
  [
    "sendmail 76",
    { wording: "sendmail", starttls: "never" },
    [{ line: "STARTTLS", want: "503 5.5.0 TLS not available" }],
  ],
  [
    "sendmail 77",
    { wording: "sendmail", starttls: "unavailable" },
    [{ line: "STARTTLS", want: "454 4.3.3 TLS not available after start" }],
  ],
  [
    "sendmail 4.4",
    { wording: "sendmail", profile },
    [
      { line: "STARTTLS x", want: "501 5.5.2 Syntax error (no parameters allowed)" },
      { line: "MAIL FROM:<a@example.com>", want: "250 2.1.0 Sender ok" },
      { line: "STARTTLS", want: "503 5.5.0 TLS not permitted during a mail transaction" },
    ],
  ],
  ["powermta 2.5", { wording: "powermta", profile }, [{ line: "STARTTLS", want: "220 2.0.0 ready to start TLS" }]],
  [
    "powermta require-starttls-before-auth",
    { wording: "powermta", profile, authNeedsTls: true },
    [{ line: "AUTH PLAIN", want: "530 5.7.0 Must issue a STARTTLS command first" }],
  ],
  [
    "letterlock ST-7",
    { profile, starttls: "require" },
    [
      { line: "HELO c", want: "530 5.7.0 Must issue a STARTTLS command first" },
      { line: "MAIL FROM:<a@example.com>", want: "530 5.7.0 Must issue a STARTTLS command first" },
    ],
  ],
];
for (const [name, led, said] of wordings) {
  test(`in its words: ${name}`, { timeout }, async () => {
    await using lab = await openReceiver({ led });
    using client = await greeted(lab);
    for (const { line, want } of said) assert.equal(await client.say(line), want);
  });
}

const insideTls: readonly [wording: Conduct["wording"], want: string][] = [
  ["letterlock", "503 5.5.1 TLS is on already"],
  ["postfix", "554 5.5.1 Error: TLS already active"],
  ["sendmail", "454 4.3.3 TLS not available after start"],
];
for (const [wording, want] of insideTls) {
  test(`ST-2, ST-6: STARTTLS inside TLS, in the words of ${wording}`, { timeout }, async () => {
    await using lab = await openReceiver({ led: { profile, wording } });
    using client = await secured(lab);
    assert.doesNotMatch(await client.say("EHLO c"), /STARTTLS/);
    assert.equal(await client.say("STARTTLS"), want);
  });
}

test("postfix INB-10: a certificate that is missing is not hidden; others hide it", { timeout }, async () => {
  for (const [wording, names] of [
    ["postfix", true],
    ["sendmail", false],
    ["letterlock", false],
  ] as const) {
    await using lab = await openReceiver({ led: { wording, starttls: "unavailable" } });
    using client = await greeted(lab);
    assert.equal(/STARTTLS/.test(await client.say("EHLO c")), names, wording);
  }
});
