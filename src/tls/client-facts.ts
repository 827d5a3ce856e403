/**
 * A client's handshake with us as data, its certificate included: the twin of `client-handshake.ts`, seen from the server.
 * A certificate that is missing, broken or of an unknown CA is a fact like any other (TL-17, AT-35).
 */
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { certificateFacts } from "./certificate-facts.ts";
import { chainResult } from "./chain-errors.ts";
import { cipherBits } from "./cipher-bits.ts";
import { anchorsId, type TrustAnchors } from "./handshake-settings.ts";
import { issuersOf } from "./issuers.ts";
import type { ChainResult, HandshakeFacts } from "./peer-facts.ts";
import { serverChainAnchor } from "./server-purpose.ts";
import { groupOfSession } from "./session-group.ts";
import { soundChainEnd } from "./sound-chain.ts";

/** Longest chain that is followed to its end. */
const maxChain = 30;

/** @param anchors that clients were asked for certificates of; undefined: they were not asked */
export function clientHandshakeFacts(
  socket: TLSSocket,
  anchors: TrustAnchors | undefined,
  durationMs: number,
): HandshakeFacts {
  const asked = anchors !== undefined;
  const cipher = socket.getCipher().standardName;
  // In this order: on a server's socket the chain is gone once the X509Certificate was made (Node 24.21).
  const chain = asked ? wholeChain(socket.getPeerCertificate(true)) : [];
  const leaf = asked ? socket.getPeerX509Certificate() : undefined;
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher,
    bits: cipherBits(cipher),
    group: groupOfSession(socket.getSession()),
    resumed: socket.isSessionReused(),
    chain:
      leaf === undefined || anchors === undefined ? noCertificate : judgeChain(chain, anchors, verifyError(socket)),
    certificate: leaf === undefined ? undefined : certificateFacts(leaf.raw),
    intermediates: issuersOf(leaf),
    clientCertificate: asked ? (leaf === undefined ? "asked" : "sent") : "not-asked",
    durationMs,
  };
}

const noCertificate: ChainResult = { kind: "untrusted", code: "NO_CERTIFICATE", text: "no certificate was shown" };

/** OpenSSL may have found another way up than the one that we see: what that one proves is looked at for itself. */
function judgeChain(chain: readonly Buffer[], anchors: TrustAnchors, error: unknown): ChainResult {
  if (error === undefined) {
    const anchor = soundChainEnd(chain, "client", Date.now());
    return { kind: "trusted", under: anchorsId(anchors), ...(anchor === undefined ? {} : { anchor }) };
  }
  const asServer = error === "INVALID_PURPOSE" ? serverChainAnchor(chain, Date.now()) : undefined;
  return { ...chainResult(error), ...(asServer === undefined ? {} : { asServer }) };
}

/**
 * What OpenSSL says of the client's chain; undefined: nothing is wrong with it. Node tells it as `authorized` only of
 * sockets that a `tls.Server` made, which would not let us choose between contexts; so its handle is asked, as
 * `tls.Server` does. Should another Node have no such word, nobody is trusted.
 */
function verifyError(socket: TLSSocket): unknown {
  const { _handle: handle } = socket as unknown as {
    _handle?: { verifyError?: () => (Error & { code?: string }) | null };
  };
  if (handle?.verifyError === undefined) return "UNSPECIFIED";
  const error = handle.verifyError();
  return error === null ? undefined : (error.code ?? "UNSPECIFIED");
}

/**
 * With the CA at its end, also where the client did not send it. Put together by names and key identifiers alone, so a
 * client can send certificates along that lead it elsewhere: its end counts only where `soundChainEnd` finds it.
 */
function wholeChain(certificate: DetailedPeerCertificate): Buffer[] {
  // Without one Node gives an empty object.
  if (certificate.raw === undefined) return [];
  const chain = [certificate.raw];
  let last = certificate;
  while (chain.length < maxChain) {
    const { issuerCertificate: next } = last;
    if (next === undefined || next === last) break;
    chain.push(next.raw);
    last = next;
  }
  return chain;
}
