import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { domain } from "../mail/domain.ts";
import { reply } from "../mail/reply.ts";
import type { CertificateFacts, HandshakeFacts, PeerFacts, TlsProgress } from "../tls/peer-facts.ts";
import { type ConnectDecision, decide } from "./decide.ts";
import { judge, type TlsVerdict } from "./judge.ts";
import type { Origin, PeerRequirement, Pin, Sourced, TlsLevel, TlsRule, Wording } from "./rules.ts";

const from: Origin = { source: "test", file: undefined, line: undefined, column: undefined, scope: "test" };
const at = Date.UTC(2026, 0, 1);
const day = 86_400_000;

function is<T>(value: T): Sourced<T> {
  return { value, from };
}

function decision(level: TlsLevel, change: Partial<TlsRule> = {}, ageMs = 0): ConnectDecision {
  const decided = decide(
    { level: is(level), ...change },
    {
      nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
      host: domain("mx.example.com"),
      address: undefined,
      mxStatus: "insecure",
      implicitTls: false,
      messageAgeMs: ageMs,
    },
  );
  assert.equal(decided.kind, "connect");
  return decided as ConnectDecision;
}

const der = Buffer.from("certificate");
const spkiDer = Buffer.from("key");

function certificate(change: Partial<CertificateFacts> = {}): CertificateFacts {
  return {
    subject: "CN=mx.example.com",
    issuer: "CN=Test CA",
    serial: "01",
    notBefore: at - day,
    notAfter: at + day,
    dnsNames: ["mx.example.com"],
    ipAddresses: [],
    commonName: "mx.example.com",
    sha256: createHash("sha256").update(der).digest("hex"),
    spkiSha256: createHash("sha256").update(spkiDer).digest("hex"),
    keyType: "ec",
    keyBits: 256,
    der,
    spkiDer,
    ...change,
  };
}

function done(change: Partial<HandshakeFacts> = {}): TlsProgress {
  return {
    kind: "done",
    handshake: {
      protocol: "TLSv1.3",
      cipher: "TLS_AES_128_GCM_SHA256",
      bits: 128,
      group: "X25519",
      resumed: false,
      chain: { kind: "trusted" },
      certificate: certificate(),
      intermediates: [],
      clientCertificate: "not-asked",
      durationMs: 1,
      ...change,
    },
  };
}

function seen(tls: TlsProgress): PeerFacts {
  return { offered: tls.kind !== "not-offered", tls, seenAt: at };
}

function summary(verdict: TlsVerdict): string {
  const status = verdict.kind === "flow" ? "" : ` ${verdict.status}`;
  const severity = verdict.kind !== "next-host" || verdict.severity === "defer" ? "" : ` ${verdict.severity}`;
  return `${verdict.kind}${status} ${verdict.achieved}${verdict.monitor === null ? "" : ` ${verdict.monitor}`}${severity}`;
}

const untrusted = done({
  chain: { kind: "untrusted", code: "DEPTH_ZERO_SELF_SIGNED_CERT", text: "self-signed certificate" },
});
const expired = done({
  chain: { kind: "untrusted", code: "CERT_HAS_EXPIRED", text: "certificate has expired" },
  certificate: certificate({ notAfter: at - 1 }),
});
const wrongName = done({ certificate: certificate({ dnsNames: ["other.example"] }) });
const refused4: TlsProgress = { kind: "refused", reply: reply(454, "4.7.0", "TLS not available") };
const refused5: TlsProgress = { kind: "refused", reply: reply(554, "5.7.0", "no TLS for you") };
const failed: TlsProgress = { kind: "failed", code: "ERR_SSL_WRONG_VERSION_NUMBER", text: "wrong version number" };
const rightPin: Pin = {
  of: "certificate",
  algorithm: "sha256",
  digest: createHash("sha256").update(der).digest("hex"),
};
const rightKey: Pin = { of: "spki", algorithm: "sha512", digest: createHash("sha512").update(spkiDer).digest("hex") };
const wrongPin: Pin = { ...rightPin, digest: "00".repeat(32) };

function requirement(change: Partial<PeerRequirement>): PeerRequirement {
  const reply = { code: 454, status: "4.7.0" } as const;
  return { from, text: "test", of: "host", verify: false, bits: undefined, extensions: [], reply, ...change };
}

const rows: readonly [name: string, decision: ConnectDecision, seen: TlsProgress, want: string][] = [
  ["OUT-1 may, not offered", decision("may"), { kind: "not-offered" }, "flow none"],
  ["OUT-1 encrypt, not offered (PT-51)", decision("encrypt"), { kind: "not-offered" }, "next-host 4.7.4 none"],
  ["OUT-1 verify, not offered", decision("verify"), { kind: "not-offered" }, "next-host 4.7.4 none"],
  ["OUT-2 may, STARTTLS 454 (PT-50)", decision("may"), refused4, "flow none"],
  [
    "may with fallback never, STARTTLS 454",
    decision("may", { fallback: is({ kind: "never" }) }),
    refused4,
    "next-host 4.7.0 none",
  ],
  ["OUT-2 encrypt, STARTTLS 454 (PT-52)", decision("encrypt"), refused4, "next-host 4.7.0 none"],
  [
    "OUT-3 encrypt, STARTTLS 554: the mail waits, safer than Postfix (PT-53)",
    decision("encrypt"),
    refused5,
    "next-host 4.7.0 none",
  ],
  [
    "OUT-4 may, lost at STARTTLS: never in clear (PT-54)",
    decision("may", {}, 1e9),
    { kind: "lost" },
    "next-host 4.4.2 none",
  ],
  ["AT-5 may, injected octets: never in clear", decision("may", {}, 1e9), { kind: "injected" }, "next-host 4.7.5 none"],
  ["OUT-5 may, handshake fails, fresh (PT-55)", decision("may"), failed, "next-host 4.7.5 none"],
  ["OUT-8 may, handshake fails, old (PT-55)", decision("may", {}, 3e5), failed, "clear-again 4.7.5 none"],
  ["PT-58 encrypt, handshake fails at any age", decision("encrypt", {}, 1e9), failed, "next-host 4.7.5 none"],
  ["OUT-6 may, self-signed (PT-59)", decision("may"), untrusted, "flow encrypted"],
  ["OUT-6 encrypt, expired", decision("encrypt"), expired, "flow encrypted"],
  ["OUT-6 verify, self-signed (PT-61)", decision("verify"), untrusted, "next-host 4.7.5 encrypted"],
  ["OUT-6 verify, expired (PT-61)", decision("verify"), expired, "next-host 4.7.5 encrypted"],
  ["OUT-7 encrypt, wrong name (PT-60)", decision("encrypt"), wrongName, "flow trusted"],
  ["OUT-7 verify, wrong name (PT-61)", decision("verify"), wrongName, "next-host 4.7.5 trusted"],
  ["verify, everything right (PT-33)", decision("verify"), done(), "flow verified"],
  ["secure, the host below the nexthop (PT-34)", decision("secure"), done(), "flow verified"],
  [
    "verify, only a common name: RFC 9525, stricter than Postfix (PT-40)",
    decision("verify"),
    done({ certificate: certificate({ dnsNames: [] }) }),
    "next-host 4.7.5 trusted",
  ],
  [
    "verify, no certificate",
    decision("verify"),
    done({ certificate: undefined, chain: { kind: "untrusted", code: "NONE", text: "" } }),
    "next-host 4.7.5 encrypted",
  ],
  [
    "fingerprint, right certificate, self-signed (PT-46)",
    decision("fingerprint", { pins: is([rightPin]) }),
    untrusted,
    "flow verified",
  ],
  [
    "fingerprint, right key among others",
    decision("fingerprint", { pins: is([wrongPin, rightKey]) }),
    untrusted,
    "flow verified",
  ],
  ["fingerprint, wrong (PT-47)", decision("fingerprint", { pins: is([wrongPin]) }), done(), "next-host 4.7.5 trusted"],
  [
    "verify with a pin: both must fit",
    decision("verify", { pins: is([wrongPin]) }),
    done(),
    "next-host 4.7.5 verified",
  ],
  ["encrypt with too few bits", decision("encrypt", { minCipherBits: is(256) }), done(), "next-host 4.7.5 verified"],
  ["may with too few bits is recorded only", decision("may", { minCipherBits: is(256) }), done(), "flow verified"],
  ["monitored verify, wrong name", decision("verify", { mode: is("monitor") }), wrongName, "flow trusted would-fail"],
  [
    "monitored verify, not offered",
    decision("verify", { mode: is("monitor") }),
    { kind: "not-offered" },
    "flow none would-fail",
  ],
  ["monitored verify, all right", decision("verify", { mode: is("monitor") }), done(), "flow verified would-pass"],
  [
    "OUT-8 the last resort in clear, where the host offers nothing this time",
    { ...decision("may", {}, 3e5), starttls: "never" },
    { kind: "not-offered" },
    "flow none",
  ],
  [
    "bounce-5yz: STARTTLS 554 where TLS is required ends the mail (PT-53 as Postfix has it)",
    decision("encrypt", { whenRefused: is("bounce-5yz") }),
    refused5,
    "next-host 5.7.0 none bounce",
  ],
  ["bounce-5yz at may: on in clear", decision("may", { whenRefused: is("bounce-5yz") }), refused5, "flow none"],
  ["bounce-5yz and 454", decision("encrypt", { whenRefused: is("bounce-5yz") }), refused4, "next-host 4.7.0 none"],
  [
    "clear when refused, whatever the fallback (sendmail 26)",
    decision("may", { whenRefused: is("clear"), fallback: is({ kind: "never" }) }),
    refused4,
    "flow none",
  ],
  ["next-host when refused", decision("may", { whenRefused: is("next-host") }), refused4, "next-host 4.7.0 none"],
  [
    "RFC 5321 §3.8: a host that says 421 closes",
    decision("may"),
    { kind: "refused", reply: reply(421, "4.3.0", "busy") },
    "next-host 4.3.0 none",
  ],
  ["encrypt with a chain: any name will do", decision("encrypt", { proof: is("chain") }), wrongName, "flow trusted"],
  [
    "encrypt with a chain, self-signed",
    decision("encrypt", { proof: is("chain") }),
    untrusted,
    "next-host 4.7.5 encrypted",
  ],
  [
    "may with chain and name, wrong name: no clear text for that reason",
    decision("may", { proof: is("chain-and-name"), fallback: is({ kind: "at-once" }) }),
    wrongName,
    "next-host 4.7.5 trusted",
  ],
  [
    "may with a chain, clear text also where it is not proven (powermta T11)",
    decision("may", { proof: is("chain"), fallback: is({ kind: "at-once", alsoUnproven: true }) }),
    untrusted,
    "clear-again 4.7.5 encrypted",
  ],
  [
    "a common name where there is no DNS name (PT-40)",
    decision("verify", { commonName: is("without-san") }),
    done({ certificate: certificate({ dnsNames: [] }) }),
    "flow verified",
  ],
  [
    "a common name beside DNS names does not count then (PT-40)",
    decision("verify", { commonName: is("without-san") }),
    wrongName,
    "next-host 4.7.5 trusted",
  ],
  ["unless it counts as one name more", decision("verify", { commonName: is("also") }), wrongName, "flow verified"],
  [
    "a requirement that holds",
    decision("may", { requirements: [requirement({ bits: { atLeast: 128, digits: "128" } })] }),
    done(),
    "flow verified",
  ],
  [
    "a requirement on a connection in clear",
    decision("may", { requirements: [requirement({ bits: { atLeast: 112, digits: "112" } })] }),
    { kind: "not-offered" },
    "next-host 4.7.0 none",
  ],
  [
    "a permanent one of a host waits for the last host's word",
    decision("may", { requirements: [requirement({ verify: true, reply: { code: 503, status: "5.7.0" } })] }),
    untrusted,
    "next-host 5.7.0 encrypted bounce-if-last",
  ],
  [
    "a permanent one of a recipient ends the mail",
    decision("may", {
      requirements: [requirement({ of: "recipient", verify: true, reply: { code: 503, status: "5.7.0" } })],
    }),
    { kind: "not-offered" },
    "next-host 5.7.0 none bounce",
  ],
  ["none, offered and skipped", decision("none"), { kind: "skipped" }, "flow none"],
  ["encrypt on a connection that skipped TLS", decision("encrypt"), { kind: "skipped" }, "next-host 4.7.4 none"],
  ["may on a connection that skipped TLS", decision("may"), { kind: "skipped" }, "next-host 4.7.4 none"],
];
for (const [name, decided, tls, want] of rows) {
  test(`judge: ${name}`, () => assert.equal(summary(judge(decided, seen(tls), "mx.example.com[192.0.2.1]")), want));
}

test("judge: every check is reported also where the level asks for none", () => {
  const verdict = judge(decision("may", { pins: is([wrongPin]) }), seen(expired), "mx");
  assert.deepEqual(verdict.checks, {
    chain: "CERT_HAS_EXPIRED",
    name: "matched",
    matchedName: "mx.example.com",
    pin: "mismatch",
  });
  assert.deepEqual(
    verdict.why.map(({ code }) => code),
    ["encrypted", "chain-untrusted", "certificate-expired", "name-matched", "pin-mismatch"],
  );
});

test("judge: a requirement makes an optional level a required one in the record, and its reply is what is told", () => {
  const decided = decision("may", { requirements: [requirement({ bits: { atLeast: 112, digits: "0112" } })] });
  assert.equal(decided.level, "encrypt");
  const verdict = judge(decided, seen({ kind: "not-offered" }), "mx");
  assert.equal(verdict.kind === "flow" ? "" : verdict.text, "454 4.7.0 encryption too weak 0 less than 0112");
  assert.deepEqual(
    verdict.why.map(({ code }) => code),
    ["not-offered", "requirement-unmet"],
  );
});

const said: readonly [wording: Wording, level: TlsLevel, tls: TlsProgress, want: string][] = [
  ["postfix", "encrypt", { kind: "not-offered" }, "4.7.4 TLS is required, but was not offered by host mx[192.0.2.1]"],
  ["postfix", "encrypt", failed, "4.7.5 Cannot start TLS: handshake failure"],
  ["postfix", "verify", wrongName, "4.7.5 Server certificate not verified"],
  [
    "postfix",
    "may",
    { kind: "lost" },
    "4.4.2 lost connection with mx[192.0.2.1] while receiving the STARTTLS response",
  ],
  ["sendmail", "may", failed, "4.7.0 454 4.7.0 TLS handshake failed."],
  ["sendmail-403", "may", failed, "4.7.0 403 4.7.0 TLS handshake failed."],
  ["momentum", "encrypt", { kind: "not-offered" }, "4.7.6 451 4.7.6 [internal] STARTTLS required but not advertised"],
  ["momentum", "encrypt", refused5, "4.7.5 451 4.7.5 [internal] no tls go-ahead"],
  ["momentum", "encrypt", failed, "4.7.5 451 4.7.5 [internal] TLS negotiation failed"],
  ["momentum", "verify", untrusted, "4.7.5 451 4.7.5 [internal] remote node SSL certificate not signed by a valid CA"],
  ["momentum", "verify", expired, "4.7.5 454 4.7.5 [internal] certificate expired"],
  ["momentum", "verify", wrongName, "4.7.5 451 4.7.5 [internal] SSL certificate subject does not match host"],
];
for (const [wording, level, tls, want] of said) {
  test(`judge: in ${wording}'s words: ${want}`, () => {
    const verdict = judge(decision(level, { wording: is(wording) }), seen(tls), "mx[192.0.2.1]");
    assert.equal(verdict.kind === "flow" ? "flow" : `${verdict.status} ${verdict.text}`, want);
  });
}

test("monitor mode watches what its own source demands; what another source demands on top holds", () => {
  const demand = (source: string): PeerRequirement => ({
    from: { ...from, source },
    text: "ENCR:256",
    of: "host",
    verify: false,
    bits: { atLeast: 256, digits: "256" },
    extensions: [],
    reply: { code: 454, status: "4.7.0" },
  });
  const judged = (source: string): string => {
    const watching = decision("may", { mode: is("monitor"), requirements: [demand(source)] });
    return summary(judge(watching, seen(done()), "mx"));
  };
  assert.equal(judged("test"), "flow verified would-fail");
  assert.match(judged("sendmail"), /^next-host 4\.7\.0/);
});

test("monitor mode: mail to a host that is not listed flows and is counted as what would fail", () => {
  const watching = decision("may", { mode: is("monitor"), mxPatterns: is(["*.a.test"]) });
  assert.equal(summary(judge(watching, seen(done()), "mx")), "flow verified would-fail");
});
