/**
 * One outbound handshake: settings in, facts out. The peer's certificate is never a reason to stop here: every check is
 * run and recorded, and `policy/judge.ts` decides. Sessions are never resumed, so every handshake is a full one and
 * there is always something to check (standards.md TL-15, AT-12).
 */
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { certificateFacts } from "./certificate-facts.ts";
import { chainResult } from "./chain-errors.ts";
import { cipherBits } from "./cipher-bits.ts";
import { clientContext } from "./client-context.ts";
import type { HandshakeSettings } from "./handshake-settings.ts";
import { issuersOf } from "./issuers.ts";
import type { HandshakeFacts } from "./peer-facts.ts";
import { describeTlsError } from "./tls-error.ts";

export type HandshakeResult =
  | Readonly<{ kind: "done"; socket: TLSSocket; facts: HandshakeFacts }>
  /** `code` is Node's or OpenSSL's; the socket is destroyed. */
  | Readonly<{ kind: "failed"; code: string; text: string }>;

/**
 * Takes over a connected socket whose next octet is the peer's first TLS record.
 *
 * @param signal ends the handshake; its reason (an Error with a `code`) becomes the failure.
 */
export function shakeHands(socket: Socket, settings: HandshakeSettings, signal: AbortSignal): Promise<HandshakeResult> {
  const started = performance.now();
  return new Promise((resolve) => {
    const secure = connect({
      socket,
      secureContext: clientContext(settings),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...serverNameOption(settings.serverName),
    });
    const settle = (result: HandshakeResult): void => {
      signal.removeEventListener("abort", abort);
      secure.removeListener("error", fail);
      secure.removeListener("close", closed);
      if (result.kind === "failed") discard(secure, socket);
      resolve(result);
    };
    const fail = (error: Error): void => settle({ kind: "failed", ...describeTlsError(error) });
    const closed = (): void => settle({ kind: "failed", code: "ECONNRESET", text: "closed during the handshake" });
    const abort = (): void => fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    secure.on("error", fail);
    secure.on("close", closed);
    secure.once("secureConnect", () => {
      const durationMs = performance.now() - started;
      settle({ kind: "done", socket: secure, facts: gatherFacts(secure, settings, durationMs) });
    });
    if (signal.aborted) abort();
  });
}

/** TL-8: never an address. */
function serverNameOption(serverName: string | undefined): { servername?: string } {
  return serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName };
}

function discard(secure: TLSSocket, socket: Socket): void {
  // Errors that arrive after the result is known have nobody left to tell.
  secure.on("error", () => undefined);
  secure.destroy();
  socket.destroy();
}

function gatherFacts(secure: TLSSocket, settings: HandshakeSettings, durationMs: number): HandshakeFacts {
  const cipher = secure.getCipher().standardName;
  const leaf = secure.getPeerX509Certificate();
  return {
    protocol: secure.getProtocol() ?? "",
    cipher,
    bits: cipherBits(cipher),
    group: groupOf(secure),
    resumed: secure.isSessionReused(),
    chain: secure.authorized ? { kind: "trusted" } : chainResult(secure.authorizationError),
    certificate: leaf === undefined ? undefined : certificateFacts(leaf.raw),
    intermediates: issuersOf(leaf),
    clientCertificate: clientCertificateUse(secure, settings),
    durationMs,
  };
}

function groupOf(secure: TLSSocket): string | undefined {
  const info = secure.getEphemeralKeyInfo();
  if (info === null || !("type" in info)) return undefined;
  return "name" in info ? info.name : `${info.type}-${info.size}`;
}

/**
 * A client learns the server's signature algorithms from its CertificateRequest alone (RFC 8446 §4.3.2, RFC 5246
 * §7.4.4): a non-empty list of shared ones means that the peer asked.
 */
function clientCertificateUse(secure: TLSSocket, { credential }: HandshakeSettings): "not-asked" | "asked" | "sent" {
  if (secure.getSharedSigalgs().length === 0) return "not-asked";
  return credential === undefined ? "asked" : "sent";
}
