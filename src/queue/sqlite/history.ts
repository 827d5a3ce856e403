/**
 * What is remembered of attempts: their records, the tally that the report counts, the words it names. One place for
 * what must change together.
 */
import type { DatabaseSync } from "node:sqlite";
import type { ReportPart, ReportQuery } from "../tls-report.ts";
import { AttemptTable } from "./attempts.ts";
import { Pruning } from "./pruning.ts";
import { parseRecord } from "./rows.ts";
import { TallyTable } from "./tally.ts";
import { tallyOf } from "./tally-entry.ts";
import { keysInMemory, scanTally, type TallyScan } from "./tally-scan.ts";
import { WordTable } from "./tally-words.ts";
import type { Totals } from "./totals.ts";
import type { SettlementRow } from "./wire.ts";

export class History {
  readonly attempts: AttemptTable;
  readonly #totals: Totals;
  readonly #database: DatabaseSync;
  readonly #words: WordTable;
  readonly #tally: TallyTable;
  readonly #pruning: Pruning;
  #report: { scan: TallyScan; part: ReportPart | undefined } | undefined;

  constructor(database: DatabaseSync, totals: Totals) {
    this.attempts = new AttemptTable(database);
    this.#totals = totals;
    this.#database = database;
    this.#words = new WordTable(database);
    this.#tally = new TallyTable(database, this.#words, totals.now.lastSeq);
    this.#pruning = new Pruning(database, this.#tally, this.#words);
  }

  /** Takes the next number. A record that is there already stays as it is, and is counted once. */
  insert(row: SettlementRow): void {
    this.#totals.now.lastSeq += 1;
    const { lastSeq } = this.#totals.now;
    if (this.attempts.insert(lastSeq, row.recordId, row.record)) this.#tally.append(lastSeq, row);
  }

  /** A record from another shard, as JSON. */
  adopt(seq: number, id: string, record: string): void {
    if (this.attempts.insert(seq, id, record)) this.#tally.append(seq, tallyOf(parseRecord(record)));
  }

  /** One slice of what is to be forgotten. @returns true when there is more */
  prune(before: number, goOn: () => boolean): boolean {
    return this.#pruning.slice(before, goOn);
  }

  /** A report on what is committed now; one that was begun before is given up. */
  beginReport(query: ReportQuery): void {
    const options = { query, end: this.#tally.end(), keysAtOnce: keysInMemory };
    this.#report = { scan: scanTally(this.#database, this.#words, options), part: undefined };
  }

  /** Counts on while `goOn` says so. @returns the report, once it is done */
  continueReport(goOn: () => boolean): ReportPart | undefined {
    const report = this.#report;
    if (report === undefined) throw new Error("no report was begun");
    this.#report = undefined; // unless all goes well
    while (report.part === undefined) {
      const { done, value } = report.scan.next();
      if (done === true) report.part = value;
      else if (!goOn()) break;
    }
    this.#report = report;
    return report.part;
  }

  /** Before commit. */
  save(): void {
    this.#tally.save();
  }

  /** After commit. */
  keep(): void {
    this.#tally.keep();
  }

  /** After roll-back. */
  restore(): void {
    this.#tally.restore();
    this.#pruning.restore();
  }
}
