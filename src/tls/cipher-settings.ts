/**
 * Checks of settings that only OpenSSL can judge, made when a file is read and not when mail waits.
 */
import { createSecureContext } from "node:tls";

/** @param ciphers OpenSSL cipher list for TLS 1.2 and suites for 1.3. @returns what is wrong with it. */
export function checkCipherString(ciphers: string): string | undefined {
  if (!/^[\x21-\x7e ]*[A-Za-z0-9][\x21-\x7e ]*$/.test(ciphers)) return "not a list of ciphers";
  return refusal(() => createSecureContext({ ciphers }));
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
