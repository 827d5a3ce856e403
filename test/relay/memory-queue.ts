/**
 * A queue in memory for tests of deliveries: the states of `queue.ts` without a disk, and a way to make it fail.
 */
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import type {
  AcceptResult,
  NewMail,
  Queue,
  QueuedMail,
  QueuedRecipient,
  QueueFilter,
  Settlement,
} from "../../src/queue/queue.ts";

type Row = {
  readonly mail: NewMail;
  readonly number: number;
  state: "ready" | "trying" | "held";
  nextTryAt: number;
  attempts: number;
  firstTriedAt: number | undefined;
  delayNotified: boolean;
};

type Numbered = Readonly<{ messageId: string; number: number }>;

export class MemoryQueue implements Queue {
  readonly rows: Row[] = [];
  readonly records: AttemptRecord[] = [];
  /** Recipients handed out by `take`, each time again. */
  taken = 0;
  /** Called first by each method; what it throws, the method rejects with. */
  before: (method: string) => void | Promise<void> = () => undefined;

  async accept(mail: NewMail, state: "trying" | "ready"): Promise<AcceptResult> {
    await this.before("accept");
    this.#insert(mail, state, mail.arrival.at);
    return { kind: "stored" };
  }

  async take(now: number, limit: number): Promise<readonly QueuedMail[]> {
    await this.before("take");
    const due = this.rows.filter(({ state, nextTryAt }) => state === "ready" && nextTryAt <= now);
    due.sort((a, b) => a.nextTryAt - b.nextTryAt);
    return this.#hand(due.slice(0, limit));
  }

  async takeMatching(
    { arrivedBefore = Number.POSITIVE_INFINITY }: QueueFilter,
    limit: number,
  ): Promise<readonly QueuedMail[]> {
    await this.before("takeMatching");
    const matching = this.rows.filter(({ state, mail }) => state !== "trying" && mail.arrival.at < arrivedBefore);
    return this.#hand(matching.slice(0, limit));
  }

  async settle(settlements: readonly Settlement[], notices: readonly NewMail[]): Promise<void> {
    await this.before("settle");
    for (const { messageId, number, record, next } of settlements) {
      this.records.push(record);
      const at = this.rows.findIndex((row) => row.mail.id === messageId && row.number === number);
      const row = this.rows[at];
      if (row?.state !== "trying") continue;
      if (next.kind === "done") this.rows.splice(at, 1);
      else
        Object.assign(row, {
          state: "ready",
          nextTryAt: next.nextTryAt,
          attempts: row.attempts + 1,
          firstTriedAt: Date.parse(record.firstTriedAt),
          delayNotified: next.delayNotified,
        });
    }
    for (const notice of notices) this.#insert(notice, "ready", notice.arrival.at);
  }

  async putBack(recipients: readonly Numbered[], nextTryAt: number): Promise<void> {
    await this.before("putBack");
    for (const { messageId, number } of recipients) {
      const row = this.rows.find((one) => one.mail.id === messageId && one.number === number);
      if (row?.state === "trying") Object.assign(row, { state: "ready", nextTryAt });
    }
  }

  async nextDueAt(): Promise<number | undefined> {
    await this.before("nextDueAt");
    const times = this.rows.filter(({ state }) => state === "ready").map(({ nextTryAt }) => nextTryAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** `id.number state` of everything that is not done. */
  get states(): readonly string[] {
    return this.rows.map(({ mail, number, state }) => `${mail.id}.${number} ${state}`);
  }

  count(state: Row["state"]): number {
    return this.rows.filter((row) => row.state === state).length;
  }

  #insert(mail: NewMail, state: Row["state"], nextTryAt: number): void {
    for (const number of mail.recipients.keys()) {
      this.rows.push({ mail, number, state, nextTryAt, attempts: 0, firstTriedAt: undefined, delayNotified: false });
    }
  }

  #hand(rows: readonly Row[]): readonly QueuedMail[] {
    this.taken += rows.length;
    const byMail = Map.groupBy(rows, ({ mail }) => mail);
    return [...byMail].map(([mail, own]) => {
      for (const row of own) row.state = "trying";
      return { ...mail, recipients: own.flatMap((row) => queuedRecipient(row) ?? []) };
    });
  }

  list = unused;
  show = unused;
  hold = unused;
  release = unused;
  retry = unused;
  remove = unused;
  counts = unused;
  report = unused;
  unprojected = unused;
  markProjected = (): void => undefined;
  async [Symbol.asyncDispose](): Promise<void> {}
}

function queuedRecipient({ mail, number, attempts, firstTriedAt, delayNotified }: Row): QueuedRecipient | undefined {
  const recipient = mail.recipients[number];
  if (recipient === undefined) return undefined;
  return { number, recipient, attempts, firstTriedAt, uncertain: false, lastError: undefined, delayNotified };
}

async function unused(): Promise<never> {
  throw new Error("not part of this queue");
}
