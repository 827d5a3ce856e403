/**
 * Says whether somebody else listens on a port. Workers share theirs (SO_REUSEPORT), and so would a second relay of the
 * same user: it would be given half of the connections without a word. So the first worker asks before it shares.
 */
import { once } from "node:events";
import { createServer } from "node:net";

/** Rejects, with the listener's name and what to do, when the address and port cannot be had alone. */
export async function assertFree(listener: string, address: string, port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: address, port, ipv6Only: true, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw cannotListen(listener, address, port, error);
  }
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

export function cannotListen(listener: string, address: string, port: number, cause: unknown): Error {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const place = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  return new Error(`listener ${listener} cannot have ${place}: ${reasons[code] ?? message}`, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there (see ss -ltnp): stop it, or write another address",
  EADDRNOTAVAIL: "the address is not one of this machine's",
  EACCES: "a port below 1024 needs root or CAP_NET_BIND_SERVICE",
};
