/**
 * The accounting files of a configuration: each `<acct-file>` section with what else of the configuration bears on it:
 * bounce categories, `disable-acct-records`, where queues are moved, and where relative names stand.
 */
import path from "node:path";
import { parseDomain } from "../../../mail/domain.ts";
import type { AccountingLog, AccountingType, LogDefinition } from "../../../mail/log-definition.ts";
import { isWritten, recordTypeOf } from "./accounting-fields.ts";
import { type AccountingNotes, itemsOf } from "./accounting-lines.ts";
import { type AccountingContext, type AccountingSection, compileAccounting } from "./accounting-section.ts";
import { bounceCategories, bouncePatterns } from "./bounce-patterns.ts";
import type { Configuration } from "./configuration.ts";
import { type DomainScope, statementOf } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import type { Directive } from "./parse.ts";
import type { Queues } from "./queues.ts";

export function accountingLogs(
  configuration: Configuration,
  queues: Queues,
  notes: AccountingNotes,
): readonly LogDefinition[] {
  const context = contextOf(configuration, queues, notes);
  const logs: LogDefinition[] = [];
  for (const section of configuration.accounting) {
    const log = compileAccounting(section, context, notes);
    if (log === undefined) {
      notes.warning(section.place, `<acct-file ${section.target}>: nothing is ever written to it`, "");
      continue;
    }
    logs.push(withOwnFiles(log, logs, section, notes));
  }
  return logs;
}

/** Two logs would take each other's numbered files for their own: the later one writes files of another name. */
function withOwnFiles(
  log: LogDefinition,
  before: readonly LogDefinition[],
  { place, target: written }: AccountingSection,
  notes: AccountingNotes,
): LogDefinition {
  const name = before.some((other) => other.name === log.name) ? `${log.name} (${log.from})` : log.name;
  const { target } = log;
  const taken = new Set(before.map((other) => pathOf(other)));
  if (target.kind !== "numbered-files" || !taken.has(target.path)) return { ...log, name };
  const { dir, name: stem, ext } = path.parse(target.path);
  let number = 2;
  while (taken.has(path.join(dir, `${stem}-${number}${ext}`))) number += 1;
  const file = path.join(dir, `${stem}-${number}${ext}`);
  notes.warning(place, `<acct-file ${written}> is written twice: here as ${file}`, "give one another name");
  return { ...log, name, target: { ...target, path: file } };
}

function pathOf({ target }: LogDefinition): string | undefined {
  return target.kind === "numbered-files" ? target.path : undefined;
}

/** Where PowerMTA's packages put their logs. */
const usualFolder = "/var/log/pmta";

function contextOf(configuration: Configuration, queues: Queues, notes: AccountingNotes): AccountingContext {
  const { logFile, bouncePatterns: lines, rollups } = configuration;
  const file = logFile === undefined ? "" : textOf(logFile.value);
  const scopes = [configuration.domains, ...scopesOf(configuration.virtualMtas), ...scopesOf(configuration.pools)];
  return {
    folder: path.isAbsolute(file) ? path.dirname(file) : usualFolder,
    bounceCategory: bounceCategories(bouncePatterns(ownBeforeShipped(lines), notes)),
    queueDomain: queueDomains(configuration, scopes, queues),
    isDisabled: disabledTypes(scopes, queues, notes),
    written: {
      bouncePatterns: ownBeforeShipped(lines).map(({ name, value }) => ({ name, value })),
      dependsOnQueues: rollups.length > 0 || ["queue-to", "disable-acct-records"].some((name) => states(scopes, name)),
    },
  };
}

function scopesOf(places: ReadonlyMap<string, Readonly<{ scope: DomainScope }>>): DomainScope[] {
  return [...places.values()].map(({ scope }) => scope);
}

/** `config-defaults` is read before the configuration, and its patterns come after those of the configuration. */
function ownBeforeShipped(lines: readonly Directive[]): readonly Directive[] {
  const isShipped = (line: Directive): boolean => path.basename(line.in.file) === "config-defaults";
  return [...lines.filter((line) => !isShipped(line)), ...lines.filter(isShipped)];
}

function states(scopes: readonly DomainScope[], name: string): boolean {
  return scopes.some((scope) => scope.all.some(({ statements }) => statements.has(name)));
}

function queueDomains(
  { rollups }: Configuration,
  scopes: readonly DomainScope[],
  queues: Queues,
): AccountingLog["queueDomain"] {
  if (rollups.length === 0 && !states(scopes, "queue-to")) return ({ domain }) => domain;
  const find = remembered((domain: string, vmta: string, pool: string | undefined, mx: string | undefined) => {
    return queues.resolve({ queue: domain }, vmta, pool, parseDomain(mx ?? "")).name ?? domain;
  });
  return ({ domain, vmta, pool, mx }) => find(domain, vmta, pool ?? undefined, mx ?? undefined);
}

/** `disable-acct-records` of the queue, from the most specific section that states it. */
function disabledTypes(
  scopes: readonly DomainScope[],
  queues: Queues,
  notes: AccountingNotes,
): AccountingContext["isDisabled"] {
  const name = "disable-acct-records";
  if (!states(scopes, name)) return undefined;
  const lists = new Map<Directive, ReadonlySet<AccountingType>>();
  for (const { statements } of scopes.flatMap(({ all }) => all)) {
    const line = statements.get(name);
    if (line !== undefined && !lists.has(line)) lists.set(line, typesOff(line, notes));
  }
  const find = remembered((domain: string, vmta: string, pool: string | undefined) => {
    const line = statementOf(queues.sectionsFor({ queue: domain }, vmta, pool), name)?.directive;
    return line === undefined ? undefined : lists.get(line);
  });
  return (type, { domain, vmta, pool }) => find(domain, vmta, pool ?? undefined)?.has(type) === true;
}

/** `""` clears what a wider section says. */
function typesOff(line: Directive, notes: AccountingNotes): ReadonlySet<AccountingType> {
  const text = textOf(line.value);
  const types = new Set<AccountingType>();
  for (const item of text === "" ? [] : itemsOf(line, text, notes)) {
    const type = recordTypeOf(item);
    if (type !== undefined && isWritten(type) && type !== "r") types.add(type);
    else notes.error(line, `disable-acct-records: "${item}" is none of d, b, t and tq`, "write a list such as t,tq");
  }
  return types;
}

/** Queues that mail goes to are few against their records. */
const maxRemembered = 10_000;

function remembered<A extends readonly (string | undefined)[], R>(make: (...parts: A) => R): (...parts: A) => R {
  const known = new Map<string, R>();
  return (...parts) => {
    const key = parts.join("\n");
    const before = known.get(key);
    if (before !== undefined) return before;
    const made = make(...parts);
    if (known.size >= maxRemembered) known.clear();
    known.set(key, made);
    return made;
  };
}
