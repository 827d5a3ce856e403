/**
 * `logs:` in the settings table: logs in the words of other mail servers, and where their lines go.
 */
import { parseDomain } from "../mail/domain.ts";
import { parseIp } from "../mail/ip.ts";
import type { LogStage, SyslogFacility, SyslogServer, TemplateLog } from "../mail/log-definition.ts";
import type { Template } from "../mail/log-template.ts";
import { allNamespaces } from "../policy/dialects/momentum/log-macros.ts";
import { parseTemplate } from "../policy/dialects/momentum/log-template.ts";
import { readSanitize } from "../policy/dialects/momentum/sanitize-words.ts";
import { byName, byText, list, optional, setting } from "./section-types.ts";
import {
  choice,
  count,
  duration,
  file,
  size,
  text,
  textOrWord,
  textType,
  type ValueType,
  wrong,
  yesNo,
} from "./value-types.ts";
import { variantSection } from "./variants.ts";

/** A syslog server as written: of a TLS server the CAs stand elsewhere. */
export type WrittenSyslog =
  | Exclude<SyslogServer, Readonly<{ kind: "tls" }>>
  | Readonly<{ kind: "tls"; host: string; port: number }>;

/** udp and tcp: what everybody listens at (RFC 5426 section 3.3, RFC 6587); tls: RFC 5425 section 4.1. */
const syslogPorts = { udp: 514, tcp: 514, tls: 6514 } as const;

const syslogServer: ValueType<WrittenSyslog> = textType("syslog server", "a syslog server", (value) => {
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

const permissions: ValueType<number> = textType(
  "permissions",
  "permissions",
  (value) =>
    /^0?[0-7]{3}$/.test(value)
      ? Number.parseInt(value, 8)
      : wrong(`"${value}" are no permissions`, "write three octal digits, such as 0640"),
  { type: ["string", "integer"] },
);

/** What runs behind a pipe; the bar of PowerMTA's notation may stay. */
const command: ValueType<string> = textType("command", "a command", (value) => {
  const line = value.replace(/^\s*\|/, "").trim();
  return line === "" || /[\r\n\0]/.test(value)
    ? wrong("a command on one line is needed here", "write what /bin/sh is to run")
    : line;
});

const tlsLevel: ValueType<0 | 1 | 2> = textType(
  "0, 1 or 2",
  "0, 1 or 2",
  (value) => ([0, 1, 2] as const).find((level) => `${level}` === value) ?? wrong(`"${value}" is no level`, tlsLevels),
  { type: "integer", minimum: 0, maximum: 2 },
);

const tlsLevels = "write 0 (no TLS lines), 1 (one for each handshake) or 2 (with the certificates)";

const program: ValueType<string> = textType("program name", "the name of a program", (value) =>
  /^[!-9;-Z\\^-~]{1,48}$/.test(value)
    ? value
    : wrong(`"${value}" is no name of a program`, "use printable ASCII without blanks, colon and brackets, 48 at most"),
);

const facility: ValueType<SyslogFacility> = choice(
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

const targets = {
  file: optional(file, "Into this file, in the data folder unless the path is absolute; `-` is standard output."),
  program: optional(command, "To this command, run by /bin/sh, which reads lines; each worker starts its own."),
  syslog: optional(syslogServer, "To `/dev/log`, or `udp://HOST:514`, `tcp://HOST:514`, `tls://HOST:6514`."),
} as const;

/** Which setting goes with which target; of files and programs PowerMTA has settings of its own. */
const fileOptions = {
  size: optional(
    textOrWord("never", size("1 MB", "1 TB")),
    "With `file`: a new one is begun at this size. Default: 100 MB; `never` where logrotate does it.",
  ),
  keep: optional(count(1, 10_000), "With `file`: older ones that are kept. Default: 10."),
  mode: optional(permissions, "With `file`: its permissions when it is made. Default: 0640."),
} as const;

const programOptions = {
  "retry-interval": optional(
    duration("1s", "1d"),
    "With `program`: wait before one that ended is started again. Default: 10s.",
  ),
  "write-timeout": optional(
    duration("1s", "1d"),
    "With `program`: it is ended when it takes nothing for so long. Default: 1m.",
  ),
} as const;

const syslogOptions = {
  facility: optional(facility, "With `syslog`. Default: mail."),
  protocol: optional(
    choice("rfc3164", "rfc5424"),
    "With `syslog`: the form of its messages. Default: rfc3164 for a socket of this machine, rfc5424 for a server.",
  ),
  ca: optional(file, "With `syslog: tls://…`: PEM file of the CAs that count for it. Default: the system's."),
} as const;

const shared = { ...targets, ...fileOptions, ...programOptions, ...syslogOptions } as const;

/** By target: the settings that are for it alone. */
export const targetOptions = {
  file: ["size", "keep", "mode", "stamps"],
  program: ["retry-interval", "write-timeout"],
  syslog: ["facility", "protocol", "ca"],
} as const satisfies Record<keyof typeof targets, readonly (keyof typeof shared | "stamps")[]>;

/** Of a mail log in a file: elsewhere the time is the syslog service's business. */
const stamps = optional(
  choice("traditional", "iso"),
  "With `file`: how a line begins, `Nov 22 08:30:47`, or `2026-11-22T08:30:47.123Z`. Default: traditional.",
);

const postfixTable = {
  name: setting(program, "postfix", "What `syslog_name` says in Postfix: `postfix/smtp[123]`."),
  "tls-field": setting(
    yesNo,
    "false",
    "The field `tls=` of Postfix 3.11 in delivery lines. pflogsumm 1.1.5 does not count lines that have it.",
  ),
  "outbound-tls-level": setting(
    tlsLevel,
    "1",
    "`smtp_tls_loglevel`: 0 no lines about TLS, 1 one for each handshake, 2 more.",
  ),
  "inbound-tls-level": setting(tlsLevel, "1", "`smtpd_tls_loglevel`, the same for clients."),
  stamps,
} as const;

const sendmailTable = {
  name: setting(program, "sendmail", "The program's name in each line: `sm-mta` on Debian."),
  level: setting(count(0, 98), "9", "`O LogLevel`."),
  stamps,
} as const;

/** Read by the parser of Momentum's custom loggers; every macro is known by its bare name. */
const templateType: ValueType<Template> = {
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

function template(what: string): ReturnType<typeof optional<Template>> {
  return optional(templateType, `The line for ${what}. Without it there is none.`);
}

/** Momentum's words, with hyphens as ours have them. */
const sanitizing: ValueType<TemplateLog["sanitize"]> = textType(
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

const templateTable = {
  reception: template("a message that came in"),
  delivery: template("a recipient delivered"),
  "transient-failure": template("a recipient that will be tried again"),
  "permanent-failure": template("a recipient given up"),
  rejection: template("a client, sender, recipient or message refused"),
  sanitize: setting(
    list(sanitizing),
    "[]",
    "What is replaced in values: `special-characters`, `non-printable`, `tr/X/Y/`. Line breaks always are.",
  ),
} as const;

/** The directives of `<acct-file>`; what they mean, and what holds without them, the reader of PowerMTA's sections knows. */
const powermtaTable = {
  records: optional(
    list(choice("d", "b", "t", "tq", "r", "rb", "rs", "f")),
    "Which records: `d` delivered, `b` bounced, `t` recipient deferred, `tq` queue deferred, `r` received; of the others the columns alone. Default: [d, b].",
  ),
  "record-fields": optional(
    byName(list(text)),
    'By type of record: fields in PowerMTA\'s words, such as "*", dlvTlsProtocol. Default: "*".',
  ),
  "move-to": optional(file, "Folder that finished files are moved to."),
  "move-interval": optional(
    duration("1s", "30d"),
    "With `move-to`: a new file is begun that often. Default: at midnight.",
  ),
  "max-size": optional(size("1 MiB", "1000 TB"), "A new file is begun at this size. Default: 250 MiB."),
  "delete-after": optional(
    textOrWord("never", duration("0s", "3650d")),
    "Without `move-to`: files go at this age, in whole days. Default: 8d.",
  ),
  "iso-times": optional(yesNo, "`2026-11-22 12:00:00+0000`, or seconds since 1970. Default: true."),
  "formula-cells": optional(
    choice("escape", "keep"),
    "Values that a spreadsheet would take for a formula: made harmless, or left as they are. Default: escape.",
  ),
  "user-string": optional(text, "Value of the field `userString`."),
  "map-header-to-field": optional(
    byName(byText("FIELD", list(text))),
    "By type of record: header fields whose value goes into that field; the first that is there counts.",
  ),
  "queue-filter": optional(
    list(text),
    "Patterns of `domain/vmta`, `!` negates: the first that fits decides, and a queue that none fits is left out.",
  ),
  "privacy-policy": optional(
    text,
    "What becomes of recipients' local parts: `retain`, `redact X`, `siphash KEY`, `hmac-sha256 KEY`. Default: retain.",
  ),
  "bounce-category-patterns": optional(
    byText("/PATTERN/", text),
    "Categories of bounces, before the shipped ones: a regular expression for `status;diagnostic`, and its category.",
  ),
  "world-readable": optional(yesNo, "Everybody on this machine may read the files. Default: false."),
  "count-moved-records": optional(yesNo, "The number of records stands in a moved file's name. Default: false."),
  sync: optional(yesNo, "Each write is synced to disk. Default: false."),
  "retry-interval": optional(
    duration("0s", "3650d"),
    "With `program`: wait before one that ended is started again. Default: 5m.",
  ),
  "write-timeout": optional(
    duration("0s", "3650d"),
    "With `program`: it is ended when it takes nothing for so long. Default: 1m.",
  ),
} as const;

const jsonTable = {
  records: setting(choice("deliveries", "inbound"), "deliveries", "Of mail that leaves, or of what comes in."),
} as const;

/** `log_deliveries` and its like of ec_logger and bounce_logger. */
function stagesTable<const S extends LogStage>(...stages: readonly S[]) {
  return { stages: optional(list(choice(...stages)), "Which of its lines. Default: all.") } as const;
}

export const logType = variantSection("format", "In whose words.", shared, {
  postfix: { sentence: "Lines of Postfix's smtp and smtpd, for a mail log.", shared, own: postfixTable },
  sendmail: { sentence: "Lines of Sendmail, for a mail log.", shared, own: sendmailTable },
  powermta: {
    sentence:
      "PowerMTA's accounting files: the directives of its `<acct-file>` section, each under its own name, with `file` or `program`.",
    shared: { file: targets.file, program: targets.program },
    own: powermtaTable,
  },
  template: { sentence: "Lines of your own, in the macros of Momentum's custom loggers.", shared, own: templateTable },
  "momentum-main": {
    sentence: "Momentum's mainlog.",
    shared,
    own: stagesTable("reception", "delivery", "transient-failure", "permanent-failure"),
  },
  "momentum-reject": { sentence: "Momentum's rejectlog.", shared, own: {} },
  "momentum-bounce": {
    sentence: "Momentum's bouncelog.",
    shared,
    own: stagesTable("transient-failure", "permanent-failure"),
  },
  json: { sentence: "The JSON of our own records, once more.", shared, own: jsonTable },
});

export type WrittenLog = typeof logType extends ValueType<infer Log> ? Log : never;
