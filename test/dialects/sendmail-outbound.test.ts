/**
 * The sendmail reference's numbered cases about mail that we send: what becomes of it, with Sendmail's codes and texts.
 * T is 454 (8.17 and newer); cases 8 to 10 use suites that are still allowed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSendmail } from "../../src/policy/dialects/sendmail/compile.ts";
import {
  compileTexts,
  deliver,
  errors,
  filesOf,
  type Host,
  handshakeBroken,
  lost,
  noTls,
  question,
  refused,
  selfSigned,
  tls,
  warnings,
} from "./sendmail/lab.ts";

const peer = "mx.peer.example";
const trusted = "define(`confCACERT',`/ca.pem')define(`confCACERT_PATH',`/certs')dnl\n";
const fallback = "define(`confTLS_FALLBACK_TO_CLEAR',`true')dnl\n";

function at(tlsSeen: Host[1], name: string | undefined = peer): Host {
  return [name, tlsSeen];
}

type Row = readonly [
  title: string,
  access: string,
  mc: string | undefined,
  hosts: readonly Host[],
  want: string,
  to?: string,
];

const weak = "encryption too weak 0 less than 112";
const own = (value: string): string => `TLS_Srv:${peer} ${value}\n`;

const rows: readonly Row[] = [
  ["1: a trusted certificate", "", trusted, [at(tls())], "TLS via mx.peer.example"],
  ["2: a self-signed one", "", undefined, [at(tls(selfSigned))], "TLS via mx.peer.example"],
  ["3: no STARTTLS", "", undefined, [at(noTls)], "clear via mx.peer.example"],
  ["4: ENCR and no STARTTLS", own("ENCR:112"), undefined, [at(noTls)], `queued: 454 4.7.0 ${weak}`],
  ["5: PERM+ENCR and no STARTTLS", own("PERM+ENCR:112"), undefined, [at(noTls)], `bounce: 503 5.7.0 ${weak}`],
  ["6: TEMP+ENCR and no STARTTLS", own("TEMP+ENCR:112"), undefined, [at(noTls)], `queued: 403 4.7.0 ${weak}`],
  [
    "7: VERIFY and no STARTTLS",
    own("VERIFY"),
    undefined,
    [at(noTls)],
    "queued: 454 4.7.0 other side does not support STARTTLS",
  ],
  [
    "8: ENCR:168 with AES of 128 bits (an ECDHE suite)",
    own("ENCR:168"),
    undefined,
    [at(tls({ bits: 128 }))],
    "queued: 454 4.7.0 encryption too weak 128 less than 168",
  ],
  [
    "9: ENCR:128 with AES of 128 bits (an ECDHE suite)",
    own("ENCR:128"),
    undefined,
    [at(tls({ bits: 128 }))],
    "TLS via mx.peer.example",
  ],
  [
    "10: ENCR:168 with triple DES, could it be had",
    own("ENCR:168"),
    undefined,
    [at(tls({ bits: 112 }))],
    "queued: 454 4.7.0 encryption too weak 112 less than 168",
  ],
  ["11: ENCR:112, self-signed", own("ENCR:112"), undefined, [at(tls(selfSigned))], "TLS via mx.peer.example"],
  [
    "12: VERIFY, self-signed",
    own("VERIFY"),
    undefined,
    [at(tls(selfSigned))],
    "queued: 454 4.7.0 authentication failed",
  ],
  [
    "13: VERIFY, expired",
    own("VERIFY"),
    undefined,
    [at(tls({ untrusted: "CERT_HAS_EXPIRED" }))],
    "queued: 454 4.7.0 authentication failed",
  ],
  [
    "14: VERIFY, issuer unknown",
    own("VERIFY"),
    undefined,
    [at(tls({ untrusted: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" }))],
    "queued: 454 4.7.0 authentication failed",
  ],
  [
    "15: VERIFY does not compare names",
    own("VERIFY"),
    trusted,
    [at(tls({ cn: "other.example" }))],
    "TLS via mx.peer.example",
  ],
  ["16: VERIFY+CN, the host's own", own("VERIFY+CN"), trusted, [at(tls())], "TLS via mx.peer.example"],
  [
    "17: VERIFY+CN:name, only in SubjectAltName",
    own("VERIFY+CN:wanted.example"),
    trusted,
    [at(tls({ cn: "x.example", sans: ["wanted.example"] }))],
    "queued: 454 4.7.0 CN x.example does not match wanted.example",
  ],
  [
    "18: CN means the host, not the key",
    "TLS_Srv:peer.example VERIFY+CN\n",
    trusted,
    [at(tls({ cn: "peer.example" }))],
    "queued: 454 4.7.0 CN peer.example does not match mx.peer.example",
  ],
  [
    "19: an asterisk is a letter like any other",
    own("VERIFY+CN:*.good.example"),
    trusted,
    [at(tls({ cn: "*.good.example" }))],
    "TLS via mx.peer.example",
  ],
  [
    "20: CN and issuer in the encoded form",
    own("VERIFY+CN++CI:/C=US/O=Safe+20Mail/CN=Test+20Root+20CA"),
    trusted,
    [at(tls())],
    "TLS via mx.peer.example",
  ],
  [
    "21: an issuer with blanks never matches",
    own("VERIFY+CN++CI:/C=US/O=Safe Mail/CN=Test Root CA"),
    trusted,
    [at(tls())],
    "queued: 454 4.7.0 Cert Issuer /C=US/O=Safe+20Mail/CN=Test+20Root+20CA does not match /C=US/O=Safe Mail/CN=Test Root CA",
  ],
  [
    "22: ENCR with CN, no trust needed",
    own("ENCR:112+CN:mx.peer.example"),
    undefined,
    [at(tls(selfSigned))],
    "TLS via mx.peer.example",
  ],
  [
    "23: VERIFY:256 with AES of 128 bits",
    own("VERIFY:256"),
    trusted,
    [at(tls({ bits: 128 }))],
    "queued: 454 4.7.0 encryption too weak 128 less than 256",
  ],
  [
    "24: CITag, listed",
    `${own("VERIFY+CN++CITag:MyCA")}MyCA:/C=US/O=Safe+20Mail/CN=Test+20Root+20CA OK\n`,
    trusted,
    [at(tls())],
    "TLS via mx.peer.example",
  ],
  [
    "24: CITag, not listed",
    own("VERIFY+CN++CITag:MyCA"),
    trusted,
    [at(tls())],
    "queued: 454 4.7.0 Cert Issuer /C=US/O=Safe+20Mail/CN=Test+20Root+20CA not acceptable",
  ],
  [
    "25: VERIFY, 454 to STARTTLS",
    own("VERIFY"),
    undefined,
    [at(refused(454))],
    "queued: 454 4.7.0 authentication failure ",
  ],
  ["26: no rule, 454 to STARTTLS", "", undefined, [at(refused(454))], "clear via mx.peer.example"],
  ["26: no rule, 554 to STARTTLS", "", undefined, [at(refused(554))], "clear via mx.peer.example"],
  ["27: ENCR, 454 to STARTTLS", own("ENCR:112"), undefined, [at(refused(454))], `queued: 454 4.7.0 ${weak}`],
  ["28: 250 to STARTTLS", "", undefined, [at(refused(250))], "queued: 454 4.7.0 STARTTLS failed."],
  ["29: 421 to STARTTLS", "", undefined, [at(refused(421, "too busy"))], "queued: 421 too busy"],
  ["29a: PERM+ENCR, 421 to STARTTLS", own("PERM+ENCR:112"), undefined, [at(refused(421))], `bounce: 503 5.7.0 ${weak}`],
  ["29a: PERM+ENCR, 454 to STARTTLS", own("PERM+ENCR:112"), undefined, [at(refused(454))], `bounce: 503 5.7.0 ${weak}`],
  [
    "29b: PERM+VERIFY, dropped after STARTTLS",
    own("PERM+VERIFY"),
    undefined,
    [at(lost)],
    "bounce: 503 5.7.0 authentication failure ",
  ],
  ["30: the handshake breaks", "", undefined, [at(handshakeBroken)], "queued: 454 4.7.0 TLS handshake failed."],
  [
    "31: OK does not waive a broken handshake",
    own("OK"),
    undefined,
    [at(handshakeBroken)],
    "queued: 454 4.7.0 TLS handshake failed.",
  ],
  [
    "32: PERM and a broken handshake",
    own("PERM+ENCR:1"),
    undefined,
    [at(handshakeBroken)],
    "bounce: 503 5.7.0 TLS handshake failed.",
  ],
  ["33: TLSFallbacktoClear", "", fallback, [at(handshakeBroken)], "clear via mx.peer.example"],
  [
    "34: VERIFY with TLSFallbacktoClear",
    own("VERIFY"),
    fallback,
    [at(handshakeBroken)],
    "queued: 454 4.7.0 STARTTLS disabled locally",
  ],
  ["35: ENCR with TLSFallbacktoClear", own("ENCR:112"), fallback, [at(handshakeBroken)], `queued: 454 4.7.0 ${weak}`],
  [
    "36: the next MX has TLS",
    "TLS_Srv: ENCR:112\n",
    undefined,
    [at(noTls, "mx1.peer.example"), at(tls(), "mx2.peer.example")],
    "TLS via mx2.peer.example",
  ],
  [
    "37: PERM, and the next MX has TLS",
    "TLS_Srv: PERM+ENCR:112\n",
    undefined,
    [at(noTls, "mx1.peer.example"), at(tls(), "mx2.peer.example")],
    "TLS via mx2.peer.example",
  ],
  [
    "38: PERM then TEMP, both fail",
    "TLS_Srv:mx1.peer.example PERM+ENCR:112\nTLS_Srv: TEMP+ENCR:112\n",
    undefined,
    [at(noTls, "mx1.peer.example"), at(noTls, "mx2.peer.example")],
    `queued: 403 4.7.0 ${weak}`,
  ],
  [
    "39: TEMP then PERM, both fail",
    "TLS_Srv:mx2.peer.example PERM+ENCR:112\nTLS_Srv: TEMP+ENCR:112\n",
    undefined,
    [at(noTls, "mx1.peer.example"), at(noTls, "mx2.peer.example")],
    `bounce: 503 5.7.0 ${weak}`,
  ],
  [
    "40: broken at MX 10, clear at MX 20",
    "",
    undefined,
    [at(handshakeBroken, "mx1.peer.example"), at(noTls, "mx2.peer.example")],
    "clear via mx2.peer.example",
  ],
  [
    "41: the recipient's domain is no key",
    "TLS_Srv:hosted.example ENCR:112\n",
    undefined,
    [at(noTls)],
    "clear via mx.peer.example",
    "u@hosted.example",
  ],
  [
    "42: an address by its octets",
    "TLS_Srv:203.0.113 ENCR:200\n",
    undefined,
    [[peer, noTls, "203.0.113.77"]],
    "queued: 454 4.7.0 encryption too weak 0 less than 200",
  ],
  [
    "42: another net",
    "TLS_Srv:203.0.113 ENCR:200\n",
    undefined,
    [[peer, noTls, "203.0.114.77"]],
    "clear via mx.peer.example",
  ],
  [
    "43: an IPv6 net",
    "TLS_Srv:IPv6:2001:db8:0:0 ENCR:203\n",
    undefined,
    [[peer, noTls, "2001:db8::1"]],
    "queued: 454 4.7.0 encryption too weak 0 less than 203",
  ],
  [
    "44: OK exempts from the default",
    "TLS_Srv: PERM+VERIFY\nTLS_Srv:opt.example OK\n",
    undefined,
    [at(tls(selfSigned), "opt.example")],
    "TLS via opt.example",
  ],
  [
    "45: SKIP does not",
    "TLS_Srv: PERM+VERIFY\nTLS_Srv:opt.example SKIP\n",
    "FEATURE(`access_db',,`skip')dnl\n",
    [at(tls(selfSigned), "opt.example")],
    "bounce: 503 5.7.0 authentication failed",
  ],
  [
    "46: the name of the MX host as DNS gives it",
    "TLS_Srv:mx.real.example ENCR:112\n",
    undefined,
    [at(noTls, "mx.alias.example")],
    "clear via mx.alias.example",
  ],
  [
    "46: which is what a key must say",
    "TLS_Srv:mx.alias.example ENCR:112\n",
    undefined,
    [at(noTls, "mx.alias.example")],
    `queued: 454 4.7.0 ${weak}`,
  ],
  ["49: Try_TLS NO", "Try_TLS:peer.example NO\n", undefined, [at(tls())], "clear via mx.peer.example"],
  ["50: Try_TLS YES", "Try_TLS:peer.example YES\nTry_TLS: NO\n", undefined, [at(tls())], "TLS via mx.peer.example"],
  [
    "51: Try_TLS NO with TLS_Srv",
    `Try_TLS:${peer} NO\n${own("VERIFY")}`,
    undefined,
    [at(tls())],
    "queued: 454 4.7.0 other side does not support STARTTLS",
  ],
  [
    "52: Try_TLS by recipient domain does nothing",
    "Try_TLS:hosted.example NO\n",
    undefined,
    [at(tls())],
    "TLS via mx.peer.example",
    "u@hosted.example",
  ],
  [
    "53: an error in TLS_Clt_features",
    `TLS_Clt_features:${peer} Bogus=1;\n`,
    "FEATURE(`tls_session_features')dnl\n",
    [at(tls())],
    "queued: 454 4.7.0 STARTTLS temporarily not possible.",
  ],
  [
    "55: TLS_Rcpt, MX elsewhere",
    "TLS_Rcpt:hosted.example ENCR:112\n",
    undefined,
    [at(noTls)],
    `queued: 454 4.7.0 ${weak}`,
    "u@hosted.example",
  ],
  [
    "56: TLS_Rcpt covers subdomains",
    "TLS_Rcpt:hosted.example ENCR:112\n",
    undefined,
    [at(noTls)],
    `queued: 454 4.7.0 ${weak}`,
    "u@sub.hosted.example",
  ],
  [
    "57: TLS_Rcpt of one address",
    "TLS_Rcpt:a@peer.example ENCR:112\n",
    undefined,
    [at(noTls)],
    `queued: 454 4.7.0 ${weak}`,
    "a@peer.example",
  ],
  [
    "57: the other recipient goes",
    "TLS_Rcpt:a@peer.example ENCR:112\n",
    undefined,
    [at(noTls)],
    "clear via mx.peer.example",
    "b@peer.example",
  ],
  [
    "58: PERM on TLS_Rcpt tries no other MX",
    "TLS_Rcpt:peer.example PERM+ENCR:112\n",
    undefined,
    [at(noTls, "mx1.peer.example"), at(tls(), "mx2.peer.example")],
    `bounce: 503 5.7.0 ${weak}`,
  ],
  [
    "59: a temporary TLS_Rcpt does",
    "TLS_Rcpt:peer.example ENCR:112\n",
    undefined,
    [at(noTls, "mx1.peer.example"), at(tls(), "mx2.peer.example")],
    "TLS via mx2.peer.example",
  ],
  [
    "60: the local part before the domain",
    "TLS_Rcpt:anyone@ VERIFY:256\nTLS_Rcpt:peer.example ENCR:112\n",
    trusted,
    [at(tls({ bits: 128 }))],
    "queued: 454 4.7.0 encryption too weak 128 less than 256",
    "anyone@peer.example",
  ],
  [
    "61: +detail falls back to the address",
    "TLS_Rcpt:tag@peer.example PERM+VERIFY\n",
    undefined,
    [at(noTls)],
    "bounce: 503 5.7.0 other side does not support STARTTLS",
    "tag+foo@peer.example",
  ],
  [
    "62: OK exempts a domain from the default",
    "TLS_Rcpt: ENCR:112\nTLS_Rcpt:peer.example OK\n",
    undefined,
    [at(noTls)],
    "clear via mx.peer.example",
  ],
  [
    "63: both must be met",
    `${own("ENCR:128")}TLS_Rcpt:peer.example ENCR:256\n`,
    undefined,
    [at(tls({ bits: 128 }))],
    "queued: 454 4.7.0 encryption too weak 128 less than 256",
  ],
];

for (const [title, access, mc, hosts, want, to = "u@peer.example"] of rows) {
  test(`sendmail ${title}`, () => assert.equal(deliver(compileTexts(access, mc), to, ...hosts), want));
}

test("sendmail 47: a smart host in brackets is looked up without them", () => {
  const compiled = compileTexts(
    `${own("ENCR:112")}TLS_Srv:[mx.peer.example] OK\n`,
    "define(`SMART_HOST',`[mx.peer.example]')dnl\n",
  );
  const { recipient } = question(undefined, "anyone@elsewhere.example");
  const answer = compiled.settings.routing?.route({
    recipient,
    sender: undefined,
    binding: "default",
    bindingGroup: undefined,
  });
  assert.ok(answer?.kind === "nexthops");
  const [{ kind, written }] = answer.nexthops;
  assert.deepEqual([kind, written], ["host", "[mx.peer.example]"]);
  assert.equal(deliver(compiled, "anyone@elsewhere.example", at(noTls)), `queued: 454 4.7.0 ${weak}`);
});

test("sendmail 48: a SASL layer counts as TLS does: none is ever spoken here, so it is 0 bits (differs)", () => {
  assert.equal(deliver(compileTexts(own("ENCR:112")), "u@peer.example", at(noTls)), `queued: 454 4.7.0 ${weak}`);
});

test("sendmail 54: TLS_Clt_features sets version and ciphers for a host", () => {
  const access = `TLS_Clt_features:${peer} Options=SSL_OP_NO_TLSv1_3; CipherList=AES256\n`;
  const compiled = compileTexts(access, "FEATURE(`tls_session_features')dnl\n");
  const rule = compiled.source.outbound(question(peer, "u@peer.example"));
  assert.deepEqual(rule?.protocols?.value, { min: "TLSv1.2", max: "TLSv1.2" });
  assert.match(rule?.ciphers?.value ?? "", /:AES256$/);
  const other = compiled.source.outbound(question("mx.other.example", "u@peer.example"));
  assert.equal(other?.protocols, undefined);
});

test("sendmail 4 to 32, before 8.17: the default code is 403, PERM stays 503", () => {
  const old = compileTexts(own("ENCR:112"), undefined, {}, "8.14");
  assert.equal(deliver(old, "u@peer.example", at(noTls)), `queued: 403 4.7.0 ${weak}`);
  assert.equal(deliver(old, "u@peer.example", at(handshakeBroken)), "queued: 403 4.7.0 TLS handshake failed.");
  const bare = compileTexts("", undefined, {}, "8.16");
  assert.equal(deliver(bare, "u@peer.example", at(handshakeBroken)), "queued: 403 4.7.0 TLS handshake failed.");
  const perm = compileTexts(own("PERM+ENCR:112"), undefined, {}, "8.14");
  assert.equal(deliver(perm, "u@peer.example", at(noTls)), `bounce: 503 5.7.0 ${weak}`);
});

test("TLS_PERM_ERR: what fails is returned, by the code of the era", () => {
  const perm = "define(`TLS_PERM_ERR')dnl\n";
  assert.equal(deliver(compileTexts(own("ENCR:112"), perm), "u@peer.example", at(noTls)), `bounce: 554 5.7.0 ${weak}`);
  assert.equal(
    deliver(compileTexts("", perm), "u@peer.example", at(handshakeBroken)),
    "bounce: 554 5.7.0 TLS handshake failed.",
  );
  const old = compileTexts(own("ENCR:112"), perm, {}, "8.15");
  assert.equal(deliver(old, "u@peer.example", at(noTls)), `bounce: 503 5.7.0 ${weak}`);
  assert.equal(
    deliver(compileTexts(own("TEMP+ENCR:112"), perm), "u@peer.example", at(noTls)),
    `queued: 403 4.7.0 ${weak}`,
  );
});

test("sendmail 51: check says that no mail can get there", () => {
  const said = warnings(compileTexts(`Try_TLS:${peer} NO\n${own("VERIFY")}`));
  assert.ok(
    said.some((text) => text.includes("no mail can get there")),
    said.join("\n"),
  );
});

test("sendmail 86, 87: DANE is level dane, which refuses to deliver today", () => {
  const compiled = compileTexts("", "define(`confDANE',`true')dnl\n");
  assert.equal(compiled.source.outbound(question(peer, "u@peer.example"))?.level.value, "dane");
  assert.match(deliver(compiled, "u@peer.example", at(tls())), /^queued: 454 4\.7\.0 /);
});

test("sendmail 88: Clt_Features D takes a host out of DANE", () => {
  const compiled = compileTexts(`Clt_Features:${peer} D\n`, "define(`confDANE',`true')dnl\n");
  assert.equal(deliver(compiled, "u@peer.example", at(noTls)), "clear via mx.peer.example");
  assert.match(deliver(compiled, "u@peer.example", at(noTls, "mx.other.example")), /^queued: /);
});

test("sendmail 85: a map that cannot be read is an error, so no mail goes out under less than was meant", () => {
  const mc = (map: string): string => `FEATURE(\`access_db',\`${map}')dnl\n`;
  const files = filesOf({ "/ldap.mc": mc("ldap -k x"), "/gone.mc": mc("hash -T<TMPF> /etc/mail/gone") });
  assert.match(errors(compileSendmail({ mc: "/ldap.mc" }, files)).join(), /a map of this kind cannot be read/);
  assert.match(errors(compileSendmail({ mc: "/gone.mc" }, files)).join(), /cannot be read: no such file/);
});
