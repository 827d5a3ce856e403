/**
 * PowerMTA's accounting files asked for in `logs:`. The section is written out in PowerMTA's own directives, and the
 * reader of its configuration compiles it, so that both mean the same; what that says of a directive is told at ours.
 */
import path from "node:path";
import type { LogDefinition } from "../mail/log-definition.ts";
import type { AccountingDirective, AccountingNotes } from "../policy/dialects/powermta/accounting-lines.ts";
import { compileAccounting } from "../policy/dialects/powermta/accounting-section.ts";
import { bounceCategories, bouncePatterns } from "../policy/dialects/powermta/bounce-patterns.ts";
import type { Loading } from "./loading.ts";
import { logPath, type TargetMaterial, targetKind } from "./log-targets.ts";
import type { WrittenLog } from "./logs-table.ts";
import type { Place } from "./problem.ts";
import type { Keyed } from "./section-types.ts";
import type { Located } from "./value-types.ts";

type Accounting = Extract<WrittenLog, Readonly<{ word: "powermta" }>>;
type Values = Accounting["values"];
type Directives = readonly AccountingDirective[];

/** @returns undefined after reporting what is wrong */
export function assembleAccounting(
  entry: Accounting,
  name: string,
  material: TargetMaterial,
): Pick<LogDefinition, "format" | "target" | "headers"> | undefined {
  const { loading, dataDirectory } = material;
  const { values, at } = entry;
  const kind = targetKind(entry, name, loading);
  const file = values.file && numberedPath(values.file, material);
  const target = values.program === undefined ? file : `|${values.program.value}`;
  if (kind === undefined || target === undefined) return undefined;
  const notes = notesIn(loading);
  const patterns = values["bounce-category-patterns"]?.value ?? [];
  const own = patterns.map(({ key, value, at: place }) => directive(key, value, place, loading));
  const section = { target, directives: directivesOf(values, material), place: placeOf(at, loading) };
  const around = {
    folder: dataDirectory,
    bounceCategory: bounceCategories(bouncePatterns(own, notes)),
    queueDomain: ({ domain }: Readonly<{ domain: string }>) => domain,
    isDisabled: undefined,
    written: {
      bouncePatterns: own.map(({ name: pattern, value }) => ({ name: pattern, value })),
      dependsOnQueues: false,
    },
  };
  const log = compileAccounting(section, around, notes);
  return log && { format: log.format, target: log.target, headers: log.headers };
}

function numberedPath(file: Located<string>, material: TargetMaterial): string | undefined {
  if (file.value !== "-") return logPath(file, material);
  const message = "each of these files has a date and a number in its name, and standard output has none";
  material.loading.problems.error(file.at, message, "write program: cat");
  return undefined;
}

function directivesOf(values: Values, material: TargetMaterial): Directives {
  const { loading } = material;
  const lines: AccountingDirective[] = [];
  const say = <T>(name: keyof Values, written: Located<T> | undefined, value: (written: T) => string): void => {
    if (written !== undefined) lines.push(directive(name, value(written.value), written.at, loading));
  };
  say("records", values.records, commaList);
  for (const each of byType(values["record-fields"], commaList))
    lines.push(directive("record-fields", ...each, loading));
  for (const each of mappings(values)) lines.push(directive("map-header-to-field", ...each, loading));
  const moveTo = values["move-to"];
  if (moveTo !== undefined) say("move-to", { ...moveTo, value: folderOf(moveTo, material) }, quoted);
  say("move-interval", values["move-interval"], inSeconds);
  say("max-size", values["max-size"], String);
  say("delete-after", values["delete-after"], (age) => (age === "never" ? age : `${Math.ceil(age / 86_400_000)}d`));
  say("formula-cells", values["formula-cells"], String);
  say("user-string", values["user-string"], quoted);
  say("queue-filter", values["queue-filter"], commaList);
  say("privacy-policy", values["privacy-policy"], String);
  for (const name of flags) say(name, values[name], (is) => (is ? "yes" : "no"));
  for (const name of waits) say(name, values[name], inSeconds);
  return lines;
}

const flags = ["iso-times", "world-readable", "count-moved-records", "sync"] as const;
const waits = ["retry-interval", "write-timeout"] as const;

/** Absolute; what cannot be written is told. */
function folderOf({ value, at }: Located<string>, { loading, dataDirectory }: TargetMaterial): string {
  const folder = path.resolve(dataDirectory, value);
  const why = loading.cannotWrite(path.join(folder, "file"));
  if (why !== undefined) {
    loading.problems.warning(at, `cannot move files to ${folder}: ${why}`, "let this user write there");
  }
  return folder;
}

function byType<T>(
  written: Located<readonly Keyed<string, T>[]> | undefined,
  value: (written: T) => string,
): readonly (readonly [text: string, at: Place])[] {
  return (written?.value ?? []).map((each) => [`${each.key} ${value(each.value)}`, each.at]);
}

/** `d header_X-Job jobId`, each with its place. */
function mappings(values: Values): readonly (readonly [text: string, at: Place])[] {
  return (values["map-header-to-field"]?.value ?? []).flatMap(({ key: type, value: fields }) =>
    fields.flatMap(({ key: field, value: headers }) =>
      headers.map(({ value, at }) => [`${type} header_${value.replace(/^header_/i, "")} ${field}`, at] as const),
    ),
  );
}

function commaList(items: readonly Located<string>[]): string {
  return items.map(({ value }) => value).join(",");
}

function inSeconds(ms: number): string {
  return `${Math.ceil(ms / 1000)}s`;
}

/** One string, whatever stands in it. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

function directive(name: string, value: string, at: Place, loading: Loading): AccountingDirective {
  return { name, value, ...placeOf(at, loading) };
}

function placeOf(
  { line, column }: Place,
  { file = "built-in settings" }: Loading,
): Omit<AccountingDirective, "name" | "value"> {
  return { in: { file, through: [] }, line, column };
}

/** What holds without a line, and what has no effect, is told as well: nobody writes it for nothing. */
function notesIn({ problems }: Loading): AccountingNotes {
  const inWords = (text: string): string => text.replaceAll(/<acct-file [^>]*>: |this <acct-file>/g, "");
  return {
    error: (at, reason, remedy) => problems.error(at, inWords(reason), remedy),
    warning: (at, text, remedy) => problems.warning(at, inWords(text), remedy),
    differs: (at, text, remedy = "") => problems.warning(at, inWords(text), remedy),
    noEffect: (at, text) => problems.warning(at, inWords(text), "remove it"),
  };
}
