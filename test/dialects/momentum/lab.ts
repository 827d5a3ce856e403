/**
 * For the tests of the Momentum dialect: configurations from texts, questions to them, and peers made by hand.
 */
import assert from "node:assert/strict";
import { textFiles } from "../../../src/config/text-files.ts";
import { type IssuedCertificate, makeAuthority } from "../../../src/lab/certificates.ts";
import type { IpAddress } from "../../../src/mail/address.ts";
import { type Domain, domain } from "../../../src/mail/domain.ts";
import { parseIp } from "../../../src/mail/ip.ts";
import { reply } from "../../../src/mail/reply.ts";
import { type ConnectDecision, decide } from "../../../src/policy/decide.ts";
import type { Compiled, Note, NoteKind } from "../../../src/policy/dialects/dialect.ts";
import { compileMomentum } from "../../../src/policy/dialects/momentum/compile.ts";
import { judge, type TlsVerdict } from "../../../src/policy/judge.ts";
import type { InboundRule, OutboundQuestion, TlsRule } from "../../../src/policy/rules.ts";
import type { CertificateFacts, HandshakeFacts, TlsProgress } from "../../../src/tls/peer-facts.ts";

export const folder = "/etc/momentum";
const seenAt = Date.UTC(2026, 0, 1);
const day = 86_400_000;

const authority = await makeAuthority("A");
export const issued: IssuedCertificate = await authority.issue({ dnsNames: ["client.example"] });
const other = await authority.issue({ dnsNames: ["other.example"] });

/** The files that the cases name: A.pem an authority; c.pem and k.pem a pair, s.pem both in one. */
export const pemFiles: Readonly<Record<string, string>> = {
  "A.pem": authority.certificatePem,
  "ca.pem": authority.certificatePem,
  "c.pem": issued.chainPem,
  "k.pem": issued.privateKeyPem,
  "s.pem": issued.chainPem + issued.privateKeyPem,
  "other.key": other.privateKeyPem,
};

/** @param files beside `ecelerity.conf`, which is `text`, and the PEM files */
export function compile(text: string, files: Readonly<Record<string, string>> = {}): Compiled {
  const all = textFiles({ ...pemFiles, ...files, "ecelerity.conf": text }, { folder });
  return compileMomentum({ file: `${folder}/ecelerity.conf`, searchPath: ["/opt/conf"] }, all);
}

export function question(to: string, change: Partial<OutboundQuestion> = {}): OutboundQuestion {
  const recipientDomain = domain(to);
  return {
    sender: undefined,
    recipient: { text: `user@${to}`, localPart: "user", host: { kind: "domain", domain: recipientDomain } },
    recipientDomain,
    nexthop: { kind: "mx", domain: recipientDomain, port: 25 },
    binding: "default",
    bindingGroup: undefined,
    host: domain("mx.example"),
    address: parseIp("192.0.2.1"),
    now: seenAt,
    ...change,
  };
}

/** B and D as the reference writes them. */
export function ruleFor(compiled: Compiled, to = "p.example", binding = "default"): TlsRule {
  const rule = compiled.source.outbound(question(to, { binding }));
  assert.ok(rule !== undefined);
  return rule;
}

export function levelFor(text: string, to?: string, binding?: string): string {
  const compiled = compile(text);
  assert.deepEqual(errors(compiled), []);
  return ruleFor(compiled, to, binding).level.value;
}

export function notes(compiled: Compiled, kind: NoteKind): readonly Note[] {
  return compiled.notes.filter((note) => note.kind === kind);
}

export function errors(compiled: Compiled): readonly string[] {
  return notes(compiled, "error").map(({ line, text }) => `${line}: ${text}`);
}

/** There is a note of that kind at that line whose text fits. */
export function assertNote(compiled: Compiled, kind: NoteKind, line: number, text: RegExp): void {
  const found = notes(compiled, kind).filter((note) => note.line === line && text.test(note.text));
  const lines = compiled.notes.map((note) => `${note.line} ${note.kind}: ${note.text}`);
  assert.equal(found.length, 1, `no ${kind} ${text} at line ${line} among\n${lines.join("\n")}`);
  if (kind === "error" || kind === "warning") assert.notEqual(found[0]?.remedy, undefined);
}

export function decisionFor(rule: TlsRule, to = "p.example", messageAgeMs = 0): ConnectDecision {
  const recipientDomain: Domain = domain(to);
  const decision = decide(rule, {
    nexthop: { kind: "mx", domain: recipientDomain, port: 25 },
    host: domain("mx.example"),
    address: parseIp("192.0.2.1"),
    mxStatus: "insecure",
    implicitTls: false,
    messageAgeMs,
  });
  if (decision.kind !== "connect") assert.fail(decision.text);
  return decision;
}

/** What becomes of mail to p.example under this configuration when the host does this. */
export function outcome(text: string, peer: TlsProgress): TlsVerdict {
  const compiled = compile(text);
  assert.deepEqual(errors(compiled), []);
  const decision = decisionFor(ruleFor(compiled));
  const seen = decision.starttls === "never" ? ({ kind: "skipped" } as const) : peer;
  return judge(decision, { offered: peer.kind !== "not-offered", tls: seen, seenAt }, "mx.example[192.0.2.1]");
}

export const notOffered: TlsProgress = { kind: "not-offered" };
export const aborted: TlsProgress = { kind: "failed", code: "ECONNRESET", text: "connection reset" };
export const answers454: TlsProgress = { kind: "refused", reply: reply(454, "4.7.0", "TLS not available") };

type Shown = Readonly<{ trusted?: boolean; expired?: boolean; dnsNames?: readonly string[]; commonName?: string }>;

/** A finished handshake: a certificate from CA A for mx.example, unless said otherwise. */
export function done({ trusted = true, expired = false, dnsNames, commonName }: Shown = {}): TlsProgress {
  const names = dnsNames ?? ["mx.example"];
  const certificate: CertificateFacts = {
    subject: "CN=x",
    issuer: "CN=A",
    serial: "01",
    notBefore: seenAt - 2 * day,
    notAfter: expired ? seenAt - day : seenAt + day,
    dnsNames: names,
    ipAddresses: [],
    commonName: commonName ?? names[0],
    sha256: "",
    spkiSha256: "",
    keyType: "ec",
    keyBits: 256,
    der: Buffer.from("der"),
    spkiDer: Buffer.from("spki"),
  };
  const handshake: HandshakeFacts = {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    bits: 128,
    group: "X25519",
    resumed: false,
    chain: trusted
      ? { kind: "trusted" }
      : { kind: "untrusted", code: "DEPTH_ZERO_SELF_SIGNED_CERT", text: "self-signed" },
    certificate,
    intermediates: [],
    clientCertificate: "not-asked",
    durationMs: 1,
  };
  return { kind: "done", handshake };
}

export function inboundFor(compiled: Compiled, client: string, localPort = 25): InboundRule | undefined {
  return compiled.source.inbound?.({
    listener: "mx",
    localAddress: "192.0.2.25" as IpAddress,
    localPort,
    client: client as IpAddress,
    clientName: undefined,
    user: undefined,
    now: seenAt,
  });
}
