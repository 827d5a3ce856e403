/**
 * One client: says a dialogue to a server and writes down what it answers, code by code. It decides nothing.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { Voice } from "../lab/voice.ts";
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

export async function play(dialogue: Dialogue, target: Target, keys: ClientKeys): Promise<readonly Step[]> {
  const { address, port, localAddress } = target;
  const socket = connect({ host: address, port, localAddress, noDelay: true });
  const voice = new Voice(socket, tlsOf(dialogue, keys));
  const client = new Client(voice);
  try {
    await once(socket, "connect");
    await client.run(dialogue, target.implicitTls);
  } catch (error) {
    client.steps.push({ said: "", code: 0, status: "", text: String(error), note: "" });
  }
  voice.end();
  return client.steps;
}

function tlsOf({ certificate, serverName, version }: Dialogue, keys: ClientKeys): ConnectionOptions {
  return {
    maxVersion: version,
    ...(certificate === "none" ? {} : { cert: keys[certificate].certificate, key: keys[certificate].key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

class Client {
  readonly steps: Step[] = [];
  readonly #voice: Voice;

  constructor(voice: Voice) {
    this.#voice = voice;
  }

  async run({ commands }: Dialogue, implicitTls: boolean): Promise<void> {
    if (implicitTls && !(await this.#handshake())) return;
    if (!(await this.#answer("(connect)"))) return;
    for (const command of commands) if (!(await this.#say(command))) return;
  }

  /** @returns false when the conversation is over */
  async #say({ line, pipelined = [] }: Command): Promise<boolean> {
    this.#voice.say(`${[line, ...pipelined].join("\r\n")}\r\n`);
    const step = await this.#answer(line);
    if (step === undefined) return false;
    if (/^starttls$/i.test(line) && step.code === 220) return this.#handshake();
    for (const behind of pipelined) if ((await this.#answer(behind)) === undefined) return false;
    if (line !== "DATA" || step.code !== 354) return true;
    this.#voice.say("Subject: test\r\n\r\ntest\r\n.\r\n");
    return (await this.#answer("(message)")) !== undefined;
  }

  async #answer(said: string): Promise<Step | undefined> {
    const heard = await this.#voice.hear();
    if (heard.kind !== "reply") {
      this.steps.push({ said, code: 0, status: "", text: "closed", note: "" });
      return undefined;
    }
    const { code, lines } = heard;
    const last = lines.at(-1) ?? "";
    const keywords = lines.map((text) => text.split(" ")[0] ?? "");
    const noted = /^EHLO\b/i.test(said) ? ["STARTTLS", "AUTH"].filter((word) => keywords.includes(word)) : [];
    const status = /^([245]\.\d+\.\d+)/.exec(last)?.[1] ?? "";
    const step = { said, code, status, text: `${code} ${last}`, note: noted.join(" ") };
    this.steps.push(step);
    return step;
  }

  async #handshake(): Promise<boolean> {
    const heard = await this.#voice.handshake();
    const done = heard.kind === "handshake";
    const note = done ? `${heard.serverName} ${heard.protocol}` : "";
    this.steps.push({ said: "(handshake)", code: done ? 1 : 0, status: "", text: "", note });
    return done;
  }
}
