/**
 * As whom a message leaves: the binding its header names (believed from our own networks only), else the first binding
 * rule that fits, else the default.
 */

import type { BindingRule, Settings } from "../config/settings.ts";
import { domainOf, type IpAddress, type Mailbox } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { DomainPattern } from "../mail/domain-pattern.ts";
import { inAnyCidr } from "../mail/ip.ts";

export type BindingQuestion = Readonly<{
  listener: string;
  client: IpAddress;
  sender: Mailbox | undefined;
  /** Value of the binding header; undefined when there was none. */
  header: string | undefined;
}>;

/** `unknown-header`: the header names no binding; the default is used and the log says so. */
export function chooseBinding(
  question: BindingQuestion,
  settings: Pick<Settings, "bindings" | "bindingRules" | "defaultBinding" | "relayNetworks">,
): Readonly<{ binding: string; why: "header" | "rule" | "default" | "unknown-header" }> {
  const wanted = question.header?.trim();
  const believed = wanted !== undefined && inAnyCidr(question.client, settings.relayNetworks);
  if (believed && settings.bindings.has(wanted)) return { binding: wanted, why: "header" };
  const rule = settings.bindingRules.find((one) => fits(one, question));
  if (rule !== undefined) return { binding: rule.binding, why: believed ? "unknown-header" : "rule" };
  return { binding: settings.defaultBinding, why: believed ? "unknown-header" : "default" };
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
