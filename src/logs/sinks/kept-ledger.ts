/**
 * The ledger of one log in one worker while it is open: every change of it is written down at once.
 * Worker 0 takes over what workers left that are no more.
 */
import { errorText } from "../../mail/error-text.ts";
import {
  type FinishedFile,
  type Ledger,
  type LedgerPlace,
  ledgerFile,
  listLedgers,
  readLedger,
  removeLedger,
  writeLedger,
} from "./file-ledger.ts";
import { finishedFile } from "./finished-files.ts";

/** @property workers how many there are now */
export type WorkerPlace = LedgerPlace & Readonly<{ workers: number }>;

type Moving = Pick<Ledger, "moveTo" | "countMoved">;

export class KeptLedger {
  readonly #place: WorkerPlace;
  readonly #complain: (error: string) => void;
  #now: Ledger;

  /** @param complain told when a change could not be written: it is, with the next one */
  static async open(
    place: WorkerPlace,
    moving: Moving,
    complain: (error: string) => void,
    now: number,
  ): Promise<KeptLedger> {
    const known = await readLedger(ledgerFile(place));
    const empty = { base: place.base, last: { day: "", number: -1 }, current: null, finished: [] };
    const ledger = new KeptLedger(place, { ...(known ?? empty), ...moving }, complain);
    if (place.worker === 0) await ledger.#adopt(now);
    return ledger;
  }

  constructor(place: WorkerPlace, now: Ledger, complain: (error: string) => void) {
    this.#place = place;
    this.#now = now;
    this.#complain = complain;
  }

  get now(): Ledger {
    return this.#now;
  }

  /** Never throws: what cannot be written keeps no line from being written. */
  async note(change: Partial<Ledger>): Promise<void> {
    this.#now = { ...this.#now, ...change };
    const file = ledgerFile(this.#place);
    await writeLedger(file, this.#now).catch((cause: unknown) =>
      this.#complain(`cannot note in ${file} which files are ours: ${errorText(cause)}`),
    );
  }

  /** The highest number that any worker has given on this day; -1: none. */
  async lastOf(day: string): Promise<number> {
    let highest = -1;
    for (const { file } of await this.#ofThisLog()) {
      const { last } = (await readLedger(file)) ?? {};
      if (last?.day === day) highest = Math.max(highest, last.number);
    }
    return highest;
  }

  async remove(): Promise<void> {
    await removeLedger(ledgerFile(this.#place));
  }

  async #adopt(now: number): Promise<void> {
    for (const { file, worker } of await this.#ofThisLog()) {
      if (worker < this.#place.workers) continue;
      const left = await readLedger(file);
      if (left !== undefined) {
        const finished = [...this.#now.finished, ...(await allOf(left, now))];
        await this.note({ finished, last: later(this.#now.last, left.last) });
      }
      await removeLedger(file);
    }
  }

  async #ofThisLog(): Promise<Awaited<ReturnType<typeof listLedgers>>> {
    const { folder, base } = this.#place;
    const all = await listLedgers(folder);
    return all.filter(({ file, worker }) => file === ledgerFile({ folder, base, worker }));
  }
}

/** With the file that was being written: nobody goes on with it. */
export async function allOf({ current, finished }: Ledger, now: number): Promise<readonly FinishedFile[]> {
  return current === null ? finished : [...finished, await finishedFile(current, now)];
}

function later(one: Ledger["last"], other: Ledger["last"]): Ledger["last"] {
  if (one.day === other.day) return one.number > other.number ? one : other;
  return one.day > other.day ? one : other;
}
