/**
 * `listeners:`, `relay-networks:` and `relay-domains:`: where mail comes in and from whom it is taken. What would make
 * an open relay is an error here, not a matter of taste (RFC 5321 §7.9, standards.md SR-14).
 */
import type { IpAddress } from "../mail/address.ts";
import { inCidr, isIpv6, parseCidr } from "../mail/ip.ts";
import type { ServerCredential, ServerTlsProfile } from "../tls/server-tls.ts";
import type { Certificates } from "./certificates.ts";
import { isFirst, type Loading } from "./loading.ts";
import type { Place } from "./problem.ts";
import type { Section, Values } from "./section-types.ts";
import type { InboundTls, ListenerSettings } from "./settings.ts";
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
  inbound: InboundTls,
  certificates: Certificates,
  loading: Loading,
): ListenerSettings[] {
  const listeners = values.listeners.value.flatMap(({ value }) => {
    const made = assembleListener(value, inbound, certificates, loading);
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

export function assembleInboundTls(values: FileValues, loading: Loading): InboundTls {
  const { protocols, ciphers, groups } = values["tls-profile"].value.values;
  loading.checkCiphers(ciphers);
  loading.checkGroups(groups);
  const versions = protocols.value.map(({ value }) => value);
  if (versions.length === 0)
    loading.problems.error(protocols.at, "no TLS version is left", "write TLSv1.2, TLSv1.3 or both");
  return {
    minVersion: versions.includes("TLSv1.2") ? "TLSv1.2" : "TLSv1.3",
    maxVersion: versions.includes("TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
    ciphers: ciphers?.value,
    groups: groups?.value,
  };
}

/** A profile around a certificate; the others are chosen by SNI. */
export function profileOf(
  inbound: InboundTls,
  [first, ...others]: readonly [ServerCredential, ...ServerCredential[]],
): ServerTlsProfile {
  return { ...inbound, default: first, others };
}

function assembleListener(
  { at, values }: Listener,
  inbound: InboundTls,
  certificates: Certificates,
  loading: Loading,
): ListenerSettings | undefined {
  const { address: endpoint, tls, name, certificate } = values;
  const requireTls = values["require-tls"];
  if (requireTls.value && tls.value === "none") {
    loading.problems.error(
      requireTls.at,
      "require-tls without TLS takes no mail at all",
      "set tls: starttls or implicit",
    );
  }
  if (tls.value === "none" && certificate !== undefined) {
    loading.problems.warning(
      certificate.at,
      "a listener with tls: none shows no certificate",
      "set tls: starttls, or remove it",
    );
  }
  const shown = credentials(values, at, certificates, loading);
  if (endpoint === undefined) return undefined;
  const [first, ...others] = tls.value === "none" ? [] : shown;
  return {
    name: name?.value ?? formatEndpoint(endpoint.value),
    address: endpoint.value.address,
    port: endpoint.value.port,
    tls: tls.value,
    requireTls: requireTls.value,
    profile: first === undefined ? undefined : profileOf(inbound, [first, ...others]),
    bareNewline: values["bare-newline"].value,
  };
}

/** None: the self-made certificate serves. */
function credentials(
  { certificate, tls, address }: Listener["values"],
  at: Place,
  certificates: Certificates,
  loading: Loading,
): ServerCredential[] {
  const known = certificates.names;
  const [only] = known;
  if (certificate !== undefined) {
    return certificate.value.flatMap((name) => certificates.server(name) ?? []);
  }
  if (tls.value === "none") return [];
  if (only === undefined) {
    const isPublic = address !== undefined && !isLoopback(address.value.address);
    if (isPublic) {
      const remedy = "add certificates: with the one for your host name, and certificate: here";
      loading.problems.warning(at, "without a certificate this listener shows a self-made one", remedy);
    }
    return [];
  }
  if (known.length > 1) {
    loading.problems.error(
      at,
      "which certificate shall this listener show?",
      `add certificate: ${known.join(", or ")}`,
    );
    return [];
  }
  const found = certificates.server({ value: only, at });
  return found === undefined ? [] : [found];
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
