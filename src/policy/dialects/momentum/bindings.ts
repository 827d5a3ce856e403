/**
 * Bindings as ours: source addresses, the name in EHLO, the client certificate that is theirs without any domain
 * (momentum reference 5.1). Which mail takes which binding is a script in Momentum, never configuration.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import { isIpv6, parseIp } from "../../../mail/ip.ts";
import type { BindingChooser, DialectBinding } from "../dialect.ts";
import { type Binding, keywordOf, type Model, originOf, textOf } from "./model.ts";
import { find, type Layers, type Resolver } from "./resolve.ts";
import type { OutboundRules } from "./source.ts";

export function readBindings({ bindings, global }: Model, resolver: Resolver, rules: OutboundRules): DialectBinding[] {
  const named = [...bindings.values()];
  if (!bindings.has("default")) named.push({ name: "default", container: global, group: "default" });
  return named.map((binding) => readBinding(binding, resolver, rules));
}

function readBinding({ name, container, group }: Binding, resolver: Resolver, rules: OutboundRules): DialectBinding {
  const sender = { binding: name, group };
  const layers = resolver.layers(sender, undefined);
  const addresses = addressesOf(layers);
  const { clientCertificate } = rules.rule(sender, undefined, true);
  return {
    name,
    group,
    sourceAddress4: addresses.find((address) => !isIpv6(address)),
    sourceAddress6: addresses.find(isIpv6),
    ehlo: ehloOf(layers),
    credential: clientCertificate?.value === "none" ? undefined : clientCertificate?.value,
    from: originOf({ ...container.at, scope: container.scope }),
  };
}

function addressesOf(layers: Layers): IpAddress[] {
  return ["bind_address", "bind_address_secondary"].flatMap((name) => {
    const address = readAddress(textOf(find(layers, name)));
    return address === undefined ? [] : [address];
  });
}

/** `undefined` for `*` and for what is no address. */
export function readAddress(text: string | undefined): IpAddress | undefined {
  return text === undefined ? undefined : parseIp(text.replace(/^\[(.*)\]$/, "$1"));
}

function ehloOf(layers: Layers): DialectBinding["ehlo"] {
  const text = textOf(find(layers, "ehlo_hostname"));
  if (text === "__message__") return "sender-domain";
  return text === undefined || text === "__hostname__" ? undefined : parseDomain(text);
}

/** `default_binding = none`: mail to which our own rules give no binding is not taken. */
export function createChooser({ global }: Model): BindingChooser | undefined {
  const setting = global.settings.get("default_binding");
  if (keywordOf(setting) !== "none") return undefined;
  const text = "no binding applies to this message, and default_binding is none";
  return { headersWanted: () => new Map(), choose: () => ({ kind: "reject", status: "4.3.5", text }) };
}
