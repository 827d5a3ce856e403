/**
 * An SMTP dialogue through a program that carries octets between its own input and output and a TLS connection
 * (`openssl s_client -quiet`, `gnutls-cli`): each command waits for the reply to the one before.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

export class Dialogue {
  /** All that the program said on standard error, such as about the handshake. */
  errors = "";
  /** All that it printed. */
  output = "";
  readonly #child: ChildProcess;
  #unread = "";
  #ended = false;
  #wake = (): void => undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on("error", () => undefined); // the program may end before it has read everything
    child.stdout?.setEncoding("latin1").on("data", (text: string) => {
      this.output += text;
      this.#unread += text;
      this.#wake();
    });
    child.stderr?.setEncoding("latin1").on("data", (text: string) => {
      this.errors += text;
    });
    child.once("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The next whole reply; `closed` when there will be none. What is no reply, such as the program's own words, is skipped. */
  async reply(): Promise<string> {
    for (;;) {
      const [whole, reply = ""] = /^[\s\S]*?^((?:\d{3}-.*\r?\n)*\d{3}(?: .*)?\r?\n)/m.exec(this.#unread) ?? [];
      if (whole !== undefined) {
        this.#unread = this.#unread.slice(whole.length);
        return reply.trimEnd();
      }
      if (this.#ended) return "closed";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async say(line: string): Promise<string> {
    this.type(`${line}\r\n`);
    return this.reply();
  }

  type(octets: string): void {
    this.#child.stdin?.write(octets, "latin1");
  }

  /** Says each line in turn, until one is refused. @returns the codes of the replies, `closed` for one that never came */
  async codes(lines: readonly string[]): Promise<string[]> {
    const codes: string[] = [];
    for (const line of lines) {
      const reply = await this.say(line);
      codes.push(reply === "closed" ? reply : reply.slice(0, 3));
      if (!/^[23]/.test(reply)) break;
    }
    return codes;
  }

  /** Takes leave, and waits until the program has ended. @returns its exit code */
  async end(): Promise<number | null> {
    this.#child.stdin?.end("QUIT\r\n");
    if (!this.#ended) await once(this.#child, "close");
    return this.#child.exitCode;
  }
}

/** A whole message, from EHLO to its end. */
export function message(ehlo: string, from: string, to: string): string[] {
  return [`EHLO ${ehlo}`, `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA", "Subject: hi\r\n\r\nhi\r\n."];
}
