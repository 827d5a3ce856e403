/**
 * Counts what the tally holds, for the report: a walk over all blocks in the asked time, in steps, so that whoever
 * drives it can let commits pass in between. All steps see the same attempts: those committed when it began.
 *
 * Memory is bounded however many domains or hosts there are: the first walk counts facts and how many entries fall on
 * which numbers; each further walk counts one range of numbers, and only the rows that need attention most are kept.
 */
import type { DatabaseSync } from "node:sqlite";
import {
  addFigures,
  type Figures,
  figureCount,
  type Grouping,
  noFigures,
  type ReportPart,
  type ReportQuery,
  type ReportRow,
  weakestPlace,
} from "../tls-report.ts";
import { Counters } from "./counters.ts";
import { entryBytes, hourMs, hourOfKey, keysBetween, type TallyEnd } from "./tally.ts";
import { parseFacts, type TallyFacts } from "./tally-entry.ts";
import type { WordTable } from "./tally-words.ts";
import { type FoundRow, TopRows } from "./top-rows.ts";

/** Different numbers that are counted in one walk, at the most; each takes some hundred octets. */
export const keysInMemory = 2 ** 19;
/** Numbers fall into 65,536 ranges of as many. */
const rangeBits = 16;
const blocksAtOnce = 16;
const rowsAtOnce = 4096;
const wordsAtOnce = 256;

/** Which of an entry's words a row is about; the groupings that are not here are found in its facts. */
const wordPlaces: Readonly<Partial<Record<Grouping, number>>> = { domain: 1, mx: 2, rule: 3 };
const factsPlace = 4;

type Block = Readonly<{ key: number; first: number; facts: Uint8Array }>;

/** Each step takes some tenths of a millisecond. */
export type TallyScan = Generator<undefined, ReportPart>;

export type ScanOptions = Readonly<{ query: ReportQuery; end: TallyEnd; keysAtOnce: number }>;

export function scanTally(database: DatabaseSync, words: WordTable, options: ScanOptions): TallyScan {
  return new Scan(database, words, options).run();
}

class Scan {
  readonly #words: WordTable;
  readonly #query: ReportQuery;
  readonly #end: TallyEnd;
  readonly #keysAtOnce: number;
  readonly #blocks: (after: number, below: number) => Block[];
  readonly #facts = new Map<number, TallyFacts>();

  constructor(database: DatabaseSync, words: WordTable, { query, end, keysAtOnce }: ScanOptions) {
    this.#words = words;
    this.#query = query;
    this.#end = end;
    this.#keysAtOnce = keysAtOnce;
    const some = database.prepare(
      "SELECT key, first, facts FROM tally WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
    );
    this.#blocks = (from, below) => some.all(from, below, blocksAtOnce) as Block[];
  }

  *run(): TallyScan {
    const place = wordPlaces[this.#query.by];
    const entries = new Map<number, number>();
    const perRange = new Float64Array(2 ** (32 - rangeBits));
    yield* this.#walk((view, at) => {
      const facts = view.getUint32(at + 4 * factsPlace, true);
      entries.set(facts, (entries.get(facts) ?? 0) + 1);
      if (place === undefined) return;
      const range = view.getUint32(at + 4 * place, true) >>> rangeBits;
      perRange[range] = (perRange[range] ?? 0) + 1;
    });
    const rows = place === undefined ? this.#byFacts(entries) : yield* this.#byWord(place, perRange);
    return { ...rows, ...this.#sums(entries) };
  }

  /** Sums over attempts; and over rows, in which hosts met earlier count, or an attempt stands as often as it has reasons. */
  #sums(entries: ReadonlyMap<number, number>): Pick<ReportPart, "sum" | "total"> {
    const sum = noFigures();
    const total = noFigures();
    for (const [id, count] of entries) {
      const facts = this.#factsOf(id);
      const figures = figuresOf(facts, count);
      if (!facts.earlier) addFigures(total, figures);
      for (const _row of this.#rowsOf(facts)) addFigures(sum, figures);
    }
    return { sum, total };
  }

  /** The keys under which an entry with these facts stands; for words, which are not known here, as many as it has. */
  #rowsOf(facts: TallyFacts): readonly (string | null)[] {
    const { by } = this.#query;
    if (facts.earlier && by !== "mx") return [];
    if (by === "reason") return facts.reasons.length === 0 ? [null] : facts.reasons;
    return by === "domain" || by === "mx" || by === "rule" ? [null] : [facts[by] === "" ? null : facts[by]];
  }

  #byFacts(entries: ReadonlyMap<number, number>): Pick<ReportPart, "rows" | "keys"> {
    const found = new Map<string | null, number[]>();
    for (const [id, count] of entries) {
      const facts = this.#factsOf(id);
      for (const key of this.#rowsOf(facts)) {
        const figures = found.get(key) ?? noFigures();
        addFigures(figures, figuresOf(facts, count));
        found.set(key, figures);
      }
    }
    const rows = [...found].map(([key, figures]) => ({ key, figures }));
    const { only, limit } = this.#query;
    if (only !== undefined) {
      const wanted = new Set(only);
      return { rows: rows.filter(({ key }) => wanted.has(key)), keys: rows.length };
    }
    const top = new TopRows(limit);
    for (const [place, { figures }] of rows.entries()) top.offer(place, figures, 0);
    return { rows: top.rows().flatMap(({ id }) => rows[id] ?? []), keys: rows.length };
  }

  *#byWord(place: number, perRange: Float64Array): Generator<undefined, Pick<ReportPart, "rows" | "keys">> {
    const { only, limit } = this.#query;
    if (only !== undefined) return yield* this.#theseWords(place, only);
    const top = new TopRows(limit);
    let keys = 0;
    for (const { from, below, most } of rangesOf(perRange, this.#keysAtOnce)) {
      const counters = new Counters(most);
      yield* this.#count(place, counters, (id) => (id >= from && id < below ? counters.rowOf(id) : undefined));
      keys += counters.size;
      for (let row = 0; row < counters.size; row += 1) {
        top.offer(counters.idAt(row), counters.figures, row * figureCount);
        if (row % rowsAtOnce === 0) yield;
      }
    }
    return { rows: yield* this.#named(top.rows()), keys };
  }

  *#theseWords(
    place: number,
    only: readonly (string | null)[],
  ): Generator<undefined, Pick<ReportPart, "rows" | "keys">> {
    const counters = new Counters(only.length);
    for (const [number, key] of only.entries()) {
      const id = key === null ? 0 : this.#words.idOf(key);
      if (id !== undefined) counters.rowOf(id);
      if (number % wordsAtOnce === 0) yield;
    }
    yield* this.#count(place, counters, (id) => counters.findRow(id));
    const rows = Array.from({ length: counters.size }, (_, row) => counters.row(row));
    const met = rows.filter(({ figures }) => figures[0] !== 0);
    return { rows: yield* this.#named(met), keys: met.length };
  }

  *#count(place: number, counters: Counters, rowOf: (id: number) => number | undefined): Generator<undefined, void> {
    const isMx = this.#query.by === "mx";
    yield* this.#walk((view, at) => {
      const facts = this.#factsOf(view.getUint32(at + 4 * factsPlace, true));
      if (facts.earlier && !isMx) return;
      const row = rowOf(view.getUint32(at + 4 * place, true));
      if (row !== undefined) counters.add(row, facts);
    });
  }

  *#named(rows: readonly FoundRow[]): Generator<undefined, readonly ReportRow[]> {
    const named: ReportRow[] = [];
    for (const { id, figures } of rows) {
      named.push({ key: id === 0 ? null : this.#words.textOf(id), figures });
      if (named.length % wordsAtOnce === 0) yield;
    }
    return named;
  }

  #factsOf(id: number): TallyFacts {
    const known = this.#facts.get(id);
    if (known !== undefined) return known;
    const facts = parseFacts(this.#words.textOf(id));
    this.#facts.set(id, facts);
    return facts;
  }

  /** @param visit is given each entry in the asked time: `view`, and where in it the entry begins */
  *#walk(visit: (view: DataView, at: number) => void): Generator<undefined, void> {
    const { since, until } = this.#query;
    const { from, below } = keysBetween(since, until);
    let next = from;
    for (;;) {
      const blocks = this.#blocks(next, below);
      for (const block of blocks) {
        if (block.first > this.#end.seq) continue;
        const view = this.#viewOf(block);
        const base = (hourOfKey(block.key) - 1) * hourMs;
        for (let at = 0; at < view.byteLength; at += entryBytes) {
          const time = base + view.getUint32(at, true);
          if (time >= since && time < until) visit(view, at);
        }
      }
      if (blocks.length < blocksAtOnce) return;
      next = (blocks.at(-1)?.key ?? 0) + 1;
      yield;
    }
  }

  #viewOf({ key, facts }: Block): DataView {
    const length = key === this.#end.key ? Math.min(this.#end.length, facts.byteLength) : facts.byteLength;
    return new DataView(facts.buffer, facts.byteOffset, length);
  }
}

function figuresOf({ counts, strength }: TallyFacts, count: number): Figures {
  const figures = noFigures();
  for (const place of counts) figures[place] = count;
  figures[weakestPlace] = strength;
  return figures;
}

/** Ranges of numbers that hold no more than so many different ones each, or are as small as can be; empty ones left out. */
function rangesOf(perRange: Float64Array, keysAtOnce: number): { from: number; below: number; most: number }[] {
  const ranges: { from: number; below: number; most: number }[] = [];
  for (const [range, entries] of perRange.entries()) {
    if (entries === 0) continue;
    const most = Math.min(entries, 2 ** rangeBits);
    const below = (range + 1) * 2 ** rangeBits;
    const last = ranges.at(-1);
    if (last !== undefined && last.most + most <= keysAtOnce) {
      last.below = below;
      last.most += most;
    } else ranges.push({ from: range * 2 ** rangeBits, below, most });
  }
  return ranges;
}
