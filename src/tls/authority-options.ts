/**
 * The CAs that count, as OpenSSL contexts of either side are told them.
 */
import { getCACertificates, type SecureContextOptions } from "node:tls";
import type { TrustAnchors } from "./handshake-settings.ts";

/** An empty list of CAs is a store without any, not the system's. */
export function authorityOptions(anchors: TrustAnchors): SecureContextOptions {
  // Without `ca` the context shares Node's one store of default anchors in place of a copy.
  if (anchors.kind === "system") return {};
  const { pem, partialChains, withSystem } = anchors;
  const ca = withSystem === true ? [...getCACertificates("default"), ...pem] : [...pem];
  return { ca, ...(partialChains === true ? { allowPartialTrustChain: true } : {}) };
}
