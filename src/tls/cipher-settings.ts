/**
 * Settings that only OpenSSL can judge, checked when a file is read and not when mail waits; and what no setting may
 * turn on (standards.md TL-3, TL-11).
 */
import { createSecureContext } from "node:tls";

/** No encryption, no authentication, broken, or without forward secrecy. RFC 9325 §4.1, §4.2 */
const neverCiphers = "!aNULL:!eNULL:!EXPORT:!LOW:!RC4:!3DES:!MD5:!kRSA:!PSK:!SRP";

/** A list as OpenSSL is to have it, whoever wrote it. Suites of TLS 1.3 are all good, and the list may hold no others. */
export function allowedCiphers(ciphers: string): string {
  const onlyTls13 = ciphers.split(/[:, ]+/).every((word) => word.startsWith("TLS_"));
  return onlyTls13 ? ciphers : `${ciphers}:${neverCiphers}`;
}

/** @param ciphers OpenSSL cipher list for TLS 1.2 and suites for 1.3. @returns what is wrong with it. */
export function checkCipherString(ciphers: string): string | undefined {
  if (!/^[\x21-\x7e ]*[A-Za-z0-9][\x21-\x7e ]*$/.test(ciphers)) return "not a list of ciphers";
  if (/@SECLEVEL=[01]/i.test(ciphers)) return "a security level below 2 takes keys and signatures that can be forged";
  return refusal(() => createSecureContext({ ciphers: allowedCiphers(ciphers) }));
}

/** Whether OpenSSL finds any cipher in the list, those that are never negotiated included. */
export function holdsCiphers(ciphers: string): boolean {
  return refusal(() => createSecureContext({ ciphers })) === undefined;
}

/** @param groups OpenSSL group list: `X25519MLKEM768:X25519`, with `?`, `*`, `/` and `DEFAULT` as OpenSSL 3.5 has them. */
export function checkGroups(groups: string): string | undefined {
  if (groups.trim() === "") return "an empty list of groups";
  return refusal(() => createSecureContext({ ecdhCurve: groups }));
}

function refusal(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { reason } = error as Error & { reason?: string };
    return reason ?? error.message;
  }
}
