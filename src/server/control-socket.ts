/**
 * How commands reach a running relay: a Unix socket in the data folder, readable by its owner alone, one JSON request
 * or answer a line.
 */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { answer, Caller, isRequest, isResponse, type Methods } from "./ipc.ts";

/** Longest request or answer, in UTF-16 units. */
const maxLineLength = 64 * 1024 * 1024;

export function controlPath(dataDirectory: string): string {
  return path.join(dataDirectory, "control.sock");
}

/** Serves `methods` until it is disposed. A socket left by a dead process is replaced. */
export async function serveControl(file: string, methods: Methods): Promise<AsyncDisposable> {
  rmSync(file, { force: true });
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    onLine(socket, (line) => void reply(socket, line, methods));
  });
  await listenAlone(server, file);
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(file, { force: true });
    },
  };
}

/** Nobody else may connect, not even in the moment after the socket was made. */
async function listenAlone(server: net.Server, file: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    server.listen(file);
  } finally {
    process.umask(before);
  }
  try {
    await once(server, "listening");
  } catch (error) {
    const why = file.length > 100 ? "its path is longer than a socket's may be: take a shorter data folder" : error;
    throw new Error(`the control socket ${file} cannot be opened: ${why}`, { cause: error });
  }
  chmodSync(file, 0o600);
}

/**
 * A peer that goes away in the middle of anything ends its connection and nothing else. Lines end in LF alone:
 * `readline` would also split at U+2028, which stands unescaped in JSON and in anybody's mail.
 */
function onLine(socket: net.Socket, take: (line: string) => void): void {
  let parts: string[] = [];
  let length = 0;
  socket.on("error", () => socket.destroy());
  socket.setEncoding("utf8").on("data", (text: string) => {
    const [first = "", ...rest] = text.split("\n");
    parts.push(first);
    length += first.length;
    for (const next of rest) {
      take(parts.join(""));
      parts = [next];
      length = next.length;
    }
    if (length > maxLineLength) socket.destroy();
  });
}

/** `undefined` for what is no JSON, such as a line that was cut off. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function reply(socket: net.Socket, line: string, methods: Methods): Promise<void> {
  if (!socket.writable) return;
  const request = parseLine(line);
  if (!isRequest(request)) {
    socket.end(`${JSON.stringify({ id: 0, ok: false, error: "not a request" })}\n`);
    return;
  }
  const response = await answer(request, methods);
  if (socket.writable) socket.write(`${JSON.stringify(response)}\n`);
}

export type ControlClient = Disposable & Readonly<{ call(method: string, params?: unknown): Promise<unknown> }>;

/** @returns `undefined` when no relay listens there */
export async function connectControl(file: string): Promise<ControlClient | undefined> {
  const socket = net.connect(file);
  const connected = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  if (!connected) return undefined;
  const caller = new Caller((request) => socket.write(`${JSON.stringify(request)}\n`));
  socket.on("close", () => caller.breakOff("the relay closed the connection"));
  onLine(socket, (line) => {
    const response = parseLine(line);
    if (isResponse(response)) caller.receive(response);
  });
  return { call: (method, params) => caller.call(method, params), [Symbol.dispose]: () => void socket.end() };
}
