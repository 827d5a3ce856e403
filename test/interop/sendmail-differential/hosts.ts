/**
 * The hosts that mail is delivered to, one of each kind, each at an address of its own: without TLS, with every fault of
 * a certificate, and with every way in which STARTTLS can go wrong.
 */
import { makeSelfSigned } from "../../../src/lab/certificates.ts";
import type { LabZone } from "../../../src/lab/dns-zone.ts";
import type { PartnerHandshake, PartnerOptions, PartnerTls } from "../../../src/lab/partner-script.ts";
import type { CertificateMaker, Wanted } from "./certificates.ts";

/** What the program that runs them is told. */
export type HostPlan = Readonly<{ hosts: readonly PartnerOptions[]; zone: LabZone }>;

type Starttls = Exclude<PartnerTls, Readonly<{ mode: "none" }>>;

/** `rsa`: self-signed, with an RSA key. */
type KindOfCertificate = Partial<Wanted> & Readonly<{ cn?: string; rsa?: true }>;
type Kind = Readonly<{ certificate: KindOfCertificate; tls?: Partial<Starttls> }>;

const tls12 = (ciphers: string): Partial<Starttls> => ({ maxVersion: "TLSv1.2", ciphers });
const broken = (handshake: PartnerHandshake): Kind => ({ certificate: {}, tls: { handshake } });
const refusing = (reply: string): Kind => broken({ kind: "refuse", reply });

/** Every kind but those without TLS. The certificate is the authority's, with the host's name as CN and SAN, unless told. */
const kinds = {
  right: { certificate: {} },
  cnonly: { certificate: { names: [] } },
  sanonly: { certificate: { cn: "other.example" } },
  other: { certificate: { cn: "other.example", names: ["other.example"] } },
  odd: { certificate: { cn: "Zürich/Mail+Co (CH) \\x" } },
  asterisk: { certificate: { cn: "*.mx.test", names: ["*.mx.test"] } },
  self: { certificate: { signedBy: "itself" } },
  stranger: { certificate: { signedBy: "stranger" } },
  expired: { certificate: { expired: true } },
  aes128: { certificate: {}, tls: tls12("ECDHE-ECDSA-AES128-GCM-SHA256") },
  aes256: { certificate: {}, tls: tls12("ECDHE-ECDSA-AES256-GCM-SHA384") },
  chacha: { certificate: {}, tls: tls12("ECDHE-ECDSA-CHACHA20-POLY1305") },
  staticrsa: { certificate: { rsa: true }, tls: tls12("AES256-GCM-SHA384") },
  old: { certificate: {}, tls: { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" } },
  asking: { certificate: {}, tls: { clientCertificate: { wanted: "requested", anchors: [] } } },
  garbage: broken({ kind: "garbage" }),
  drop: broken({ kind: "drop" }),
  silent: broken({ kind: "drop-before-reply" }),
  says250: refusing("250 2.0.0 nice word"),
  says354: refusing("354 go ahead"),
  says421: refusing("421 4.7.0 closing"),
  says454: refusing("454 4.7.0 TLS not available"),
  says501: refusing("501 5.5.4 no parameters"),
  says554: refusing("554 5.7.0 never"),
} as const satisfies Record<string, Kind>;

export const hostKinds = [...Object.keys(kinds), "plain", "plain2", "right2", "garbage2"] as const;

/** Names that lead to a host by CNAME. */
export const aliases = { alias: "right", aliasplain: "plain" } as const;

/** A second host of the kind, where two are wanted. */
const seconds: Readonly<Record<string, keyof typeof kinds>> = { right2: "right", garbage2: "garbage" };

export function nameOf(kind: string): string {
  return `${kind}.mx.test`;
}

export function addressOf(kind: string): string {
  return `127.0.2.${hostKinds.indexOf(kind) + 1}`;
}

/** @param domains MX hosts of each domain, by kind */
export async function planHosts(
  maker: CertificateMaker,
  domains: Readonly<Record<string, readonly string[]>>,
): Promise<HostPlan> {
  const hosts = await Promise.all(
    hostKinds.map(async (kind) => ({
      address: addressOf(kind),
      port: 25,
      hostname: nameOf(kind),
      tls: await tlsOf(kind, maker),
    })),
  );
  const zone: LabZone = {};
  for (const kind of hostKinds) zone[nameOf(kind)] = { a: [addressOf(kind)] };
  for (const [alias, kind] of Object.entries(aliases)) zone[nameOf(alias)] = { cname: nameOf(kind) };
  for (const [domain, mx] of Object.entries(domains)) {
    zone[domain] = { mx: mx.map((kind, at) => [10 * (at + 1), nameOf(kind)]) };
  }
  return { hosts, zone };
}

async function tlsOf(name: string, maker: CertificateMaker): Promise<PartnerTls> {
  const kind: Kind | undefined = Object.entries<Kind>(kinds).find(([key]) => key === (seconds[name] ?? name))?.[1];
  if (kind === undefined) return { mode: "none" };
  const { chainPem, privateKeyPem } = await certificateFor(name, kind.certificate, maker);
  return { mode: "starttls", certificate: { chainPem, privateKeyPem }, ...kind.tls };
}

async function certificateFor(
  name: string,
  { cn = nameOf(name), names = [nameOf(name)], rsa, ...rest }: KindOfCertificate,
  maker: CertificateMaker,
): Promise<Readonly<{ chainPem: string; privateKeyPem: string }>> {
  if (rsa) return makeSelfSigned({ dnsNames: names, keyKind: "rsa-2048" });
  const macros = { cn, subject: `/O=Partner+20Ltd/CN=${cn}` };
  const attributes = [["O", "Partner Ltd"] as const, ["CN", cn] as const];
  return maker.make({ attributes, macros, names, ...rest });
}
