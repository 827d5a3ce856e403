/**
 * Says whether somebody else listens on a port. Workers share theirs (SO_REUSEPORT), and so would a second relay of the
 * same user: it would be given half of the connections without a word. So the first worker asks before it shares.
 */
import { once } from "node:events";
import { createServer } from "node:net";

/** `listener` as the message calls it; `isTheirs`: another mail server's configuration wants it, which may have it now. */
export type WantedPort = Readonly<{ listener: string; isTheirs: boolean; address: string; port: number }>;

/** Rejects, with the listener's name and what to do, when the address and port cannot be had alone. */
export async function assertFree(wanted: WantedPort): Promise<void> {
  const { address, port } = wanted;
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: address, port, ipv6Only: true, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw cannotListen(wanted, error);
  }
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

export function cannotListen({ listener, isTheirs, address, port }: WantedPort, cause: unknown): Error {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const place = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const beside = isTheirs && code === "EADDRINUSE" ? ", or start --beside it" : "";
  return new Error(`listener ${listener} cannot have ${place}: ${reasons[code] ?? message}${beside}`, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there (see ss -ltnp): stop it, or write another address",
  EADDRNOTAVAIL: "the address is not one of this machine's",
  EACCES: "a port below 1024 needs root or CAP_NET_BIND_SERVICE",
};
