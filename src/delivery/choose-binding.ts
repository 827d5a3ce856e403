/**
 * As whom a message leaves: the binding its header names (believed from our own networks, and from a user to whom it
 * belongs), else the first binding rule that fits, else what a dialect's configuration says, else the default. A user
 * with bindings of his own never leaves as any other.
 */

import type { BindingRule, Settings } from "../config/settings.ts";
import { domainOf } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { DomainPattern } from "../mail/domain-pattern.ts";
import { inAnyCidr } from "../mail/ip.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { BindingAnswer, BindingChooser, SubmissionQuestion } from "../policy/dialects/dialect.ts";
import type { HeadersWanted } from "../smtp/server/header-section.ts";

export type BindingQuestion = Omit<SubmissionQuestion, "header"> &
  Readonly<{
    /** First values of the header fields of `headersWanted`, by lower-case name. */
    headers: ReadonlyMap<string, string>;
    /** As which the user who logged in may send; undefined: as any. */
    allowed?: readonly string[] | undefined;
  }>;

/**
 * `unknown-header`: the header names no binding; another way chose, and the log says so. `user`: what was chosen is not
 * the user's, or nothing chose: the first that is.
 */
export type BindingChoice =
  | Readonly<{
      kind: "binding";
      binding: string;
      why: "header" | "rule" | "source" | "user" | "default" | "unknown-header";
    }>
  | Readonly<{ kind: "reject"; status: EnhancedStatus; text: string }>;

type BindingSettings = Pick<
  Settings,
  "bindings" | "bindingRules" | "bindingHeader" | "bindingChoosers" | "defaultBinding" | "relayNetworks"
>;

const nothingWanted: HeadersWanted = new Map();

/** Whose turn it is in each group, for one worker. */
export type Turns = Map<string, number>;

/** @param turns counts on with every choice */
export function chooseBinding(question: BindingQuestion, settings: BindingSettings, turns: Turns): BindingChoice {
  const choice = chooseAmongAll(question, settings, turns);
  const { allowed } = question;
  if (choice.kind === "reject" || allowed === undefined) return choice;
  if (choice.why !== "default" && allowed.includes(choice.binding)) return choice;
  const binding = allowed.find((name) => settings.bindings.has(name));
  return binding === undefined ? noneOfHis : { kind: "binding", binding, why: "user" };
}

const noneOfHis: BindingChoice = {
  kind: "reject",
  status: "4.3.5",
  text: "none of the bindings of this account exists here, try again later",
};

function chooseAmongAll(question: BindingQuestion, settings: BindingSettings, turns: Turns): BindingChoice {
  const { bindings, bindingHeader, relayNetworks, bindingRules, defaultBinding } = settings;
  const wanted = bindingHeader === undefined ? undefined : question.headers.get(bindingHeader)?.trim();
  const isHis = wanted !== undefined && question.allowed?.includes(wanted) === true;
  const believed = wanted !== undefined && (isHis || inAnyCidr(question.client, relayNetworks));
  if (believed && bindings.has(wanted)) return { kind: "binding", binding: wanted, why: "header" };
  const because = (why: "rule" | "source" | "default") => (believed ? "unknown-header" : why);
  const rule = bindingRules.find((one) => fits(one, question));
  if (rule !== undefined) return { kind: "binding", binding: rule.binding, why: because("rule") };
  const answer = askChoosers(question, settings);
  if (answer?.kind === "reject") return answer;
  if (answer !== undefined) return { kind: "binding", binding: inTurn(answer, turns), why: because("source") };
  return { kind: "binding", binding: defaultBinding, why: because("default") };
}

/** Header fields that the choice for this client looks at, and whether they stay in the message. */
export function headersWanted(
  client: Parameters<BindingChooser["headersWanted"]>[0],
  { bindingHeader, bindingChoosers }: Pick<Settings, "bindingHeader" | "bindingChoosers">,
): HeadersWanted {
  if (bindingHeader === undefined && bindingChoosers.length === 0) return nothingWanted;
  const wanted = new Map<string, "keep" | "remove">();
  for (const chooser of bindingChoosers) {
    for (const [name, use] of chooser.headersWanted(client)) if (wanted.get(name) !== "remove") wanted.set(name, use);
  }
  if (bindingHeader !== undefined) wanted.set(bindingHeader, "remove");
  return wanted;
}

function askChoosers(
  { headers, allowed: _, ...question }: BindingQuestion,
  { bindingChoosers }: BindingSettings,
): BindingAnswer | undefined {
  for (const chooser of bindingChoosers) {
    const answer = chooser.choose({ ...question, header: (name) => headers.get(name) });
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function inTurn(answer: Exclude<BindingAnswer, { kind: "reject" }>, turns: Turns): string {
  if (answer.kind === "binding") return answer.name;
  const turn = turns.get(answer.name) ?? 0;
  turns.set(answer.name, turn + 1);
  return answer.members[turn % answer.members.length] ?? answer.name;
}

function fits(rule: BindingRule, { listener, client, sender }: BindingQuestion): boolean {
  if (rule.listener !== undefined && rule.listener !== listener) return false;
  if (rule.clients !== undefined && !inAnyCidr(client, rule.clients)) return false;
  return rule.senderDomain === undefined || matches(rule.senderDomain, sender && domainOf(sender));
}

function matches(pattern: DomainPattern, domain: Domain | undefined): boolean {
  if (pattern.kind === "any") return true;
  if (domain === undefined) return false;
  return pattern.kind === "exact" ? domain === pattern.domain : domain.endsWith(`.${pattern.domain}`);
}
