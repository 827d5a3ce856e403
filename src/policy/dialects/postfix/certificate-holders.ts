/**
 * Whose certificates let a client through: the digests that `relay_clientcerts` lists, or that an access table says OK to
 * (Postfix: INB-16, INB-18). Whoever issued them: the handshake proved that the client holds the key.
 */
import type { Origin, Pin } from "../../rules.ts";
import type { View } from "./configuration.ts";
import { parseFingerprints } from "./fingerprints.ts";
import type { LookupTable } from "./lookup-table.ts";

export type Complain = (from: Origin, text: string, remedy: string) => void;

/** @param tables `relay_clientcerts`, opened */
export function listedHolders(view: View, tables: readonly LookupTable[], complain: Complain): readonly Pin[] {
  const { from } = view.setting("relay_clientcerts");
  const keysOf = (table: LookupTable): readonly string[] => table.entries().map(({ key }) => key);
  return tables.flatMap((table) => pinsOf(view, table, keysOf(table), { name: "relay_clientcerts", from, complain }));
}

/** @param from of the list that names the table */
export function permittedHolders(view: View, table: LookupTable, from: Origin, complain: Complain): readonly Pin[] {
  const entries = table.entries();
  const permitted = entries.filter(({ hit }) => /^(?:ok|relay|\d+)$/i.test(hit.value));
  if (permitted.length < entries.length) {
    const why = "a client need not show a certificate that is refused";
    complain(from, `check_ccert_access: only entries that say OK are taken: ${why}`, "");
  }
  const keys = permitted.map(({ key }) => key);
  return pinsOf(view, table, keys, { name: "check_ccert_access", from, complain });
}

function pinsOf(
  view: View,
  table: LookupTable,
  keys: readonly string[],
  { name, from, complain }: Readonly<{ name: string; from: Origin; complain: Complain }>,
): readonly Pin[] {
  if (table.kind !== "fixed") {
    complain(from, `${name}: only digests that are written out count`, "list them in a hash or texthash table");
    return [];
  }
  const algorithm = view.setting("smtpd_tls_fingerprint_digest").value;
  const read = parseFingerprints(algorithm, keys);
  if (read.kind === "unsupported") {
    complain(from, `smtpd_tls_fingerprint_digest = ${algorithm} is not supported here`, "use sha256 or sha512");
    return [];
  }
  for (const text of read.malformed) complain(from, `"${text}" in ${name} is no digest`, "write hexadecimal digits");
  return read.pins;
}
