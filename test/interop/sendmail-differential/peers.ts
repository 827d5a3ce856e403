/**
 * Peers as they are met: how far TLS got, in Letterlock's facts and in the macros that Sendmail's rulesets look at.
 */
import { reply } from "../../../src/mail/reply.ts";
import type { RequirementPeer } from "../../../src/policy/requirements.ts";
import { certificateFacts } from "../../../src/tls/certificate-facts.ts";
import type { HandshakeFacts } from "../../../src/tls/peer-facts.ts";
import type { CertificateMacros, CertificateMaker, Made, Wanted } from "./certificates.ts";

export type PeerState = Readonly<{
  name: string;
  tls: RequirementPeer["tls"];
  /** `${verify}` and `${cipher_bits}`. */
  verify: string;
  bits: string;
  certificate: CertificateMacros;
}>;

const wanted: readonly (Wanted & Readonly<{ name: string }>)[] = [
  {
    name: "right name",
    attributes: [
      ["C", "CH"],
      ["O", "Clinic Mail"],
      ["CN", "mx.partner.example"],
    ],
    macros: { cn: "mx.partner.example", subject: "/C=CH/O=Clinic+20Mail/CN=mx.partner.example" },
  },
  {
    name: "right name, by a stranger",
    attributes: [["CN", "mx.partner.example"]],
    macros: { cn: "mx.partner.example", subject: "/CN=mx.partner.example" },
    signedBy: "stranger",
  },
  {
    name: "right name, by itself",
    attributes: [["CN", "MX.Partner.example"]],
    macros: { cn: "MX.Partner.example", subject: "/CN=MX.Partner.example" },
    signedBy: "itself",
  },
  {
    name: "right name as SAN alone",
    attributes: [["CN", "other.example"]],
    macros: { cn: "other.example", subject: "/CN=other.example" },
    names: ["mx.partner.example"],
  },
  {
    name: "asterisk",
    attributes: [["CN", "*.partner.example"]],
    macros: { cn: "*.partner.example", subject: "/CN=*.partner.example" },
  },
  {
    name: "blank",
    attributes: [
      ["O", "Clinic <Mail>"],
      ["CN", "Mail Host"],
    ],
    macros: { cn: "Mail+20Host", subject: "/O=Clinic+20+3CMail+3E/CN=Mail+20Host" },
  },
  {
    name: "no common name",
    attributes: [["O", "Clinic Mail"]],
    macros: { cn: "BadCertificateUnknown", subject: "/O=Clinic+20Mail" },
  },
  {
    name: "client",
    attributes: [["CN", "pc.partner.example"]],
    macros: { cn: "pc.partner.example", subject: "/CN=pc.partner.example" },
  },
];

const noCertificate: CertificateMacros = { cn: "", subject: "", issuer: "" };

/** Servers that we send to: each certificate at 128 and 256 bits, and every way in which TLS is not to be had. */
export async function serverStates(maker: CertificateMaker): Promise<readonly PeerState[]> {
  const made = await Promise.all(wanted.map((each) => maker.make(each)));
  const withTls = made.flatMap((certificate, at) =>
    [128, 256].map((bits) => inTls(at, certificate, bits, "not-asked")),
  );
  const clear = (name: string, verify: string, tls: PeerState["tls"]): PeerState => ({
    name,
    tls,
    verify,
    bits: "",
    certificate: noCertificate,
  });
  return [
    ...withTls,
    clear("not offered", "NONE", { kind: "not-offered" }),
    clear("not asked", "NONE", { kind: "skipped" }),
    clear("454", "TEMP", { kind: "refused", reply: reply(454, "4.7.0", "not now") }),
    clear("554", "NONE", { kind: "refused", reply: reply(554, "5.7.0", "never") }),
    clear("250", "PROTOCOL", { kind: "refused", reply: reply(250, undefined, "what?") }),
    clear("lost", "FAILURE", { kind: "lost" }),
    clear("handshake failed", "SOFTWARE", { kind: "failed", code: "X", text: "garbage" }),
    clear("second try", "CLEAR", "disabled-locally"),
  ];
}

/** Clients that connect to us. */
export async function clientStates(maker: CertificateMaker): Promise<readonly PeerState[]> {
  const made = await Promise.all(wanted.map((each) => maker.make(each)));
  const withCertificate = made.map((certificate, at) => inTls(at, certificate, 256, "asked"));
  const without = (name: string, verify: string, asked: HandshakeFacts["clientCertificate"]): PeerState => ({
    name,
    tls: { kind: "done", handshake: handshake(256, asked) },
    verify,
    bits: "256",
    certificate: noCertificate,
  });
  return [
    ...withCertificate,
    without("asked for a certificate, none came", "NO", "asked"),
    without("not asked for a certificate", "NOT", "not-asked"),
    { name: "in clear", tls: "clear", verify: "", bits: "", certificate: noCertificate },
  ];
}

function inTls(at: number, made: Made, bits: number, asked: HandshakeFacts["clientCertificate"]): PeerState {
  const { name = "", signedBy } = wanted[at] ?? {};
  const trusted = signedBy === undefined;
  return {
    name: `${name}, ${bits} bits`,
    tls: { kind: "done", handshake: { ...handshake(bits, asked), ...proof(made, trusted) } },
    verify: trusted ? "OK" : "FAIL",
    bits: String(bits),
    certificate: made.macros,
  };
}

function proof({ der }: Made, trusted: boolean): Pick<HandshakeFacts, "chain" | "certificate"> {
  const untrusted = { kind: "untrusted", code: "DEPTH_ZERO_SELF_SIGNED_CERT", text: "self-signed" } as const;
  return { certificate: certificateFacts(der), chain: trusted ? { kind: "trusted" } : untrusted };
}

function handshake(bits: number, clientCertificate: HandshakeFacts["clientCertificate"]): HandshakeFacts {
  return {
    protocol: "TLSv1.3",
    cipher: bits === 128 ? "TLS_AES_128_GCM_SHA256" : "TLS_AES_256_GCM_SHA384",
    bits,
    group: "X25519",
    resumed: false,
    chain: { kind: "untrusted", code: "NO_CERTIFICATE", text: "none" },
    certificate: undefined,
    intermediates: [],
    clientCertificate,
    durationMs: 1,
  };
}
