/**
 * A plain handshake of a client with a trusted certificate, which tests vary.
 */
import type { CertificateFacts, HandshakeFacts } from "./peer-facts.ts";

export const sampleClientCertificate: CertificateFacts = {
  subject: "C=CH, O=Clinic, CN=mail.example.net",
  issuer: "C=CH, O=Example, CN=Example CA",
  serial: "01",
  notBefore: 0,
  notAfter: Date.UTC(2030, 0),
  dnsNames: ["mail.example.net"],
  ipAddresses: [],
  commonName: "mail.example.net",
  sha256: "11".repeat(32),
  spkiSha256: "22".repeat(32),
  keyType: "ec",
  keyBits: 256,
  der: Uint8Array.of(1),
  spkiDer: Uint8Array.of(2),
};

/** Of the CA that the chain of `sampleClientHandshake` leads to. */
export const sampleClientCa =
  "-----BEGIN CERTIFICATE-----\nMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=\n-----END CERTIFICATE-----\n";

export const sampleClientHandshake: HandshakeFacts = {
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  bits: 256,
  group: "X25519MLKEM768",
  resumed: false,
  // SHA-256 of what `sampleClientCa` holds.
  chain: { kind: "trusted", anchor: "84e0c0eafaa95a34c293f278ac52e45ce537bab5e752a00e6959a13ae103b65a" },
  certificate: sampleClientCertificate,
  intermediates: [],
  clientCertificate: "sent",
  durationMs: 3,
};
