/**
 * Every option of the modules that write logs, and what becomes of it: custom_logger, ec_logger, bounce_logger with its
 * custom kin, and tls_macros. `check` and the manual page of this dialect are printed from it.
 */
import type { OptionStatus } from "../dialect.ts";
import type { OptionEntry } from "./option-types.ts";
import * as is from "./values.ts";

const loggerNames = ["custom_logger", "ec_logger", "bounce_logger", "custom_bounce_logger"] as const;
export type LoggerName = (typeof loggerNames)[number];

/** Modules whose notes are written by `read-loggers.ts`. */
export const loggerModules: ReadonlySet<string> = new Set([...loggerNames, "tls_macros", "syslog_io"]);

export function isLogger(name: string): name is LoggerName {
  return (loggerNames as readonly string[]).includes(name);
}

export type LoggerOption = Omit<OptionEntry, "scopes"> & Readonly<{ scopes: readonly (LoggerName | "syslog_io")[] }>;

const custom = ["custom_logger"] as const;
const main = ["custom_logger", "ec_logger"] as const;
const bounces = ["bounce_logger", "custom_bounce_logger"] as const;
const files = "path | file:// | syslog:// | pipe://";

function option(
  name: string,
  scopes: LoggerOption["scopes"],
  kind: Readonly<{ values: string; default: string; check: OptionEntry["check"] }>,
  reason: string,
  status: OptionStatus = "applied",
): LoggerOption {
  return { name, scopes, ...kind, status, reason };
}

const template = { values: "line with macros", default: "none", check: is.isText };
const yesNo = { values: "true | false", default: "false, ec_logger: true", check: is.isBoolean };
const mode = { values: "octal", default: "0644", check: is.isText };
const number = { values: "number", default: "", check: is.isNumber };
const words = { values: "text", default: "", check: is.isText };

function file(byDefault: string): Readonly<{ values: string; default: string; check: OptionEntry["check"] }> {
  return { values: files, default: byDefault, check: is.isPath };
}

const stageNames = ["reception", "delivery", "transient_failure", "permanent_failure", "rejection"];

function ofStage(stage: string): readonly LoggerOption[] {
  return [
    option(`${stage}_format`, custom, template, `The line for this stage, which it also switches on.`),
    option(`${stage}_logfile`, custom, file("mainlog"), "Where the lines of this stage go."),
    option(`${stage}_log_mode`, custom, mode, "Permissions of a new file."),
  ];
}

function ofTransfers(name: string): LoggerOption {
  return option(`xfer_${name}`, custom, words, "Nothing moves from node to node here.", "no-effect");
}

const switches = ["log_receptions", "log_deliveries", "log_permanent_failures", "log_rejections"];

export const loggerOptions: readonly LoggerOption[] = [
  ...stageNames.flatMap(ofStage),
  ...["format", "logfile", "log_mode"].map(ofTransfers),
  ...switches.map((name) =>
    option(name, main, yesNo, "Whether these are written; a custom_logger needs the format too."),
  ),
  option(
    "log_transient_failures",
    [...main, ...bounces],
    { ...yesNo, default: "true, custom_logger: false" },
    "Whether these are written; a custom_logger needs the format too.",
  ),
  option("log_inband_bounces", bounces, { ...yesNo, default: "true" }, "Whether mail that is given up is written."),
  option("log_outofband_bounces", bounces, yesNo, "Bounces that come in by mail are not recognised.", "no-effect"),
  option("log_errors", main, yesNo, "Errors stand in Letterlock's own log.", "no-effect"),
  option(
    "mainlog",
    main,
    file("/var/log/ecelerity/mainlog.ec, custom_logger: mainlog.cl"),
    "Where the lines of all stages go that have no file of their own; of ec_logger R, D, T and P.",
  ),
  option("mainlog_mode", main, mode, "Permissions of a new file."),
  option("rejectlog", ["ec_logger"], file("/var/log/ecelerity/rejectlog.ec"), "What was refused to clients."),
  option("rejectlog_mode", ["ec_logger"], mode, "Permissions of a new file."),
  option("bouncelog", bounces, file("/var/log/ecelerity/bouncelog.ec"), "Failures: B given up, T tried again."),
  option("bouncelog_mode", bounces, mode, "Permissions of a new file."),
  option("user_string", ["custom_bounce_logger"], words, "Not written behind the line.", "differs"),
  option(
    "namespace",
    custom,
    { ...words, default: "custom_logger,sieve" },
    "Where macros are looked for: outbound_tls has those of TLS. Ours (letterlock_...) are always found.",
  ),
  option(
    "sanitize",
    custom,
    { ...words, values: "special_characters, non_printable, tr/X/Y/" },
    "What is replaced in values. Control characters never stand in a line, whatever it says.",
  ),
  option("heartbeat", ["ec_logger", ...bounces], number, "Heartbeats are not written.", "no-effect"),
  ...["paniclog", "paniclog_mode"].map((name) =>
    option(name, main, words, "Errors stand in Letterlock's own log.", "no-effect"),
  ),
  ...["acctlog", "acctlog_mode", "acctlog_log_mode", "importlog", "importlog_mode"].map((name) =>
    option(name, ["ec_logger"], words, "Not written: log-ins stand in the records of what comes in.", "no-effect"),
  ),
  ...["thread_pool", "concurrency"].map((name) =>
    option(name, custom, words, "Each worker process writes its own lines.", "no-effect"),
  ),
  option("default_facility", ["syslog_io"], { ...words, default: "mail" }, "Facility of logs to syslog://."),
  option("ident", ["syslog_io"], words, "The program is called letterlock.", "differs"),
];

export const loggerOptionsByName: ReadonlyMap<string, LoggerOption> = new Map(
  loggerOptions.map((entry) => [entry.name, entry]),
);
