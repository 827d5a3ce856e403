/**
 * Which record is the last of its message: mail logs say then that it left the queue. Known for messages whose
 * first attempts this process made; of others, and of those that waited longest while very many do, nothing is said.
 */
import { LRUCache } from "lru-cache";
import type { AttemptRecord } from "../../mail/attempt.ts";

/** Messages with recipients left that are remembered. */
const maxMessages = 20_000;

export class MessagesLeft {
  readonly #left = new LRUCache<string, number>({ max: maxMessages });

  /** @returns true when nothing of the message is left in the queue */
  settle({ messageId, event, attempt, recipients }: AttemptRecord): boolean {
    const known = this.#left.get(messageId) ?? (attempt === 1 ? recipients : undefined);
    if (known === undefined) return false;
    const left = event === "deferred" ? known : known - 1;
    if (left > 0) this.#left.set(messageId, left);
    else if (recipients > 1 || attempt > 1) this.#left.delete(messageId);
    return left === 0;
  }
}
