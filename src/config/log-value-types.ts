/**
 * Values that only `logs:` has: syslog servers, permissions, commands, templates.
 */
import { parseDomain } from "../mail/domain.ts";
import { parseIp } from "../mail/ip.ts";
import type { SyslogFacility, SyslogServer, TemplateLog } from "../mail/log-definition.ts";
import type { Template } from "../mail/log-template.ts";
import { allNamespaces } from "../policy/dialects/momentum/log-macros.ts";
import { parseTemplate } from "../policy/dialects/momentum/log-template.ts";
import { readSanitize } from "../policy/dialects/momentum/sanitize-words.ts";
import { choice, text, textType, type ValueType, wrong } from "./value-types.ts";

/** A syslog server as written: of a TLS server the CAs stand elsewhere. */
export type WrittenSyslog =
  | Exclude<SyslogServer, Readonly<{ kind: "tls" }>>
  | Readonly<{ kind: "tls"; host: string; port: number }>;

/** udp and tcp: what everybody listens at (RFC 5426 section 3.3, RFC 6587); tls: RFC 5425 section 4.1. */
const syslogPorts = { udp: 514, tcp: 514, tls: 6514 } as const;

export const syslogServer: ValueType<WrittenSyslog> = textType("syslog server", "a syslog server", (value) => {
  const remedy = 'write /dev/log, or "udp://", "tcp://" or "tls://" and HOST:PORT';
  if (value.startsWith("/") && !value.includes("\0")) return { kind: "socket", path: value };
  const [, scheme = "", six, name, digits] =
    /^(udp|tcp|tls):\/\/(?:\[([^\]]*)\]|([^[\]:/@]+))(?::(\d{1,5}))?$/i.exec(value) ?? [];
  const kind = (["udp", "tcp", "tls"] as const).find((each) => each === scheme.toLowerCase());
  if (kind === undefined) return wrong(`"${value}" is no syslog server`, remedy);
  const host = six === undefined ? hostOf(name ?? "") : parseIp(six);
  const port = digits === undefined ? syslogPorts[kind] : Number(digits);
  if (host === undefined || (six !== undefined && !host.includes(":")))
    return wrong(`"${six ?? name}" is no host`, "write a name or an address, IPv6 in brackets");
  if (port < 1 || port > 65_535) return wrong(`${port} is no port`, "write a port from 1 to 65535");
  return { kind, host, port };
});

function hostOf(name: string): string | undefined {
  return /^[\d.]+$/.test(name) ? parseIp(name) : parseDomain(name);
}

export const permissions: ValueType<number> = textType(
  "permissions",
  "permissions",
  (value) =>
    /^0?[0-7]{3}$/.test(value)
      ? Number.parseInt(value, 8)
      : wrong(`"${value}" are no permissions`, "write three octal digits, such as 0640"),
  { type: ["string", "integer"] },
);

/** What runs behind a pipe; the bar of PowerMTA's notation may stay. */
export const command: ValueType<string> = textType("command", "a command", (value) => {
  const line = value.replace(/^\s*\|/, "").trim();
  return line === "" || /[\r\n\0]/.test(value)
    ? wrong("a command on one line is needed here", "write what /bin/sh is to run")
    : line;
});

export const tlsLevel: ValueType<0 | 1 | 2> = textType(
  "0, 1 or 2",
  "0, 1 or 2",
  (value) => ([0, 1, 2] as const).find((level) => `${level}` === value) ?? wrong(`"${value}" is no level`, tlsLevels),
  { type: "integer", minimum: 0, maximum: 2 },
);

const tlsLevels = "write 0 (no TLS lines), 1 (one for each handshake) or 2 (with the certificates)";

export const program: ValueType<string> = textType("program name", "the name of a program", (value) =>
  /^[!-9;-Z\\^-~]{1,48}$/.test(value)
    ? value
    : wrong(`"${value}" is no name of a program`, "use printable ASCII without blanks, colon and brackets, 48 at most"),
);

export const facility: ValueType<SyslogFacility> = choice(
  "mail",
  "daemon",
  "user",
  "auth",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
);

/** Read by the parser of Momentum's custom loggers; every macro is known by its bare name. */
export const templateType: ValueType<Template> = {
  title: "template",
  schema: () => ({ type: "string" }),
  read(node, problems) {
    const line = text.read(node, problems);
    if (line === undefined) return undefined;
    const { template, problems: found } = parseTemplate(line, allNamespaces);
    for (const { column, text: what, remedy } of found)
      problems.error(node.at, `${what} (character ${column} of the template)`, remedy);
    return template;
  },
};

/** Momentum's words, with hyphens as ours have them. */
export const sanitizing: ValueType<TemplateLog["sanitize"]> = textType(
  "`special-characters`, `non-printable` or `tr/X/Y/`",
  "a word of sanitize",
  (value) => {
    const read = readSanitize(value.replace(/^(special|non)-(?=characters$|printable$)/, "$1_"));
    const isKnown = read.wrong === undefined && value.trim() !== "";
    return isKnown
      ? read.sanitize
      : wrong(`"${value}" is not known here`, "write special-characters, non-printable or tr/X/Y/");
  },
);
