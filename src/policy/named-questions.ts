/**
 * The questions that tell whether two policies mean the same: every domain, recipient, MX host, address, nexthop and
 * binding that a source names, and a stranger that it does not name.
 */
import type { Mailbox } from "../mail/address.ts";
import { domainOf } from "../mail/address.ts";
import { type Domain, domain, parseDomain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { NamedThings } from "./dialects/dialect.ts";
import type { OutboundQuestion } from "./rules.ts";

/** `routed`: the nexthop is for routing to choose; else it is the question's own. */
export type NamedQuestion = Readonly<{ question: OutboundQuestion; routed: boolean }>;

const stranger = domain("stranger.invalid");

/** @param now ms since 1970, for exceptions that end */
export function* namedQuestions(named: NamedThings, now: number): Generator<NamedQuestion> {
  const bindings = named.bindings.length === 0 ? [{ name: "default", group: undefined }] : named.bindings;
  for (const { name: binding, group: bindingGroup } of bindings) {
    const base = { sender: undefined, binding, bindingGroup, address: undefined, now };
    for (const to of [...named.domains, stranger]) {
      for (const host of [undefined, hostOf(to)]) {
        yield { routed: true, question: { ...base, ...towards(mailbox("postmaster", to)), host } };
      }
    }
    for (const recipient of named.recipients) {
      yield { routed: true, question: { ...base, ...towards(recipient), host: hostOf(domainOf(recipient)) } };
    }
    for (const host of named.hosts) {
      yield { routed: true, question: { ...base, ...towards(mailbox("postmaster", stranger)), host } };
    }
    for (const address of named.addresses) {
      const host = hostOf(stranger);
      yield { routed: true, question: { ...base, ...towards(mailbox("postmaster", stranger)), host, address } };
    }
    for (const nexthop of named.nexthops) {
      const { recipient, recipientDomain } = towards(mailbox("postmaster", stranger));
      yield { routed: false, question: { ...base, recipient, recipientDomain, nexthop, host: hostBehind(nexthop) } };
    }
  }
}

function mailbox(localPart: string, to: Domain): Mailbox {
  return { text: `${localPart}@${to}`, localPart, host: { kind: "domain", domain: to } };
}

function towards(recipient: Mailbox): Pick<OutboundQuestion, "recipient" | "recipientDomain" | "nexthop"> {
  const recipientDomain = domainOf(recipient);
  return { recipient, recipientDomain, nexthop: { kind: "mx", domain: recipientDomain ?? stranger, port: 25 } };
}

function hostOf(to: Domain | undefined): Domain | undefined {
  return parseDomain(`mx.${to ?? stranger}`);
}

function hostBehind(nexthop: Nexthop): Domain | undefined {
  if (nexthop.kind === "mx") return hostOf(nexthop.domain);
  return nexthop.isIp ? undefined : parseDomain(nexthop.host);
}
