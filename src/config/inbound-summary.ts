/**
 * In words for `letterlock check`: which listeners would be opened, what a client like any other meets there, and which
 * inbound rules there are.
 */
import { createInboundPolicy } from "../policy/inbound.ts";
import { describeConditions } from "../policy/inbound-conditions.ts";
import type { InboundRule, Origin } from "../policy/rules.ts";
import type { ScopedInboundRule } from "../policy/scoped-inbound.ts";
import { formatEndpoint } from "./endpoint.ts";
import type { ListenerSettings, Settings } from "./settings.ts";
import { strangerAt } from "./stranger.ts";

/** More rules than this are told by their number. */
const listed = 20;

/** One line each. @param now ms since 1970 */
export function summarizeInbound(settings: Settings, now: number): readonly string[] {
  const { listeners, inboundRules, policySources, inboundDefaults } = settings;
  const own = new Map(listeners.map(({ name, rule }) => [name, rule]));
  const policy = createInboundPolicy(policySources, (name) => own.get(name), inboundDefaults);
  const lines = listeners.map((listener) => listenerLine(listener, policy.rule(strangerAt(listener, now))));
  const rules = inboundRules.slice(0, listed).map(ruleLine);
  const more = inboundRules.length - rules.length;
  return [...lines, ...rules, ...(more > 0 ? [`${more.toLocaleString("en")} inbound rules more`] : [])];
}

function listenerLine({ name, address, port, implicitTls, from }: ListenerSettings, rule: InboundRule): string {
  const offers = [
    implicitTls ? "TLS from the first octet" : startTlsWords[rule.starttls?.value ?? "offer"],
    rule.clientCertificate && certificateWords[rule.clientCertificate.value],
    rule.auth && authWords[rule.auth.value],
    rule.authRequired?.value === true ? "no mail before AUTH" : undefined,
    rule.relay?.value === true ? "relays for everybody" : undefined,
    certificatesOf(rule),
  ].filter((words) => words !== undefined);
  const place = formatEndpoint({ address, port });
  return `listener ${name === place ? place : `${name} ${place}`}: ${offers.join(", ")}${lineOf(from)}`;
}

const startTlsWords = {
  never: "no TLS",
  unavailable: "STARTTLS known and not to be had",
  offer: "STARTTLS offered",
  require: "STARTTLS required",
} as const;

const certificateWords = {
  "do-not-ask": undefined,
  ask: "client certificates asked for",
  require: "client certificates required",
  "require-trusted": "trusted client certificates required",
} as const;

const authWords = {
  never: undefined,
  "only-in-tls": "AUTH in TLS",
  "plain-only-in-tls": "AUTH, with PLAIN and LOGIN in TLS",
  always: "AUTH also in clear text",
} as const;

function certificatesOf({ certificates, starttls }: InboundRule): string | undefined {
  if (starttls?.value === "never") return undefined;
  if (certificates === undefined) return "a self-made certificate";
  const { default: first, others } = certificates.value;
  const names = [first, ...others].flatMap(({ credentials }) => credentials.map(({ name }) => name));
  return `certificate ${[...new Set(names)].join(", ")}`;
}

function ruleLine({ conditions, demand, settings, from }: ScopedInboundRule, at: number): string {
  const keys = Object.keys(settings).map((key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  const says = [
    demand && `TLS ${demand.level}${demand.mode === "monitor" ? ", monitored" : ""}`,
    keys.length === 0 ? undefined : `sets ${keys.join(", ")}`,
  ].filter((words) => words !== undefined);
  return `inbound rule ${at + 1}: ${describeConditions(conditions)}: ${says.join("; ")}${lineOf(from)}`;
}

function lineOf({ file, line }: Origin): string {
  return file === undefined ? "" : ` (${file}:${line ?? 1})`;
}
