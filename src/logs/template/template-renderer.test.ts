/** Every macro of every stage, printed of a plain record. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AttemptRecord } from "../../mail/attempt.ts";
import { sampleAttempt, sampleOrigin, sampleRefusal, sampleTls } from "../../mail/attempt-sample.ts";
import { sampleInbound } from "../../mail/inbound-sample.ts";
import type { LogStage, TemplateLog } from "../../mail/log-definition.ts";
import { attempt, refused, taken } from "../../observe/event-sample.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import {
  allNamespaces,
  connectionKeys,
  defaultNamespaces,
  logMacros,
  messageKeys,
} from "../../policy/dialects/momentum/log-macros.ts";
import { parseTemplate } from "../../policy/dialects/momentum/log-template.ts";
import { createTemplateRenderer } from "./template-renderer.ts";

const tools = { hostname: "relay.example.com", pid: 4711 };
const asIs: TemplateLog["sanitize"] = { specialCharacters: false, nonPrintable: false, replace: [] };
const allStages: readonly LogStage[] = ["reception", "delivery", "transient-failure", "permanent-failure", "rejection"];

function renderer(text: string, change: Partial<TemplateLog> = {}, namespaces = allNamespaces) {
  const { template } = parseTemplate(text, namespaces);
  const templates = Object.fromEntries(allStages.map((stage) => [stage, template]));
  return createTemplateRenderer({ templates, sanitize: asIs, ...change }, tools);
}

function linesOf(text: string, event: LetterlockEvent, change: Partial<TemplateLog> = {}): string[] {
  return renderer(text, change)
    .lines(event, 0)
    .map((line) => line.text);
}

/** Of `sampleRefusal`: nothing of it is empty that has a meaning there. */
const printed: Readonly<Record<string, [attempt: string, reception: string]>> = {
  A: ["SCRAM-SHA-256", ""],
  b: ["default", "default"],
  g: ["default", "default"],
  B: ["5120", "5120"],
  BI: ["01KD8W7F3N", "01KD8W7F3N"],
  c: ["Transient Failure", ""],
  C: ["70", ""],
  CI: ["01KD8W7F2Q", "01KD8W7F2Q"],
  OC: ["01KD8W7F3P", ""],
  d: ["example.net", "example.com"],
  H: ["192.0.2.7", "192.0.2.7"],
  "h{Message-ID}": ["<1@example.com>", "<2@example.net>"],
  i: ["01KD8W7F3N.0", "01KD8W7F3N.0"],
  m: ["alice", "bob"],
  M: ["example.com", "example.net"],
  n: ["451 4.7.5 [internal] remote node SSL certificate not signed by a valid CA", ""],
  N: ["0", "0"],
  p: ["esmtp", "esmtp"],
  P: ["default", "default"],
  PG: ["default", "default"],
  r: ["bob", "alice"],
  R: ["example.net", "example.com"],
  s: ["handshaking TLS", ""],
  S: ["17", "22"],
  t: ["1795262400", "1795262400"],
  "t{%s}": ["1795262400", "1795262400"],
  T: ["0.25", "0.00"],
  "T{3}": ["0.250", "0.000"],
  "us{1}": ["1795262400.2", "1795262400.2"],
  "us{6}": ["1795262400.250000", "1795262400.250000"],
  U: ["alice", ""],
  "vctx_conn{tls}": ["on", "on"],
  "vctx_mess{rcptto_domain}": ["example.net", "example.com"],
  outbound_tls: ["TLS", "unknown"],
  outbound_tls_type: ["required", ""],
  local_ip: ["192.0.2.1", ""],
  outbound_tls_cipher: ["TLS_AES_256_GCM_SHA384", ""],
  outbound_tls_cipher_algbits: ["256", ""],
  outbound_tls_cipher_usebits: ["256", ""],
  outbound_tls_protocol: ["TLSv1.3", ""],
  outbound_tls_verified: ["unverified", ""],
  outbound_tls_issuer: ["Example CA", ""],
  outbound_tls_subject: ["mx.example.net", ""],
  letterlock_event: ["deferred", "accepted"],
  letterlock_tls_required: ["verify", "matching"],
  letterlock_tls_achieved: ["encrypted", "matched"],
  letterlock_tls_rule: ["/etc/letterlock/letterlock.yaml:14", "/etc/letterlock/letterlock.yaml:21"],
  letterlock_tls_reasons: ["level-verify,encrypted,chain-untrusted", ""],
  letterlock_tls_verify: ["chain=DEPTH_ZERO_SELF_SIGNED_CERT,name=mismatch", "chain=trusted"],
  letterlock_tls_protocol: ["TLSv1.3", "TLSv1.3"],
  letterlock_tls_cipher: ["TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"],
  letterlock_tls_group: ["X25519MLKEM768", "X25519MLKEM768"],
  letterlock_tls_peer: ["CN=mx.example.net", "CN=mail.example.net"],
  letterlock_tls_peer_issuer: ["CN=Example CA", "CN=Example CA"],
  letterlock_tls_peer_sha: [sampleTls.peer?.sha256 ?? "", sampleInbound.tls.client?.sha256 ?? ""],
  letterlock_tls_peer_until: ["2027-01-31T00:00:00.000Z", "2027-01-31T00:00:00.000Z"],
  letterlock_tls_monitor: ["", ""],
  letterlock_mx: ["mx.example.net", "mail.example.net"],
  letterlock_port: ["25", "41234"],
  letterlock_status: ["4.7.5", "2.0.0"],
  letterlock_attempt: ["1", ""],
  letterlock_error: [sampleRefusal.error ?? "", ""],
  letterlock_from: ["alice@example.com", "bob@example.net"],
  letterlock_to: ["bob@example.net", "alice@example.com"],
  letterlock_orcpt: ["rfc822;bob@example.net", ""],
  letterlock_envid: ["QQ314159", ""],
  letterlock_listener: ["mx", "mx"],
  letterlock_host: ["relay.example.com", "relay.example.com"],
  letterlock_pid: ["4711", "4711"],
};

for (const [macro, [atFailure, atReception]] of Object.entries(printed)) {
  test(`template log: %${macro}`, () => {
    assert.deepEqual(linesOf(`<%${macro}>`, attempt(sampleRefusal)), [`<${atFailure}>`]);
    assert.deepEqual(linesOf(`<%${macro}>`, taken()), [`<${atReception}>`]);
  });
}

test("template log: every macro is among these", () => {
  const names = new Set(Object.keys(printed).map((macro) => macro.replace(/\{.*/, "")));
  assert.deepEqual([...names].sort(), logMacros.map(({ name }) => name).sort());
});

const contexts: Readonly<Record<string, [attempt: string, rejection: string]>> = {
  auth_name: ["SCRAM-SHA-256", ""],
  auth_status: ["pass", ""],
  auth_user: ["alice", ""],
  can_relay: ["", ""],
  ehlo_domain: ["client.example.com", "mail.example.net"],
  ehlo_string: ["EHLO client.example.com", "EHLO mail.example.net"],
  message_rcpt_count: ["1", "0"],
  pathway: ["default", "default"],
  tls: ["on", ""],
  tls_cipher: ["TLS_AES_128_GCM_SHA256", ""],
  tls_cipher_algbits: ["128", ""],
  tls_cipher_usebits: ["128", ""],
  tls_client_cert_subject: ["C=CH, CN=client.example.com", ""],
  tls_client_cert_subject_cn: ["client.example.com", ""],
  tls_client_cert_issuer: ["CN=Example CA", ""],
  tls_client_cert_issuer_cn: ["Example CA", ""],
  tls_client_verified: ["yes", ""],
  mailfrom_domain: ["example.com", "example.net"],
  mailfrom_localpart: ["alice", "bob"],
  mailfrom_string: ["MAIL FROM:<alice@example.com>", "MAIL FROM:<bob@example.net>"],
  rcptto_domain: ["example.net", ""],
  rcptto_localpart: ["bob", ""],
  rcptto_string: ["RCPT TO:<bob@example.net>", ""],
};

for (const [key, [atDelivery, atRejection]] of Object.entries(contexts)) {
  test(`template log: context key ${key}`, () => {
    const macro = connectionKeys.some((each) => each.key === key) ? "vctx_conn" : "vctx_mess";
    const subject = { subject: "C=CH, CN=client.example.com", issuer: "CN=Example CA", chain: "trusted" };
    const tls = { protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", bits: 128, group: null, ...subject };
    const known = attempt({ origin: { ...sampleOrigin, tls } });
    assert.deepEqual(linesOf(`%${macro}{${key}}`, known), [atDelivery]);
    assert.deepEqual(linesOf(`%${macro}{${key}}`, refused()), [atRejection]);
  });
}

test("template log: every context key is among these", () => {
  const names = [...connectionKeys, ...messageKeys].map(({ key }) => key);
  assert.deepEqual(Object.keys(contexts).sort(), names.sort());
});

const proof = "%outbound_tls|%outbound_tls_type|%outbound_tls_verified|%vctx_conn{outbound_tls_protocol}";
const clear = { ...sampleTls, required: "none", achieved: "none", protocol: null, cipher: null } as const;
const noReasons = sampleAttempt.reasons.map((reason) => ({ ...reason, code: "encrypted" }));

const proofs: readonly [name: string, record: Partial<AttemptRecord>, want: string][] = [
  ["momentum 17: trusted, the name right, as the rule asks", {}, "TLS|required|verified|TLSv1.3"],
  ["momentum 1: no TLS", { tls: clear }, "SMTP|no|unverified|"],
  [
    "momentum 4: TLS where it is offered, nothing proven",
    { tls: { ...sampleTls, required: "may", achieved: "encrypted" } },
    "TLS|ifavailable|unverified|TLSv1.3",
  ],
  [
    "momentum 14: a rule that asks for no proof has none, whatever the certificate",
    { tls: { ...sampleTls, required: "encrypt" }, reasons: noReasons },
    "TLS|required|unverified|TLSv1.3",
  ],
  [
    "momentum 21: with tls_verify = optional the log alone says that it is not verified",
    { tls: { ...sampleTls, achieved: "encrypted", monitor: "would-fail" } },
    "TLS|required|unverified|TLSv1.3",
  ],
  ["no connection came about", { connection: null, tls: null, event: "deferred" }, "unknown|no||"],
];

for (const [name, record, want] of proofs) {
  test(`template log: ${name}`, () => assert.deepEqual(linesOf(proof, attempt(record)), [want]));
}

test("momentum 59: without the namespace macros of TLS print nothing", () => {
  const log = renderer("%i@%outbound_tls@%r", {}, defaultNamespaces);
  assert.deepEqual(
    log.lines(attempt(), 0).map(({ text }) => text),
    ["01KD8W7F3N.0@@bob"],
  );
});

test("template log: ciphers of TLS 1.2 by OpenSSL's names, and by their own", () => {
  const tls = { ...sampleTls, cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" };
  const line = linesOf("%outbound_tls_cipher %letterlock_tls_cipher", attempt({ tls }));
  assert.deepEqual(line, ["ECDHE-RSA-AES128-GCM-SHA256 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
});

test("template log: each stage has its own line, a reception one for each recipient", () => {
  const letters = { reception: "R", delivery: "D", "transient-failure": "T", "permanent-failure": "P", rejection: "X" };
  const templates = Object.fromEntries(
    Object.entries(letters).map(([stage, letter]) => [stage, parseTemplate(`${letter} %i %r`, allNamespaces).template]),
  );
  const log = createTemplateRenderer({ templates, sanitize: asIs }, tools);
  const texts = (event: LetterlockEvent) => log.lines(event, 0).map(({ text }) => text);
  const two = taken({ to: ["alice@example.com", "carol@example.com"] });
  assert.deepEqual(texts(two), ["R 01KD8W7F3N.0 alice", "R 01KD8W7F3N.1 carol"]);
  assert.deepEqual(texts(attempt()), ["D 01KD8W7F3N.0 bob"]);
  assert.deepEqual(texts(attempt({ event: "deferred" })), ["T 01KD8W7F3N.0 bob"]);
  assert.deepEqual(texts(attempt({ event: "failed" })), ["P 01KD8W7F3N.0 bob"]);
  assert.deepEqual(texts(attempt({ event: "expired" })), ["P 01KD8W7F3N.0 bob"]);
  assert.deepEqual(texts(refused()), ["X 00/00-00000-00000000 "]);
  assert.deepEqual(texts({ kind: "stopping", reason: "signal" }), []);
});

test("template log: a stage without a template is not printed", () => {
  const log = createTemplateRenderer({ templates: {}, sanitize: asIs }, tools);
  for (const event of [attempt(), attempt({ event: "failed" }), taken(), refused()])
    assert.deepEqual(log.lines(event, 0), []);
});

test("template log: a rejection has the reply without its code, and before EHLO no protocol", () => {
  assert.deepEqual(linesOf("%n|%p", refused()), ["5.7.10 TLS is required for this mail: issue STARTTLS first|esmtp"]);
  const atOnce = refused({ stage: "client", ehlo: "" });
  assert.deepEqual(linesOf("%p|%BI|%S", atOnce), ["unknown|00/00-00000-00000000|22"]);
});

const hostile = "a\r\nb\x1b[2J\t\u{202e}\u0085c";
const attacked = attempt({
  to: `${hostile}@example.net`,
  origin: { ...sampleOrigin, ehlo: hostile, headers: { subject: hostile } },
  reply: { code: 550, enhanced: "5.1.1", text: hostile },
  event: "failed",
});

test("AT-28: whatever stands in a value, it is one line of printable text", () => {
  const [line] = linesOf("%h{Subject}\t%n\t%r\t%vctx_conn{ehlo_domain}", attacked);
  const safe = "a\\x0d\\x0ab\\x1b[2J\\x09\\u{202e}\\x85c";
  assert.equal(line, [safe, `550 5.1.1 ${safe}`, safe, safe].join("\t"));
});

test("AT-28: a template has tabs, and no other control character", () => {
  assert.deepEqual(linesOf("%i\tx\ny\u2028\x1bz\n", attempt()), ["01KD8W7F3N.0\tx\\x0ay\\u{2028}\\x1bz"]);
});

test("sanitize: special_characters, non_printable and tr one after the other, of values alone", () => {
  const all = {
    specialCharacters: true,
    nonPrintable: true,
    replace: [
      ["@", "_"],
      [" ", "+"],
    ],
  } as const;
  const subject = { headers: { subject: "a b@c\\x0a\\x1b\\u{20ac}]^-" } };
  assert.deepEqual(
    linesOf("%h{Subject} @ %r", attempt({ origin: { ...sampleOrigin, ...subject } }), { sanitize: all }),
    ["a+b_c\\n\\27\\8364]^- @ bob"],
  );
  const odd = {
    ...asIs,
    replace: [
      ["]", "("],
      ["^", "\n"],
      ["-", "."],
    ],
  } as const;
  assert.deepEqual(linesOf("%h{subject}", attempt({ origin: { ...sampleOrigin, ...subject } }), { sanitize: odd }), [
    "a b@c\\x0a\\x1b\\u{20ac}(\\x0a.",
  ]);
});

test("sanitize: tr takes sets and ranges, as tr(1) does", () => {
  const subject = { headers: { subject: "abcxyz-7" } };
  const event = attempt({ origin: { ...sampleOrigin, ...subject } });
  const replaced = (...replace: [string, string][]) =>
    linesOf("%h{subject}", event, { sanitize: { ...asIs, replace } });
  assert.deepEqual(replaced(["a-c", "A-C"]), ["ABCxyz-7"]);
  assert.deepEqual(replaced(["a-z-", "_"]), ["_______7"]);
  assert.deepEqual(replaced(["abc", ""]), ["xyz-7"]);
  assert.deepEqual(replaced(["z-a", "_"], ["", "x"]), ["abcxyz-7"]);
});

test("template log: no template and no record make a control character or a second line, or throw", () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const part = fc.oneof(
    text.map((value) => ({ kind: "text", text: value }) as const),
    fc.record({
      kind: fc.constant("macro" as const),
      name: fc.oneof(fc.constantFrom(...logMacros.map(({ name }) => name)), text),
      argument: fc.option(fc.oneof(text, fc.constantFrom("tls", "%c%Z", "99", "subject")), { nil: undefined }),
    }),
  );
  const record = fc.record({
    from: text,
    to: text,
    messageId: text,
    id: text,
    status: text,
    event: fc.constantFrom("delivered", "deferred", "failed", "expired"),
    nexthop: fc.option(text),
    reply: fc.option(fc.record({ code: fc.nat(), enhanced: fc.option(text), text })),
    failure: fc.option(fc.constant(sampleRefusal.failure)),
    origin: fc.record({ ehlo: text, headers: fc.constant({ subject: "\n" }) }).map((o) => ({ ...sampleOrigin, ...o })),
  });
  const sanitize = fc.record({
    specialCharacters: fc.boolean(),
    nonPrintable: fc.boolean(),
    replace: fc.array(fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), text), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(part), record, sanitize, (template, change, clean) => {
      const templates = Object.fromEntries(allStages.map((stage) => [stage, template]));
      const log = createTemplateRenderer({ templates, sanitize: clean }, tools);
      const inboundRecord = { ...sampleInbound, from: change.from, to: [change.to], messageId: change.messageId };
      for (const event of [attempt(change as Partial<AttemptRecord>), taken(inboundRecord)]) {
        for (const line of log.lines(event, 0)) assert.match(line.text, /^[\t\P{C}]*$/u);
      }
    }),
  );
});
