/**
 * The two calls of the C library that open a datagram socket of this machine, made through the optional package koffi
 * (docs/decisions/0013-logs.md). Loaded when a log goes to such a socket.
 */
import { errorText } from "../../mail/error-text.ts";

export type DatagramCalls = Readonly<{
  socket: (family: number, kind: number, protocol: number) => number;
  connect: (fd: number, address: Buffer, length: number) => number;
  errno: () => number;
}>;

/** As much of koffi as is used: its own types are missing where it is. */
type Koffi = Readonly<{
  load: (library: null) => Readonly<{ func: <Call>(prototype: string) => Call }>;
  errno: () => number;
}>;

/** A variable, so that the sources compile without it. */
const optionalPackage: string = "koffi";

let calls: Promise<DatagramCalls> | undefined;

/** Rejects where the system or the package is missing: it says what to do instead. */
export function datagramCalls(): Promise<DatagramCalls> {
  calls ??= loadCalls();
  return calls;
}

async function loadCalls(): Promise<DatagramCalls> {
  if (process.platform !== "linux") {
    throw new Error("a socket of this machine can be written to on Linux only: write udp://127.0.0.1");
  }
  const { default: koffi } = (await import(optionalPackage).catch((cause: unknown) => {
    throw new Error(`install the optional package koffi for it, or write udp://127.0.0.1: ${errorText(cause)}`);
  })) as Readonly<{ default: Koffi }>;
  const library = koffi.load(null);
  return {
    socket: library.func("int socket(int family, int kind, int protocol)"),
    connect: library.func("int connect(int fd, const void *address, int length)"),
    errno: () => koffi.errno(),
  };
}
