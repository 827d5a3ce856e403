/**
 * Does a certificate carry a name? By RFC 9525 §6, not by Node's own checker, which takes common names and partial
 * wildcards (standards.md NC-1 to NC-7).
 *
 * Only SubjectAltName entries count. A wildcard is a whole left-most label and stands for exactly one label. A name that
 * holds anything but printable ASCII never matches. Pure: whether the chain is trusted is another question.
 */
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { CertificateFacts } from "./peer-facts.ts";

/** A name that the operator or routing expects. */
export type ReferenceName =
  | Readonly<{ kind: "name"; name: Domain }>
  /** `.example.com`: any name one or more labels below, never the name itself (Postfix's `.name` and `dot-nexthop`). */
  | Readonly<{ kind: "below"; name: Domain }>
  /** Only where the operator configured the address itself as the peer (NC-5). */
  | Readonly<{ kind: "ip"; ip: IpAddress }>;

/** As an operator writes it: `mx.example.com`, `.example.com`, `192.0.2.1`. */
export function describeReference(reference: ReferenceName): string {
  if (reference.kind === "ip") return reference.ip;
  return reference.kind === "below" ? `.${reference.name}` : reference.name;
}

/** Of a certificate of ours: does one of its names, wildcards over exactly one label, say this one? All in lower case. */
export function carriesName(names: readonly string[], name: string): boolean {
  const dot = name.indexOf(".");
  return names.includes(name) || (dot > 0 && names.includes(`*${name.slice(dot)}`));
}

/** @returns the entry that matched, as it stands in the certificate; `undefined` when none does. */
export function certificateMatches(
  certificate: Pick<CertificateFacts, "dnsNames" | "ipAddresses">,
  reference: ReferenceName,
): string | undefined {
  switch (reference.kind) {
    case "name":
      return certificate.dnsNames.find((entry) => namesHost(normalize(entry), reference.name));
    case "below":
      return certificate.dnsNames.find((entry) => isBelow(normalize(entry), reference.name));
    case "ip":
      return certificate.ipAddresses.find((entry) => entry === reference.ip);
  }
}

const labels = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

/** Lower case without one trailing dot (NC-2); `undefined` for what may never match (NC-3, NC-6). */
function normalize(entry: string): string | undefined {
  if (entry.length > 254) return undefined;
  const name = (entry.endsWith(".") ? entry.slice(0, -1) : entry).toLowerCase();
  return labels.test(name) ? name : undefined;
}

function namesHost(pattern: string | undefined, host: Domain): boolean {
  if (pattern === undefined) return false;
  if (!pattern.startsWith("*.")) return pattern === host;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}

/** A wildcard below the reference stands for names below it too: `*.example.com` is below `example.com`. */
function isBelow(pattern: string | undefined, parent: Domain): boolean {
  return pattern?.endsWith(`.${parent}`) ?? false;
}
