/**
 * Which commands a session was given, and which of them did what they are for: told when it ends. DATA, BDAT, STARTTLS
 * and AUTH have done it only when the message is taken, the handshake done, the client logged in.
 */
import type { CommandCounts } from "../../observe/events.ts";

const verbs = new Set(
  "helo ehlo starttls auth mail rcpt data bdat rset noop vrfy expn help quit"
    .split(" ")
    .map((verb) => verb.toUpperCase()),
);
const longestVerb = 8;

export class CommandTally {
  readonly #counts = new Map<string, { said: number; good: number }>();
  #last = "connect";

  /** @param line as read. @returns the verb, for `succeeded`; `unknown` for what is none */
  said(line: Buffer): string {
    const [word = ""] = line.toString("latin1", 0, longestVerb + 1).split(/[ \t\r\n]/, 1);
    const upper = word.toUpperCase();
    const verb = verbs.has(upper) ? upper.toLowerCase() : "unknown";
    this.#of(verb).said += 1;
    this.#last = verb;
    return verb;
  }

  succeeded(verb: string): void {
    this.#of(verb).good += 1;
  }

  /** `connect` before any. */
  get last(): string {
    return this.#last;
  }

  get counts(): CommandCounts {
    return Object.fromEntries(this.#counts);
  }

  #of(verb: string): { said: number; good: number } {
    const known = this.#counts.get(verb);
    if (known !== undefined) return known;
    const fresh = { said: 0, good: 0 };
    this.#counts.set(verb, fresh);
    return fresh;
  }
}
