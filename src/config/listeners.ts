/**
 * `listeners:`, `relay-networks:` and `relay-domains:`: where mail comes in and from whom it is taken. What would make
 * an open relay is an error here, not a matter of taste (RFC 5321 §7.9, standards.md SR-14).
 */
import type { IpAddress } from "../mail/address.ts";
import { inCidr, isIpv6, parseCidr } from "../mail/ip.ts";
import type { InboundRule, Origin } from "../policy/rules.ts";
import type { ServedCertificates } from "../tls/server-tls.ts";
import type { Certificates } from "./certificates.ts";
import type { InboundProfile } from "./inbound-profile.ts";
import { isFirst, type Loading } from "./loading.ts";
import type { Place } from "./problem.ts";
import type { Section, Values } from "./section-types.ts";
import type { ListenerSettings } from "./settings.ts";
import type { fileTable, listenerTable } from "./table.ts";
import type { Endpoint, Located } from "./value-types.ts";

type FileValues = Values<typeof fileTable>;
type Listener = Section<typeof listenerTable>;

const loopback = ["127.0.0.0/8", "::1"].map((text) => parseCidr(text)).filter((block) => block !== undefined);

export function isLoopback(address: IpAddress): boolean {
  return loopback.some((block) => inCidr(address, block));
}

export function assembleListeners(
  values: FileValues,
  profile: InboundProfile,
  certificates: Certificates,
  loading: Loading,
): ListenerSettings[] {
  const listeners = values.listeners.value.flatMap(({ value }) => {
    const made = assembleListener(value, profile, certificates, loading);
    return made === undefined ? [] : [made];
  });
  if (values.listeners.value.length === 0) {
    loading.problems.error(
      values.listeners.at,
      "there is no listener",
      "write one, or remove listeners: for those on loopback",
    );
  }
  checkConflicts(values, loading);
  checkOpenRelay(values, loading);
  return listeners;
}

function assembleListener(
  { at, values }: Listener,
  profile: InboundProfile,
  certificates: Certificates,
  loading: Loading,
): ListenerSettings | undefined {
  const { address: endpoint, tls, name, certificate } = values;
  const requireTls = values["require-tls"];
  if (requireTls?.value === true && tls?.value === "none") {
    loading.problems.error(
      requireTls.at,
      "require-tls without TLS takes no mail at all",
      "set tls: starttls or implicit",
    );
  }
  if (tls?.value === "none" && certificate !== undefined) {
    loading.problems.warning(
      certificate.at,
      "a listener with tls: none shows no certificate",
      "set tls: starttls, or remove it",
    );
  }
  const served = certificate && servedCertificates(certificate, certificates);
  if (endpoint === undefined) return undefined;
  const called = name?.value ?? formatEndpoint(endpoint.value);
  if (tls?.value !== "none" && certificate === undefined)
    checkDefault(at, endpoint.value, profile, certificates, loading);
  const from = (where: Place): Origin => loading.origin(where, `listener ${called}`);
  return {
    name: called,
    address: endpoint.value.address,
    port: endpoint.value.port,
    implicitTls: tls?.value === "implicit",
    rule: {
      ...profile.written,
      ...offered(tls, requireTls, from),
      ...(served === undefined || certificate === undefined
        ? {}
        : { certificates: { value: served, from: from(certificate.at) } }),
    },
    bareNewline: values["bare-newline"].value,
  };
}

function offered(
  tls: Listener["values"]["tls"],
  requireTls: Listener["values"]["require-tls"],
  from: (at: Place) => Origin,
): InboundRule {
  if (requireTls?.value === true) return { starttls: { value: "require", from: from(requireTls.at) } };
  if (tls === undefined || tls.value === "implicit") return {};
  return { starttls: { value: tls.value === "none" ? "never" : "offer", from: from(tls.at) } };
}

function servedCertificates(
  named: Located<readonly Located<string>[]>,
  certificates: Certificates,
): ServedCertificates | undefined {
  const [first, ...others] = named.value.flatMap((name) => certificates.server(name) ?? []);
  return first === undefined ? undefined : { default: first, others };
}

/** What is shown where no certificate is named must be clear. */
function checkDefault(
  at: Place,
  endpoint: Endpoint,
  { defaults }: InboundProfile,
  certificates: Certificates,
  loading: Loading,
): void {
  const known = certificates.names;
  const [only] = known;
  if (only !== undefined && known.length === 1) certificates.server({ value: only, at });
  if (defaults.certificates !== undefined) return;
  if (known.length > 1) {
    const remedy = `add certificate: ${known.join(", or ")}`;
    loading.problems.error(at, "which certificate shall this listener show?", remedy);
  } else if (known.length === 0 && !isLoopback(endpoint.address)) {
    const remedy = "add certificates: with the one for your host name, and certificate: here";
    loading.problems.warning(at, "without a certificate this listener shows a self-made one", remedy);
  }
}

export function formatEndpoint({ address, port }: Endpoint): string {
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

type Taken = Located<Endpoint> & Readonly<{ what: string }>;

/** Names and ports that cannot both be had. Port 0 lets the system choose, so it is never taken. */
function checkConflicts(values: FileValues, loading: Loading): void {
  const names = new Map<string, Place>();
  const taken: Taken[] = [];
  for (const { value } of values.listeners.value) {
    const { name, address } = value.values;
    if (address !== undefined) taken.push({ ...address, what: "listener" });
    const shown =
      name ?? (address === undefined ? undefined : { value: formatEndpoint(address.value), at: address.at });
    if (name !== undefined && shown !== undefined) {
      isFirst(names, shown.value, shown.at, `listener "${shown.value}"`, loading.problems);
    }
  }
  const { metrics } = values;
  if (metrics.value !== "off") taken.push({ value: metrics.value, at: metrics.at, what: "metrics" });
  taken.forEach((one, index) => {
    const other = taken.slice(0, index).find((each) => overlap(each.value, one.value));
    if (other === undefined) return;
    const where = `${formatEndpoint(other.value)}, the ${other.what} on line ${other.at.line}`;
    const message = `${one.what} ${formatEndpoint(one.value)}: taken by ${where}`;
    loading.problems.error(one.at, message, "give one of the two another port or address");
  });
}

function overlap(left: Endpoint, right: Endpoint): boolean {
  if (left.port !== right.port || left.port === 0) return false;
  if (left.address === right.address) return true;
  const sameFamily = isIpv6(left.address) === isIpv6(right.address);
  return sameFamily && (isUnspecified(left.address) || isUnspecified(right.address));
}

function isUnspecified(address: IpAddress): boolean {
  return address === "::" || address === "0.0.0.0";
}

function checkOpenRelay(values: FileValues, loading: Loading): void {
  const reachable = values.listeners.value
    .map(({ value }) => value.values.address)
    .find((address) => address !== undefined && !isLoopback(address.value.address));
  const why =
    reachable === undefined ? undefined : `with the listener ${formatEndpoint(reachable.value)} this is an open relay`;
  for (const { value, at } of values["relay-domains"].value) {
    if (value.kind === "any" && why !== undefined) {
      loading.problems.error(at, `relay-domains "*": ${why}`, "name the domains that you take mail for");
    }
  }
  for (const { value, at } of values["relay-networks"].value) {
    const text = `${value.address}/${value.prefix}`;
    const broad = isIpv6(value.address) ? 16 : 8;
    if (value.prefix === 0 && why !== undefined) {
      loading.problems.error(at, `relay-networks ${text}: ${why}`, "name the networks of your own clients");
    } else if (value.prefix < broad) {
      loading.problems.warning(
        at,
        `relay-networks ${text} is a very large network`,
        "name the networks of your own clients",
      );
    }
  }
}
