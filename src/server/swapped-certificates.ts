/**
 * Which certificates a reload renewed, for the log. Pure.
 */
import { X509Certificate } from "node:crypto";
import type { Settings } from "../config/settings.ts";
import type { Credential } from "../tls/handshake-settings.ts";

/** Certificates of the same name with other contents. `notAfter` is ISO 8601. */
export function swappedCertificates(
  before: Settings,
  after: Settings,
): readonly Readonly<{ name: string; notAfter: string }>[] {
  const old = credentialsOf(before);
  return [...credentialsOf(after).values()]
    .filter(({ name, id }) => old.has(name) && old.get(name)?.id !== id)
    .map(({ name, certificateChain }) => ({
      name,
      notAfter: new X509Certificate(certificateChain).validToDate.toISOString(),
    }));
}

function credentialsOf({ listeners, inboundDefaults, bindings }: Settings): ReadonlyMap<string, Credential> {
  const served = [...listeners.map(({ rule }) => rule), inboundDefaults].flatMap(({ certificates }) =>
    certificates === undefined
      ? []
      : [certificates.value.default, ...certificates.value.others].flatMap(({ credentials }) => credentials),
  );
  const shown = [...bindings.values()].flatMap(({ clientCertificate }) => clientCertificate ?? []);
  return new Map([...served, ...shown].map((credential) => [credential.name, credential]));
}
