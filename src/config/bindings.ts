/**
 * `bindings:`, `binding-groups:`, `binding-rules:`: who we are towards other hosts, and which mail that holds for.
 * Bindings of other mail servers' configurations stand beside ours; what ours says of the same name goes before.
 */
import type { Domain } from "../mail/domain.ts";
import { isIpv6 } from "../mail/ip.ts";
import type { DialectBinding, DialectSettings } from "../policy/dialects/dialect.ts";
import type { Certificates } from "./certificates.ts";
import type { Loading } from "./loading.ts";
import { suggest } from "./problem.ts";
import type { Keyed, Section, Values } from "./section-types.ts";
import type { Binding, BindingRule, ListenerSettings } from "./settings.ts";
import type { bindingTable, fileTable } from "./table.ts";
import type { Located } from "./value-types.ts";

type FileValues = Values<typeof fileTable>;

/** The binding that is there without being written. */
const builtInName = "default";

export function assembleBindings(
  values: FileValues,
  brought: readonly DialectSettings[],
  hostname: Domain,
  certificates: Certificates,
  loading: Loading,
): Map<string, Binding> {
  const bindings = new Map<string, Binding>();
  const groups = new Set(values["binding-groups"].value.map(({ key }) => key));
  for (const binding of brought.flatMap((settings) => settings.bindings ?? [])) {
    if (!bindings.has(binding.name)) bindings.set(binding.name, bindingOfDialect(binding, hostname));
    if (binding.group !== undefined) groups.add(binding.group);
  }
  for (const entry of values.bindings.value) {
    const around = bindings.get(entry.key) ?? plainBinding(entry.key, hostname);
    bindings.set(entry.key, assembleBinding(entry, around, [...groups], certificates, loading));
  }
  if (!bindings.has(builtInName)) bindings.set(builtInName, plainBinding(builtInName, hostname));
  checkBinding(values["default-binding"], bindings, loading);
  return bindings;
}

function plainBinding(name: string, ehlo: Domain): Binding {
  return {
    name,
    group: undefined,
    sourceAddress4: undefined,
    sourceAddress6: undefined,
    ehlo,
    ehloFrom: "configured",
    clientCertificate: undefined,
  };
}

function bindingOfDialect({ from: _, credential, ehlo, ...binding }: DialectBinding, hostname: Domain): Binding {
  const ehloFrom = ehlo === "sender-domain" ? "sender-domain" : "configured";
  return {
    ...binding,
    ehlo: ehlo === undefined || ehlo === "sender-domain" ? hostname : ehlo,
    ehloFrom,
    clientCertificate: credential,
  };
}

/** @param around what holds where nothing is written: plain, or as another mail server has it */
function assembleBinding(
  { value: { values } }: Keyed<string, Section<typeof bindingTable>>,
  around: Binding,
  groups: readonly string[],
  certificates: Certificates,
  loading: Loading,
): Binding {
  const { group, ehlo } = values;
  const sources = values["source-address"];
  const certificate = values["client-certificate"];
  if (group !== undefined && !groups.includes(group.value)) {
    const remedy = `${suggest(group.value, groups)}; write it under binding-groups:`;
    loading.problems.error(group.at, `there is no binding group "${group.value}"`, remedy);
  }
  const addresses = sources?.value ?? [];
  for (const family of [false, true]) {
    const second = addresses.filter(({ value }) => isIpv6(value) === family)[1];
    if (second === undefined) continue;
    const message = `a second source address of the same kind: ${second.value}`;
    loading.problems.error(second.at, message, "one IPv4 and one IPv6 address at most; write another binding");
  }
  const source = {
    sourceAddress4: addresses.find(({ value }) => !isIpv6(value))?.value,
    sourceAddress6: addresses.find(({ value }) => isIpv6(value))?.value,
  };
  return {
    ...around,
    ...(group === undefined ? {} : { group: group.value }),
    ...(sources === undefined ? {} : source),
    ...(ehlo === undefined ? {} : { ehlo: ehlo.value, ehloFrom: "configured" }),
    ...(certificate === undefined ? {} : { clientCertificate: certificates.client(certificate) }),
  };
}

function checkBinding(name: Located<string>, bindings: ReadonlyMap<string, Binding>, loading: Loading): void {
  if (bindings.has(name.value)) return;
  loading.problems.error(name.at, `there is no binding "${name.value}"`, suggest(name.value, [...bindings.keys()]));
}

export function assembleBindingRules(
  values: FileValues,
  bindings: ReadonlyMap<string, Binding>,
  listeners: readonly ListenerSettings[],
  loading: Loading,
): BindingRule[] {
  const known = listeners.map(({ name }) => name);
  return values["binding-rules"].value.flatMap(({ value }) => {
    const { listener, clients, binding } = value.values;
    const senderDomain = value.values["sender-domain"];
    if (listener !== undefined && !known.includes(listener.value)) {
      loading.problems.error(listener.at, `there is no listener "${listener.value}"`, suggest(listener.value, known));
    }
    if (binding === undefined) return [];
    checkBinding(binding, bindings, loading);
    return {
      listener: listener?.value,
      clients: clients?.value.map((block) => block.value),
      senderDomain: senderDomain?.value,
      binding: binding.value,
    };
  });
}
