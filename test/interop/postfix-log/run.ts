/**
 * One whole run: the same files, hosts and clients for Postfix and for Letterlock, each in a network of its own; what
 * each wrote into its mail log, session by session.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { makeAuthority, makeSelfSigned } from "../../../src/lab/certificates.ts";
import { digestOf, planDestinations } from "../differential/destinations.ts";
import { makeQueue } from "../differential/postfixes.ts";
import { Namespace } from "../lab/namespace.ts";
import { backgroundServices, livesIn } from "../lab/postfix-files.ts";
import { type ClientKeys, pair, writeSettled } from "../postfix-inbound-differential/files.ts";
import { usersFile } from "../postfix-inbound-differential/run.ts";
import { hostname, root, serverAddress } from "../postfix-inbound-differential/variants.ts";
import type { Job, Logged } from "./ground.ts";
import { furtherHosts, policyTable, services } from "./situations.ts";

const ground = path.join(import.meta.dirname, "ground.ts");

export type Run = Readonly<{ postfix: Logged; letterlock: Logged }>;

export async function runBoth(): Promise<Run> {
  await using first = await Namespace.create();
  await using second = await Namespace.create();
  const job = await prepare(first.folder);
  const { code, stderr } = await second.run("mount", ["--bind", first.folder, root]);
  assert.equal(code, 0, stderr);
  writeFileSync(path.join(second.folder, "letterlock.yaml"), yaml);
  writeFileSync(path.join(second.folder, "users.yaml"), usersFile(), { mode: 0o600 });
  const asked = [askPostfix(first, job), askLetterlock(second, job)] as const;
  await Promise.allSettled(asked);
  const [postfix, letterlock] = await Promise.all(asked);
  return { postfix, letterlock };
}

async function askPostfix(namespace: Namespace, job: Omit<Job, "server" | "folder">): Promise<Logged> {
  makeQueue(namespace.folder);
  namespace.daemon("postfix", "postfix", ["/usr/sbin/postfix", "-c", `${root}/etc`, "start-fg"]);
  await namespace.accepting(serverAddress, 465);
  return go(namespace, { ...job, folder: namespace.folder, server: "postfix" });
}

async function askLetterlock(namespace: Namespace, job: Omit<Job, "server" | "folder">): Promise<Logged> {
  mkdirSync(path.join(namespace.folder, "letterlock"));
  return go(namespace, { ...job, folder: namespace.folder, server: "letterlock" });
}

async function go(namespace: Namespace, job: Job): Promise<Logged> {
  const [jobFile, resultFile] = ["job.json", "result.json"].map((name) => path.join(namespace.folder, name));
  assert.ok(jobFile && resultFile);
  writeFileSync(jobFile, JSON.stringify(job));
  const { code, stderr } = await namespace.run(process.execPath, [ground, jobFile, resultFile]);
  assert.equal(code, 0, stderr);
  return JSON.parse(readFileSync(resultFile, "utf8")) as Logged;
}

async function prepare(folder: string): Promise<Omit<Job, "server" | "folder">> {
  for (const name of ["etc", "tls"]) mkdirSync(path.join(folder, name), { recursive: true });
  const put = (name: string, text: string): void => writeSettled(path.join(folder, name), text);
  const destinations = await planDestinations(furtherHosts);
  const authority = await makeAuthority("Test CA");
  const elsewhere = await makeAuthority("Elsewhere CA");
  const server = await authority.issue({ dnsNames: [hostname] });
  put("tls/hosts-ca.pem", destinations.certificates.lab ?? "");
  put("tls/clients-ca.pem", authority.certificatePem);
  put("tls/server.pem", `${server.privateKeyPem}\n${server.chainPem}\n`);
  put("etc/main.cf", mainCf);
  put("etc/master.cf", masterCf);
  put("etc/policy", policyTable(digestOf(destinations.certificates["mx.tls13.test"] ?? "", "certificate", "sha256")));
  const keys: ClientKeys = {
    trusted: pair(await authority.issue({ dnsNames: ["client.test"] })),
    untrusted: pair(await elsewhere.issue({ dnsNames: ["client.test"] })),
    listed: pair(await makeSelfSigned({ dnsNames: ["client.test"] })),
  };
  return { destinations, keys };
}

const mainCf = `compatibility_level = 3.10
${livesIn(root)}myhostname = ${hostname}
inet_interfaces = ${serverAddress}
inet_protocols = ipv4
mydestination =
local_recipient_maps =
alias_maps =
relay_domains =
mynetworks = 192.0.2.0/24
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_chain_files = ${root}/tls/server.pem
smtpd_tls_CAfile = ${root}/tls/clients-ca.pem
smtpd_tls_ask_ccert = yes
smtpd_tls_loglevel = 1
tls_eecdh_auto_curves = X25519MLKEM768 X25519 prime256v1 secp384r1
fast_flush_domains =
default_destination_concurrency_failed_cohort_limit = 100000
default_destination_concurrency_negative_feedback = 0
smtp_connection_cache_on_demand = no
smtp_tls_CAfile = ${root}/tls/hosts-ca.pem
smtp_tls_policy_maps = texthash:${root}/etc/policy
smtp_tls_loglevel = 1
`;

const masterCf = `${Object.entries(services)
  .map(([port, options]) => {
    const overrides = Object.entries(options).map(([name, value]) => `  -o { ${name} = ${value} }\n`);
    return `${port} inet n - n - - smtpd\n${overrides.join("")}`;
  })
  .join("")}smtp unix - - n - 8 smtp
relay unix - - n - 4 smtp
${backgroundServices}`;

const yaml = `hostname: ${hostname}
workers: 1
users-file: users.yaml
data: letterlock
auth:
  failure-delay: 0s
dns: { servers: [127.0.0.1] }
outbound: { allow-addresses: [127.0.0.0/8], ipv6: false, idle-connection: 0s }
metrics: off
policy:
  - postfix: { main: ${root}/etc/main.cf }
`;
