/**
 * One AUTH exchange between the lines of a session and the octets of a mechanism: base64, cancelling, the last word of
 * mechanisms that have one, and what each end means as a reply (RFC 4954 §4, §6). Never rejects.
 */
import { errorText } from "../../mail/error-text.ts";
import type { Reply } from "../../mail/reply.ts";
import { parseResponse } from "./auth-command.ts";
import { replies } from "./replies.ts";
import type { SaslExchange, SaslMechanism, SaslStep } from "./sasl/sasl.ts";

export type LogInTurn =
  /** To be sent, with its CR LF; the client's line follows. */
  | Readonly<{ kind: "ask"; line: string }>
  | Readonly<{ kind: "done"; user: string }>
  /** `counts`: a guess, not a slip of the client's or our own trouble. */
  | Readonly<{ kind: "failed"; reply: Reply; counts: boolean; triedUser: string | undefined }>;

export type LogInEnd = Exclude<LogInTurn, { kind: "ask" }>;

/** For the log and the metrics. */
export function logInResult(end: LogInEnd): "ok" | "failed" | "locked" | "temporary" {
  if (end.kind === "done") return "ok";
  if (end.counts) return "failed";
  return end.reply === replies.authLocked ? "locked" : "temporary";
}

export class LogIn {
  readonly mechanism: SaslMechanism;
  readonly #exchange: SaslExchange;
  readonly #onTrouble: (error: string) => void;
  /** All is well once the client has answered our last word with nothing. */
  #ending: Extract<SaslStep, { kind: "done" }> | undefined;

  constructor(mechanism: SaslMechanism, exchange: SaslExchange, onTrouble: (error: string) => void) {
    this.mechanism = mechanism;
    this.#exchange = exchange;
    this.#onTrouble = onTrouble;
  }

  async begin(initial: Buffer | undefined): Promise<LogInTurn> {
    const step = await this.#ask(initial);
    if (step.kind === "failed") return failed(step);
    if (step.kind === "done" && step.data === undefined) return { kind: "done", user: step.user };
    if (step.kind === "done") this.#ending = step;
    return { kind: "ask", line: `334 ${(step.data ?? Buffer.alloc(0)).toString("base64")}\r\n` };
  }

  /** @param line the client's, without CR LF */
  async answer(line: string): Promise<LogInTurn> {
    const response = parseResponse(line);
    if (response.kind === "refused") {
      return { kind: "failed", reply: response.reply, counts: true, triedUser: undefined };
    }
    if (this.#ending === undefined) return await this.begin(response.octets);
    // The client may say no more, having heard the last word.
    return response.octets.length === 0
      ? { kind: "done", user: this.#ending.user }
      : { kind: "failed", reply: replies.badAuthResponse, counts: true, triedUser: undefined };
  }

  async #ask(response: Buffer | undefined): Promise<SaslStep> {
    try {
      return await this.#exchange.step(response);
    } catch (error) {
      this.#onTrouble(errorText(error));
      return { kind: "failed", why: "temporary" };
    }
  }
}

const failures: Readonly<Record<Extract<SaslStep, { kind: "failed" }>["why"], Reply>> = {
  credentials: replies.logInFailed,
  malformed: replies.badAuthResponse,
  locked: replies.authLocked,
  temporary: replies.authTroubled,
};

function failed({ why, triedUser }: Extract<SaslStep, { kind: "failed" }>): LogInTurn {
  const counts = why === "credentials" || why === "malformed";
  return { kind: "failed", reply: failures[why], counts, triedUser };
}
