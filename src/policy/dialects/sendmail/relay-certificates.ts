/**
 * Who may relay by certificate: CertIssuer and CertSubject. Sendmail reference, section 10.
 */
import type { RelayByCertificate, Sourced } from "../../rules.ts";
import { type AccessMap, isWord } from "./access-map.ts";
import type { Configuration } from "./configuration.ts";
import type { Setup } from "./setup.ts";

export function relayByCertificate({
  map,
  configuration,
  setup,
}: Readonly<{ map: AccessMap; configuration: Configuration | undefined; setup: Setup }>):
  | Sourced<RelayByCertificate>
  | undefined {
  // DNs that are cut down before they are looked up, and revocation lists: neither is carried out here, so nobody relays.
  if (configuration?.certificateRegex !== undefined || setup.revocation !== undefined) return undefined;
  const issuers = new Map<string, "relay" | "subject">();
  for (const [dn, { value }] of map.values.certissuer) {
    if (isWord(value, "RELAY")) issuers.set(dn, "relay");
    else if (isWord(value, "SUBJECT")) issuers.set(dn, "subject");
  }
  if (issuers.size === 0) return undefined;
  const subjects = [...map.values.certsubject].filter(([, { value }]) => isWord(value, "RELAY")).map(([dn]) => dn);
  const [first] = map.values.certissuer.values();
  return { value: { kind: "names", issuers, subjects: new Set(subjects) }, from: first?.from ?? setup.from };
}
