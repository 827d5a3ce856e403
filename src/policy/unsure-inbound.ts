/**
 * What counts while DNS cannot tell a client's name and rules hang on it: never less than what would count if the name
 * were known, whatever it is. A grant waits for the name; a demand does not.
 */
import { anchorsId } from "../tls/handshake-settings.ts";
import type { InboundDemand, InboundRule, Sourced } from "./rules.ts";

/**
 * One demand that is met only if each of these is met. `unsure`: it may be more than what the name would ask for.
 *
 * @param maybe of rules that apply if the name is theirs, in order; @param certain of the rule that applies if none does
 */
export function strictestDemand(
  maybe: readonly InboundDemand[],
  certain: InboundDemand | undefined,
): UnsureDemand | undefined {
  if (maybe.length === 0) return certain && { demand: certain, unsure: false };
  const all = certain === undefined ? maybe : [...maybe, certain];
  const strictest = all.findLast((demand) => all.every((other) => coversDemand(demand, other)));
  if (strictest === undefined) return unmeetable(maybe);
  const same = strictest === certain && maybe.every((each) => coversDemand(each, certain));
  return { demand: strictest, unsure: !same };
}

type UnsureDemand = Readonly<{ demand: InboundDemand; unsure: boolean }>;

/** Of demands of which none includes the others only the name would tell which one it is. */
export function unmeetable(demands: readonly InboundDemand[]): UnsureDemand | undefined {
  const [first] = demands;
  if (first === undefined) return undefined;
  const text = `one of ${demands.length} rules, by the client's name`;
  const { from, answer } = first;
  return { demand: { from, text, level: "matching", names: [], mode: "enforce", answer }, unsure: true };
}

const levels = ["none", "encrypted", "trusted", "matching"] as const satisfies readonly InboundDemand["level"][];

/** Is `other` met by everything that meets `demand`? */
export function coversDemand(demand: InboundDemand, other: InboundDemand): boolean {
  if (other.level === "none" || other.mode === "monitor" || demand === other) return true;
  if (demand.mode === "monitor" || levels.indexOf(demand.level) < levels.indexOf(other.level)) return false;
  if ((demand.minCipherBits ?? 0) < (other.minCipherBits ?? 0)) return false;
  if (other.level === "encrypted") return true;
  if (other.level === "matching" || demand.level === "matching") return sameIdentity(demand, other);
  return sameAnchors(demand, other);
}

function sameIdentity(left: InboundDemand, right: InboundDemand): boolean {
  const words = ({ level, names, issuers, pins }: InboundDemand): string =>
    JSON.stringify([level, names ?? [], issuers ?? [], pins ?? []]);
  return sameAnchors(left, right) && words(left) === words(right);
}

function sameAnchors({ anchors: left }: InboundDemand, { anchors: right }: InboundDemand): boolean {
  return left === right || (left !== undefined && right !== undefined && anchorsId(left) === anchorsId(right));
}

/** From the loosest to the strictest; those from `from` on also count where nobody is certain of anything. */
const scales: { readonly [K in keyof InboundRule]?: Readonly<{ words: readonly unknown[]; from: number }> } = {
  starttls: { words: ["never", "offer", "require"], from: 2 },
  clientCertificate: { words: ["do-not-ask", "ask", "require", "require-trusted"], from: 2 },
  auth: { words: ["always", "plain-only-in-tls", "only-in-tls", "never"], from: 2 },
  authRequired: { words: [false, true], from: 1 },
  relay: { words: [true, false], from: 1 },
};

/** Settings for which there is no stricter and looser, and without which a client might get more than is his. */
const decisive = ["barred", "refuse", "requirements"] as const;

/**
 * Settings of one client, each from the first rule that has it.
 *
 * @param rules in order; `maybe`: it applies if the client's name is its own
 */
export function mergeUnsure(rules: readonly Readonly<{ settings: InboundRule; maybe: boolean }>[]): InboundRule {
  let result: InboundRule = {};
  const maybes = rules.filter(({ maybe }) => maybe).map(({ settings }) => settings);
  for (const { settings, maybe } of rules) if (!maybe) result = { ...settings, ...result };
  for (const settings of maybes) result = stricter(result, settings);
  const open = maybes.find((settings) => decisive.some((key) => grantsNothing(settings, key)));
  if (open === undefined) return result;
  const from = decisive.map((key) => originOf(open, key)).find((origin) => origin !== undefined);
  return from === undefined ? result : { ...result, refuse: { value: "the client's name cannot be told now", from } };
}

function stricter(sure: InboundRule, maybe: InboundRule): InboundRule {
  const taken = Object.entries(scales).flatMap(([key, scale]) => {
    const rank = (rule: InboundRule): number =>
      scale.words.indexOf((rule[key as keyof typeof scales] as Sourced<unknown> | undefined)?.value);
    const counts = rank(sure) < 0 ? rank(maybe) >= scale.from : rank(maybe) > rank(sure);
    return rank(maybe) >= 0 && counts ? [[key, maybe[key as keyof InboundRule]] as const] : [];
  });
  const least = sure.protocols?.value.min ?? "TLSv1.2";
  const newer = maybe.protocols !== undefined && maybe.protocols.value.min > least;
  return {
    ...sure,
    ...Object.fromEntries(taken),
    ...(newer ? { protocols: maybe.protocols } : {}),
    ...(letsNobodyRelay(maybe) ? { relayByCertificate: maybe.relayByCertificate } : {}),
  };
}

/** Takes back what others say of certificates. */
function letsNobodyRelay({ relayByCertificate: right }: InboundRule): boolean {
  if (right?.value.kind !== "match") return false;
  const { pins, names = [], issuers = [] } = right.value;
  return pins.length + names.length + issuers.length === 0;
}

function grantsNothing(settings: InboundRule, key: (typeof decisive)[number]): boolean {
  if (key === "barred") return settings.barred?.value === true;
  if (key === "requirements") return (settings.requirements?.length ?? 0) > 0;
  return settings[key] !== undefined;
}

function originOf(settings: InboundRule, key: (typeof decisive)[number]) {
  return key === "requirements" ? settings.requirements?.[0]?.from : settings[key]?.from;
}
