/**
 * Syslog to a real datagram socket, UDP, TCP and TLS servers: up, down, up again, silent, stuck, false.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, unlinkSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { createServer as createTlsServer, Server as TlsServer } from "node:tls";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { datagramCalls } from "../../src/logs/sinks/datagram-calls.ts";
import type { Clock } from "../../src/mail/clock.ts";
import type { SyslogServer } from "../../src/mail/log-definition.ts";
import { HandClock } from "../dns/hand-clock.ts";
import { eventually, quickClock, type SampleSink, sampleFolder, sinkTo, toldIn } from "./sink-lab.ts";

const noPython =
  spawnSync("python3", ["--version"]).status !== 0 && "needs python3, which listens at the datagram socket";
const noKoffi = await datagramCalls().then(
  () => false,
  (cause: unknown) => String(cause),
);
const noDatagrams = noPython || noKoffi;

function logTo(t: TestContext, to: SyslogServer, clock: Clock = quickClock): SampleSink {
  const log = sinkTo({ kind: "syslog", to, protocol: "rfc5424", facility: "mail" }, { folder: "/nowhere" }, { clock });
  t.after(() => log.sink.close("stop"));
  return log;
}

function give({ sink }: Pick<SampleSink, "sink">, ...messages: readonly string[]): void {
  for (const message of messages) sink.write(message, 1);
}

/** A daemon at /dev/log, more or less. */
async function listenAt(t: TestContext, file: string, mode: "reads" | "stuck" = "reads") {
  const script = path.join(import.meta.dirname, "datagram-listener.py");
  const child: ChildProcess = spawn("python3", [script, file, mode], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const received = (): string[] =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as string)
      .slice(1);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.stdin?.end();
    await once(child, "close");
    if (existsSync(file)) unlinkSync(file);
  };
  t.after(stop);
  await eventually(() => text.includes("ready"), "the socket is there");
  return { received, stop, read: () => child.stdin?.write("now\n") };
}

test("syslog: one message a datagram to a socket of the machine, UTF-8 as it is", { skip: noDatagrams }, async (t) => {
  const file = path.join(await sampleFolder(t), "log");
  const daemon = await listenAt(t, file);
  const log = logTo(t, { kind: "socket", path: file });
  const messages = Array.from({ length: 2000 }, (_, number) => `<22>1 - - - - - - ${number} grün`);
  give(log, ...messages);
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => daemon.received().length === messages.length, "all are received");
  assert.deepEqual(daemon.received(), messages);
  assert.deepEqual(toldIn(log.events), []);
});

test("syslog: a daemon that is away is told once; messages wait for it", { skip: noDatagrams }, async (t) => {
  const file = path.join(await sampleFolder(t), "log");
  const log = logTo(t, { kind: "socket", path: file });
  assert.match(String(await log.sink.open()), /ENOENT: no such file/);
  const daemon = await listenAt(t, file);
  give(log, "1");
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => daemon.received().length === 1, "the first");
  await daemon.stop();
  give(log, "2", "3");
  assert.equal(await log.sink.flush(), 2);
  const next = await listenAt(t, file);
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => next.received().length === 2, "the others");
  assert.deepEqual([daemon.received(), next.received()], [["1"], ["2", "3"]]);
  const [first, second, third, fourth] = toldIn(log.events);
  assert.match(first ?? "", /^trouble: ENOENT/);
  assert.match(third ?? "", /^trouble: E(CONNREFUSED|CONNRESET|NOENT|NOTCONN)/);
  assert.deepEqual([second, fourth, log.events.length], ["recovered, lost 0", "recovered, lost 0", 4]);
});

test("syslog: a daemon that takes nothing stops nobody, and gets all when it does", {
  skip: noDatagrams,
}, async (t) => {
  const file = path.join(await sampleFolder(t), "log");
  const daemon = await listenAt(t, file, "stuck");
  const log = logTo(t, { kind: "socket", path: file });
  const messages = Array.from({ length: 500 }, (_, number) => `${number} ${"x".repeat(2000)}`);
  give(log, ...messages);
  const before = process.cpuUsage();
  assert.ok((await log.sink.flush()) > 300);
  assert.match(toldIn(log.events).join("; "), /^trouble: its reader takes nothing$/);
  assert.ok(process.cpuUsage(before).user < 200_000, "nobody spins");
  daemon.read();
  await eventually(async () => {
    return (await log.sink.flush()) === 0;
  }, "all are taken");
  await eventually(() => daemon.received().length === messages.length, "all are received");
  assert.deepEqual(daemon.received(), messages);
});

test("syslog: to a socket without koffi: the log says what to install or to write", () => {
  const calls = new URL("../../src/logs/sinks/datagram-calls.ts", import.meta.url).href;
  const script = `import { registerHooks } from "node:module";
    const resolve = (name, context, next) => next(name === "koffi" ? "no-such-package" : name, context);
    registerHooks({ resolve });
    const { datagramCalls } = await import(${JSON.stringify(calls)});
    await datagramCalls().catch(({ message }) => console.log(message));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  const want = process.platform === "linux" ? /^install the optional package koffi .* udp:/ : /^a socket .* udp:/;
  assert.match(stdout, want, stderr);
});

test("syslog: UDP (RFC 5426): a port that is closed is noticed, and open again", async (t) => {
  const first = createSocket("udp4").bind(0, "127.0.0.1");
  await once(first, "listening");
  const { port } = first.address();
  const log = logTo(t, { kind: "udp", host: "localhost", port });
  const received: string[] = [];
  first.on("message", (message) => received.push(message.toString()));
  give(log, "1", "2");
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => received.length === 2, "both");
  first.close();
  await once(first, "close");
  await eventually(async () => {
    give(log, "into nowhere");
    return (await log.sink.flush()) > 0;
  }, "the refusal is noticed");
  const second = createSocket("udp4").bind(port, "127.0.0.1");
  t.after(() => second.close());
  await once(second, "listening");
  second.on("message", (message) => received.push(message.toString()));
  await log.sink.flush();
  give(log, "3");
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => received.at(-1) === "3", "the last");
  assert.match(toldIn(log.events)[0] ?? "", /ECONNREFUSED/);
});

type Collector = Readonly<{ server: Server; port: number; text: () => string; sockets: Socket[] }>;

async function collect(server: Server, port = 0): Promise<Collector> {
  let text = "";
  const sockets: Socket[] = [];
  server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port, text: () => text, sockets };
}

async function shut({ server, sockets }: Collector): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, "close");
}

test("syslog: TCP counts octets (RFC 6587); a server that goes and comes back gets what waited", async (t) => {
  const first = await collect(createServer());
  const log = logTo(t, { kind: "tcp", host: "127.0.0.1", port: first.port });
  give(log, "<22>a b", "<22>grün");
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => first.text() === "7 <22>a b9 <22>grün", "both");
  await shut(first);
  await eventually(async () => {
    give(log, "x");
    return (await log.sink.flush()) > 0;
  }, "its end is noticed");
  const second = await collect(createServer(), first.port);
  t.after(() => shut(second));
  give(log, "last");
  assert.equal(await log.sink.flush(), 0);
  await eventually(() => second.text().endsWith("1 x4 last"), "what waited");
  assert.match(toldIn(log.events).join("; "), /^trouble: [^;]*ECONNREFUSED[^;]*; recovered, lost 0$/);
});

test("syslog: the pause before the next try doubles up to half a minute", async (t) => {
  const clock = new HandClock();
  const log = logTo(t, { kind: "tcp", host: "127.0.0.1", port: 1 }, clock);
  for (let tries = 0; tries < 7; tries += 1) await log.sink.open();
  const pauses = clock.waits.filter((ms) => ms !== 10_000);
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test("syslog: a TCP server that reads nothing is left after half a minute; what it was given goes again", async (t) => {
  const server = await collect(createServer({ pauseOnConnect: true }));
  t.after(() => shut(server));
  const log = logTo(t, { kind: "tcp", host: "127.0.0.1", port: server.port });
  for (let count = 0; count < 12_000; count += 1) give(log, "x".repeat(1_000));
  assert.ok((await log.sink.flush()) > 0);
  assert.match(toldIn(log.events)[0] ?? "", /^trouble: it takes nothing within 30 s$/);
});

const certificates: readonly [name: string, dnsName: string, known: boolean, want: RegExp | undefined][] = [
  ["a certificate that carries its name, of a CA that counts", "localhost", true, undefined],
  ["another name", "logs.example.net", true, /localhost.*altnames/],
  ["an unknown CA", "localhost", false, /self-signed|unable to (get|verify)/],
];

for (const [name, dnsName, known, want] of certificates) {
  test(`syslog: TLS (RFC 5425): ${name}`, async (t) => {
    const authority = await makeAuthority();
    const { chainPem, privateKeyPem } = await authority.issue({ dnsNames: [dnsName] });
    const server = await collect(
      createTlsServer({ cert: chainPem, key: privateKeyPem }).on("tlsClientError", () => {}),
    );
    t.after(() => shut(server));
    const authorities = known ? authority.certificatePem : undefined;
    const log = logTo(t, { kind: "tls", host: "localhost", port: server.port, authorities });
    give(log, "<22>secret");
    assert.equal(await log.sink.flush(), want === undefined ? 0 : 1);
    if (want === undefined) await eventually(() => server.text() === "10 <22>secret", "it arrives");
    else assert.match(toldIn(log.events).join("; "), want);
    if (want !== undefined) assert.equal(server.text(), "");
  });
}
