/**
 * One plain attempt record that tests and the documentation's example vary: delivered over verified TLS 1.3.
 */
import type { AttemptFailure, AttemptRecord, AttemptTls, MessageOrigin } from "./attempt.ts";

export const sampleTls: AttemptTls = {
  required: "verify",
  achieved: "verified",
  offered: true,
  refusal: null,
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  bits: 256,
  group: "X25519MLKEM768",
  resumed: false,
  reusedConnection: false,
  verify: { chain: "trusted", name: "matched", matchedName: "mx.example.net", pin: null },
  peer: {
    subject: "CN=mx.example.net",
    issuer: "CN=Example CA",
    notAfter: "2027-01-31T00:00:00.000Z",
    sha256: "3f1d0c5e9a7b2468ace013579bdf02468ace13579bdf02468ace13579bdf0246",
    spkiSha256: "9b2e4a6c8d0f1357bdf02468ace13579bdf02468ace13579bdf02468ace1357b",
    keyType: "ec",
    keyBits: 256,
  },
  monitor: null,
};

export const sampleOrigin: MessageOrigin = {
  receivedAt: "2026-11-21T12:00:00.000Z",
  session: "01KD8W7F2Q",
  listener: "mx",
  client: "192.0.2.100",
  clientName: "client.example.com",
  ehlo: "client.example.com",
  protocol: "ESMTPSA",
  user: "alice",
  by: "SCRAM-SHA-256",
  tls: {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    bits: 128,
    group: "X25519",
    chain: null,
    subject: null,
    issuer: null,
  },
  envid: "QQ314159",
  headers: { "message-id": "<1@example.com>" },
};

export const sampleAttempt: AttemptRecord = {
  id: "01KD8W7F3N.0.1",
  time: "2026-11-21T12:00:00.250Z",
  event: "delivered",
  messageId: "01KD8W7F3N",
  from: "alice@example.com",
  to: "bob@example.net",
  orcpt: "rfc822;bob@example.net",
  recipients: 1,
  attempt: 1,
  firstTriedAt: "2026-11-21T12:00:00.010Z",
  leads: true,
  binding: "default",
  bindingGroup: null,
  origin: sampleOrigin,
  nexthop: "example.net",
  mx: "mx.example.net",
  address: "192.0.2.7",
  port: 25,
  connection: {
    id: "01KD8W7F3P",
    use: 1,
    localAddress: "192.0.2.1",
    localPort: 40312,
    keywords: ["PIPELINING", "SIZE 52428800", "STARTTLS", "8BITMIME", "DSN"],
  },
  earlier: [],
  tls: sampleTls,
  rule: { source: "letterlock", file: "/etc/letterlock/letterlock.yaml", line: 14 },
  reasons: [
    {
      code: "level-verify",
      text: "the rule requires a trusted certificate with a matching name: domain example.net",
      rfc: "RFC 9525 §6",
    },
    { code: "encrypted", text: "encrypted: TLSv1.3 TLS_AES_256_GCM_SHA384", rfc: "RFC 7435 §3" },
    { code: "chain-trusted", text: "the certificate chain leads to a trusted CA", rfc: "RFC 5280 §6" },
    { code: "name-matched", text: "the certificate carries the name asked for: mx.example.net", rfc: "RFC 9525 §6.3" },
  ],
  reply: { code: 250, enhanced: "2.0.0", text: "Ok: queued as 4F2A" },
  error: null,
  failure: null,
  status: "2.0.0",
  sizeBytes: 5120,
  uncertain: false,
  ageMs: 250,
  durationMs: 240,
  connectMs: 180,
};

/** Of its kind alone. */
export const sampleFailure: AttemptFailure = {
  kind: "tls",
  stage: null,
  tls: null,
  unproven: [],
  code: null,
  cause: "",
};

export const sampleUnreachable: AttemptFailure = {
  ...sampleFailure,
  kind: "unreachable",
  stage: "connect",
  code: "ECONNREFUSED",
  cause: "connection refused",
};

/** A handshake that proved too little: the host's certificate is signed by nobody we trust. */
export const sampleRefusal: AttemptRecord = {
  ...sampleAttempt,
  event: "deferred",
  tls: {
    ...sampleTls,
    achieved: "encrypted",
    verify: { chain: "DEPTH_ZERO_SELF_SIGNED_CERT", name: "mismatch", matchedName: null, pin: null },
  },
  reasons: [
    ...sampleAttempt.reasons.slice(0, 2),
    {
      code: "chain-untrusted",
      text: "the certificate chain is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate",
      rfc: "RFC 5280 §6",
    },
  ],
  reply: null,
  error: "server certificate of mx.example.net[192.0.2.7] not accepted: certificate not trusted",
  failure: {
    kind: "tls",
    stage: null,
    tls: "unproven",
    unproven: ["chain", "name"],
    code: null,
    cause: "certificate not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); certificate names do not match mx.example.net",
  },
  status: "4.7.5",
};
