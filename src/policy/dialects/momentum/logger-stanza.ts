/**
 * One logger of a configuration: the options of all stanzas of its name, the later one counting, and how what it asks
 * for becomes a log definition.
 */
import type { LogDefinition } from "../../../mail/log-definition.ts";
import { readTarget } from "./log-target.ts";
import type { LoggerName } from "./logger-options.ts";
import { type Setting, textOf, truthOf } from "./model.ts";
import type { Notes, Position } from "./notes.ts";

export type LoggerStanza = Readonly<{
  name: LoggerName;
  /** `custom_logger tlsproof`. */
  title: string;
  at: Position;
  options: readonly Setting[];
}>;

/** What all loggers share. */
export type LoggerContext = Readonly<{
  /** Whether `tls_macros {}` stands somewhere. */
  hasTlsMacros: boolean;
  /** Of syslog_io. */
  facility: string;
  notes: Notes;
}>;

export function optionOf({ options }: LoggerStanza, name: string): Setting | undefined {
  return options.findLast((option) => option.name === name);
}

export function isOn(stanza: LoggerStanza, name: string, otherwise: boolean): boolean {
  return truthOf(optionOf(stanza, name)) ?? otherwise;
}

/** Permission bits; what cannot be read is told by its own note. */
export function modeOf(setting: Setting | undefined, notes: Notes): number {
  const text = textOf(setting);
  if (setting === undefined) return 0o644;
  if (text !== undefined && /^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  notes.add("warning", setting, `${setting.name}: no octal permissions: 0644 is used`, "write such as 0644");
  return 0o644;
}

export type Wanted = Readonly<{
  stanza: LoggerStanza;
  /** The option that names it; undefined: the default. */
  setting: Setting | undefined;
  path: string;
  mode: number;
  format: LogDefinition["format"];
  headers: readonly string[];
}>;

/** @returns nothing where it cannot be written; a note says why. */
export function defineLog(wanted: Wanted, { facility, notes }: LoggerContext): LogDefinition | undefined {
  const { stanza, setting, path, mode, format, headers } = wanted;
  const at = setting ?? stanza.at;
  const read = readTarget(path, mode, facility);
  if (read.kind === "none") {
    notes.add("warning", at, `${stanza.title}: ${read.text}`, read.remedy);
    return undefined;
  }
  if (read.differs !== undefined) notes.add("differs", at, `${stanza.title}: ${read.differs}`);
  return { name: `${stanza.title} ${path}`, from: `${at.file.path}:${at.line}`, format, target: read.target, headers };
}
