/**
 * The certificates behind a server's own: each must have issued the one before it (RFC 5246 §7.4.2; RFC 8446 §4.4.2 only
 * wishes for it). A file in another order is put in order; what peers may stumble over is told.
 */
import type { X509Certificate } from "node:crypto";
import { oneLine } from "./certificate-facts.ts";
import { isSignedBy } from "./chain-end.ts";
import { isIssuedBySystem } from "./system-authorities.ts";
import { validityWarning } from "./validity.ts";

export type ChainWarning = Readonly<{ text: string; remedy: string }>;

/** @param now ms since 1970. @returns all of them: some clients know only the root behind another of two paths */
export function inOrder(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  now: number,
): Readonly<{ ordered: readonly X509Certificate[]; warnings: readonly ChainWarning[] }> {
  const rest = others.filter((each, at) => !same(each, leaf) && others.findIndex((other) => same(other, each)) === at);
  const path = [leaf];
  for (let last = leaf; ; ) {
    const issuer = isSelfIssued(last) ? undefined : rest.find((each) => !path.includes(each) && isSignedBy(last, each));
    if (issuer === undefined) break;
    path.push(issuer);
    last = issuer;
  }
  const unused = rest.filter((each) => !path.includes(each));
  const warnings = [...orderWarnings(rest, path, unused), ...path.slice(1).flatMap((each) => dateWarnings(each, now))];
  return { ordered: [...path, ...unused], warnings: [...warnings, ...missingWarnings(path.at(-1) ?? leaf)] };
}

function orderWarnings(
  rest: readonly X509Certificate[],
  path: readonly X509Certificate[],
  unused: readonly X509Certificate[],
): readonly ChainWarning[] {
  const warnings: ChainWarning[] = [];
  const written = rest.filter((each) => path.includes(each));
  if (written.some((each, at) => each !== path[at + 1])) {
    const text = "the intermediates of the file stand in the wrong order: it is served in the right one";
    warnings.push({ text, remedy: "write each behind the one that it issued" });
  }
  for (const stranger of unused.filter((each) => !path.some((other) => isSignedBy(other, each)))) {
    const text = `${nameOf(stranger)} in its file issued none of the others`;
    warnings.push({ text, remedy: "remove it, or put the missing intermediates into the file" });
  }
  return warnings;
}

function dateWarnings(certificate: X509Certificate, now: number): readonly ChainWarning[] {
  const { validFromDate, validToDate } = certificate;
  const what = `the intermediate ${nameOf(certificate)}`;
  const text = validityWarning(what, validFromDate.getTime(), validToDate.getTime(), now);
  return text === undefined ? [] : [{ text, remedy: "get a new chain from your CA" }];
}

/**
 * Whose issuer nobody can know but from the file. A CA that says where its own certificate is found (AIA) has issued it
 * for the public; that of an organisation mostly does not, and its clients have it.
 */
function missingWarnings(last: X509Certificate): readonly ChainWarning[] {
  if (isSelfIssued(last) || last.infoAccess?.includes("CA Issuers") !== true || isIssuedBySystem(last)) return [];
  const text = `its issuer ${oneLine(last.issuer)} is neither in its file nor among the system's CAs, so that clients may not be able to check it`;
  return [{ text, remedy: "append the intermediates that your CA gave you" }];
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}

function same(left: X509Certificate, right: X509Certificate): boolean {
  return left.fingerprint256 === right.fingerprint256;
}

function nameOf(certificate: X509Certificate): string {
  return `"${oneLine(certificate.subject)}"`;
}
