/**
 * A bare SMTP client that is run inside the namespace (`node inject.ts HOST PORT FROM < jobs`): it hands in messages exactly
 * as they are told, and prints the replies. It shares no code with Letterlock.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";

export type InjectJob = Readonly<{
  from: string;
  mailParameters: string;
  /** Addresses with their parameters: `<a@example.test> NOTIFY=NEVER`. */
  to: readonly string[];
  by: "DATA" | "BDAT";
  /** latin1: one character is one octet. */
  content: string;
}>;

/** Every reply to one message: MAIL, each RCPT, and when one of these was taken, those to its content. */
export type Injected = readonly string[];

const chunkBytes = 4096;

class Client {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(host: string, port: number, localAddress: string) {
    this.#socket = connect({ host, port, localAddress });
    this.#lines = createInterface({ input: this.#socket })[Symbol.asyncIterator]();
  }

  async reply(): Promise<string> {
    let all = "";
    for (;;) {
      const { value: line, done } = await this.#lines.next();
      if (done) return `${all}(closed)`;
      all += all === "" ? line : `\n${line}`;
      if (/^\d{3}(?: |$)/.test(line)) return all;
    }
  }

  async say(octets: string): Promise<string> {
    this.#socket.write(octets, "latin1");
    return this.reply();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** An address as octets: latin1 characters that are the UTF-8 of it. */
function octets(address: string): string {
  return Buffer.from(address).toString("latin1");
}

async function inject(client: Client, job: InjectJob): Promise<Injected> {
  const replies = [await client.say(`MAIL FROM:<${octets(job.from)}>${job.mailParameters}\r\n`)];
  for (const to of job.to) replies.push(await client.say(`RCPT TO:${octets(to)}\r\n`));
  if (!replies.slice(1).some((reply) => reply.startsWith("250"))) {
    await client.say("RSET\r\n");
    return replies;
  }
  if (job.by === "BDAT") {
    for (let at = 0; at < job.content.length; at += chunkBytes) {
      const chunk = job.content.slice(at, at + chunkBytes);
      replies.push(await client.say(`BDAT ${chunk.length}\r\n${chunk}`));
    }
    replies.push(await client.say("BDAT 0 LAST\r\n"));
  } else {
    replies.push(await client.say("DATA\r\n"));
    replies.push(await client.say(`${job.content.replace(/^\./gm, "..")}.\r\n`));
  }
  return replies;
}

const [host = "", port = "", from = ""] = process.argv.slice(2);
const client = new Client(host, Number(port), from);
await client.reply();
await client.say("EHLO client.home.test\r\n");
const all: Injected[] = [];
for (const job of (await json(process.stdin)) as readonly InjectJob[]) all.push(await inject(client, job));
await client.say("QUIT\r\n");
client.close();
console.log(JSON.stringify(all));
