/**
 * The sendmail reference's numbered cases about mail that we receive: what `source.inbound` hands on, and what a client
 * is told. (Listeners enforce it.)
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { type RequirementPeer, unmetRequirement } from "../../src/policy/requirements.ts";
import type { InboundRule } from "../../src/policy/rules.ts";
import { compileTexts, errors, inboundQuestion, type PeerLooks, selfSigned, tls, warnings } from "./sendmail/lab.ts";

const laptop = "pc.laptop.example";
const address = "198.51.100.7";

function ruleFor(compiled: Compiled, name: string | undefined = laptop, port = 25): InboundRule {
  const rule = compiled.source.inbound?.(inboundQuestion(address, name, port));
  assert.ok(rule);
  return rule;
}

/** What the client is told at MAIL; `accepted` where nothing. */
function told(compiled: Compiled, seen: RequirementPeer["tls"], name?: string): string {
  const rule = compiled.source.inbound?.(inboundQuestion(address, name));
  const hostName = name ?? `[${address}]`;
  for (const requirement of rule?.requirements ?? []) {
    const unmet = unmetRequirement(requirement, { role: "client", tls: seen, hostName });
    if (unmet !== undefined) return `${unmet.code} ${unmet.status} ${unmet.text}`;
  }
  return "accepted";
}

const asked = (looks: PeerLooks = {}): RequirementPeer["tls"] => tls({ cn: laptop, asked: "sent", ...looks });

const rows: readonly (readonly [
  title: string,
  access: string,
  seen: RequirementPeer["tls"],
  name: string | undefined,
  want: string,
])[] = [
  [
    "64: ENCR, MAIL in clear",
    "TLS_Clt:laptop.example ENCR:112",
    "clear",
    laptop,
    "454 4.7.0 encryption too weak 0 less than 112",
  ],
  [
    "64: then STARTTLS",
    "TLS_Clt:laptop.example ENCR:112",
    asked({ noCertificate: true, asked: "asked" }),
    laptop,
    "accepted",
  ],
  [
    "65: PERM+ENCR, MAIL in clear",
    "TLS_Clt:laptop.example PERM+ENCR:112",
    "clear",
    laptop,
    "503 5.7.0 encryption too weak 0 less than 112",
  ],
  ["66: VERIFY, MAIL in clear", "TLS_Clt:laptop.example VERIFY", "clear", laptop, "454 4.7.0 authentication required"],
  [
    "67: VERIFY, no client certificate",
    "TLS_Clt:laptop.example VERIFY",
    asked({ noCertificate: true, asked: "asked" }),
    laptop,
    "454 4.7.0 not authenticated",
  ],
  [
    "68: VERIFY, none was asked for",
    "TLS_Clt:laptop.example VERIFY",
    asked({ noCertificate: true, asked: "not-asked" }),
    laptop,
    "454 4.7.0 no authentication requested",
  ],
  ["69: VERIFY, a trusted certificate", "TLS_Clt:laptop.example VERIFY", asked(), laptop, "accepted"],
  [
    "70: PERM+VERIFY, an untrusted one",
    "TLS_Clt:laptop.example PERM+VERIFY",
    asked(selfSigned),
    laptop,
    "503 5.7.0 authentication failed",
  ],
  [
    "71: CN of another host",
    "TLS_Clt:laptop.example PERM+VERIFY:112+CN",
    asked(),
    "pc2.laptop.example",
    "503 5.7.0 CN pc.laptop.example does not match pc2.laptop.example",
  ],
  ["72: a forged name is none", "TLS_Clt:laptop.example PERM+ENCR:112", "clear", undefined, "accepted"],
  ["73: a default for all", "TLS_Clt: ENCR:128", "clear", undefined, "454 4.7.0 encryption too weak 0 less than 128"],
  ["74: the sender's domain is no key", "TLS_Clt:sender.example ENCR:128", "clear", "other.example", "accepted"],
  [
    "75: delay_checks changes only when it is said",
    "TLS_Clt:laptop.example PERM+ENCR:112",
    "clear",
    laptop,
    "503 5.7.0 encryption too weak 0 less than 112",
  ],
];

for (const [title, access, seen, name, want] of rows) {
  test(`sendmail ${title}`, () => assert.equal(told(compileTexts(`${access}\n`), seen, name), want));
}

const authority = await makeAuthority();
const issued = await authority.issue({ dnsNames: ["mail.laptop.example"] });
const files = {
  "/server.pem": issued.chainPem,
  "/server.key": issued.privateKeyPem,
  "/ca.pem": authority.certificatePem,
  "/certs/01234567.0": authority.certificatePem,
};
const server = [
  "define(`confSERVER_CERT',`/server.pem')define(`confSERVER_KEY',`/server.key')dnl",
  "define(`confCACERT',`/ca.pem')define(`confCACERT_PATH',`/certs')dnl\n",
].join("\n");

test("STARTTLS is offered where certificate, key, CA file and CA folder are there, and clients are asked", () => {
  const rule = ruleFor(compileTexts("", server, files));
  assert.equal(rule.starttls?.value, "offer");
  assert.equal(rule.clientCertificate?.value, "ask");
  assert.equal(rule.certificate?.value.name, "sendmail server");
});

for (const missing of Object.keys(files)) {
  test(`sendmail 77: without ${missing} STARTTLS is not offered, and check says why`, () => {
    const { [missing as keyof typeof files]: _, ...rest } = files;
    const compiled = compileTexts("", server, rest);
    assert.equal(ruleFor(compiled).starttls?.value, missing.startsWith("/server") ? "never" : "offer");
    assert.match(warnings(compiled).join("\n"), /STARTTLS is not offered|nobody is trusted/);
  });
}

test("sendmail 77: one of the four not set", () => {
  const three = server.replace("define(`confCACERT_PATH',`/certs')", "");
  assert.equal(ruleFor(compileTexts("", three, files)).starttls?.value, "never");
});

test("sendmail 77: a key that does not fit (modes of files are not looked at: differs)", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const compiled = compileTexts("", server, { ...files, "/server.key": other });
  assert.equal(ruleFor(compiled).starttls?.value, "never");
});

test("sendmail 76: Srv_Features S takes STARTTLS away, s gives it back where the port has none", () => {
  const compiled = compileTexts("Srv_Features:laptop.example S\n", server, files);
  assert.equal(ruleFor(compiled).starttls?.value, "never");
  assert.equal(ruleFor(compiled, "other.example").starttls?.value, "offer");
  const port = `${server}DAEMON_OPTIONS(\`Port=2525, Name=X, M=S')dnl\n`;
  assert.equal(ruleFor(compileTexts("", port, files), laptop, 2525).starttls?.value, "never");
  assert.equal(ruleFor(compileTexts("Srv_Features: s\n", port, files), laptop, 2525).starttls?.value, "offer");
  assert.equal(ruleFor(compileTexts("", port, files), laptop, 25).starttls?.value, "offer");
});

test("DAEMON_OPTIONS: M=s is TLS from the first octet", () => {
  const compiled = compileTexts("", `${server}DAEMON_OPTIONS(\`Port=smtps, Name=TLS, M=s')dnl\n`, files);
  assert.equal(ruleFor(compiled, laptop, 465).implicitTls?.value, true);
  assert.equal(ruleFor(compiled, laptop, 25).implicitTls, undefined);
});

test("sendmail 68, 69: TLSSrvOptions V asks nobody, Srv_Features v asks again, V does not", () => {
  const quiet = `${server}define(\`confTLS_SRV_OPTIONS',\`V')dnl\n`;
  const compiled = compileTexts("TLS_Clt: VERIFY\nSrv_Features:laptop.example v\n", quiet, files);
  assert.equal(ruleFor(compiled).clientCertificate?.value, "ask");
  assert.equal(ruleFor(compiled, "other.example").clientCertificate?.value, "do-not-ask");
  assert.equal(ruleFor(compileTexts("Srv_Features: V\n", server, files)).clientCertificate?.value, "do-not-ask");
  const never = warnings(compileTexts("TLS_Clt: VERIFY\n", quiet, files));
  assert.ok(
    never.some((text) => text.includes("clients are not asked for a certificate")),
    never.join("\n"),
  );
});

test("only the first letter of a word counts", () => {
  assert.equal(ruleFor(compileTexts("Srv_Features: AS\n", server, files)).starttls?.value, "offer");
  assert.equal(ruleFor(compileTexts("Srv_Features: AS\n", server, files)).auth?.value, "never");
  assert.equal(
    ruleFor(compileTexts("Srv_Features: temp\n", server, files)).refuse?.value,
    "Temporary system failure. Please try again later.",
  );
});

test("sendmail 78, 79: who may relay by certificate", () => {
  const access =
    "CertIssuer:/C=US/CN=Root RELAY\nCERTIssuer:/C=US/CN=Other+20CA SUBJECT\nCertSubject:/CN=one RELAY\nCertSubject:/CN=two OK\n";
  const relay = ruleFor(compileTexts(access)).relayByCertificate?.value;
  assert.ok(relay?.kind === "names");
  assert.deepEqual(
    [...relay.issuers],
    [
      ["/c=us/cn=root", "relay"],
      ["/c=us/cn=other+20ca", "subject"],
    ],
  );
  assert.deepEqual([...relay.subjects], ["/cn=one"]);
  const cut = compileTexts(access, "define(`_CERT_REGEX_ISSUER_',`-b -s1 x')dnl\n");
  assert.equal(ruleFor(cut).relayByCertificate, undefined);
});

test("sendmail 80: without a client certificate nothing stands in the way (the Received line is the receiver's)", () => {
  assert.equal(told(compileTexts(""), asked({ noCertificate: true, asked: "asked" }), laptop), "accepted");
});

test("a revocation list is not read: VERIFY makes the client come back later, and nobody relays by certificate", () => {
  const compiled = compileTexts(
    "TLS_Clt:laptop.example VERIFY\nCertIssuer:/CN=x RELAY\n",
    `${server}define(\`confCRL',\`/crl.pem')dnl\n`,
    files,
  );
  assert.match(ruleFor(compiled).refuse?.value ?? "", /revocation list/);
  assert.equal(ruleFor(compiled, "other.example").refuse, undefined);
  assert.equal(ruleFor(compiled).relayByCertificate, undefined);
  assert.deepEqual(errors(compiled), []);
});

test("TLS_Srv_features: an error makes the client come back later", () => {
  const compiled = compileTexts(
    "TLS_Srv_features:laptop.example CertFile=/x;\n",
    `${server}FEATURE(\`tls_session_features')dnl\n`,
    files,
  );
  assert.equal(ruleFor(compiled).refuse?.value, "TLS currently not available");
});

test("ServerSSLOptions and CipherList are handed on", () => {
  const compiled = compileTexts(
    "",
    `${server}define(\`confSERVER_SSL_OPTIONS',\`SSL_OP_NO_TLSv1_2')define(\`confCIPHER_LIST',\`HIGH')dnl\n`,
    files,
  );
  const rule = ruleFor(compiled);
  assert.deepEqual(rule.protocols?.value, { min: "TLSv1.3", max: "TLSv1.3" });
  assert.match(rule.ciphers?.value ?? "", /:HIGH$/);
});
