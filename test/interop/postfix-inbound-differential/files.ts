/**
 * What both servers read: main.cf, master.cf, certificates and tables, in the folder of the test.
 */
import { createHash } from "node:crypto";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../../../src/lab/certificates.ts";
import { backgroundServices, livesIn } from "../lab/postfix-files.ts";
import type { ClientCertificate, Variant } from "./variants.ts";
import { hostname, root, serverAddress } from "./variants.ts";

export type KeyPair = Readonly<{ certificate: string; key: string }>;
export type ClientKeys = Readonly<Record<Exclude<ClientCertificate, "none">, KeyPair>>;

/** @returns what the clients show */
export async function writeFiles(folder: string, variants: readonly Variant[]): Promise<ClientKeys> {
  for (const name of ["etc", "tls"]) mkdirSync(path.join(folder, name), { recursive: true });
  const put = (name: string, text: string): void => writeSettled(path.join(folder, name), text);
  const authority = await makeAuthority("Test CA");
  const elsewhere = await makeAuthority("Elsewhere CA");
  put("tls/ca.pem", authority.certificatePem);
  put("tls/server.pem", chainFile(await authority.issue({ dnsNames: [hostname] })));
  put("tls/rsa.pem", chainFile(await authority.issue({ dnsNames: [hostname], keyKind: "rsa-2048" })));
  for (const name of ["one.test", "below.test"]) {
    put(`tls/${name}.pem`, chainFile(await authority.issue({ dnsNames: [name] })));
  }
  put("etc/sni", `one.test ${root}/tls/one.test.pem\n.below.test ${root}/tls/below.test.pem\n`);
  const listed = await makeSelfSigned({ dnsNames: ["listed.test"] });
  put("etc/clients", `${digest(listed)} OK\n`);
  put("etc/main.cf", mainCf);
  put("etc/master.cf", masterCf(variants));
  return {
    trusted: pair(await authority.issue({ dnsNames: ["client.test"] })),
    untrusted: pair(await elsewhere.issue({ dnsNames: ["client.test"] })),
    listed: pair(listed),
  };
}

/** Postfix waits for a file that may be changing still: one that was written in the last second. */
export function writeSettled(file: string, text: string): void {
  writeFileSync(file, text);
  const before = new Date(Date.now() - 60_000);
  utimesSync(file, before, before);
}

function chainFile({ privateKeyPem, chainPem }: IssuedCertificate): string {
  return `${privateKeyPem}\n${chainPem}\n`;
}

export function pair({ chainPem, privateKeyPem }: IssuedCertificate): KeyPair {
  return { certificate: chainPem, key: privateKeyPem };
}

function digest({ der }: IssuedCertificate): string {
  const hex = createHash("sha256").update(der).digest("hex").toUpperCase();
  return (hex.match(/../g) ?? []).join(":");
}

const mainCf = `compatibility_level = 3.10
${livesIn(root)}myhostname = ${hostname}
inet_interfaces = ${serverAddress}
inet_protocols = ipv4
mydestination =
local_recipient_maps =
alias_maps =
relay_domains = relay.test
default_transport = discard:
relay_transport = discard:
mynetworks = 192.0.2.0/24
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_restriction_classes = needs_tls
needs_tls = reject_plaintext_session
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_chain_files = ${root}/tls/server.pem
smtpd_tls_CAfile = ${root}/tls/ca.pem
relay_clientcerts = texthash:${root}/etc/clients
`;

function masterCf(variants: readonly Variant[]): string {
  const services = variants.map(({ port, options }) => {
    const overrides = Object.entries(options).map(([name, value]) => `  -o { ${name} = ${value} }\n`);
    return `${port} inet n - n - - smtpd\n${overrides.join("")}`;
  });
  return `${services.join("")}smtp unix - - n - 8 smtp
${backgroundServices}`;
}
