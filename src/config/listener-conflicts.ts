/**
 * Listeners held against each other and against who may relay: ports that cannot be had twice, and what would make an
 * open relay, which is an error here and not a matter of taste (RFC 5321 §7.9, standards.md SR-14).
 */
import type { IpAddress } from "../mail/address.ts";
import { type Cidr, isIpv6 } from "../mail/ip.ts";
import type { Origin } from "../policy/rules.ts";
import { formatEndpoint, isLoopback } from "./endpoint.ts";
import type { Loading } from "./loading.ts";
import { nameOf } from "./policy-sources.ts";
import type { Place } from "./problem.ts";
import type { Values } from "./section-types.ts";
import type { Dialect, ListenerSettings } from "./settings.ts";
import type { fileTable } from "./table.ts";
import type { Endpoint } from "./value-types.ts";

type FileValues = Values<typeof fileTable>;

type Taken = Endpoint & Readonly<{ what: string; from: Origin }>;

/**
 * Names and ports that cannot both be had. Port 0 lets the system choose, so it is never taken.
 *
 * @returns without those that two other configurations name alike: the first counts
 */
export function withoutConflicts(
  listeners: readonly ListenerSettings[],
  { metrics, policy }: FileValues,
  loading: Loading,
): readonly ListenerSettings[] {
  const taken: Taken[] = [];
  const names = new Map<string, Origin>();
  const kept = listeners.filter((listener) => {
    const one = { ...listener, what: "listener" };
    const at = placeOf(listener.from, policy.at, loading);
    const twin = listeners.find((other) => other !== listener && isTwin(other, listener, loading));
    if (twin !== undefined && listeners.indexOf(twin) < listeners.indexOf(listener)) {
      const message = `listener ${formatEndpoint(one)} of ${lineOf(one.from, loading)}: ${lineOf(twin.from, loading)} names it too, which counts`;
      loading.problems.warning(at, message, "write listeners: here to say which are opened");
      return false;
    }
    reportName(listener, at, names, loading);
    reportOverlap(one, at, taken, loading);
    taken.push(one);
    return true;
  });
  if (metrics.value !== "off") {
    const from = loading.origin(metrics.at, "metrics");
    reportOverlap({ ...metrics.value, what: "metrics", from }, metrics.at, taken, loading);
  }
  return kept;
}

/** Where to point in our own file; what another one says is named in words. */
function placeOf({ file, line, column }: Origin, instead: Place, loading: Loading): Place {
  return file === loading.file && line !== undefined ? { line, column: column ?? 1 } : instead;
}

function lineOf({ source, file, line }: Origin, loading: Loading): string {
  if (file === loading.file) return `line ${line ?? 1}`;
  return file === undefined ? source : `${file}:${line ?? 1}`;
}

/** The same said by two other configurations. */
function isTwin(one: ListenerSettings, other: ListenerSettings, { file }: Loading): boolean {
  if (one.from.file === file || other.from.file === file || one.from.source === other.from.source) return false;
  return one.address === other.address && one.port === other.port && one.implicitTls === other.implicitTls;
}

function reportName({ name, from }: ListenerSettings, at: Place, names: Map<string, Origin>, loading: Loading): void {
  const first = names.get(name);
  if (first === undefined) {
    names.set(name, from);
    return;
  }
  const message = `listener "${name}" stands here for the second time`;
  loading.problems.error(at, message, `change one of the two: the first is on ${lineOf(first, loading)}`);
}

function reportOverlap(one: Taken, at: Place, taken: readonly Taken[], loading: Loading): void {
  const other = taken.find((each) => overlap(each, one));
  if (other === undefined) return;
  const where = `${formatEndpoint(other)}, the ${other.what} on ${lineOf(other.from, loading)}`;
  const who = one.from.file === loading.file ? "" : ` of ${lineOf(one.from, loading)}`;
  const message = `${one.what} ${formatEndpoint(one)}${who}: taken by ${where}`;
  loading.problems.error(at, message, "give one of the two another port or address");
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

/** @param dialects whose relay domains are joined with ours: they keep their word, but not in silence */
export function checkOpenRelay(
  values: FileValues,
  listeners: readonly ListenerSettings[],
  dialects: readonly Dialect[],
  loading: Loading,
): void {
  const reachable = listeners.find(({ address }) => !isLoopback(address));
  const why = reachable && `with the listener ${formatEndpoint(reachable)} this is an open relay`;
  for (const { value, at } of values["relay-domains"].value) {
    if (value.kind === "any" && why !== undefined) {
      loading.problems.error(at, `relay-domains "*": ${why}`, "name the domains that you take mail for");
    }
  }
  for (const dialect of dialects) {
    if (why === undefined || dialect.compiled.settings.relayDomains?.every(({ kind }) => kind !== "any") !== false)
      continue;
    const message = `${nameOf(dialect)} lets every client send to every domain: ${why}`;
    loading.problems.warning(values.policy.at, message, "name the domains there, or the networks of your own clients");
  }
  for (const { value, at } of values["relay-networks"].value) checkNetwork("relay-networks", value, at, why, loading);
  for (const listener of listeners) checkListener(listener, values, loading);
}

/** @param why nobody but our own may relay; undefined where nobody else gets here */
export function checkNetwork(
  setting: string,
  { address, prefix }: Cidr,
  at: Place,
  why: string | undefined,
  loading: Loading,
): void {
  const text = `${setting} ${address}/${prefix}`;
  const remedy = "name the networks of your own clients";
  if (prefix === 0 && why !== undefined) loading.problems.error(at, `${text}: ${why}`, remedy);
  else if (prefix < (isIpv6(address) ? 16 : 8)) loading.problems.warning(at, `${text} is a very large network`, remedy);
}

/** Everybody may relay here: only where nobody gets this far without having shown who he is. */
function checkListener(
  { name, address, rule, from }: ListenerSettings,
  { policy }: FileValues,
  loading: Loading,
): void {
  if (rule.relay?.value !== true || isLoopback(address)) return;
  if (rule.authRequired?.value === true || rule.clientCertificate?.value === "require-trusted") return;
  const message = `relay: true at the listener ${name}, which is not on loopback: this is an open relay`;
  const remedy = "add auth-required: true, or write relay-networks: with your own clients";
  loading.problems.error(
    placeOf(rule.relay.from.line === undefined ? from : rule.relay.from, policy.at, loading),
    message,
    remedy,
  );
}
