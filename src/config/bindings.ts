/**
 * `bindings:`, `binding-groups:`, `binding-rules:`: who we are towards other hosts, and which mail that holds for.
 */
import type { Domain } from "../mail/domain.ts";
import { isIpv6 } from "../mail/ip.ts";
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
  hostname: Domain,
  certificates: Certificates,
  loading: Loading,
): Map<string, Binding> {
  const groups = values["binding-groups"].value.map(({ key }) => key);
  const bindings = new Map<string, Binding>();
  for (const entry of values.bindings.value) {
    bindings.set(entry.key, assembleBinding(entry, hostname, groups, certificates, loading));
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

function assembleBinding(
  { key: name, value: { values } }: Keyed<string, Section<typeof bindingTable>>,
  hostname: Domain,
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
  return {
    name,
    group: group?.value,
    sourceAddress4: addresses.find(({ value }) => !isIpv6(value))?.value,
    sourceAddress6: addresses.find(({ value }) => isIpv6(value))?.value,
    ehlo: ehlo?.value ?? hostname,
    ehloFrom: "configured",
    clientCertificate: certificate === undefined ? undefined : certificates.client(certificate),
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
