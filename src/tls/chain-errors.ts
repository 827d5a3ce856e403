/**
 * What OpenSSL found wrong with a certificate chain, in words. Codes as Node prints them, X509_V_ERR_* without the prefix.
 */

import { errorText } from "../mail/error-text.ts";
import type { ChainResult } from "./peer-facts.ts";

const texts: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT: "the certificate of an issuer is missing",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the issuer is not among the trusted CAs, or an intermediate is missing",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the issuer is unknown and the host sent no intermediate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "the chain ends in a CA that is not trusted",
  CERT_SIGNATURE_FAILURE: "a signature in the chain is wrong",
  CERT_NOT_YET_VALID: "not valid yet",
  CERT_HAS_EXPIRED: "expired",
  CERT_CHAIN_TOO_LONG: "the chain is too long",
  CERT_REVOKED: "revoked",
  INVALID_CA: "a certificate in the chain is no CA",
  PATH_LENGTH_EXCEEDED: "a CA stands deeper in the chain than it may",
  INVALID_PURPOSE: "not made for this use",
  CERT_UNTRUSTED: "the CA is not trusted for this use",
  CERT_REJECTED: "the CA is marked as rejected for this use",
  // Node's word for all that came into OpenSSL later.
  UNSPECIFIED: "a key or signature in the chain is too weak, or a CA may not vouch for this name",
};

/** @param error `TLSSocket.authorizationError`, empty when the chain is good. */
export function chainResult(error: unknown): ChainResult {
  if (error === undefined || error === null || error === "") return { kind: "trusted" };
  const code = errorText(error);
  return { kind: "untrusted", code, text: texts[code] ?? code };
}
