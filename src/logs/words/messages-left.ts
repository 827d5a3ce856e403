/**
 * Which record is the last of its message: mail logs say then that it left the queue. Known for messages whose
 * first attempts this process made; of others, and of those that waited longest while very many do, nothing is said.
 */
import type { AttemptRecord } from "../../mail/attempt.ts";

/** Messages with recipients left that are remembered. */
const maxMessages = 20_000;

export class MessagesLeft {
  readonly #left = new Map<string, number>();

  /** @returns true when nothing of the message is left in the queue */
  settle({ messageId, event, attempt, recipients }: AttemptRecord): boolean {
    const known = this.#left.get(messageId) ?? (attempt === 1 ? recipients : undefined);
    if (known === undefined) return false;
    const left = event === "deferred" ? known : known - 1;
    if (left === 0) this.#left.delete(messageId);
    else this.#remember(messageId, left);
    return left === 0;
  }

  #remember(messageId: string, left: number): void {
    if (this.#left.size >= maxMessages && !this.#left.has(messageId)) {
      const [oldest] = this.#left.keys();
      if (oldest !== undefined) this.#left.delete(oldest);
    }
    this.#left.set(messageId, left);
  }
}
