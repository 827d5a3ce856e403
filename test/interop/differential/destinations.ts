/**
 * The destinations of the differential test: scripted MX hosts that each differ from a good one in a single thing
 * (reference section 8.1), and the domains that lead to them. Plain data: it goes to the process inside the namespace.
 */
import { createHash, X509Certificate } from "node:crypto";
import {
  type Authority,
  type IssuedCertificate,
  type LeafOptions,
  makeAuthority,
  makeSelfSigned,
} from "../../../src/lab/certificates.ts";
import type { LabZone } from "../../../src/lab/dns-server.ts";
import type {
  PartnerAnswer,
  PartnerHandshake,
  PartnerMoment,
  PartnerOptions,
  PartnerTls,
} from "../../../src/lab/partner-script.ts";

/** A host as the process in the namespace starts it, on port 25 unless told otherwise. */
export type HostPlan = Readonly<{
  kind: string;
  name: string;
  address: string;
  port: number;
  tls: PartnerTls;
  /** Replies in place of the usual ones; `drop` ends the connection. Those of `inTls` hold inside TLS alone. */
  answers: Readonly<Record<string, string>>;
  inTls: Readonly<Record<string, string>>;
}>;

/** A recipient domain, the host that its MX names first, and what is to be known of it to write policy lines. */
export type Destination = Readonly<{ domain: string; host: string; kind: string }>;

export type Destinations = Readonly<{
  hosts: readonly HostPlan[];
  zone: LabZone;
  /** By MX, two domains for each kind. */
  domains: readonly Destination[];
  /** Address of each host, by name. */
  addresses: Readonly<Record<string, string>>;
  /** Certificates in PEM, by host name, and those of the authorities (`lab`, `other`). */
  certificates: Readonly<Record<string, string>>;
  /** A client certificate and its key, PEM. */
  client: Readonly<{ chainPem: string; privateKeyPem: string }>;
}>;

export type Shape = Readonly<{
  certificate?: LeafOptions & Readonly<{ by?: "lab" | "other" | "itself" | "intermediate" | "intermediate-unsent" }>;
  starttls?: "none";
  handshake?: PartnerHandshake;
  tls?: Pick<Exclude<PartnerTls, { mode: "none" }>, "minVersion" | "maxVersion" | "ciphers" | "groups">;
  clientCertificate?: "requested" | "required";
  answers?: Readonly<Record<string, string>>;
  inTls?: Readonly<Record<string, string>>;
  /** Default `mx.KIND.test`. */
  host?: string;
  port?: number;
}>;

const day = 86_400_000;
const now = Date.now();
const expired = { notBefore: now - 60 * day, notAfter: now - day };

const shapes: Readonly<Record<string, Shape>> = {
  good: {},
  nostarttls: { starttls: "none" },
  reject: { handshake: { kind: "refuse", reply: "454 4.7.0 TLS not available" } },
  reject5: { handshake: { kind: "refuse", reply: "554 5.7.0 no TLS for you" } },
  rejectbare: { handshake: { kind: "refuse", reply: "454 not now" } },
  reject5bare: { handshake: { kind: "refuse", reply: "502 what?" } },
  garbage: { handshake: { kind: "garbage" } },
  drophs: { handshake: { kind: "drop" } },
  dropcmd: { handshake: { kind: "drop-before-reply" } },
  dropmail: { inTls: { MAIL: "drop" } },
  dropdata: { inTls: { message: "drop" } },
  self: { certificate: { by: "itself" } },
  wrong: { certificate: { dnsNames: ["other.example"] } },
  secure: { certificate: { dnsNames: ["secure.test", "sub.secure.test"] } },
  exp: { certificate: expired },
  expwrong: { certificate: { ...expired, dnsNames: ["other.example"] } },
  otherca: { certificate: { by: "other" } },
  cnonly: { certificate: { dnsNames: [], commonName: "mx.cnonly.test" } },
  cnsan: { certificate: { dnsNames: ["unrelated.example"], commonName: "mx.cnsan.test" } },
  cnip: { certificate: { dnsNames: [], ipAddresses: ["192.0.2.200"], commonName: "mx.cnip.test" } },
  wild: { certificate: { dnsNames: ["*.wild.test"] } },
  wild2: { host: "a.b.wild2.test", certificate: { dnsNames: ["*.wild2.test"] } },
  wildpart: { certificate: { dnsNames: ["m*.wildpart.test"] } },
  capital: { certificate: { dnsNames: ["MX.Capital.TEST"] } },
  tls12: { tls: { maxVersion: "TLSv1.2" } },
  tls13: { tls: { minVersion: "TLSv1.3" } },
  tls10: { tls: { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" } },
  krsa: { certificate: { keyKind: "rsa-2048" }, tls: { maxVersion: "TLSv1.2", ciphers: "kRSA" } },
  rsa: { certificate: { keyKind: "rsa-2048" }, tls: { maxVersion: "TLSv1.2" } },
  chacha: { tls: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305" } },
  aes128: { tls: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" } },
  cbc: { tls: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-SHA" } },
  ed25519: { certificate: { keyKind: "ed25519" } },
  inter: { certificate: { by: "intermediate" } },
  interless: { certificate: { by: "intermediate-unsent" } },
  asks: { clientCertificate: "requested" },
  mutual: { clientCertificate: "required" },
  inject: { handshake: { kind: "inject", lines: "250 2.0.0 forged\r\n", segment: "same" } },
  injectlate: { handshake: { kind: "inject", lines: "250 2.0.0 forged\r\n", segment: "later" } },
  ipsan: { certificate: { dnsNames: ["mx.ipsan.test"], ipAddresses: ["{address}"] } },
  rcpt5: { answers: { RCPT: "550 5.1.1 nobody here" } },
  rcpt4: { answers: { RCPT: "451 4.2.1 later" } },
  alternative: { host: "tls.example.com", certificate: { dnsNames: ["alternative.com"] } },
  implicit: { port: 465 },
};

/** Domains whose MX hosts are those of other kinds, in order of preference. */
const several: Readonly<Record<string, readonly string[]>> = {
  twomx: ["nostarttls", "good"],
  twomx2: ["wrong", "good"],
  two5: ["reject5", "good"],
  two4: ["reject", "good"],
  twog: ["garbage", "good"],
  twodrop: ["drophs", "good"],
  twocmd: ["dropcmd", "good"],
  twomail: ["dropmail", "good"],
  twoself: ["self", "otherca"],
  twoboth: ["garbage", "nostarttls"],
  twodead: ["dead", "good"],
  gooddead: ["good", "dead"],
};

export const routeDomains = 16;

/** Domains for transport rules: one that a rule names, and one below a name. Their MX is the good host. */
export function routedDomains(index: number): readonly [exact: string, below: string] {
  return [`r${index}.example`, `deep.sub.r${index}.example`];
}

/** @param more kinds beside those that situations are drawn from */
export async function planDestinations(more: Readonly<Record<string, Shape>> = {}): Promise<Destinations> {
  const planned = { ...shapes, ...more };
  const authorities = { lab: await makeAuthority("Lab Root CA"), other: await makeAuthority("Other CA") };
  const zone: LabZone = { "mx.dead.test": { a: ["127.0.3.250"] }, "alias.cname.test": { cname: "mx.good.test" } };
  for (let index = 0; index < routeDomains; index += 1) {
    for (const name of routedDomains(index)) zone[name] = { mx: [[10, "mx.good.test"]] };
  }
  const hosts: HostPlan[] = [];
  const certificates: Record<string, string> = {
    lab: authorities.lab.certificatePem,
    other: authorities.other.certificatePem,
  };
  for (const [kind, shape] of Object.entries(planned)) {
    const name = hostOf(kind);
    const address = `127.0.3.${hosts.length + 1}`;
    const certificate = await certificateFor(name, address, shape, authorities);
    zone[name] = { a: [address] };
    certificates[name] = certificate.certificatePem;
    const { port = 25, answers = {}, inTls = {} } = shape;
    hosts.push({ kind, name, address, port, tls: tlsOf(shape, certificate, authorities.lab), answers, inTls });
  }
  const domains: Destination[] = [];
  for (const [kind, mx] of mxLists(planned)) {
    for (const domain of [`${kind}.test`, `sub.${kind}.test`]) {
      zone[domain] = { mx: mx.map((host, index) => [10 * (index + 1), host]) };
      domains.push({ domain, host: mx[0] ?? "", kind });
    }
  }
  const { chainPem, privateKeyPem } = await authorities.lab.issue({ dnsNames: ["client.test"] });
  const addresses = Object.fromEntries(hosts.map(({ name, address }) => [name, address]));
  return { hosts, zone, domains, addresses, certificates, client: { chainPem, privateKeyPem } };
}

function hostOf(kind: string): string {
  return kind === "cname" ? "alias.cname.test" : (shapes[kind]?.host ?? `mx.${kind}.test`);
}

function mxLists(planned: Readonly<Record<string, Shape>>): [kind: string, mx: string[]][] {
  const single = Object.keys(planned).filter((kind) => planned[kind]?.port === undefined);
  return [
    ...[...single, "cname", "dead"].map((kind): [string, string[]] => [kind, [hostOf(kind)]]),
    ...Object.entries(several).map(([kind, kinds]): [string, string[]] => [kind, kinds.map(hostOf)]),
  ];
}

async function certificateFor(
  name: string,
  address: string,
  { certificate = {} }: Shape,
  { lab, other }: Readonly<Record<"lab" | "other", Authority>>,
): Promise<IssuedCertificate> {
  const { by = "lab", ipAddresses, ...rest } = certificate;
  const ips = ipAddresses?.map((each) => each.replace("{address}", address));
  const options = { dnsNames: [name], ...rest, ...(ips === undefined ? {} : { ipAddresses: ips }) };
  if (by === "itself") return makeSelfSigned(options);
  if (by === "other") return other.issue(options);
  if (by === "lab") return lab.issue(options);
  const issued = await (await lab.intermediate("Lab Intermediate")).issue(options);
  return by === "intermediate" ? issued : { ...issued, chainPem: issued.certificatePem };
}

function tlsOf(shape: Shape, { chainPem, privateKeyPem }: IssuedCertificate, lab: Authority): PartnerTls {
  if (shape.starttls === "none") return { mode: "none" };
  const { tls, handshake, clientCertificate: wanted, port } = shape;
  return {
    mode: port === 465 ? "implicit" : "starttls",
    certificate: { chainPem, privateKeyPem },
    ...tls,
    ...(handshake && { handshake }),
    ...(wanted && { clientCertificate: { wanted, anchors: [lab.certificatePem] } }),
  };
}

/** How the host is started. */
export function partnerOptions({ name, address, port, tls, answers, inTls }: HostPlan): PartnerOptions {
  const moments = [...Object.keys(answers), ...Object.keys(inTls)] as PartnerMoment[];
  const answer =
    (moment: PartnerMoment) =>
    (_line: string, secure: boolean): PartnerAnswer | undefined =>
      answers[moment] ?? (secure ? inTls[moment] : undefined);
  return {
    tls,
    address,
    port,
    hostname: name,
    keywords: ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"],
    answers: Object.fromEntries(moments.map((moment) => [moment, answer(moment)])),
  };
}

/** Upper-case hex with colons, as Postfix prints digests. */
export function digestOf(pem: string, of: "certificate" | "key", algorithm: string): string {
  const { raw, publicKey } = new X509Certificate(pem);
  const octets = of === "certificate" ? raw : publicKey.export({ type: "spki", format: "der" });
  const hex = createHash(algorithm).update(octets).digest("hex").toUpperCase();
  return (hex.match(/../g) ?? []).join(":");
}
