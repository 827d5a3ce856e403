/**
 * Exim with a configuration of its own: one receiving address and two sending ones. DSN is not offered (Exim's own
 * default), so that Letterlock has to report relayed mail itself.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Arrivals } from "./arrivals.ts";
import type { Authority } from "./authority.ts";
import { inRoot, type Namespace } from "./namespace.ts";
import { addresses, type Peer, ports, relayName } from "./peer.ts";
import { packageVersion } from "./programs.ts";

const host = "mx.exim.test";
const home = `${inRoot}/exim`;

export async function startExim(namespace: Namespace, authority: Authority): Promise<Peer> {
  const arrivals = new Arrivals(namespace, "exim");
  const folder = path.join(namespace.folder, "exim");
  mkdirSync(path.join(folder, "spool"));
  const { certificate, key } = authority.issue(host);
  const tls = `tls_certificate = ${namespace.asInRoot(certificate)}\ntls_privatekey = ${namespace.asInRoot(key)}\n`;
  const trust = namespace.asInRoot(authority.certificate);
  writeFileSync(path.join(folder, "exim.conf"), main + tls + receiving(arrivals.command) + sending(trust));
  await namespace.runIn("exim", ["chown", "Debian-exim:Debian-exim", `${home}/spool`, namespace.asInRoot(key)]);
  namespace.daemon("exim", "exim", ["/usr/sbin/exim4", "-C", `${home}/exim.conf`, "-bdf", "-q1m"]);
  await namespace.accepting(addresses.exim, 25);
  return {
    name: "Exim",
    version: packageVersion("exim", "exim4-daemon-heavy"),
    host,
    address: addresses.exim,
    certificate,
    smtputf8: true,
    dsn: false,
    arrivals,
  };
}

const main = `primary_hostname = ${host}
local_interfaces = <; ${addresses.exim} ; ${addresses.eximSendsStarttls} ; ${addresses.eximSendsImplicit}
disable_ipv6 = true
spool_directory = ${home}/spool
log_file_path = ${home}/spool/%slog
host_lookup =
rfc1413_hosts =
message_size_limit = 60M
# every message is delivered at once, however many came in one session or at a time
smtp_accept_queue_per_connection = 0
smtp_accept_max = 0
tls_advertise_hosts = *
smtputf8_advertise_hosts = *
acl_smtp_rcpt = recipient
acl_smtp_data = any
keep_environment =
`;

function receiving(store: string): string {
  return `begin acl
recipient:
  deny local_parts = refused
  accept
any:
  accept
begin routers
starttls:
  driver = manualroute
  condition = \${if eq{$received_ip_address}{${addresses.eximSendsStarttls}}}
  route_list = * ${addresses.letterlock}::${ports.starttls} byname
  self = send
  transport = starttls
implicit:
  driver = manualroute
  condition = \${if eq{$received_ip_address}{${addresses.eximSendsImplicit}}}
  route_list = * ${addresses.letterlock}::${ports.implicit} byname
  self = send
  transport = implicit
store:
  driver = accept
  transport = store
begin transports
store:
  driver = pipe
  command = /bin/sh -c '${store} "\\$LOCAL_PART@\\$DOMAIN"'
  user = Debian-exim
  message_prefix =
  message_suffix =
`;
}

function sending(authority: string): string {
  const trusting = `  allow_localhost
  message_linelength_limit = 1G
  hosts_try_dane =
  hosts_require_tls = *
  tls_verify_certificates = ${authority}
  tls_verify_hosts = *
  tls_sni = ${relayName}
  tls_verify_cert_hostnames =
`;
  return `starttls:
  driver = smtp
${trusting}implicit:
  driver = smtp
  protocol = smtps
${trusting}begin retry
* * F,1h,5s
`;
}
