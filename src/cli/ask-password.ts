/**
 * Where a password comes from: the terminal, twice and without echo, or standard input. Never from the command line,
 * which every process of the machine can read.
 */
import type { ReadStream } from "node:tty";

/** @returns the password, or what is wrong */
export type Asked = Readonly<{ password: string }> | Readonly<{ trouble: string }>;

const longest = 4096;

export async function readPasswordFromStdin(input: AsyncIterable<Buffer | string> = process.stdin): Promise<Asked> {
  let text = "";
  for await (const part of input) {
    text += String(part);
    if (text.length > longest) return { trouble: "standard input holds more than a password" };
  }
  const password = text.replace(/\r?\n$/, "");
  return /[\r\n]/.test(password) ? { trouble: "standard input holds more than one line" } : { password };
}

/** Prompts on standard error, so that standard output stays what it is. */
export async function askPassword(terminal: ReadStream = process.stdin): Promise<Asked> {
  if (!terminal.isTTY) return { trouble: "there is no terminal to ask at: use --password-stdin" };
  const first = await askOnce(terminal, "Password: ");
  const second = first === undefined ? undefined : await askOnce(terminal, "Again: ");
  if (first === undefined || second === undefined) return { trouble: "no password was given" };
  return first === second ? { password: first } : { trouble: "the two are not the same" };
}

/** `undefined`: Ctrl-C, Ctrl-D on an empty line, or the end of input. */
function askOnce(terminal: ReadStream, prompt: string): Promise<string | undefined> {
  process.stderr.write(prompt);
  terminal.setRawMode(true);
  terminal.setEncoding("utf8");
  return new Promise((resolve) => {
    const typed: string[] = [];
    const end = (password: string | undefined): void => {
      terminal.off("data", read).off("end", ended).pause();
      terminal.setRawMode(false);
      process.stderr.write("\n");
      resolve(password);
    };
    const ended = (): void => end(undefined);
    const read = (text: string): void => {
      for (const key of text) {
        const isGivenUp = key === "\x03" || (key === "\x04" && typed.length === 0);
        if (isGivenUp || key === "\r" || key === "\n") {
          end(isGivenUp ? undefined : typed.join(""));
          return;
        }
        if (key === "\x7f" || key === "\b") typed.pop();
        else if (key === "\x15") typed.length = 0;
        else if (typed.length < longest) typed.push(key);
      }
    };
    terminal.on("data", read).on("end", ended).resume();
  });
}
