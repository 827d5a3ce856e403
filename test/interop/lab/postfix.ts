/**
 * Postfix with a configuration of its own: two receiving addresses (with and without STARTTLS) and two sending ones.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Arrivals } from "./arrivals.ts";
import type { Authority, Issued } from "./authority.ts";
import { inRoot, type Namespace } from "./namespace.ts";
import { addresses, type Peer, ports, relayName } from "./peer.ts";
import { backgroundServices, livesIn } from "./postfix-files.ts";
import { packageVersion } from "./programs.ts";

const host = "mx.postfix.test";
const home = `${inRoot}/postfix`;

export async function startPostfix(namespace: Namespace, authority: Authority): Promise<Peer> {
  const arrivals = new Arrivals(namespace, "postfix");
  const folder = path.join(namespace.folder, "postfix");
  for (const name of ["etc", "spool", "data"]) mkdirSync(path.join(folder, name));
  const pair = authority.issue(host);
  writeFileSync(path.join(folder, "etc/main.cf"), mainCf(namespace, pair, authority.certificate));
  writeFileSync(path.join(folder, "etc/master.cf"), masterCf(arrivals.command));
  await namespace.runIn("postfix", ["chown", "postfix", `${home}/data`]);
  namespace.daemon("postfix", "postfix", ["/usr/sbin/postfix", "-c", `${home}/etc`, "start-fg"]);
  await namespace.accepting(addresses.postfix, 25);
  return {
    name: "Postfix",
    version: packageVersion("postfix", "postfix"),
    host,
    address: addresses.postfix,
    certificate: pair.certificate,
    smtputf8: true,
    dsn: true,
    arrivals,
  };
}

function mainCf(namespace: Namespace, { certificate, key }: Issued, authority: string): string {
  return `compatibility_level = 3.10
${livesIn(home)}myhostname = ${host}
mydestination =
local_recipient_maps =
alias_maps =
local_header_rewrite_clients =
mynetworks = 192.0.2.0/24
smtpd_peername_lookup = no
relay_domains = static:all
relay_transport = store
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{ { refused@ = REJECT } }
store_destination_recipient_limit = 1
smtputf8_enable = yes
message_size_limit = 60000000
smtpd_tls_chain_files = ${namespace.asInRoot(key)}, ${namespace.asInRoot(certificate)}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtp_tls_CAfile = ${namespace.asInRoot(authority)}
smtp_tls_loglevel = 1
smtp_line_length_limit = 0
`;
}

function masterCf(store: string): string {
  const relay = `[${addresses.letterlock}]`;
  const trusting = `smtp_tls_security_level=secure -o smtp_tls_secure_cert_match=${relayName}`;
  return `${addresses.postfix}:25 inet n - n - - smtpd
${addresses.postfixPlain}:25 inet n - n - - smtpd -o smtpd_tls_security_level=none
${addresses.postfixSendsStarttls}:25 inet n - n - - smtpd -o content_filter=starttls:${relay}:${ports.starttls}
${addresses.postfixSendsImplicit}:25 inet n - n - - smtpd -o content_filter=implicit:${relay}:${ports.implicit}
starttls unix - - n - - smtp -o ${trusting}
implicit unix - - n - - smtp -o ${trusting} -o smtp_tls_wrappermode=yes
store unix - n n - - pipe user=nobody argv=${store} \${recipient}
smtp unix - - n - - smtp
${backgroundServices}`;
}
