/**
 * A demand of the access map as our own rules write it: the same one, with its code spelled out where the version's
 * default is another than ours, numbers in decimal digits, and without what Sendmail does not look at.
 */
import type { PeerRequirement, Sourced } from "../../rules.ts";
import { type Extension, parseRequirement, printRequirement } from "./requirement-text.ts";

/** @returns why it cannot be written, in words, where our rules have no demand like it */
export function ownDemand(requirement: PeerRequirement): Sourced<PeerRequirement> | string {
  const { from, of, verify, bits, reply } = requirement;
  const extensions: Extension[] = [];
  for (const extension of requirement.extensions) {
    if (extension.kind !== "issuer-tag") extensions.push(extension);
    else {
      const [issuer, ...others] = extension.issuers;
      if (issuer === undefined || others.length > 0) {
        return `CITag:${extension.tag} stands for ${extension.issuers.size} issuers, and our rules name one with CI:`;
      }
      extensions.push({ kind: "issuer", dn: issuer });
    }
  }
  // What requires nothing still says with which code a broken handshake is answered.
  const strength = bits ?? (verify ? undefined : { atLeast: 0 });
  const text = printRequirement({
    prefix: reply.status === "5.7.0" ? "PERM" : reply.code === 403 ? "TEMP" : undefined,
    kind: "requirement",
    verify,
    bits: strength && { atLeast: strength.atLeast, digits: String(strength.atLeast) },
    extensions,
    flaw: undefined,
  });
  const again = parseRequirement(text);
  if (again.kind !== "requirement" || again.flaw !== undefined) return `our rules have no demand ${text}`;
  const demand: PeerRequirement = {
    from,
    text,
    of,
    verify,
    bits: again.bits,
    extensions: extensions.filter((extension) => extension.kind !== "issuer-tag"),
    reply,
  };
  return { value: demand, from };
}
