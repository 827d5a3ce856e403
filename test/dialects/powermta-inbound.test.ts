/**
 * What PowerMTA's listeners, sources and users make of inbound connections: the reference's cases T39 to T47. They say what
 * `source.inbound` answers; who listens enforces it.
 */
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { makeAuthority, makeSelfSigned } from "../../src/lab/certificates.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import type { InboundQuestion, InboundRule } from "../../src/policy/rules.ts";
import { compiled, compiledWith, inboundQuestion, lines, textsOf } from "./powermta/files.ts";

const authority = await makeAuthority("Lab");
const server = await authority.issue({ dnsNames: ["relay.test"], keyKind: "rsa-2048" });
const other = await authority.issue({ dnsNames: ["other.test"] });
const user = await makeSelfSigned({ commonName: "u" });
/** The form that the founding article shows: `Proc-Type: 4,ENCRYPTED`, `DEK-Info: DES-EDE3-CBC`. */
const legacyKey = createPrivateKey(server.privateKeyPem)
  .export({ type: "pkcs1", format: "pem", cipher: "des-ede3-cbc", passphrase: "YourPasswordHere" })
  .toString();
const pkcs8Key = createPrivateKey(server.privateKeyPem)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "YourPasswordHere" })
  .toString();
const files = {
  "/etc/pmta/smtp-cert.pem": server.chainPem + legacyKey,
  "/etc/pmta/key-first.pem": legacyKey + server.chainPem,
  "/etc/pmta/pkcs8.pem": server.chainPem + pkcs8Key,
  "/etc/pmta/plain.pem": server.chainPem + server.privateKeyPem,
  "/etc/pmta/other.pem": other.chainPem + other.privateKeyPem,
  "/etc/pmta/ca.pem": authority.certificatePem,
  "/etc/pmta/u.pem": user.certificatePem,
};
const certificate = "smtp-server-tls-certificate plain.pem";

function inbound(made: Compiled, change: Partial<InboundQuestion> = {}): InboundRule {
  const rule = made.source.inbound?.(inboundQuestion(change));
  assert.ok(rule !== undefined);
  return rule;
}

function at(port: number, change: Partial<InboundQuestion> = {}): Partial<InboundQuestion> {
  return { localPort: port, ...change };
}

function from(client: string): Partial<InboundQuestion> {
  return { client: client as IpAddress };
}

test("powermta T39: tls=yes at a listener begins with TLS, and STARTTLS is not offered inside", () => {
  const made = compiled(
    lines(`smtp-listener 127.0.0.1:465 tls=yes; ${certificate}; <source 0/0>; allow-starttls yes; </source>`),
    files,
  );
  const rule = inbound(made, at(465));
  assert.deepEqual([rule.implicitTls?.value, rule.starttls?.value], [true, "never"]);
  assert.equal(rule.implicitTls?.from.line, 1);
  assert.equal(rule.certificates?.value.default.credentials[0].certificateChain, server.chainPem);
  assert.deepEqual([inbound(made).implicitTls, inbound(made).starttls?.value], [undefined, "offer"]);
});

test("powermta T40: the listener's own section and certificate", () => {
  const made = compiled(
    lines(
      `${certificate}; <smtp-listener 127.0.0.1:465>; immediate-tls true; tls-certificate other.pem pw; tls-ciphers ECDHE; tls-allow-tlsv1.2 no; </smtp-listener>`,
    ),
    files,
  );
  const rule = inbound(made, at(465));
  assert.equal(rule.implicitTls?.value, true);
  assert.equal(rule.certificates?.value.default.credentials[0].certificateChain, other.chainPem);
  assert.deepEqual(rule.protocols?.value, { min: "TLSv1.3", max: "TLSv1.3" });
  assert.match(rule.ciphers?.value ?? "", /:ECDHE$/);
  assert.match(inbound(made).ciphers?.value ?? "", /:HIGH:!ADH:@STRENGTH$/);
  assert.equal(inbound(made, { listener: "127.0.0.1:465", localAddress: undefined }).implicitTls?.value, true);
});

test("powermta T41: a certificate alone offers nothing", () => {
  assert.equal(inbound(compiled(certificate, files)).starttls?.value, "never");
});

test("powermta T41: allow-starttls without a certificate is not offered (our reading), and told", () => {
  const made = compiled(lines("<source 0/0>; allow-starttls yes; </source>"));
  assert.equal(inbound(made).starttls?.value, "never");
  assert.match(textsOf(made, "warning").join(), /2: allow-starttls without a certificate/);
});

const auth: readonly [id: string, source: string, want: string][] = [
  ["T42: PLAIN only inside TLS", "allow-starttls yes; allow-unencrypted-plain-auth no", "plain-only-in-tls"],
  ["T42: the default is the same", "allow-starttls yes", "plain-only-in-tls"],
  ["T42: PLAIN anywhere", "allow-unencrypted-plain-auth yes", "always"],
  ["T43: AUTH only inside TLS", "allow-unencrypted-plain-auth yes; require-starttls-before-auth yes", "only-in-tls"],
  ["T43: no AUTH", "allow-auth no; require-starttls-before-auth yes", "never"],
];
for (const [title, source, want] of auth) {
  test(`powermta ${title}`, () => {
    const made = compiled(lines(`${certificate}; <source 0/0>; ${source}; </source>`), files);
    assert.equal(inbound(made).auth?.value, want);
  });
}

const one = "<source 10.0.0.5>; allow-starttls yes; </source>";
const ten = "<source 10/8>; allow-starttls no; </source>";
const all = "<source 0/0>; allow-starttls no; allow-auth no; </source>";
for (const [order, sources] of [
  ["specific first", [one, ten, all]],
  ["general first", [all, ten, one]],
  ["mixed", [ten, one, all]],
] as const) {
  test(`powermta T44: the most specific source decides, ${order}`, () => {
    const made = compiled(lines(`${certificate}; ${sources.join("; ")}`), files);
    assert.equal(inbound(made, from("10.0.0.5")).starttls?.value, "offer");
    assert.equal(inbound(made, from("10.0.0.6")).starttls?.value, "never");
    assert.equal(inbound(made, from("10.0.0.5")).auth?.value, "never");
    assert.equal(inbound(made, from("2001:db8::5")).auth?.value, "never");
    const told = textsOf(made, "warning").filter((text) => text.includes("by the rules of versions 3 and 4"));
    assert.equal(told.length > 0, order !== "specific first");
  });
}

test("powermta T45: the source that the listener names goes before the address", () => {
  const made = compiled(
    lines(
      `${certificate}; smtp-listener 127.0.0.1:2525 source=in1; <source in1>; allow-starttls yes; </source>; <source 0/0>; allow-starttls no; </source>`,
    ),
    files,
  );
  assert.equal(inbound(made, at(2525)).starttls?.value, "offer");
  assert.equal(inbound(made, at(25)).starttls?.value, "never");
  assert.equal(inbound(made, at(2525, { localAddress: "127.0.0.2" as IpAddress })).starttls?.value, "never");
});

test("powermta T45: the user's own source goes before the listener's (our reading); {auth} where he has none", () => {
  const made = compiled(
    lines(`smtp-listener 0/0:25 source=in1; <smtp-user u>; password x; source s; </smtp-user>; <smtp-user v>; password x; </smtp-user>
    <source in1>; allow-auth no; </source>; <source s>; allow-auth yes; allow-unencrypted-plain-auth yes; </source>
    <source {auth}>; allow-auth yes; require-starttls-before-auth yes; </source>`),
  );
  const by = (name: string | undefined): unknown => inbound(made, { user: name }).auth?.value;
  assert.deepEqual([by(undefined), by("u"), by("v")], ["never", "always", "only-in-tls"]);
});

test("powermta T46: a certificate user is known by its SHA-256, and his source says what he may then", () => {
  const made = compiled(
    lines(`${certificate}; <smtp-user u>; authentication-method certificate; tls-certificate u.pem; source s; </smtp-user>
    <source s>; always-allow-relaying yes; </source>`),
    files,
  );
  const rule = inbound(made);
  assert.equal(rule.clientCertificate?.value, "ask");
  const digest = new X509Certificate(user.certificatePem).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.deepEqual(rule.userByCertificate?.value, [
    { pin: { of: "certificate", algorithm: "sha256", digest }, user: "u" },
  ]);
  assert.deepEqual(rule.mechanisms?.value, ["CRAM-MD5", "PLAIN", "LOGIN", "EXTERNAL"]);
  assert.deepEqual(made.settings.users?.[0]?.certificates, [{ of: "certificate", sha256: digest }]);
  assert.equal(rule.relay, undefined);
  assert.equal(inbound(made, { user: "u" }).relay?.value, true);
});

test("powermta: a CA file for clients asks for their certificates", () => {
  const made = compiled(lines(`${certificate}; smtp-server-tls-ca-file ca.pem`), files);
  assert.equal(inbound(made).clientCertificate?.value, "ask");
  assert.ok(inbound(made).clientAnchors?.value.kind === "bundle");
});

const keys: readonly [title: string, value: string, want: RegExp | undefined][] = [
  ["legacy DES-EDE3-CBC key, right password", 'smtp-cert.pem "YourPasswordHere"', undefined],
  ["key first", "key-first.pem YourPasswordHere", undefined],
  ["encrypted PKCS#8", "pkcs8.pem YourPasswordHere", undefined],
  ["a password for a key that needs none", "plain.pem unused", undefined],
  ["wrong password", "smtp-cert.pem wrong", /wrong password/],
  ["no password", "smtp-cert.pem", /password needed/],
  ["empty password", 'smtp-cert.pem ""', /password needed/],
  ["wrong password, PKCS#8", "pkcs8.pem wrong", /wrong password/],
  ["no such file", "gone.pem x", /gone.pem cannot be read/],
  ["no key in it", "ca.pem", /there is no private key in ca.pem/],
];
for (const [title, value, want] of keys) {
  for (const [place, text] of [
    ["server", `smtp-server-tls-certificate ${value}`],
    ["client", `<domain a.test>; smtp-client-certificate ${value}; </domain>`],
  ] as const) {
    test(`powermta T47: ${title} (${place})`, () => {
      const errors = textsOf(compiledWith(lines(text), files), "error").join("\n");
      if (want === undefined) assert.equal(errors, "");
      else assert.match(errors, want);
      assert.doesNotMatch(errors, /YourPasswordHere| wrong$/);
    });
  }
}

test("powermta check: a certificate that runs out within 21 days, and one that does not carry host-name", async () => {
  const soon = await authority.issue({ dnsNames: ["relay.test"], notAfter: Date.now() + 10 * 86_400_000 });
  const made = compiled(lines("host-name relay.test; smtp-server-tls-certificate soon.pem"), {
    "/etc/pmta/soon.pem": soon.chainPem + soon.privateKeyPem,
  });
  assert.match(textsOf(made, "warning").join("\n"), /^2: smtp-server-tls-certificate: the certificate expires/m);
  const named = compiled(lines("host-name mx.test; smtp-server-tls-certificate other.pem"), files);
  assert.match(textsOf(named, "warning").join("\n"), /^2: .*does not carry our name mx\.test/m);
  const right = compiled(lines("host-name other.test; smtp-server-tls-certificate other.pem"), files);
  assert.doesNotMatch(textsOf(right, "warning").join("\n"), /our name|expire/);
});

test("powermta: ciphers of which none may be used: clients are told to come back later", () => {
  const made = compiled("smtp-server-tls-ciphers RC4-SHA");
  assert.match(textsOf(made, "differs").join(), /1: smtp-server-tls-ciphers: none of these may be used/);
  assert.equal(inbound(made).refuse?.from.line, 1);
});

test("powermta: a source named localhost never applies, and that is told", () => {
  const made = compiled(lines("<source localhost>; allow-starttls yes; </source>"));
  assert.match(textsOf(made, "warning").join(), /1: <source localhost> is a name/);
});

const errors: readonly [title: string, text: string, want: RegExp][] = [
  ["a listener's source that is not there", "smtp-listener 0/0:25 source=gone", /there is no <source gone>/],
  ["implicit TLS without a certificate", "smtp-listener 0/0:465 tls=yes", /begins with TLS and has no certificate/],
  [
    "a certificate user without a certificate",
    "<smtp-user u>; authentication-method certificate; </smtp-user>",
    /has no tls-certificate/,
  ],
  ["an unreadable CA file", "smtp-server-tls-ca-file gone.pem", /gone.pem cannot be read/],
  ["no port", "smtp-listener 127.0.0.1", /is no address and port/],
];
for (const [title, text, want] of errors) {
  test(`powermta inbound error: ${title}`, () => {
    const made = compiledWith(lines(text));
    assert.match(textsOf(made, "error").join(), want);
    assert.notEqual(inbound(made).refuse, undefined);
  });
}
