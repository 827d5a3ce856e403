/**
 * `listeners:`: where mail comes in, and what is said of it there. Where none is written, those that other mail servers'
 * configurations name are opened; where they name none either, the built-in ones on loopback.
 */
import type { DialectListener } from "../policy/dialects/dialect.ts";
import type { InboundRule } from "../policy/rules.ts";
import { clientSettings, type InboundMaterial } from "./client-settings.ts";
import { checkCertificate, type DefaultCertificate } from "./default-certificate.ts";
import { formatEndpoint } from "./endpoint.ts";
import type { InboundProfile } from "./inbound-profile.ts";
import type { Section, Values } from "./section-types.ts";
import type { ListenerSettings } from "./settings.ts";
import { fileTable, type listenerTable } from "./table.ts";

type FileValues = Values<typeof fileTable>;
type Listener = Section<typeof listenerTable>;

/** @param named by other configurations, in the order of `policy:` */
export function assembleListeners(
  values: FileValues,
  named: readonly DialectListener[],
  profile: InboundProfile,
  material: InboundMaterial,
  byDefault: DefaultCertificate,
): readonly ListenerSettings[] {
  const { listeners } = values;
  const isWritten = listeners.value !== fileTable.listeners.standard();
  const theirs = named.filter(({ from }) => from.line !== undefined);
  if (!isWritten && theirs.length > 0) {
    return theirs.map((each) => {
      checkCertificate({ ...each, rule: profile.written }, listeners.at, byDefault, material);
      return ofDialect(each, profile.written);
    });
  }
  if (listeners.value.length === 0) {
    const remedy = "write one, or remove listeners: for those on loopback";
    material.loading.problems.error(listeners.at, "there is no listener", remedy);
  }
  return listeners.value.flatMap(({ value }) => assembleListener(value, profile, material, byDefault) ?? []);
}

function ofDialect({ name, address, port, implicitTls, from }: DialectListener, rule: InboundRule): ListenerSettings {
  return { name, address, port, implicitTls, rule, bareNewline: "reject", from };
}

function assembleListener(
  { at, values }: Listener,
  profile: InboundProfile,
  material: InboundMaterial,
  byDefault: DefaultCertificate,
): ListenerSettings | undefined {
  const { address: endpoint, tls, name } = values;
  const called = name?.value ?? (endpoint === undefined ? "" : formatEndpoint(endpoint.value));
  const scope = `listener ${called}`;
  checkTls(values, material);
  const settings = clientSettings(values, scope, material);
  const rule = { ...profile.written, ...startTls(values, scope, material), ...settings };
  if (endpoint === undefined) return undefined;
  const { address, port } = endpoint.value;
  // One that cannot be read has been told already.
  const isKnown = values.certificate === undefined || settings.certificates !== undefined;
  if (tls?.value !== "none" && isKnown)
    checkCertificate({ name: called, address, port, rule }, at, byDefault, material);
  return {
    name: called,
    address,
    port,
    implicitTls: tls?.value === "implicit",
    rule,
    bareNewline: values["bare-newline"].value,
    from: material.loading.origin(endpoint.at, scope),
  };
}

function startTls(
  { tls, "require-tls": required }: Listener["values"],
  scope: string,
  { loading }: InboundMaterial,
): InboundRule {
  if (required?.value === true) return { starttls: { value: "require", from: loading.origin(required.at, scope) } };
  if (tls === undefined || tls.value === "implicit") return {};
  return { starttls: { value: tls.value === "none" ? "never" : "offer", from: loading.origin(tls.at, scope) } };
}

/** What needs TLS, at a listener that has none. */
function checkTls(values: Listener["values"], { loading: { problems } }: InboundMaterial): void {
  const { tls, certificate, auth, "require-tls": required, "client-certificate": asked } = values;
  if (tls?.value !== "none") return;
  if (required?.value === true) {
    const remedy = "set tls: starttls or implicit";
    problems.error(required.at, "require-tls without TLS takes no mail at all", remedy);
  }
  if (asked !== undefined && asked.value !== "do-not-ask") {
    const demanded = asked.value !== "ask";
    const message = "a listener with tls: none never sees a client certificate";
    const remedy = "set tls: starttls, or remove it";
    if (demanded) problems.error(asked.at, `${message}: it takes no mail at all`, remedy);
    else problems.warning(asked.at, message, remedy);
  }
  if (auth?.value === "in-tls") {
    problems.warning(auth.at, "a listener with tls: none never offers this AUTH", "set tls: starttls, or remove it");
  }
  if (certificate !== undefined) {
    const remedy = "set tls: starttls, or remove it";
    problems.warning(certificate.at, "a listener with tls: none shows no certificate", remedy);
  }
}
