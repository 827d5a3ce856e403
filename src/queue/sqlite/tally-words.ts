/**
 * The `word` table: texts that attempt tallies repeat (domains, hosts, rules, facts), each kept once under a number.
 *
 * Promises: a word that any kept block names is there; one that no block names any more goes (`sweep`); words in use are
 * found in memory, others by index; numbers are never used twice while a block may name them.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** So many words, or twice as many, are found without asking the database. */
const wordsInMemory = 25_000;
/** What blocks have room for; more words than that are counted as none. */
const mostWords = 0xffffffff;
const sweptAtOnce = 100;

/** `used`: the last day (since 1970) of a block that may name it. */
type Word = { readonly id: number; used: number };

export class WordTable {
  /** Words used lately; and those used before them, until there are new ones in plenty. */
  #known = new Map<string, Word>();
  #older = new Map<string, Word>();
  /** Words that the transaction added or changed. */
  #touched: string[] = [];
  /** The sweep goes on behind this word. */
  #sweptTo = 0;
  readonly #find: StatementSync;
  readonly #add: StatementSync;
  readonly #use: StatementSync;
  readonly #text: StatementSync;
  readonly #some: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("SELECT id, used FROM word WHERE text = ?");
    this.#add = database.prepare("INSERT INTO word (text, used) VALUES (?, ?)");
    this.#use = database.prepare("UPDATE word SET used = ? WHERE id = ?");
    this.#text = database.prepare("SELECT text FROM word WHERE id = ?");
    this.#some = database.prepare("SELECT id, text, used FROM word WHERE id > ? ORDER BY id LIMIT ?");
    this.#delete = database.prepare("DELETE FROM word WHERE id = ?");
  }

  /**
   * @param day of the block that will name it
   * @returns the word's number; 0 for the empty word
   */
  intern(text: string, day: number): number {
    if (text === "") return 0;
    const word = this.#known.get(text) ?? this.#fetch(text, day);
    if (word.used < day) {
      this.#use.run(day, word.id);
      word.used = day;
      this.#touched.push(text);
    }
    return word.id > mostWords ? 0 : word.id;
  }

  /** Number of a word, if it is there. */
  idOf(text: string): number | undefined {
    return (this.#find.get(text) as Word | undefined)?.id;
  }

  textOf(id: number): string {
    return id === 0 ? "" : String(this.#text.get(id)?.text ?? "");
  }

  /** After commit. */
  keep(): void {
    if (this.#touched.length > 0) this.#touched = [];
  }

  /** After roll-back. */
  restore(): void {
    for (const text of this.#touched) this.#forget(text);
    this.#touched = [];
    this.#sweptTo = 0;
  }

  /**
   * Deletes words that were last used before `day`, while `goOn` says so.
   *
   * @returns true when it has seen all
   */
  sweep(day: number, goOn: () => boolean): boolean {
    do {
      const words = this.#some.all(this.#sweptTo, sweptAtOnce) as { id: number; text: string; used: number }[];
      for (const { id, text, used } of words) {
        if (used >= day) continue;
        this.#delete.run(id);
        this.#forget(text);
      }
      this.#sweptTo = words.length < sweptAtOnce ? 0 : (words.at(-1)?.id ?? 0);
      if (this.#sweptTo === 0) return true;
    } while (goOn());
    return false;
  }

  #fetch(text: string, day: number): Word {
    const word = this.#older.get(text) ?? (this.#find.get(text) as Word | undefined) ?? this.#new(text, day);
    if (this.#known.size >= wordsInMemory) {
      this.#older = this.#known;
      this.#known = new Map();
    }
    this.#known.set(text, word);
    return word;
  }

  #new(text: string, day: number): Word {
    this.#touched.push(text);
    return { id: Number(this.#add.run(text, day).lastInsertRowid), used: day };
  }

  #forget(text: string): void {
    this.#known.delete(text);
    this.#older.delete(text);
  }
}
