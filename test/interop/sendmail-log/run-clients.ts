/**
 * Tells all the stories to the server, a few at a time. In: what to tell (`Telling`). Out: what was answered, by story.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { json } from "node:stream/consumers";
import { type ClientCertificate, Voice } from "../lab/voice.ts";
import { type Client, clients } from "./clients.ts";
import { clientAddress, recipientsOf, type Story, stories } from "./stories.ts";

export type Telling = Readonly<{
  address: string;
  certificates: Readonly<Record<string, ClientCertificate>>;
}>;

const atATime = 6;
const { address, certificates } = (await json(process.stdin)) as Telling;
const told: Record<string, readonly string[]> = {};
const queue = stories.values();
await Promise.all(
  Array.from({ length: atATime }, async () => {
    for (const story of queue) told[story.name] = await tell(story);
  }),
);
console.log(JSON.stringify(told));

async function tell(story: Story): Promise<readonly string[]> {
  const client: Client = clients[story.client ?? "friend"];
  const socket = connect({ host: address, port: 25, localAddress: clientAddress(story) });
  const limits = client.old ? { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" as const } : {};
  const certificate = client.certificate && certificates[client.certificate];
  const voice = new Voice(socket, { ...limits, ...certificate });
  const heard = [await hear(voice)];
  for (const line of linesOf(story)) {
    heard.push(`${line}: ${await say(line, story, voice, socket)}`);
    if (heard.at(-1)?.endsWith("closed")) break;
  }
  voice.end();
  return heard;
}

function linesOf({ says = ["EHLO c", "MAIL", "RCPT", "DATA", "QUIT"], starttls, ...story }: Story): readonly string[] {
  const steps = says.flatMap((line) => (line === "RCPT" ? recipientsOf(story).map((to) => `RCPT TO:<${to}>`) : [line]));
  return starttls ? ["EHLO c", "STARTTLS", "HANDSHAKE", ...steps] : steps;
}

async function say(line: string, { name }: Story, voice: Voice, socket: Socket): Promise<string> {
  if (line === "HANDSHAKE") {
    const { kind } = await voice.handshake();
    return kind;
  }
  const bulk = line === "DATA-BULK" ? "Precedence: bulk\r\n" : "";
  const message = `Message-ID: <${name}@client.example>\r\n${bulk}Subject: test\r\n\r\ntest\r\n`;
  const octets = line.replace(/^MAIL\b(?! FROM)/, `MAIL FROM:<${name}@client.example>`).replace(/^DATA-.*/, "DATA");
  voice.say(`${octets}\r\n`);
  const answer = await hear(voice);
  if (line === "DATA-LOST" && answer.startsWith("354")) {
    voice.say(message);
    socket.end();
    await once(socket, "close");
  }
  if (octets !== "DATA" || !answer.startsWith("354")) return answer;
  voice.say(`${message}.\r\n`);
  return await hear(voice);
}

async function hear(voice: Voice): Promise<string> {
  const heard = await voice.hear();
  return heard.kind === "reply" ? `${heard.code} ${heard.lines.join(" | ")}` : heard.kind;
}
