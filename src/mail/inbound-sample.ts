/**
 * Two plain inbound records that tests and the documentation's example vary: a message of a partner with a certificate,
 * and a client in clear where its network must encrypt.
 */
import type { InboundRecord, InboundTls } from "./inbound-record.ts";

export const sampleInboundTls: InboundTls = {
  required: "matching",
  achieved: "matched",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  bits: 256,
  group: "X25519MLKEM768",
  serverName: "relay.example.com",
  resumed: false,
  chain: "trusted",
  client: {
    subject: "CN=mail.example.net",
    issuer: "CN=Example CA",
    notAfter: "2027-01-31T00:00:00.000Z",
    sha256: "3f1d0c5e9a7b2468ace013579bdf02468ace13579bdf02468ace13579bdf0246",
    spkiSha256: "9b2e4a6c8d0f1357bdf02468ace13579bdf02468ace13579bdf02468ace1357b",
  },
  monitor: null,
};

export const sampleInbound: InboundRecord = {
  id: "01KD8W7F3N",
  time: "2026-11-21T12:00:00.250Z",
  event: "accepted",
  stage: null,
  reason: null,
  session: "01KD8W7F2Q",
  messageId: "01KD8W7F3N",
  listener: "mx",
  client: "192.0.2.7",
  clientPort: 41234,
  clientName: "mail.example.net",
  ehlo: "mail.example.net",
  from: "bob@example.net",
  to: ["alice@example.com"],
  binding: "default",
  tls: sampleInboundTls,
  rule: { source: "letterlock", file: "/etc/letterlock/letterlock.yaml", line: 21, text: "partner example.net" },
  user: null,
  by: null,
  relay: null,
  reply: { code: 250, enhanced: "2.0.0", text: "Ok: queued as 01KD8W7F3N" },
  sizeBytes: 5120,
};

export const sampleInboundRefusal: InboundRecord = {
  ...sampleInbound,
  id: "01KD8W7F2Q.1",
  event: "refused",
  stage: "mail",
  reason: "policy",
  messageId: null,
  to: [],
  binding: null,
  tls: {
    ...sampleInboundTls,
    required: "encrypted",
    achieved: "none",
    protocol: null,
    cipher: null,
    bits: null,
    group: null,
    serverName: null,
    chain: null,
    client: null,
  },
  reply: { code: 550, enhanced: "5.7.10", text: "TLS is required for this mail: issue STARTTLS first" },
  sizeBytes: null,
};
