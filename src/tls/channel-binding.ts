/**
 * What a log-in is bound to a TLS session by: `tls-exporter` (RFC 9266).
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** @returns 32 octets; undefined in clear, and in TLS 1.2: no use without extended master secrets, which Node does not tell */
export function channelBinding(socket: Socket): Buffer | undefined {
  if (!(socket instanceof TLSSocket) || socket.getProtocol() !== "TLSv1.3") return undefined;
  return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}
