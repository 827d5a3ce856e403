/**
 * Where mail goes otherwise than by MX: `smtp-hosts`, the queue that `queue-to` names, `default-smtp-port` (reference,
 * section 1.4). The settings are those of the queue as the virtual MTA sees it.
 */

import { domainOf } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { RoutingAnswer, RoutingSource } from "../dialect.ts";
import type { DomainSection } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import type { Queue, Queues } from "./queues.ts";
import { parseHosts } from "./smtp-hosts.ts";
import { stated } from "./tls-rule.ts";

export function routingOf(queues: Queues): RoutingSource {
  return {
    route(question) {
      const recipientDomain = domainOf(question.recipient);
      const queue = queues.find({ ...question, recipientDomain, host: undefined });
      return refusedKind(queue.sections) ?? hostsOf(queue) ?? otherPort(queue);
    },
  };
}

/** Mail that PowerMTA would discard, pipe or file never leaves by SMTP, and is not lost either. */
function refusedKind(sections: readonly DomainSection[]): RoutingAnswer | undefined {
  const kind = stated(sections, "type");
  const text = kind === undefined ? "smtp" : textOf(kind.directive.value).toLowerCase();
  return text === "smtp" ? undefined : { kind: "defer", status: "4.3.5", text: `type ${text} is not done here` };
}

function hostsOf({ sections, moved, name }: Queue): RoutingAnswer | undefined {
  const hosts = stated(sections, "smtp-hosts") ?? stated(sections, "route");
  const port = portOf(sections);
  if (hosts !== undefined) {
    const parsed = parseHosts(textOf(hosts.directive.value), port);
    return parsed.kind === "hosts" ? nexthops(parsed.nexthops) : undefined;
  }
  const domain = moved === undefined || name === undefined ? undefined : parseDomain(name);
  return domain === undefined ? undefined : nexthops([{ kind: "mx", domain, port }]);
}

function otherPort({ sections, name }: Queue): RoutingAnswer | undefined {
  const port = portOf(sections);
  const domain = name === undefined ? undefined : parseDomain(name);
  return port === 25 || domain === undefined ? undefined : nexthops([{ kind: "mx", domain, port }]);
}

/** Where nothing else is written with the host. */
export function portOf(sections: readonly DomainSection[]): number {
  const port = stated(sections, "default-smtp-port");
  return port === undefined ? 25 : Number(textOf(port.directive.value));
}

function nexthops([first, ...others]: readonly Nexthop[]): RoutingAnswer | undefined {
  return first === undefined ? undefined : { kind: "nexthops", nexthops: [first, ...others] };
}
