/**
 * What a reload changed, in words for the log, and which of it waits for a restart.
 */
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { formatDomainPattern } from "../mail/domain-pattern.ts";
import type { AccountingText, LogDefinition } from "../mail/log-definition.ts";
import type { ScopedRule } from "../policy/scoped-rules.ts";
import {
  compareDefaults,
  compareInboundRules,
  compareUsers,
  listenerChanges,
  sameContents,
} from "./compare-inbound.ts";
import { ownName } from "./log-summary.ts";
import type { Binding, Settings } from "./settings.ts";

export type SettingsChange = Readonly<{
  text: string;
  /** Not in force before the relay is started anew. */
  needsRestart: boolean;
}>;

/** More changed things of one kind than this are told by their number. */
const named = 5;

/** Sections that are compared as a whole; workers, data folder, listeners, certificates and rules have their own words. */
const wholes = {
  relayNetworks: "relay networks",
  relayDomains: "relay domains",
  postmaster: "postmaster",
  dns: "DNS servers and timeouts",
  defaultBinding: "default binding",
  bindingRules: "binding rules",
  bindingHeader: "binding header",
  transports: "transports",
  outbound: "outbound settings",
  retry: "retry settings",
  limits: "limits",
  timeouts: "timeouts",
  auth: "limits of log-ins",
} as const satisfies Partial<Record<keyof Settings, string>>;

/** Set up once at the start. */
const fixed = { records: "records", log: "log", metrics: "metrics" } as const satisfies Partial<
  Record<keyof Settings, string>
>;

/** Limits that each store is opened with. */
const storeLimits = {
  maxQueueBytes: "limits.queue-size",
  minFreeDiskBytes: "limits.free-disk",
} as const satisfies Partial<Record<keyof Settings["limits"], string>>;

/** @returns nothing for settings that mean the same, wherever they were written */
export function compareSettings(before: Settings, after: Settings): readonly SettingsChange[] {
  const changes: SettingsChange[] = [];
  const say = (text: string, needsRestart = false): void => void changes.push({ text, needsRestart });

  if (before.workers !== after.workers) say(`workers: ${before.workers} to ${after.workers}`, true);
  if (before.dataDirectory !== after.dataDirectory) {
    say(`data folder: ${before.dataDirectory} to ${after.dataDirectory}`, true);
  }
  if (before.hostname !== after.hostname) say(`hostname: ${before.hostname} to ${after.hostname}`);
  const listeners = compareNamed("listener", byName(before.listeners), byName(after.listeners), listenerChanges);
  for (const text of listeners) say(text);
  for (const text of compareDefaults(before.inboundDefaults, after.inboundDefaults)) say(text);
  for (const text of compareInbound(before, after)) say(text);
  for (const text of compareNamed("binding", before.bindings, after.bindings, ofCertificate)) say(text);
  const { maxQueueBytes, minFreeDiskBytes } = before.limits;
  const taken = { ...after, limits: { ...after.limits, maxQueueBytes, minFreeDiskBytes } };
  for (const [key, words] of Object.entries(wholes) as [keyof typeof wholes, string][]) {
    if (!sameContents(before[key], taken[key])) say(`${words} changed`);
  }
  for (const text of compareRules(before.rules, after.rules)) say(text);
  for (const text of compareNamed("log", logsByName(before.logs), logsByName(after.logs), () => "")) say(text);
  for (const [key, words] of Object.entries(storeLimits) as [keyof typeof storeLimits, string][]) {
    if (before.limits[key] !== after.limits[key]) say(words, true);
  }
  const moved = { ...after, records: { ...after.records, ...sameInFolder(before, after) } };
  for (const [key, words] of Object.entries(fixed) as [keyof typeof fixed, string][]) {
    if (!isDeepStrictEqual(before[key], moved[key])) say(`${words} changed`, true);
  }
  return changes;
}

/** The records' files as they were, when they only moved along with the data folder. */
function sameInFolder(before: Settings, after: Settings): Pick<Settings["records"], "file" | "inboundFile"> {
  const moved = (old: string | undefined, now: string | undefined): boolean =>
    old !== undefined &&
    now !== undefined &&
    path.resolve(before.dataDirectory, path.relative(after.dataDirectory, now)) === old;
  const [old, now] = [before.records, after.records];
  return {
    file: moved(old.file, now.file) ? old.file : now.file,
    inboundFile: moved(old.inboundFile, now.inboundFile) ? old.inboundFile : now.inboundFile,
  };
}

function byName<T extends Readonly<{ name: string }>>(values: readonly T[]): ReadonlyMap<string, T> {
  return new Map(values.map((value) => [value.name, value]));
}

/** What a log was made of, where that is the same, makes it do the same. */
function logsByName(logs: Settings["logs"]): ReadonlyMap<string, object> {
  const contents = ({ format }: LogDefinition): LogDefinition["format"] | AccountingText =>
    format.kind === "accounting" ? (format.written ?? format) : format;
  return new Map(logs.map((log) => [ownName(log.name), { target: log.target, contents: contents(log) }]));
}

/** @param how what is to be said of one that changed: `: its certificate` */
function compareNamed<T extends object>(
  what: string,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  how: (before: T, after: T) => string,
): string[] {
  const added = [...after.keys()].filter((name) => !before.has(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const changed = [...after].flatMap(([name, value]) => {
    const old = before.get(name);
    const same = old === undefined || sameContents(old, value);
    return same ? [] : [`${what} ${name} changed${how(old, value)}`];
  });
  return [
    ...count(`${what}s changed`, changed),
    ...count(
      `${what}s added`,
      added.map((name) => `${what} ${name} added`),
    ),
    ...count(
      `${what}s removed`,
      removed.map((name) => `${what} ${name} removed`),
    ),
  ];
}

/** Says when a certificate is all that changed. */
function ofCertificate(before: Binding, after: Binding): string {
  const without = (value: Binding): object => ({ ...value, clientCertificate: undefined });
  return sameContents(without(before), without(after)) ? ": its certificate" : "";
}

function compareInbound(before: Settings, after: Settings): string[] {
  const { moved, ...rules } = compareInboundRules(before.inboundRules, after.inboundRules);
  const texts = Object.entries(rules).flatMap(([what, scopes]) =>
    count(
      `inbound rules ${what}`,
      scopes.map((scope) => `inbound rule for ${scope} ${what}`),
    ),
  );
  const users = Object.entries(compareUsers(before.users, after.users)).flatMap(([what, names]) =>
    count(
      `users ${what}`,
      names.map((name) => `user ${name} ${what}`),
    ),
  );
  return [...texts, ...(moved ? ["order of inbound rules changed"] : []), ...users];
}

function compareRules(before: readonly ScopedRule[], after: readonly ScopedRule[]): string[] {
  const [old, now] = [contents(before), contents(after)];
  const added = [...now.keys()].filter((scope) => !old.has(scope));
  const removed = [...old.keys()].filter((scope) => !now.has(scope));
  const changed = [...now].filter(([scope, text]) => old.has(scope) && old.get(scope) !== text).map(([scope]) => scope);
  return Object.entries({ added, changed, removed }).flatMap(([what, scopes]) =>
    count(
      `TLS rules ${what}`,
      scopes.map((scope) => `TLS rule for ${scope} ${what}`),
    ),
  );
}

function count(what: string, texts: readonly string[]): readonly string[] {
  return texts.length > named ? [`${texts.length} ${what}`] : texts;
}

/** Rules by scope, told apart by what they say and not by their lines. */
function contents(rules: readonly ScopedRule[]): Map<string, string> {
  return new Map(
    rules.map(({ scope, settings }) => [
      scopeWords(scope),
      JSON.stringify(settings, (key, value: unknown) => (key === "from" ? undefined : value)),
    ]),
  );
}

function scopeWords({ nexthop, domain, host, binding, group }: ScopedRule["scope"]): string {
  const parts = [
    nexthop === undefined ? undefined : `nexthop ${nexthop}`,
    domain === undefined ? undefined : `domain ${formatDomainPattern(domain)}`,
    host === undefined ? undefined : `MX host ${formatDomainPattern(host)}`,
    binding === undefined ? undefined : `binding ${binding}`,
    group === undefined ? undefined : `binding group ${group}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "everything" : parts.join(" in ");
}
