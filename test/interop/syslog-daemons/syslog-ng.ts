/**
 * syslog-ng, with its sources for both protocols, and what it makes of a message.
 */
import { type DaemonKind, ports } from "./daemon.ts";

const tls = `tls(key-file("/mnt/tls.key") cert-file("/mnt/tls.pem") peer-verify(optional-untrusted))`;
const fields = "facility=$FACILITY severity=$LEVEL host=$HOST program=$PROGRAM pid=$PID time=$S_ISODATE text=$MSG";

const configuration = (address: string): string => `@version: 4.8
options { keep-hostname(yes); use-dns(no); frac-digits(3); stats(level(0)); };
source all {
  unix-dgram("/mnt/dev-log");
  network(ip("${address}") port(${ports.udp3164}) transport("udp"));
  syslog(ip("${address}") port(${ports.udp}) transport("udp"));
  syslog(ip("${address}") port(${ports.tcp}) transport("tcp"));
  syslog(ip("${address}") port(${ports.tls}) transport("tls") ${tls});
};
destination seen { file("/mnt/seen" template("$(format-json --scope none ${fields})\\n")); };
log { source(all); destination(seen); };
`;

export const syslogNg: DaemonKind = {
  name: "syslog-ng",
  peer: "exim",
  argv: [
    "syslog-ng",
    "-F",
    "--no-caps",
    "-f",
    "/mnt/daemon.conf",
    "-R",
    "/mnt/persist",
    "-p",
    "/mnt/pid",
    "-c",
    "/mnt/ctl",
  ],
  configuration,
  programOf: (name) => name,
};
