/**
 * The clients: an address and what DNS says of it, a certificate or none, and what they can do in TLS.
 */
import type { LabZone } from "../../../src/lab/dns-zone.ts";
import type { ClientCertificate } from "../lab/voice.ts";
import { authorityText, type CertificateMaker, type Made } from "../sendmail-differential/certificates.ts";

type Host = Readonly<{
  /** PTR. */
  name?: string;
  /** What the name leads to; the address itself where nothing is said. */
  leadsTo?: string;
  silent?: true;
}>;

/** The last three octets of 127/8. */
const hosts: Readonly<Record<string, Host>> = {
  "127.0.1.1": { name: "pc.laptop.example" },
  "127.0.1.2": { name: "pc2.laptop.example" },
  "127.0.1.3": { name: "pc3.laptop.example", leadsTo: "127.0.1.99" },
  "127.0.1.4": {},
  "127.0.1.5": { name: "mail.partner.example" },
  "127.0.1.6": { name: "a.b.branch.example" },
  "127.0.2.7": { name: "relay.friend.example" },
  "127.0.2.8": { name: "host.inside.test" },
  "127.0.2.9": {},
  "127.0.2.10": { silent: true },
};

export const clientAddresses = Object.keys(hosts);

export function zoneOfClients(): LabZone {
  const zone: LabZone = {};
  for (const [address, { name, leadsTo = address, silent }] of Object.entries(hosts)) {
    const reverse = `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
    if (silent) zone[reverse] = { misbehave: "servfail" };
    if (name === undefined) continue;
    zone[reverse] = { ptr: [name] };
    zone[name] = { a: [leadsTo] };
  }
  return zone;
}

/** What clients show. `none`: nothing; the others by what is the matter with them. */
export const certificateKinds = ["none", "pc", "partner", "stranger", "self", "expired", "odd"] as const;
export type CertificateKind = (typeof certificateKinds)[number];

const oddName = "Zürich/Mail+Co (CH) \\x";

export const issuerText = authorityText;
export const partnerSubject = "/O=Partner+20Ltd/CN=mail.partner.example";

export async function makeCertificates(maker: CertificateMaker): Promise<Readonly<Record<string, Made>>> {
  const make = (cn: string, more: Partial<Parameters<CertificateMaker["make"]>[0]> = {}): Promise<Made> => {
    const macros = { cn, subject: `/O=Partner+20Ltd/CN=${cn}` };
    const attributes = [["O", "Partner Ltd"] as const, ["CN", cn] as const];
    return maker.make({ attributes, macros, names: [], ...more });
  };
  return {
    pc: await make("pc.laptop.example"),
    partner: await make("mail.partner.example"),
    stranger: await make("pc.laptop.example", { signedBy: "stranger" }),
    self: await make("pc.laptop.example", { signedBy: "itself" }),
    expired: await make("pc.laptop.example", { expired: true }),
    odd: await make(oddName),
  };
}

export function asShown({ chainPem, privateKeyPem }: Made): ClientCertificate {
  return { cert: chainPem, key: privateKeyPem };
}

/** What else clients can: `newest` TLS 1.3, the others TLS 1.2 with one cipher. */
export const abilities = {
  newest: undefined,
  aes128: "ECDHE-ECDSA-AES128-GCM-SHA256",
  rsa: "ECDHE-RSA-AES256-GCM-SHA384",
} as const;
export type Ability = keyof typeof abilities;
