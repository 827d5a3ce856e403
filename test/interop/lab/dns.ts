/**
 * unbound as the namespace's DNS server on 127.0.0.1:53; nothing is asked elsewhere. It answers from local data, or as
 * the resolver that it is from a zone of the test's own.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { inRoot, type Namespace } from "./namespace.ts";

/** A host name and its address, or a domain and its MX host. */
export type DnsEntry =
  | Readonly<{ name: string; address: string }>
  | Readonly<{ name: string; mx: string; preference?: number }>;

export async function startDns(namespace: Namespace, entries: readonly DnsEntry[]): Promise<void> {
  const data = entries.map((entry) => `  local-data: "${record(entry)}"`).join("\n");
  await startUnbound(namespace, `${settings}${staticZone}${data}\n`);
}

/** @param records of the root zone, as lines of a zone file with absolute names; what is not there does not exist */
export async function startDnsOfZone(namespace: Namespace, records: readonly string[]): Promise<void> {
  const zone = path.join(namespace.folder, "root.zone");
  writeFileSync(zone, `. 3600 IN ${soa}\n. 3600 IN NS ns.test.\n${records.join("\n")}\n`);
  const source = `  name: "."\n  zonefile: ${namespace.asInRoot(zone)}\n  for-downstream: no\n  fallback-enabled: no\n`;
  await startUnbound(namespace, `${settings}${specialZones}auth-zone:\n${source}`);
}

async function startUnbound(namespace: Namespace, configuration: string): Promise<void> {
  writeFileSync(path.join(namespace.folder, "unbound.conf"), configuration);
  namespace.daemon("unbound", "base", ["/usr/sbin/unbound", "-d", "-p", "-c", `${inRoot}/unbound.conf`]);
  await namespace.accepting("127.0.0.1", 53);
}

function record(entry: DnsEntry): string {
  return "mx" in entry
    ? `${entry.name}. 3600 IN MX ${entry.preference ?? 10} ${entry.mx}.`
    : `${entry.name}. 3600 IN A ${entry.address}`;
}

const soa = "SOA ns.test. hostmaster.test. 1 3600 900 86400 60";

const settings = `server:
  interface: 127.0.0.1
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  module-config: "iterator"
  do-not-query-localhost: yes
`;

// `static`: a name that is not listed does not exist. The authority section carries the zone's SOA.
const staticZone = `  local-zone: "." static
  local-data: ". 3600 IN ${soa}"
`;

// unbound answers for special domains and networks (RFC 6303, RFC 6761) itself unless it is told not to.
const specialZones = ["test.", "2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."]
  .map((zone) => `  local-zone: "${zone}" nodefault\n`)
  .join("");
