/**
 * A question over UDP, on a socket of its own: the system picks a fresh random source port (RS-4), and a connected
 * socket only hears the address and port that was asked (RS-3). The open socket keeps the process alive while it waits.
 */
import { createSocket } from "node:dgram";
import { isIpv6 } from "../mail/ip.ts";
import { type Exchange, type ExchangeOptions, settleOnce } from "./exchange.ts";
import { parseResponse } from "./message.ts";
import type { Query } from "./query.ts";

/** Forged and stray packets are dropped and the wait goes on; a datagram beyond what we offered counts as truncated. */
export function exchangeUdp(options: ExchangeOptions): Promise<Exchange> {
  const { server, query, signal } = options;
  if (signal.aborted) return Promise.resolve({ kind: "cancelled" });
  const socket = createSocket({ type: isIpv6(server.address) ? "udp6" : "udp4" });
  const { result, settle } = settleOnce(options, () => socket.close());
  socket.on("error", (error) => settle({ kind: "failed", error: error.message }));
  socket.on("message", (bytes) => {
    const exchange = readDatagram(bytes, query);
    if (exchange !== undefined) settle(exchange);
  });
  socket.on("connect", () => socket.send(query.bytes));
  socket.connect(server.port, server.address);
  return result;
}

function readDatagram(bytes: Buffer, query: Query): Exchange | undefined {
  const response = parseResponse(bytes, query);
  switch (response.kind) {
    case "not-ours":
      return undefined;
    case "malformed":
      return { kind: "failed", error: "malformed answer" };
    case "message": {
      const truncated = response.message.truncated || bytes.length > query.maxUdpBytes;
      return { kind: "message", message: { ...response.message, truncated } };
    }
  }
}
