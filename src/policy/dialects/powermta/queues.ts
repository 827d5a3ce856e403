/**
 * Which queue a recipient's mail stands in, and the sections that govern it. The key of all settings is the queue and not the
 * recipient's domain (reference, section 1.4): `queue-to` and MX roll-up move mail into another, and what the domain's own
 * section asked for is lost with it, as in PowerMTA. `reroute-to-virtual-mta` moves it to another virtual MTA.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { domainOf } from "../../../mail/address.ts";
import type { Domain } from "../../../mail/domain.ts";
import type { OutboundQuestion } from "../../rules.ts";
import { groupOf } from "./bindings.ts";
import type { Configuration, Pool, Rollup } from "./configuration.ts";
import { type DomainSection, queueName, type Statement } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import { flag, stated } from "./tls-rule.ts";

/** Who and where to: the name of a queue, or an address. */
export type Destination = Readonly<{ queue: string | undefined; literal?: IpAddress | undefined }>;

export type Queue = Readonly<{
  /** Sections of the recipient's own domain. */
  own: readonly DomainSection[];
  /** Sections that count: those of `moved.queue` where the mail was moved. */
  sections: readonly DomainSection[];
  name: string | undefined;
  moved: Readonly<{ by: Statement }> | Readonly<{ by: Rollup }> | undefined;
}>;

export type QueueQuestion = Pick<
  OutboundQuestion,
  "recipient" | "recipientDomain" | "binding" | "bindingGroup" | "host"
>;

const maxMoves = 20;

export class Queues {
  readonly #configuration: Configuration;
  readonly #rollupHosts = new Map<string, Rollup>();
  readonly #rollupParents = new Map<string, Rollup>();
  readonly #globalReroute: string | undefined;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    for (const rollup of configuration.rollups) {
      const map = rollup.below ? this.#rollupParents : this.#rollupHosts;
      if (!map.has(rollup.host)) map.set(rollup.host, rollup);
    }
    const reroute = configuration.globals.get("reroute-to-virtual-mta")?.at(-1);
    this.#globalReroute = reroute === undefined ? undefined : textOf(reroute.value);
  }

  find({ recipient, recipientDomain, binding, bindingGroup, host }: QueueQuestion): Queue {
    const literal = recipient.host?.kind === "literal" ? recipient.host.ip : undefined;
    return this.resolve({ queue: recipientDomain ?? domainOf(recipient), literal }, binding, bindingGroup, host);
  }

  /** @param host the MX host of the recipient's own domain, where it is known */
  resolve(to: Destination, binding: string, group: string | undefined, host: Domain | undefined): Queue {
    const { sections: own, binding: now } = this.#afterReroute(to, binding, group);
    const queueTo = stated(own, "queue-to");
    if (queueTo !== undefined) {
      const name = queueName(textOf(queueTo.directive.value));
      const { sections } = this.#afterReroute({ queue: name }, now, group);
      return { own, sections, name, moved: { by: queueTo } };
    }
    const rollup = host === undefined ? undefined : this.#rollup(own, host);
    if (rollup === undefined) return { own, sections: own, name: to.queue, moved: undefined };
    const { sections } = this.#afterReroute({ queue: rollup.queue }, now, group);
    return { own, sections, name: rollup.queue, moved: { by: rollup } };
  }

  /** Virtual MTA before pool before everything, each from the most specific section on. */
  sectionsFor({ queue, literal }: Destination, binding: string, group: string | undefined): DomainSection[] {
    const { domains, virtualMtas } = this.#configuration;
    const virtualMta = virtualMtas.get(binding);
    const pool = virtualMta === undefined ? this.#poolNamed(group) : groupOf(virtualMta);
    const scopes = [virtualMta?.scope, pool?.scope, domains];
    return scopes.flatMap((scope) => {
      if (scope === undefined || scope.isEmpty) return [];
      return queue === undefined ? scope.findLiteral(literal) : scope.find(queue);
    });
  }

  #poolNamed(group: string | undefined): Pool | undefined {
    return group === undefined ? undefined : this.#configuration.pools.get(group);
  }

  /** A circle ends where it began. */
  #afterReroute(to: Destination, binding: string, group: string | undefined) {
    let now = binding;
    let sections = this.sectionsFor(to, now, group);
    for (let moves = 0; moves < maxMoves; moves += 1) {
      const next = this.#rerouted(sections);
      if (next === undefined || next === now) break;
      now = next;
      sections = this.#configuration.pools.has(next)
        ? this.sectionsFor(to, "", next)
        : this.sectionsFor(to, next, undefined);
    }
    return { sections, binding: now };
  }

  #rerouted(sections: readonly DomainSection[]): string | undefined {
    const name = sections.find(({ statements }) => statements.has("reroute-to-virtual-mta"));
    const own = name?.statements.get("reroute-to-virtual-mta");
    const text = own === undefined ? this.#globalReroute : textOf(own.value);
    return text === "" ? undefined : text;
  }

  /** Not where the domain opts out, or goes to hosts of its own and not by MX. */
  #rollup(own: readonly DomainSection[], host: Domain): Rollup | undefined {
    if (this.#rollupHosts.size === 0 && this.#rollupParents.size === 0) return undefined;
    if (flag(own, "disable-mx-rollup", false).on) return undefined;
    if (stated(own, "smtp-hosts") !== undefined || stated(own, "route") !== undefined) return undefined;
    const exact = this.#rollupHosts.get(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
      const found = this.#rollupParents.get(host.slice(dot + 1));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
