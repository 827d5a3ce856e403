/**
 * OpenSMTPD with a configuration of its own, receiving only.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Arrivals } from "./arrivals.ts";
import type { Authority } from "./authority.ts";
import { inRoot, type Namespace } from "./namespace.ts";
import { addresses, type Peer } from "./peer.ts";
import { packageVersion } from "./programs.ts";

const host = "mx.opensmtpd.test";

export async function startOpensmtpd(namespace: Namespace, authority: Authority): Promise<Peer> {
  const arrivals = new Arrivals(namespace, "opensmtpd");
  const { certificate, key } = authority.issue(host);
  const configuration = `pki ${host} cert "${namespace.asInRoot(certificate)}"
pki ${host} key "${namespace.asInRoot(key)}"
smtp max-message-size 60M
table everyone { "@" = "nobody" }
table refused { "refused" }
action store mda "${arrivals.command} \\"$ORIGINAL_RECIPIENT\\"" virtual <everyone>
listen on ${addresses.opensmtpd} tls pki ${host} hostname ${host}
match from any for any rcpt-to <refused> reject
match from any for any action store
`;
  writeFileSync(path.join(namespace.folder, "opensmtpd/smtpd.conf"), configuration);
  namespace.daemon("opensmtpd", "opensmtpd", ["/usr/sbin/smtpd", "-d", "-f", `${inRoot}/opensmtpd/smtpd.conf`]);
  await namespace.accepting(addresses.opensmtpd, 25);
  return {
    name: "OpenSMTPD",
    version: packageVersion("opensmtpd", "opensmtpd"),
    host,
    address: addresses.opensmtpd,
    certificate,
    smtputf8: false,
    dsn: true,
    arrivals,
  };
}
