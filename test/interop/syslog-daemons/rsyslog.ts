/**
 * rsyslog as Debian configures its inputs, but for addresses; what it makes of a message, and its own kind of file.
 */
import { type DaemonKind, ports } from "./daemon.ts";

const fields = {
  facility: "syslogfacility-text",
  severity: "syslogseverity-text",
  host: "hostname",
  program: "app-name",
  pid: "procid",
  time: 'timereported" dateFormat="rfc3339',
  text: "msg",
};

const properties = Object.entries(fields).map(
  ([name, property]) => `  property(outname="${name}" name="${property}" format="jsonf")`,
);

const tls = ["tls", "misnamed", "unknown"] as const;

const configuration = (address: string): string => `
global(workDirectory="/mnt")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
template(name="seen" type="list" option.jsonf="on") {
${properties.join("\n")}
}
ruleset(name="keep") {
  action(type="omfile" file="/mnt/seen" template="seen")
  action(type="omfile" file="/mnt/mail.log" template="RSYSLOG_TraditionalFileFormat")
}
input(type="imuxsock" socket="/mnt/dev-log" ruleset="keep")
input(type="imudp" address="${address}" port="${ports.udp3164}" ruleset="keep")
input(type="imudp" address="${address}" port="${ports.udp}" ruleset="keep")
input(type="imtcp" address="${address}" port="${ports.tcp}" ruleset="keep")
${tls
  .map(
    (name) => `input(type="imtcp" address="${address}" port="${ports[name]}" ruleset="keep"
  streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"
  streamDriver.caFile="/mnt/ca.pem" streamDriver.certFile="/mnt/${name}.pem" streamDriver.keyFile="/mnt/${name}.key")`,
  )
  .join("\n")}
`;

export const rsyslog: DaemonKind = {
  name: "rsyslog",
  peer: "opensmtpd",
  argv: ["rsyslogd", "-n", "-i", "NONE", "-f", "/mnt/daemon.conf"],
  configuration,
  // Its %app-name% and %programname% end at a slash; its files have the whole tag.
  programOf: (name) => name.split("/")[0] ?? "",
};
