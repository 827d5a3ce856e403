/**
 * What an smtpd service shows in its handshakes: `smtpd_tls_cert_file` and its like, and by SNI what `tls_server_sni_maps`
 * holds (Postfix: INB-10, INB-20, INB-21).
 *
 * Where the default certificate cannot be had Postfix has no TLS at all. A name whose certificate cannot be had is shown
 * the default here, where Postfix breaks off the handshake.
 */
import type { ServedCertificates, ServerCredential } from "../../../tls/server-tls.ts";
import type { Origin, Sourced } from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import type { View } from "./configuration.ts";
import { readChainText, readServerPairs, type ServerPairs } from "./credentials.ts";
import type { LookupTable } from "./lookup-table.ts";

export type CertificateProblem = Readonly<{ from: Origin; text: string; remedy: string }>;

/** `failed`: there is one, and it cannot be used. */
export type ServiceCertificates = Readonly<{
  served: Sourced<ServedCertificates> | undefined;
  failed: CertificateProblem | undefined;
  problems: readonly CertificateProblem[];
}>;

export function readCertificates(
  view: View,
  sniTables: readonly LookupTable[],
  files: SourceFiles,
): ServiceCertificates {
  const value = (name: string): string => view.path(view.setting(name).value);
  const chains = view.setting("smtpd_tls_chain_files");
  const single = ["smtpd_tls_cert_file", "smtpd_tls_eccert_file"].find((name) => view.setting(name).value !== "");
  const { from } = chains.value !== "" || single === undefined ? chains : view.setting(single);
  if (chains.value === "" && view.setting("smtpd_tls_cert_file").value === "none") {
    const text = "no certificate: only anonymous ciphers, which are never used";
    return { served: undefined, failed: undefined, problems: [{ from, text, remedy: "give a certificate" }] };
  }
  const pairs = readServerPairs(
    {
      chainFiles: view.list("smtpd_tls_chain_files").map((name) => view.path(name)),
      certFile: value("smtpd_tls_cert_file"),
      keyFile: value("smtpd_tls_key_file"),
      ecCertFile: value("smtpd_tls_eccert_file"),
      ecKeyFile: value("smtpd_tls_eckey_file"),
    },
    files,
  );
  if (pairs.kind === "none") return { served: undefined, failed: undefined, problems: [] };
  if (pairs.kind === "failed") {
    return { served: undefined, failed: { from, text: pairs.problem, remedy: pairs.remedy }, problems: [] };
  }
  const byName = readNames(view, sniTables, files);
  const served = { default: { credentials: pairs.credentials, names: [] }, others: byName.others };
  const warnings = pairs.warnings.map((text) => ({ from, text, remedy: "renew it" }));
  return { served: { value: served, from }, failed: undefined, problems: [...warnings, ...byName.problems] };
}

type ByName = Readonly<{ others: readonly ServerCredential[]; problems: readonly CertificateProblem[] }>;

/** Names with one chain share a credential; of tables that hold the same name the first one counts. */
function readNames(view: View, tables: readonly LookupTable[], files: SourceFiles): ByName {
  const problems: CertificateProblem[] = [];
  const named = new Map<string, string>();
  for (const table of tables) {
    if (table.kind !== "fixed") {
      const { from } = view.setting("tls_server_sni_maps");
      const text = `${table.spec}: only names that are written out have certificates of their own`;
      problems.push({ from, text, remedy: "list them in a hash or texthash table" });
      continue;
    }
    for (const { key, hit } of table.entries()) {
      const name = key.toLowerCase();
      if (named.has(name)) continue;
      named.set(name, hit.value);
      const pairs = readValue(name, hit.value, view, files);
      if (pairs.kind === "found") continue;
      const at: Origin = { source: "postfix", ...hit.from, scope: `tls_server_sni_maps, ${name}` };
      const [text, remedy] =
        pairs.kind === "none"
          ? [`no certificate for ${name}: the default is shown`, "name a file with a key and its chain"]
          : [`${name}: ${pairs.problem}: the default is shown`, pairs.remedy];
      problems.push({ from: at, text, remedy });
    }
  }
  return { others: credentialsOf(named, view, files), problems };
}

function credentialsOf(named: ReadonlyMap<string, string>, view: View, files: SourceFiles): ServerCredential[] {
  const byValue = Map.groupBy(named, ([, value]) => value);
  return [...byValue].flatMap(([value, entries]): readonly ServerCredential[] => {
    const names = entries.map(([name]) => name);
    const pairs = readValue(names[0] ?? "", value, view, files);
    return pairs.kind === "found" ? [{ credentials: pairs.credentials, names }] : [];
  });
}

/** File names, or what `postmap -F` made of them: their contents in base64. */
function readValue(name: string, value: string, view: View, files: SourceFiles): ServerPairs {
  const contents = /^[A-Za-z0-9+/=\s]{100,}$/.test(value) ? Buffer.from(value, "base64").toString("latin1") : "";
  if (contents.includes("-----BEGIN ")) return readChainText(`tls_server_sni_maps, ${name}`, contents);
  const chainFiles = value.split(/[\s,]+/).map((file) => view.path(file));
  return readServerPairs({ chainFiles, certFile: "", keyFile: "", ecCertFile: "", ecKeyFile: "" }, files);
}
