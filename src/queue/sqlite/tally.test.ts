/** What stands behind the report: numbers for words, counting in several walks, and what goes when records go. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { sampleAttempt } from "../../mail/attempt-sample.ts";
import { type Grouping, noFigures, type ReportPart } from "../tls-report.ts";
import { Pruning } from "./pruning.ts";
import { closeDatabase, openDatabase } from "./schema.ts";
import { hourMs, TallyTable } from "./tally.ts";
import { tallyOf } from "./tally-entry.ts";
import { scanTally } from "./tally-scan.ts";
import { WordTable } from "./tally-words.ts";
import { TopRows } from "./top-rows.ts";

const day = 24 * hourMs;
const always = () => true;

class World {
  readonly database: DatabaseSync;
  readonly words: WordTable;
  readonly tally: TallyTable;
  readonly pruning: Pruning;
  #seq = 0;

  constructor(t: TestContext) {
    const directory = mkdtempSync(path.join(os.tmpdir(), "letterlock-tally-"));
    const file = path.join(directory, "queue-0.sqlite");
    this.database = openDatabase(file).database;
    t.after(() => {
      closeDatabase(this.database, file);
      rmSync(directory, { recursive: true });
    });
    this.words = new WordTable(this.database);
    this.tally = new TallyTable(this.database, this.words, 0);
    this.pruning = new Pruning(this.database, this.tally, this.words);
  }

  /** One attempt each, in one transaction; its record is a stub. */
  add(time: number, ...domains: readonly string[]): void {
    const insert = this.database.prepare("INSERT INTO attempt VALUES (?, ?, '{}')");
    for (const domain of domains) {
      this.#seq += 1;
      insert.run(this.#seq, `m${this.#seq}.0.1`);
      const host = { mx: `mx.${domain}`, time: new Date(time).toISOString() };
      this.tally.append(this.#seq, tallyOf({ ...sampleAttempt, ...host, to: `user@${domain}` }));
    }
    this.tally.save();
    this.tally.keep();
  }

  report(by: Grouping, keysAtOnce: number): ReportPart {
    const query = { by, since: 0, until: 100 * day, limit: 1000 };
    const scan = scanTally(this.database, this.words, { query, end: this.tally.end(), keysAtOnce });
    for (;;) {
      const { done, value } = scan.next();
      if (done === true) return value;
    }
  }

  domains(keysAtOnce = 1000): Record<string, number> {
    const counts = this.report("domain", keysAtOnce).rows.map(({ key, figures }) => [key, figures[0]] as const);
    return Object.fromEntries(counts.sort());
  }

  texts(): string[] {
    const rows = this.database.prepare("SELECT text FROM word WHERE text LIKE '%.example' ORDER BY text").all();
    return rows.map(({ text }) => String(text));
  }

  count(table: "attempt" | "tally"): number {
    return Number(this.database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  }

  /** From here on, new words get numbers above this one. */
  skipTo(id: number): void {
    this.database.prepare("INSERT INTO word VALUES (?, ?, 0)").run(id, `filler ${id}`);
  }
}

test("tally: many numbers are counted in several walks, with the same result as in one", (t) => {
  const world = new World(t);
  const want: Record<string, number> = {};
  for (let range = 0; range < 4; range += 1) {
    const names = Array.from({ length: 30 }, (_, index) => `d${range}-${index}.example`);
    world.add(day + range * hourMs, ...names, ...names.slice(range));
    for (const [index, name] of names.entries()) want[name] = index < range ? 1 : 2;
    world.skipTo((range + 1) * 1_000_000_000);
  }
  for (const keysAtOnce of [1, 40, 1000]) {
    const { keys, total } = world.report("mx", keysAtOnce);
    assert.deepEqual([keys, total[0]], [120, 234]);
    assert.deepEqual(world.domains(keysAtOnce), Object.fromEntries(Object.entries(want).sort()));
  }
});

test("tally: words for which an entry has no room are counted, under no name", (t) => {
  const world = new World(t);
  world.add(day, "a.example");
  world.skipTo(0xffffffff);
  world.add(day, "a.example", "late.example");
  const rows = world.report("domain", 1000).rows.map(({ key, figures }) => [key, figures[0]] as const);
  assert.deepEqual(
    new Map(rows),
    new Map([
      ["a.example", 2],
      [null, 1],
    ]),
  );
});

test("tally: with old records go their blocks, and the words that nobody uses since", (t) => {
  const world = new World(t);
  world.add(day, "both.example", ...Array.from({ length: 500 }, (_, index) => `old${index}.example`));
  world.add(5 * day, "both.example", "new.example");
  assert.equal(world.count("attempt"), 503);
  assert.ok(world.count("tally") > 2, "more than one block of old ones");
  assert.equal(world.pruning.slice(day + hourMs - 1, always), false);
  assert.equal(world.count("attempt"), 503, "the hour is not over");
  assert.equal(world.pruning.slice(4 * day, always), false);
  assert.deepEqual([world.count("attempt"), world.count("tally")], [2, 1]);
  assert.deepEqual(world.texts(), ["both.example", "mx.both.example", "mx.new.example", "new.example"]);
  // A word that had gone comes again, under another number.
  world.add(6 * day, "old7.example", "both.example");
  assert.deepEqual(world.domains(), { "both.example": 2, "new.example": 1, "old7.example": 1 });
});

test("tally: slices end when they are told to, and what is half gone is counted no more", (t) => {
  const world = new World(t);
  world.add(day, ...Array.from({ length: 150 }, () => "old.example"));
  world.add(5 * day, "new.example");
  assert.equal(
    world.pruning.slice(4 * day, () => false),
    true,
  );
  const left = world.count("attempt");
  assert.ok(left > 1 && left < 151, `${left} left`);
  assert.deepEqual(world.domains(), { "new.example": 1 });
  let slices = 1;
  while (world.pruning.slice(4 * day, () => false)) slices += 1;
  assert.ok(slices > 3);
  assert.deepEqual([world.count("attempt"), world.count("tally")], [1, 1]);
});

test("tally: pruning that is rolled back begins the block again", (t) => {
  const world = new World(t);
  world.add(day, ...Array.from({ length: 150 }, () => "old.example"));
  world.add(5 * day, "new.example");
  world.database.exec("BEGIN");
  world.pruning.slice(4 * day, () => false);
  world.database.exec("ROLLBACK");
  world.pruning.restore();
  assert.equal(world.count("attempt"), 151);
  while (world.pruning.slice(4 * day, () => false));
  assert.equal(world.count("attempt"), 1);
});

test("tally: a relay that nobody has sent anything for long keeps nothing, and counts on afterwards", (t) => {
  const world = new World(t);
  world.add(day, "a.example", "b.example");
  while (world.pruning.slice(40 * day, always));
  assert.deepEqual([world.count("attempt"), world.count("tally"), world.texts()], [0, 0, []]);
  world.add(day, "b.example"); // the clock was wrong
  world.add(41 * day, "a.example");
  assert.deepEqual(world.domains(), { "a.example": 1, "b.example": 1 });
});

test("top rows: as sorted and cut", () => {
  const top = new TopRows(10);
  const failed = Array.from({ length: 200 }, (_, index) => (index * 37) % 101);
  for (const [id, many] of failed.entries()) top.offer(id, noFigures().with(5, many), 0);
  const found = top.rows().map(({ figures }) => figures[5] ?? 0);
  assert.deepEqual(
    found.sort((a, b) => b - a),
    failed.sort((a, b) => b - a).slice(0, 10),
  );
});
