/**
 * unbound as the namespace's DNS server on 127.0.0.1:53, answering from local data only; nothing is asked elsewhere.
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
  writeFileSync(path.join(namespace.folder, "unbound.conf"), `${settings}${data}\n`);
  namespace.daemon("unbound", "base", ["/usr/sbin/unbound", "-d", "-p", "-c", `${inRoot}/unbound.conf`]);
  await namespace.accepting("127.0.0.1", 53);
}

function record(entry: DnsEntry): string {
  return "mx" in entry
    ? `${entry.name}. 3600 IN MX ${entry.preference ?? 10} ${entry.mx}.`
    : `${entry.name}. 3600 IN A ${entry.address}`;
}

// `static`: a name that is not listed does not exist. The authority section carries the zone's SOA.
const settings = `server:
  interface: 127.0.0.1
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  module-config: "iterator"
  do-not-query-localhost: yes
  local-zone: "." static
  local-data: ". 3600 IN SOA ns.test. hostmaster.test. 1 3600 900 86400 60"
`;
