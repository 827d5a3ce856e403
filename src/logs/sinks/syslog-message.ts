/**
 * A log line as a syslog message: RFC 3164, or RFC 5424. Pure.
 *
 * To a socket of this machine the host name is left out of RFC 3164, as syslog(3) does: the daemon there knows it.
 * A message is cut at what receivers take at least: 1024 bytes of RFC 3164 over UDP (§4.1), 2048 of RFC 5424 over
 * UDP (RFC 5426 §3.2), else 8096: rsyslog's default, somewhat below what RFC 5425 §4.3 asks of receivers (8192).
 */

import { isoTime } from "../../mail/iso-time.ts";
import type { LogTarget, SyslogFacility } from "../../mail/log-definition.ts";
import type { LogLine, RendererTools, Severity } from "../log-renderer.ts";
import { traditionalStamp } from "../mail-log-line.ts";

type Target = Extract<LogTarget, Readonly<{ kind: "syslog" }>>;

/** RFC 5424 §6.2.1, table 1; `local0` is 16. */
const facilities: Readonly<Record<SyslogFacility, number>> = {
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
};

/** RFC 5424 §6.2.1, table 2. */
const severities: Readonly<Record<Severity, number>> = { error: 3, warning: 4, notice: 5, info: 6 };

/** APP-NAME, RFC 5424 §6.2.5. */
const longestApp = 48;

/** @returns what makes the messages of one log */
export function syslogMessage(
  { to, protocol, facility }: Target,
  { hostname, pid }: RendererTools,
): (line: LogLine) => string {
  const facilityCode = facilities[facility] * 8;
  const most = mostBytes({ to, protocol });
  const host = to.kind === "socket" && protocol === "rfc3164" ? "" : `${hostname} `;
  return ({ text, program = "letterlock", severity = "info", time }) => {
    const priority = facilityCode + severities[severity];
    const message =
      protocol === "rfc3164"
        ? `<${priority}>${traditionalStamp(time)} ${host}${program}[${pid}]: ${text}`
        : `<${priority}>1 ${isoTime(time)} ${host}${program.slice(0, longestApp)} ${pid} - - ${text}`;
    return fit(message, most);
  };
}

function mostBytes({ to, protocol }: Pick<Target, "to" | "protocol">): number {
  if (to.kind !== "udp") return 8096;
  return protocol === "rfc3164" ? 1024 : 2048;
}

/** Cut between characters; three dots say so. */
function fit(message: string, most: number): string {
  if (message.length * 3 <= most || Buffer.byteLength(message) <= most) return message;
  const { read } = new TextEncoder().encodeInto(message, new Uint8Array(most - 3));
  return `${message.slice(0, read)}...`;
}
