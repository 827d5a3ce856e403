/**
 * Which value an option has for a binding and a domain. Each option is resolved on its own; the first stanza that has it
 * wins (momentum reference 1.6):
 *
 *     1. the domain in the binding    2. the domain in the binding's group    3. the binding
 *     4. its group                    5. the domain at the top                6. the top
 *
 * In each place a plain domain stanza goes before those by regular expression, which go by the order of the file.
 * Readings where the manual is silent: the group stands before a domain at the top (case 27); a binding outside of any
 * group inherits from the group `default` (open question 9).
 *
 * The domain is the routing domain: the recipient's, unless a gateway or a rolled-up MX host takes its place (5.3).
 */
import type { Domain } from "../../../mail/domain.ts";
import type { OutboundQuestion } from "../../rules.ts";
import { readKey, recipientKey } from "./domain-key.ts";
import { type Container, keywordOf, type Model, type Setting, type Stanza, textOf, truthOf } from "./model.ts";
import { parseTarget } from "./targets.ts";

/** As whom mail leaves. */
export type Sender = Readonly<{ binding: string; group: string | undefined }>;

/** The stanzas that have a say, the most specific first. */
export type Layers = readonly Stanza[];

export function find(layers: Layers, name: string): Setting | undefined {
  for (const { settings } of layers) {
    const setting = settings.get(name);
    if (setting !== undefined) return setting;
  }
  return undefined;
}

export class Resolver {
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  /** @param key of the routing domain; `undefined`: no domain stanza applies */
  layers(sender: Sender, key: string | undefined): Stanza[] {
    const { global } = this.#model;
    const [binding, group] = this.#containers(sender);
    const layers = [...inDomain(binding, key), ...inDomain(group, key)];
    if (binding !== undefined) layers.push(binding);
    if (group !== undefined) layers.push(group);
    layers.push(...inDomain(global, key), global);
    return layers.filter(({ settings }) => settings.size > 0);
  }

  /** A binding that the file does not name is one without options of its own. */
  #containers({ binding, group }: Sender): readonly [Container | undefined, Container | undefined] {
    const known = this.#model.bindings.get(binding);
    const { groups } = this.#model;
    const asked = group === undefined ? undefined : groups.get(group);
    return [known?.container, known === undefined ? (asked ?? groups.get("default")) : groups.get(known.group)];
  }

  routingKey({ recipient, recipientDomain, binding, bindingGroup, host }: OutboundQuestion): string | undefined {
    const sender = { binding, group: bindingGroup };
    return this.#rolledUp(sender, host) ?? this.routedKey(sender, recipientDomain ?? recipientKey(recipient));
  }

  /** The gateway in place of the domain, where there is one. Momentum asks for the gateway's own gateway no more. */
  routedKey(sender: Sender, key: string | undefined): string | undefined {
    const gateway = textOf(this.gateway(sender, key));
    if (gateway === undefined) return key;
    const target = parseTarget(gateway);
    return target === undefined ? readKey(gateway) : target.host;
  }

  gateway(sender: Sender, key: string | undefined): Setting | undefined {
    return this.#hasGateways() ? find(this.layers(sender, key), "gateway") : undefined;
  }

  #gateways: boolean | undefined;
  #hasGateways(): boolean {
    this.#gateways ??= anyStanza(this.#model, ({ settings }) => settings.has("gateway"));
    return this.#gateways;
  }

  #rolledUp(sender: Sender, host: Domain | undefined): string | undefined {
    if (host === undefined) return undefined;
    for (const container of [...this.#containers(sender), this.#model.global]) {
      if (container === undefined) continue;
      for (const { settings } of container.hosts.matching(host)) {
        const name = textOf(settings.get("rollup_mx_name"));
        if (truthOf(settings.get("rollup_mx")) === true && name !== undefined) return readKey(name);
      }
    }
    return undefined;
  }
}

function inDomain(container: Container | undefined, key: string | undefined): readonly Stanza[] {
  return container === undefined || key === undefined ? [] : container.domains.matching(key);
}

/** Every place outside of listeners where options can stand. */
export function* containersOf({ global, groups, bindings }: Model): Generator<Container> {
  yield global;
  yield* groups.values();
  for (const { container } of bindings.values()) yield container;
}

export function* stanzasOf(model: Model): Generator<Stanza> {
  for (const container of containersOf(model)) {
    yield container;
    yield* container.domains.plain.values();
    for (const { stanza } of container.domains.regexes) yield stanza;
  }
}

/** Those of the SMTP listener and of pathways. */
export function* listenerStanzas({ smtpListener, pathways }: Model): Generator<Stanza> {
  yield* pathways.values();
  for (const listener of smtpListener === undefined ? [] : [smtpListener, ...smtpListener.listens.values()]) {
    yield listener;
    yield* listener.peers.values();
  }
}

function anyStanza(model: Model, wanted: (stanza: Stanza) => boolean): boolean {
  for (const stanza of stanzasOf(model)) if (wanted(stanza)) return true;
  return false;
}

/** The module without which `use_dane` does nothing. */
export function hasDane({ modules }: Model): boolean {
  const loaded = modules.findLast(({ name }) => name === "dane");
  return loaded !== undefined && truthOf(loaded.options.findLast(({ name }) => name === "enabled")) !== false;
}

/** `tls` as resolved, or its default. */
export function tlsOf(layers: Layers): string {
  return keywordOf(find(layers, "tls")) ?? "no";
}
