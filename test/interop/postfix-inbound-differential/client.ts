/**
 * One client: says a dialogue to a server and writes down what it answers, code by code. It decides nothing.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Command, Dialogue } from "./dialogues.ts";
import type { ClientKeys } from "./files.ts";

/** `code` 0: the connection ended, or no handshake came about. */
export type Step = Readonly<{
  said: string;
  code: number;
  /** Enhanced status of the last line. */
  status: string;
  text: string;
  /** EHLO keywords about TLS and log-in; after a handshake the name in the server's certificate. */
  note: string;
}>;

export type Target = Readonly<{ address: string; port: number; implicitTls: boolean; localAddress: string }>;

const patienceMs = 20_000;

export async function play(dialogue: Dialogue, target: Target, keys: ClientKeys): Promise<readonly Step[]> {
  const client = new Client(dialogue, keys);
  try {
    await client.run(target);
  } catch (error) {
    client.steps.push({ said: "", code: 0, status: "", text: String(error), note: "" });
  }
  client.end();
  return client.steps;
}

class Client {
  readonly steps: Step[] = [];
  readonly #dialogue: Dialogue;
  readonly #keys: ClientKeys;
  #socket: Socket | TLSSocket | undefined;
  #received = "";
  #ended = false;
  #wake: () => void = () => {};

  constructor(dialogue: Dialogue, keys: ClientKeys) {
    this.#dialogue = dialogue;
    this.#keys = keys;
  }

  async run({ address, port, implicitTls, localAddress }: Target): Promise<void> {
    const socket = connect({ host: address, port, localAddress, noDelay: true });
    await once(socket, "connect");
    this.#socket = socket;
    if (implicitTls) {
      if (!(await this.#handshake())) return;
    } else this.#listen(socket);
    if (!(await this.#answer("(connect)"))) return;
    for (const command of this.#dialogue.commands) if (!(await this.#say(command))) return;
  }

  end(): void {
    this.#socket?.destroy();
  }

  /** @returns false when the conversation is over */
  async #say({ line, pipelined = [] }: Command): Promise<boolean> {
    this.#socket?.write(`${[line, ...pipelined].join("\r\n")}\r\n`);
    const step = await this.#answer(line);
    if (step === undefined) return false;
    if (/^starttls$/i.test(line) && step.code === 220) return this.#handshake();
    for (const behind of pipelined) if ((await this.#answer(behind)) === undefined) return false;
    if (line !== "DATA" || step.code !== 354) return true;
    this.#socket?.write("Subject: test\r\n\r\ntest\r\n.\r\n");
    return (await this.#answer("(message)")) !== undefined;
  }

  async #answer(said: string): Promise<Step | undefined> {
    const lines = await this.#reply();
    const last = lines?.at(-1);
    if (lines === undefined || last === undefined) {
      this.steps.push({ said, code: 0, status: "", text: "closed", note: "" });
      return undefined;
    }
    const keywords = lines.map((text) => text.slice(4).split(" ")[0] ?? "");
    const noted = /^EHLO\b/i.test(said) ? ["STARTTLS", "AUTH"].filter((word) => keywords.includes(word)) : [];
    const status = /^\d{3} ([245]\.\d+\.\d+)/.exec(last)?.[1] ?? "";
    const step = { said, code: Number(last.slice(0, 3)), status, text: last, note: noted.join(" ") };
    this.steps.push(step);
    return step;
  }

  async #reply(): Promise<readonly string[] | undefined> {
    const timer = setTimeout(() => this.#socket?.destroy(new Error("no answer")), patienceMs);
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#received)?.[0];
      if (whole !== undefined || this.#ended) {
        clearTimeout(timer);
        this.#received = this.#received.slice(whole?.length ?? 0);
        return whole?.trimEnd().split("\r\n");
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #handshake(): Promise<boolean> {
    const before = this.#socket;
    if (before === undefined) return false;
    before.removeAllListeners("data");
    const { certificate, serverName, version } = this.#dialogue;
    const own =
      certificate === "none" ? {} : { cert: this.#keys[certificate].certificate, key: this.#keys[certificate].key };
    const secure = connectTls({
      socket: before,
      rejectUnauthorized: false,
      maxVersion: version,
      ...own,
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    this.#socket = secure;
    const done = await Promise.race([
      once(secure, "secureConnect").then(() => true),
      once(secure, "close").then(() => false),
    ]).catch(() => false);
    const name = done ? secure.getPeerCertificate().subject?.CN : undefined;
    const note = `${typeof name === "string" ? name : ""} ${done ? secure.getProtocol() : ""}`;
    this.steps.push({ said: "(handshake)", code: done ? 1 : 0, status: "", text: "", note });
    this.#listen(secure);
    return done;
  }

  #listen(socket: Socket): void {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#received += text;
      this.#wake();
    });
    const over = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("error", over).on("end", over).on("close", over);
  }
}
