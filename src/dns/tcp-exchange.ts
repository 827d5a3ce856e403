/**
 * A question over TCP, for answers that UDP cut (RS-5): two octets of length, then the message (RFC 1035 §4.2.2).
 * At most 65,535 octets are kept. Here a wrong answer is a failure: nothing better can follow on the stream.
 */
import { connect } from "node:net";
import { type Exchange, type ExchangeOptions, settleOnce } from "./exchange.ts";
import { parseResponse } from "./message.ts";
import type { Query } from "./query.ts";

export function exchangeTcp(options: ExchangeOptions): Promise<Exchange> {
  const { server, query, signal } = options;
  if (signal.aborted) return Promise.resolve({ kind: "cancelled" });
  const socket = connect({ host: server.address, port: server.port, noDelay: true });
  const { result, settle } = settleOnce(options, () => socket.destroy());
  const reader = new FrameReader();
  socket.on("connect", () => socket.write(framed(query.bytes)));
  socket.on("error", (error) => settle({ kind: "failed", error: error.message }));
  socket.on("close", () => settle({ kind: "failed", error: "connection closed before the answer" }));
  socket.on("data", (chunk) => {
    const message = reader.push(chunk);
    if (message !== undefined) settle(readMessage(message, query));
  });
  return result;
}

function framed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Puts the first message together; joins its pieces twice at most, however small they come. */
class FrameReader {
  #chunks: Buffer[] = [];
  #octets = 0;
  #wanted = 2;

  push(chunk: Buffer): Buffer | undefined {
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
    if (this.#octets < this.#wanted) return undefined;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    this.#wanted = 2 + joined.readUInt16BE(0);
    return this.#octets < this.#wanted ? undefined : joined.subarray(2, this.#wanted);
  }
}

function readMessage(bytes: Buffer, query: Query): Exchange {
  const response = parseResponse(bytes, query);
  if (response.kind !== "message") return { kind: "failed", error: "malformed answer over TCP" };
  if (response.message.truncated) return { kind: "failed", error: "answer truncated over TCP" };
  return response;
}
