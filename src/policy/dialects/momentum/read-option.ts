/**
 * One option as it stands: is the name known, may it stand there, is its value one that it takes; and what becomes of it.
 * An unknown name is an error, as in Momentum; a known one that is not our subject is noted and passed over.
 */
import { isOtherOption, otherOptions } from "./known-names.ts";
import type { Setting } from "./model.ts";
import { type FileRef, type Notes, type Position, remedyForName } from "./notes.ts";
import { optionsByName } from "./option-table.ts";
import type { OptionEntry, ScopeName } from "./option-types.ts";
import type { Option, Value } from "./syntax.ts";

/** The scope that it stands in. */
type Where = Readonly<{
  name: ScopeName;
  /** In words: `domain example.com in binding marketing`. */
  words: string;
  /** Checked, but without effect: the stanza above has said so. */
  quiet?: true;
}>;

/** @returns what to keep; nothing of what is wrong, or not our subject. */
export function readOption(option: Option, file: FileRef, where: Where, notes: Notes): Setting | undefined {
  const { value, line, column } = option;
  const name = option.name.toLowerCase();
  const entry = optionsByName.get(name);
  if (entry === undefined && isOtherOption(name)) {
    if (!where.quiet) noteOther(name, { file, line, column }, where, notes);
    return undefined;
  }
  const setting: Setting = { name: entry?.name ?? name, value, file, line, column, scope: where.words };
  if (entry === undefined) {
    notes.add("error", setting, notValid(name, where), remedyForName(name, knownOptions(), notes));
    return undefined;
  }
  if (!isRight(entry, setting, where, notes)) return undefined;
  if (!where.quiet) noteTaken(entry, setting, where, notes);
  return setting;
}

function* knownOptions(): Generator<string> {
  yield* optionsByName.keys();
  yield* otherOptions.keys();
}

/** Known, and not our subject. */
function noteOther(name: string, at: Position, where: Where, notes: Notes): void {
  const scopes = otherOptions.get(name);
  if (scopes === undefined || scopes.has(where.name)) {
    notes.add("no-effect", at, `${name}: not about TLS`);
    return;
  }
  const text = `${name}: the manual does not list it for scope '${scopeTitle(where.name)}'; not about TLS`;
  notes.add("warning", at, text, `it belongs into ${[...scopes].join(", ")}`);
}

function isRight({ scopes, check }: OptionEntry, setting: Setting, where: Where, notes: Notes): boolean {
  const { name, value } = setting;
  if (!scopes.includes(where.name)) {
    notes.add("error", setting, notValid(name, where), `it belongs into ${scopes.join(", ")}`);
    return false;
  }
  const wrong = check(value);
  if (wrong === undefined) return true;
  notes.add("error", setting, `${name} = ${shown(value)}: ${wrong}`, `correct the value of ${name}`);
  return false;
}

function noteTaken({ status, sameFor, reason }: OptionEntry, setting: Setting, where: Where, notes: Notes): void {
  const { name, value } = setting;
  if (where.name === "pathway_group") {
    const text = `${name}: options of listeners are not recognised in a pathway_group`;
    notes.add("warning", setting, text, "write it in the pathway");
    return;
  }
  const same = value.kind === "word" && (sameFor?.includes(value.word.text.toLowerCase()) ?? false);
  const kind = same ? "applied" : status;
  notes.add(kind, setting, kind === "applied" ? `${name} = ${shown(value)}` : `${name}: ${reason}`);
}

/** In Momentum's words, with the scope as it stands. */
function notValid(name: string, where: Where): string {
  return `'${name}' is not a valid option name in scope '${scopeTitle(where.name)}' (${where.words})`;
}

/** As Momentum names a scope in its messages. */
export function scopeTitle(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** As it is written. */
export function shown(value: Value): string {
  if (value.kind === "word") return value.word.text;
  if (value.kind === "list") return `( ${value.words.map(({ text }) => text).join(" ")} )`;
  return "[ ... ]";
}
