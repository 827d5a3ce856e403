/**
 * Errors of TLS sockets in words, without the places in OpenSSL's source that stand in their messages.
 */

/** What went wrong, from an error of a TLS socket: `ERR_SSL_WRONG_VERSION_NUMBER`, `ECONNRESET` ... */
export function describeTlsError(error: Error): { code: string; text: string } {
  const { code, reason } = error as Error & { code?: string; reason?: string };
  return { code: code ?? "ERR_TLS", text: reason ?? error.message };
}
