/**
 * A world on loopback: a DNS server and partner hosts of every kind, each the MX of a domain of its own. The demo and
 * the delivery tests send into it. Every host listens on an address of its own (127.0.1.N) at one port, as MX hosts do.
 */
import { createHash, X509Certificate } from "node:crypto";
import { type Authority, type IssuedCertificate, makeAuthority, makeSelfSigned } from "./certificates.ts";
import { type LabDnsServer, type LabZone, startDnsServer } from "./dns-server.ts";
import { type PartnerHost, startPartnerHost } from "./partner-host.ts";
import type { PartnerTls } from "./partner-script.ts";

export type Partner = Readonly<{ domain: string; mx: string; about: string; host: PartnerHost }>;

export type World = AsyncDisposable &
  Readonly<{
    dns: LabDnsServer;
    /** The port of every partner. */
    port: number;
    /** Root of the certificates that are meant to be trusted. */
    authority: Authority;
    partners: readonly Partner[];
    /** A client certificate of the authority. */
    client: Readonly<{ chainPem: string; privateKeyPem: string }>;
    /** Digest of the key of `pinned.example`, lower-case hex. */
    pinnedKeySha256: string;
  }>;

type Plan = Readonly<{ name: string; about: string; tls: PartnerTls }>;

const day = 86_400_000;

export async function startWorld(): Promise<World> {
  const authority = await makeAuthority();
  const resources = new AsyncDisposableStack();
  const zone: LabZone = {};
  const partners: Partner[] = [];
  let port = 0;
  const pinned = await makeSelfSigned({ dnsNames: ["mx.pinned.example"] });
  for (const [index, { name, about, tls }] of (await plansFor(authority, pinned)).entries()) {
    const domain = `${name}.example`;
    const mx = `mx.${domain}`;
    const address = `127.0.1.${index + 1}`;
    const host = resources.use(await startPartnerHost({ address, port, hostname: mx, tls }));
    port = host.port;
    zone[domain] = { mx: [[10, mx]] };
    zone[mx] = { a: [address] };
    partners.push({ domain, mx, about, host });
  }
  const dns = resources.use(await startDnsServer(zone));
  const client = await authority.issue({ dnsNames: ["relay.example"] });
  return {
    dns,
    port,
    authority,
    partners,
    client,
    pinnedKeySha256: keyDigest(pinned),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Each partner differs from a good one in a single thing. */
async function plansFor(authority: Authority, pinned: IssuedCertificate): Promise<readonly Plan[]> {
  const nameOf = (name: string): string => `mx.${name}.example`;
  const good = (name: string): Promise<IssuedCertificate> => authority.issue({ dnsNames: [nameOf(name)] });
  const starttls = (certificate: IssuedCertificate): PartnerTls => ({ mode: "starttls", certificate });
  const now = Date.now();
  const expired = { dnsNames: [nameOf("expired")], notBefore: now - 60 * day, notAfter: now - day };
  const clientCertificate = { wanted: "required", anchors: [authority.certificatePem] } as const;
  return [
    { name: "good", about: "good certificate", tls: starttls(await good("good")) },
    {
      name: "selfsigned",
      about: "self-signed certificate",
      tls: starttls(await makeSelfSigned({ dnsNames: [nameOf("selfsigned")] })),
    },
    {
      name: "wrongname",
      about: "another host's name",
      tls: starttls(await authority.issue({ dnsNames: ["mail.elsewhere.example"] })),
    },
    { name: "expired", about: "expired certificate", tls: starttls(await authority.issue(expired)) },
    { name: "cleartext", about: "no STARTTLS", tls: { mode: "none" } },
    { name: "oldstyle", about: "no STARTTLS", tls: { mode: "none" } },
    {
      name: "broken",
      about: "garbage after STARTTLS",
      tls: { mode: "starttls", certificate: await good("broken"), handshake: { kind: "garbage" } },
    },
    {
      name: "tls12",
      about: "TLS 1.2 only",
      tls: { mode: "starttls", certificate: await good("tls12"), maxVersion: "TLSv1.2" },
    },
    {
      name: "mutual",
      about: "asks for our certificate",
      tls: { mode: "starttls", certificate: await good("mutual"), clientCertificate },
    },
    { name: "pinned", about: "self-signed, key pinned", tls: starttls(pinned) },
  ];
}

function keyDigest({ certificatePem }: IssuedCertificate): string {
  const spki = new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex");
}
