/**
 * A scripted DNS server for the demo and the tests: answers from a plain object (`dns-zone.ts`) over UDP and TCP on
 * one port, says AD where it is told to, and misbehaves where it is told to. It resolves and validates nothing.
 * It reads and writes with `dns-packet`, so that the resolver's own reader meets a stranger's packets.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import packet from "dns-packet";
import {
  answerFor,
  cutAnswer,
  forgedAnswer,
  type LabQuestion,
  type LabZone,
  misbehaviourFor,
  readQuestion,
} from "./dns-zone.ts";

export type { LabName, LabQuestion, LabZone } from "./dns-zone.ts";

export type LabDnsOptions = Readonly<{
  /** Loopback by default. */
  address?: string;
  /** 0, the default: the system chooses. */
  port?: number;
  /** Told of each question before it is answered. */
  onQuestion?: (question: LabQuestion) => void;
}>;

export type LabDnsServer = AsyncDisposable &
  Readonly<{
    address: string;
    port: number;
    /** How many questions came for a name, of one type or of all. */
    asked(name: string, type?: string): number;
  }>;

/**
 * @param zone read at each question: change it, and the next answer changes
 */
export async function startDnsServer(zone: LabZone, options: LabDnsOptions = {}): Promise<LabDnsServer> {
  const { address = "127.0.0.1", onQuestion } = options;
  const counts = new Map<string, number>();
  const note = (question: LabQuestion): void => {
    for (const key of [question.name, `${question.name} ${question.type}`]) counts.set(key, (counts.get(key) ?? 0) + 1);
    onQuestion?.(question);
  };
  const connections = new Set<Socket>();
  const { udp, tcp, port } = await bindBoth(address, options.port ?? 0);
  udp.on("message", (bytes, peer) => {
    const question = readQuestion(bytes, "udp", peer.port);
    if (question === undefined) return;
    note(question);
    for (const answer of datagramsFor(zone, question)) udp.send(answer, peer.port, peer.address);
    if (misbehaviourFor(zone, question) === "wrong-port") forgeFromElsewhere(question, peer.port, peer.address);
  });
  tcp.on("connection", (socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    socket.on("error", () => socket.destroy());
    answerStream(socket, zone, note);
  });
  return {
    address,
    port,
    asked: (name, type) => counts.get(type === undefined ? name : `${name} ${type}`) ?? 0,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      const closed = [once(tcp, "close"), once(udp, "close")];
      tcp.close();
      udp.close();
      await Promise.all(closed);
    },
  };
}

type Bound = Readonly<{ udp: UdpSocket; tcp: Server; port: number }>;

/** One port for both: where the one that the system chose for TCP is taken for UDP, it chooses again. */
async function bindBoth(address: string, wantedPort: number, attemptsLeft = 10): Promise<Bound> {
  const tcp = createServer();
  tcp.listen(wantedPort, address);
  await once(tcp, "listening");
  const bound = tcp.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : wantedPort;
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  udp.bind(port, address);
  try {
    await once(udp, "listening");
    return { udp, tcp, port };
  } catch (error) {
    tcp.close();
    await once(tcp, "close");
    if (wantedPort !== 0 || attemptsLeft === 0) throw error;
    return bindBoth(address, wantedPort, attemptsLeft - 1);
  }
}

function datagramsFor(zone: LabZone, question: LabQuestion): Buffer[] {
  const truth = answerFor(zone, question);
  const whole = packet.encode(truth);
  const fits = whole.length <= (question.edns?.payloadBytes ?? 512) ? whole : packet.encode(cutAnswer(truth));
  switch (misbehaviourFor(zone, question)) {
    case "drop":
    case "wrong-port":
      return [];
    case "truncate":
    case "truncate-always":
    case "no-tcp":
      return [packet.encode(cutAnswer(truth))];
    case "wrong-id":
      return [packet.encode(forgedAnswer(question, { id: (question.id + 1) & 0xffff })), fits];
    case "wrong-question":
      return [packet.encode(forgedAnswer({ ...question, name: `not.${question.name}` }, {})), fits];
    case "not-a-response":
      return [packet.encode(forgedAnswer(question, { type: "query" })), fits];
    case "garbage":
      return [Buffer.alloc(0), Buffer.from("no DNS packet at all"), fits];
    case "oversize":
      return [whole];
    case "trailing":
      return [Buffer.concat([fits, Buffer.alloc(4)])];
    default:
      return [fits];
  }
}

function forgeFromElsewhere(question: LabQuestion, port: number, address: string): void {
  const elsewhere = createSocket(address.includes(":") ? "udp6" : "udp4");
  elsewhere.send(packet.encode(forgedAnswer(question, {})), port, address, () => elsewhere.close());
}

function answerStream(socket: Socket, zone: LabZone, note: (question: LabQuestion) => void): void {
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const question = readQuestion(received.subarray(2, end), "tcp", socket.remotePort ?? 0);
      received = received.subarray(end);
      if (question === undefined) {
        socket.destroy();
        return;
      }
      note(question);
      answerOnStream(socket, zone, question);
    }
  });
}

function answerOnStream(socket: Socket, zone: LabZone, question: LabQuestion): void {
  const truth = answerFor(zone, question);
  switch (misbehaviourFor(zone, question)) {
    case "drop":
      return;
    case "no-tcp":
      socket.destroy();
      return;
    case "truncate-always":
      socket.write(packet.streamEncode(cutAnswer(truth)));
      return;
    default:
      socket.write(packet.streamEncode(truth));
  }
}
