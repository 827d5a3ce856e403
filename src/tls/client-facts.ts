/**
 * A client's handshake with us as data, its certificate included: the twin of `client-handshake.ts`, seen from the server.
 * A certificate that is missing, broken or of an unknown CA is a fact like any other (TL-17, AT-35).
 */
import { createHash } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { certificateFacts } from "./certificate-facts.ts";
import { chainResult } from "./chain-errors.ts";
import { cipherBits } from "./cipher-bits.ts";
import { issuersOf } from "./issuers.ts";
import type { ChainResult, HandshakeFacts } from "./peer-facts.ts";
import { groupOfSession } from "./session-group.ts";

/** Longest chain that is followed to its end. */
const maxChain = 30;

/** @param asked did we ask for a certificate? */
export function clientHandshakeFacts(socket: TLSSocket, asked: boolean, durationMs: number): HandshakeFacts {
  const cipher = socket.getCipher().standardName;
  const leaf = asked ? socket.getPeerX509Certificate() : undefined;
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher,
    bits: cipherBits(cipher),
    group: groupOfSession(socket.getSession()),
    resumed: socket.isSessionReused(),
    chain: leaf === undefined ? noCertificate : chainOf(socket),
    certificate: leaf === undefined ? undefined : certificateFacts(leaf.raw),
    intermediates: issuersOf(leaf),
    clientCertificate: asked ? (leaf === undefined ? "asked" : "sent") : "not-asked",
    durationMs,
  };
}

const noCertificate: ChainResult = { kind: "untrusted", code: "NO_CERTIFICATE", text: "no certificate was shown" };

function chainOf(socket: TLSSocket): ChainResult {
  const error = verifyError(socket);
  if (error !== undefined) return chainResult(error);
  return {
    kind: "trusted",
    anchor: createHash("sha256")
      .update(lastOf(socket.getPeerCertificate(true)))
      .digest("hex"),
  };
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

/** The end of the chain: the CA itself, also where the client did not send it. */
function lastOf(certificate: DetailedPeerCertificate): Buffer {
  let last = certificate;
  for (let depth = 0; depth < maxChain; depth++) {
    const { issuerCertificate: next } = last;
    if (next === undefined || next === last) break;
    last = next;
  }
  return last.raw;
}
