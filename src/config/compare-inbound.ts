/**
 * What a reload changed for those who hand in mail, in words for the log: listeners, rules, users.
 */
import { isDeepStrictEqual } from "node:util";
import { describeConditions } from "../policy/inbound-conditions.ts";
import type { InboundRule } from "../policy/rules.ts";
import type { ScopedInboundRule } from "../policy/scoped-inbound.ts";
import type { UserDirectory } from "../users/user.ts";
import type { ListenerSettings } from "./settings.ts";

/** Equal but for the lines where they were written. */
export function sameContents(before: unknown, after: unknown): boolean {
  return isDeepStrictEqual(withoutOrigins(before), withoutOrigins(after));
}

function withoutOrigins(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOrigins);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).filter(([key]) => key !== "from");
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutOrigins(each)]));
}

/** What changed at one listener: `: auth, relay`; empty where it is something else. */
export function listenerChanges(before: ListenerSettings, after: ListenerSettings): string {
  const keys = changedSettings(before.rule, after.rule);
  if (!sameContents({ ...before, rule: undefined }, { ...after, rule: undefined })) return "";
  return keys.length === 0 ? "" : `: ${keys.join(", ")}`;
}

export function compareDefaults(before: InboundRule, after: InboundRule): readonly string[] {
  const keys = changedSettings(before, after);
  return keys.length === 0 ? [] : [`listeners by default: ${keys.join(", ")}`];
}

function changedSettings(before: InboundRule, after: InboundRule): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof InboundRule>;
  return [...keys].filter((key) => !sameContents(before[key], after[key])).map(settingWords);
}

/** As one writes it. */
function settingWords(key: string): string {
  const words: Readonly<Record<string, string>> = {
    certificates: "certificate",
    clientAnchors: "client-ca",
    starttls: "tls",
    requirements: "demand-of-client",
    requirementsAt: "demand-at",
  };
  return words[key] ?? key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

type Told = Readonly<{
  added: readonly string[];
  changed: readonly string[];
  removed: readonly string[];
  moved: boolean;
}>;

/** Rules are told by whom they are about: one that says something else to the same is changed. */
export function compareInboundRules(before: readonly ScopedInboundRule[], after: readonly ScopedInboundRule[]): Told {
  const [old, now] = [byConditions(before), byConditions(after)];
  const words = (key: string): string => now.get(key)?.words ?? old.get(key)?.words ?? "";
  const kept = [...now.keys()].filter((key) => old.has(key));
  const keptBefore = [...old.keys()].filter((key) => now.has(key));
  return {
    added: [...now.keys()].filter((key) => !old.has(key)).map(words),
    changed: kept.filter((key) => now.get(key)?.contents !== old.get(key)?.contents).map(words),
    removed: [...old.keys()].filter((key) => !now.has(key)).map(words),
    moved: kept.some((key, at) => key !== keptBefore[at]),
  };
}

type Described = Readonly<{ words: string; contents: string }>;

function byConditions(rules: readonly ScopedInboundRule[]): ReadonlyMap<string, Described> {
  const described = new Map<string, Described>();
  for (const { conditions, demand, settings, expiresAt } of rules) {
    const key = JSON.stringify(conditions);
    const says = [demand, settings, expiresAt];
    const text = JSON.stringify(says, (name, value: unknown) => (name === "from" ? undefined : value));
    const before = described.get(key)?.contents ?? "";
    described.set(key, { words: describeConditions(conditions), contents: `${before}${text}` });
  }
  return described;
}

/** Names of users, never more of them. */
export function compareUsers(before: UserDirectory, after: UserDirectory): Omit<Told, "moved"> {
  const names = ({ users }: UserDirectory): readonly string[] => users.map(({ name }) => name);
  return {
    added: names(after).filter((name) => before.find(name) === undefined),
    changed: names(after).filter((name) => {
      const old = before.find(name);
      return old !== undefined && !isDeepStrictEqual(old, after.find(name));
    }),
    removed: names(before).filter((name) => after.find(name) === undefined),
  };
}
