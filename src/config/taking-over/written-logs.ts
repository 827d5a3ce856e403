/**
 * Logs of another configuration as one writes them under `logs:`: the reverse of `../logs-table.ts`. A log that cannot be
 * said whole is told; one that would share a file with another is left out.
 */
import path from "node:path";
import type {
  AccountingText,
  LogDefinition,
  LogFormat,
  LogTarget,
  SyslogServer,
  TemplateLog,
} from "../../mail/log-definition.ts";
import { recordTypeOf } from "../../policy/dialects/powermta/accounting-fields.ts";
import { listItems } from "../../policy/dialects/powermta/accounting-values.ts";
import { textOf, wordsOf } from "../../policy/dialects/powermta/lines.ts";
import { booleanOf } from "../../policy/dialects/powermta/values.ts";
import { usualProtocol } from "../log-targets.ts";
import { writeTemplate } from "./written-template.ts";

type Entry = Readonly<Record<string, unknown>>;
type Leave = (why: string) => void;

export type WrittenLogs = Readonly<{
  /** By the name that it has here. */
  written: ReadonlyMap<string, Readonly<{ log: LogDefinition; entry: Entry }>>;
  left: readonly Readonly<{ log: LogDefinition; why: string }>[];
}>;

export function writeLogs(logs: readonly LogDefinition[]): WrittenLogs {
  const written = new Map<string, Readonly<{ log: LogDefinition; entry: Entry }>>();
  const left: { log: LogDefinition; why: string }[] = [];
  const files = new Map<string, string>();
  for (const log of logs) {
    const { format, target } = log;
    const leave: Leave = (why) => void left.push({ log, why });
    const file = target.kind === "file" || target.kind === "numbered-files" ? target.path : undefined;
    const first = file === undefined ? undefined : files.get(file);
    if (first !== undefined) leave(`${first} writes that file too, and of ours each has its own`);
    const words = first === undefined ? writeFormat(format, leave) : undefined;
    if (words === undefined) continue;
    if (file !== undefined) files.set(file, log.name);
    written.set(nameFor(log, written), {
      log,
      entry: { format: words.format, ...writeTarget(target, format.kind), ...words },
    });
  }
  return { written, left };
}

/** `acct` of `acct-file /var/log/pmta/acct.csv`. */
function nameFor({ name, target }: LogDefinition, taken: ReadonlyMap<string, unknown>): string {
  const last = target.kind === "program" ? (name.split(/[ |]/)[0] ?? "") : (name.split(" ").at(-1) ?? "");
  const bare = path.parse(last).name.replaceAll(/[^A-Za-z0-9._-]/g, "-");
  const own = /^\w/.test(bare) ? bare.slice(0, 60) : "log";
  if (!taken.has(own)) return own;
  const numbered = Array.from({ length: taken.size + 1 }, (_, at) => `${own}-${at + 2}`);
  return numbered.find((one) => !taken.has(one)) ?? own;
}

/** @returns undefined where nothing of it can be said */
function writeFormat(format: LogFormat, leave: Leave): Entry | undefined {
  switch (format.kind) {
    case "accounting":
      if (format.written === undefined) leave("its directives are not known");
      return format.written && writeAccounting(format.written, format.columns.includes("bounceCat"), leave);
    case "template":
      return writeTemplates(format, leave);
    case "momentum-main":
    case "momentum-bounce":
      return { format: format.kind, ...(format.stages === undefined ? {} : { stages: format.stages }) };
    case "momentum-reject":
      return { format: format.kind };
    default:
      leave(`${format.kind} lines are asked for here alone`);
      return undefined;
  }
}

function writeTemplates({ templates, sanitize }: TemplateLog, leave: Leave): Entry | undefined {
  const lines = Object.entries(templates).map(([stage, template]) => [stage, writeTemplate(template)] as const);
  const usable = lines.filter(([, line]) => line !== "" && !/[\r\n\0]/.test(line));
  if (usable.length < lines.length) leave("a template that prints nothing, or more than one line");
  if (usable.length === 0) return undefined;
  const words = [
    ...(sanitize.specialCharacters ? ["special-characters"] : []),
    ...(sanitize.nonPrintable ? ["non-printable"] : []),
    ...sanitize.replace.map(([from, to]) => exchange(from, to)),
  ];
  return { format: "template", ...Object.fromEntries(usable), ...(words.length === 0 ? {} : { sanitize: words }) };
}

/** `tr/X/Y/`, with a mark that stands in neither. */
function exchange(from: string, to: string): string {
  const mark = ["/", "|", "#", "!", "~", ";", "="].find((one) => !`${from}${to}`.includes(one)) ?? "/";
  return `tr${mark}${from}${mark}${to}${mark}`;
}

function writeAccounting(
  { directives, bouncePatterns, dependsOnQueues }: AccountingText,
  hasCategories: boolean,
  leave: Leave,
): Entry {
  if (dependsOnQueues) leave("disable-acct-records, queue-to and roll-up of queues: records of those queues differ");
  const entry: Record<string, unknown> = { format: "powermta" };
  const fields: Record<string, string[]> = {};
  const mapped: Record<string, Record<string, string[]>> = {};
  for (const { name, value } of directives) {
    const [type = "", from = "", to = ""] = wordsOf(value);
    if (name === "record-fields") {
      fields[type] = [...(fields[type] ?? []), ...items(value.slice(type.length).trim())];
    } else if (name === "map-header-to-field") {
      mapped[type] = { ...mapped[type], [to]: [...(mapped[type]?.[to] ?? []), from.slice("header_".length)] };
    }
    if (name === "records") entry[name] = items(value).map((item) => recordTypeOf(item) ?? item);
    else if (name === "queue-filter") entry[name] = items(value);
    else if (name === "privacy-policy") entry[name] = value;
    else if (name === "user-string" || name === "formula-cells") entry[name] = textOf(value);
    else if (name === "iso-times") entry[name] = booleanOf(value) ?? true;
  }
  if (Object.keys(fields).length > 0) entry["record-fields"] = joined(fields);
  if (Object.keys(mapped).length > 0) entry["map-header-to-field"] = mapped;
  const categories: Record<string, string> = {};
  for (const { name, value } of bouncePatterns) categories[name] ??= textOf(value);
  if (hasCategories && bouncePatterns.length > 0) entry["bounce-category-patterns"] = categories;
  return entry;
}

/** A comma alone: a list without any field. */
function joined(lists: Readonly<Record<string, readonly string[]>>): Entry {
  return Object.fromEntries(Object.entries(lists).map(([type, names]) => [type, names.join(", ") || ","]));
}

function items(text: string): string[] {
  return listItems(textOf(text)).filter((item) => item !== "");
}

function writeTarget(target: LogTarget, format: LogFormat["kind"]): Entry {
  switch (target.kind) {
    case "file":
      return {
        file: target.path,
        ...unless(0o640, target.mode, "mode", (mode) => `0${(mode & 0o777).toString(8).padStart(3, "0")}`),
        ...unless(100_000_000, target.maxBytes, "size", (bytes) => (bytes === 0 ? "never" : inBytes(bytes))),
        ...(target.maxBytes === 0 ? {} : unless(10, target.keepFiles, "keep", (count) => count)),
        ...(target.stamps === undefined ? {} : { stamps: target.stamps }),
      };
    case "numbered-files":
      return {
        file: target.path,
        ...unless(undefined, target.moveTo, "move-to", (folder) => folder),
        ...unless(undefined, target.intervalMs, "move-interval", inUnits),
        ...unless(250 * 2 ** 20, target.maxBytes, "max-size", inBytes),
        ...(target.moveTo === undefined ? deleteAfter(target.deleteAfterMs) : {}),
        ...unless(false, target.worldReadable, "world-readable", (is) => is),
        ...unless(false, target.countMoved, "count-moved-records", (is) => is),
        ...unless(false, target.sync, "sync", (is) => is),
      };
    case "program":
      return {
        program: target.command,
        ...unless(format === "accounting" ? 300_000 : 10_000, target.retryMs, "retry-interval", inUnits),
        ...unless(60_000, target.writeTimeoutMs, "write-timeout", inUnits),
      };
    case "syslog":
      return {
        syslog: writeServer(target.to),
        ...unless("mail", target.facility, "facility", (facility) => facility),
        ...unless(usualProtocol(format, target.to.kind), target.protocol, "protocol", (protocol) => protocol),
      };
  }
}

function deleteAfter(ms: number | undefined): Entry {
  return ms === undefined ? { "delete-after": "never" } : unless(8 * 86_400_000, ms, "delete-after", inUnits);
}

/** What says no more than the default is not written. */
function unless<T>(standard: T | undefined, value: T | undefined, key: string, words: (value: T) => unknown): Entry {
  return value === undefined || value === standard ? {} : { [key]: words(value) };
}

function writeServer(to: SyslogServer): string {
  if (to.kind === "socket") return to.path;
  return `${to.kind}://${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}`;
}

const durations = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

/** Ten years are as good as any longer time. */
function inUnits(wanted: number): string {
  const ms = Math.min(wanted, 3650 * 86_400_000);
  const [unit, word] = durations.find(([length]) => ms % length === 0) ?? [1, "ms"];
  return `${ms / unit}${word}`;
}

function inBytes(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  return bytes % 1_000_000 === 0 ? `${bytes / 1_000_000} MB` : `${bytes} B`;
}
