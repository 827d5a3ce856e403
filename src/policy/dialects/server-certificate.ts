/**
 * What clients may stumble over in a certificate that another mail server's configuration shows them: its dates, its chain,
 * and whether it carries our name.
 */
import type { CredentialCheck } from "../../tls/credential.ts";
import { carriesName } from "../../tls/names.ts";

export type CertificateWarning = Readonly<{ text: string; remedy: string }>;

export function certificateWarnings({
  warning,
  chainWarnings,
}: Extract<CredentialCheck, { kind: "ok" }>): readonly CertificateWarning[] {
  return [...(warning === undefined ? [] : [{ text: warning, remedy: "renew it" }]), ...chainWarnings];
}

/** @param names of the certificate, lower case; a wildcard stands for one label (RFC 9525 §6.3) */
export function nameWarning(names: readonly string[], hostname: string): CertificateWarning | undefined {
  if (carriesName(names, hostname)) return undefined;
  const text = `the certificate does not carry our name ${hostname}: whoever checks names will refuse it`;
  return { text, remedy: "give one that does" };
}
