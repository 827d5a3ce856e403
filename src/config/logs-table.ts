/**
 * `logs:` in the settings table: logs in the words of other mail servers, and where their lines go.
 */
import type { LogStage } from "../mail/log-definition.ts";
import type { Template } from "../mail/log-template.ts";
import {
  command,
  facility,
  permissions,
  program,
  sanitizing,
  syslogServer,
  templateType,
  tlsLevel,
} from "./log-value-types.ts";
import { byName, byText, list, optional, setting } from "./section-types.ts";
import { choice, count, duration, file, size, text, textOrWord, type ValueType, yesNo } from "./value-types.ts";
import { variantSection } from "./variants.ts";

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
    "With `syslog`: the form of its messages. Default: rfc3164 for a socket of this machine and for mail logs, else rfc5424.",
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

function template(what: string): ReturnType<typeof optional<Template>> {
  return optional(templateType, `The line for ${what}. Without it there is none.`);
}

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
