/**
 * `logs:` made into log definitions, and those of other mail servers' configurations behind them. No log of ours writes
 * a file that another one writes, or that is read or kept for something else.
 */
import type { LogDefinition, LogFormat, LogTarget, TemplateLog } from "../mail/log-definition.ts";
import { headersOf } from "../policy/dialects/momentum/log-template.ts";
import { assembleAccounting } from "./accounting-log.ts";
import { assembleTarget, belongsToQueue, cannotWriteRemedy, type TargetMaterial } from "./log-targets.ts";
import type { WrittenLog } from "./logs-table.ts";
import { nameOf } from "./policy-sources.ts";
import type { Place, Problem } from "./problem.ts";
import type { Keyed, Values } from "./section-types.ts";
import type { Dialect, Settings } from "./settings.ts";
import { fileTable } from "./table.ts";
import { plain } from "./value-types.ts";

type FileValues = Values<typeof fileTable>;

/** All but accounting files. */
type LineLog = Exclude<WrittenLog, Readonly<{ word: "powermta" }>>;

/** One of ours, and where it names its file. */
type Own = Readonly<{ log: LogDefinition; at: Place }>;

export function assembleLogs(
  values: FileValues,
  dialects: readonly Dialect[],
  records: Settings["records"],
  material: TargetMaterial,
): readonly LogDefinition[] {
  for (const dialect of dialects) warnOfTwoWriters(values, dialect, material);
  const theirs = dialects.flatMap((dialect) => (areWritten(dialect) ? (dialect.compiled.settings.logs ?? []) : []));
  const kept: Taken = [...takenByRecords(values, records), ...takenByReading(material)];
  for (const log of theirs) {
    reportUnwritable(log, material);
    reportKept(log, new Map(kept), material);
  }
  const own = values.logs.value.flatMap((entry) => ownLog(entry, material) ?? []);
  const taken = [...kept, ...theirs.flatMap(filesOf)];
  reportTaken(own, new Map(taken.toReversed()), material);
  return withUniqueNames([...own.map(({ log }) => log), ...theirs]);
}

/** The logs that this dialect asks for. */
export function areWritten({ logs }: Dialect): boolean {
  return logs === "unsaid" || logs === "on";
}

function ownLog({ key, at, value }: Keyed<string, WrittenLog>, material: TargetMaterial): Own | undefined {
  const { loading } = material;
  const made = value.word === "powermta" ? assembleAccounting(value, key, material) : simpleLog(value, key, material);
  const from = `${loading.file ?? "built-in settings"}:${at.line}`;
  return made && { log: { name: `logs.${key}`, from, ...made }, at: value.values.file?.at ?? at };
}

/** Format and target are written apart. */
function simpleLog(
  written: LineLog,
  name: string,
  material: TargetMaterial,
): Pick<LogDefinition, "format" | "target" | "headers"> | undefined {
  const format = formatOf(written);
  const target = assembleTarget(written, name, format.kind, material);
  if (format.kind === "template" && Object.keys(format.templates).length === 0) {
    const message = `the log "${name}" prints nothing: it has no template`;
    material.loading.problems.error(written.at, message, "add delivery: or another stage, with its line");
  }
  reportCut(written, material);
  return target && { format, target, headers: headersIn(format) };
}

/** RFC 5426 section 3.2. */
function reportCut({ word, values: { syslog } }: LineLog, { loading }: TargetMaterial): void {
  if (word !== "json" || syslog?.value.kind !== "udp") return;
  const message = "over UDP a line is cut at 2048 octets, and a JSON record is longer";
  loading.problems.error(syslog.at, message, 'write "tcp://" or "tls://", or file:');
}

function formatOf(written: LineLog): LogFormat {
  switch (written.word) {
    case "postfix": {
      const { name, "tls-field": tlsField, ...levels } = written.values;
      return {
        kind: "postfix",
        name: name.value,
        tlsField: tlsField.value,
        outboundTlsLevel: levels["outbound-tls-level"].value,
        inboundTlsLevel: levels["inbound-tls-level"].value,
      };
    }
    case "sendmail":
      return { kind: "sendmail", name: written.values.name.value, level: written.values.level.value };
    case "template":
      return { kind: "template", ...templateLog(written.values) };
    case "json":
      return { kind: "json", of: written.values.records.value };
    case "momentum-main":
    case "momentum-bounce": {
      const { stages: wanted } = written.values;
      return { kind: written.word, ...(wanted === undefined ? {} : { stages: plain(wanted.value) }) };
    }
    case "momentum-reject":
      return { kind: written.word };
  }
}

const stages = ["reception", "delivery", "transient-failure", "permanent-failure", "rejection"] as const;

function templateLog(values: Extract<WrittenLog, Readonly<{ word: "template" }>>["values"]): TemplateLog {
  const written = stages.flatMap((stage) => {
    const template = values[stage];
    return template === undefined ? [] : [[stage, template.value] as const];
  });
  const sanitize = values.sanitize.value.map(({ value }) => value);
  return {
    templates: Object.fromEntries(written),
    sanitize: {
      specialCharacters: sanitize.some(({ specialCharacters }) => specialCharacters),
      nonPrintable: sanitize.some(({ nonPrintable }) => nonPrintable),
      replace: sanitize.flatMap(({ replace }) => replace),
    },
  };
}

/** Mail logs name a message by its Message-ID too; Sendmail's tell its class. */
function headersIn(format: LogFormat): readonly string[] {
  if (format.kind === "postfix") return ["message-id"];
  if (format.kind === "sendmail") return ["message-id", "precedence"];
  return format.kind === "template" ? [...new Set(Object.values(format.templates).flatMap(headersOf))] : [];
}

/** By path: who writes or reads it. */
type Taken = readonly (readonly [path: string, who: string])[];

function takenByRecords({ records: { at } }: FileValues, { file, inboundFile }: Settings["records"]): Taken {
  const records: Taken = [[file, `the records of deliveries (line ${at.line})`]];
  return inboundFile === undefined
    ? records
    : [...records, [inboundFile, `the records of what comes in (line ${at.line})`]];
}

function takenByReading({ loading }: TargetMaterial): Taken {
  return loading.files.map((file) => [file, "a file that this configuration is read from"]);
}

function filesOf({ name, from, target }: LogDefinition): Taken {
  const file = pathOf(target);
  return file === undefined ? [] : [[file, `${name} (${from})`]];
}

function pathOf(target: LogTarget): string | undefined {
  return target.kind === "file" || target.kind === "numbered-files" ? target.path : undefined;
}

function reportTaken(own: readonly Own[], taken: Map<string, string>, { loading }: TargetMaterial): void {
  for (const { log, at } of own) {
    const file = pathOf(log.target);
    if (file === undefined) continue;
    const who = taken.get(file);
    const what = file === "-" ? "standard output" : file;
    if (who === undefined) taken.set(file, `${log.name} (line ${at.line})`);
    else loading.problems.error(at, `${what} is taken by ${who}`, "give each log a file of its own");
  }
}

/** Where another mail server's configuration asks for it. */
function reportUnwritable(log: LogDefinition, { loading }: TargetMaterial): void {
  const file = pathOf(log.target);
  const why = file === undefined || file === "-" ? undefined : loading.cannotWrite(file);
  if (why === undefined) return;
  const message = `${log.name}: cannot write ${file}: ${why}`;
  reportThere(log, { severity: "warning", message, remedy: cannotWriteRemedy }, loading);
}

/** Lines of a log would destroy it. Several logs of a Momentum may share a file. */
function reportKept(log: LogDefinition, kept: Map<string, string>, { loading, dataDirectory }: TargetMaterial): void {
  const file = pathOf(log.target);
  if (file === undefined) return;
  const who = belongsToQueue(file, dataDirectory) ? "the queue" : kept.get(file);
  if (who === undefined) return;
  const message = `${log.name}: ${file} is taken by ${who}`;
  reportThere(log, { severity: "error", message, remedy: "give each log a file of its own" }, loading);
}

function reportThere(
  { from }: LogDefinition,
  problem: Pick<Problem, "severity" | "message" | "remedy">,
  loading: TargetMaterial["loading"],
): void {
  const [, where = from, line = "1"] = /^(.*):(\d+)$/.exec(from) ?? [];
  loading.reportIn(where, { line: Number(line), column: 1, ...problem });
}

/** Its listeners are left to it, so it may well be running, and write these files itself. */
function warnOfTwoWriters({ listeners, policy }: FileValues, dialect: Dialect, { loading }: TargetMaterial): void {
  const { logs = [], listeners: theirs = [] } = dialect.compiled.settings;
  const ownListeners = listeners.value !== fileTable.listeners.standard();
  if (dialect.logs !== "unsaid" || !ownListeners) return;
  if (logs.length === 0 || !theirs.some(({ from }) => from.line !== undefined)) return;
  const message = `the logs of ${nameOf(dialect)} are written here, though its listeners are not opened: where it still runs, both write them`;
  loading.problems.warning(policy.at, message, "say logs: false in its section while it runs, else logs: true");
}

function withUniqueNames(logs: readonly LogDefinition[]): readonly LogDefinition[] {
  const counts = new Map<string, number>();
  return logs.map((log) => {
    const count = (counts.get(log.name) ?? 0) + 1;
    counts.set(log.name, count);
    return count === 1 ? log : { ...log, name: `${log.name} (${count})` };
  });
}
