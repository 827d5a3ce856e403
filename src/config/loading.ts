/**
 * What the parts of the loader share while one file is read: where problems go, how files are reached, and what has
 * been checked already. Lives for one load.
 */
import path from "node:path";
import type { FileAnswer, SourceFiles } from "../policy/dialects/dialect.ts";
import type { Origin } from "../policy/rules.ts";
import { checkCipherString, checkGroups } from "../tls/cipher-settings.ts";
import type { Place, Problem, Problems } from "./problem.ts";
import type { Located } from "./value-types.ts";

export class Loading {
  /** The configuration as named in problems and origins. */
  readonly file: string | undefined;
  readonly problems: Problems;
  /** ms since 1970. */
  readonly now: number;
  readonly #folder: string;
  readonly #reader: SourceFiles;
  readonly #files = new Set<string>();
  readonly #opinions = new Map<string, string | undefined>();

  constructor(file: string | undefined, problems: Problems, reader: SourceFiles, now: number) {
    this.file = file;
    this.problems = problems;
    this.now = now;
    this.#reader = reader;
    this.#folder = file === undefined ? process.cwd() : path.dirname(path.resolve(file));
    if (file !== undefined) this.#files.add(path.resolve(file));
  }

  /** Relative names start at the folder of the configuration. */
  resolve(name: string): string {
    return path.resolve(this.#folder, name);
  }

  /** Of what stands at that place of this file. */
  origin(at: Place, scope: string): Origin {
    return { source: "letterlock", file: this.file, line: at.line, column: at.column, scope };
  }

  /** Without reading it. */
  isThere(file: string): boolean {
    this.#files.add(file);
    return this.#reader.modifiedAt(file) !== undefined;
  }

  /** Permission bits of a file; undefined where they are not known. */
  modeOf(name: string): number | undefined {
    return this.#reader.modeOf?.(this.resolve(name));
  }

  /** Why that cannot be written, as far as it is known. @param file absolute */
  cannotWrite(file: string, kind: "file" | "socket" = "file"): string | undefined {
    return this.#reader.cannotWrite?.(file, kind);
  }

  /** The same files for a dialect; `onRead` is told what it reads. */
  filesFor(onRead: (file: string) => void): SourceFiles {
    const noting = <T>(answer: (file: string) => T, tell?: (file: string) => void) => {
      return (file: string): T => {
        this.#files.add(file);
        tell?.(file);
        return answer(file);
      };
    };
    const { read, list, modifiedAt } = this.#reader;
    return { read: noting(read, onRead), list: noting(list), modifiedAt: noting(modifiedAt) };
  }

  /** Every file and folder that was asked for, found or not, absolute. */
  get files(): readonly string[] {
    return [...this.#files];
  }

  /** The text of a file that must be there; `undefined` after reporting why it cannot be had. */
  read({ value, at }: Located<string>, what: string): string | undefined {
    const answer = this.readIfThere(value);
    if (answer.kind === "found") return answer.text;
    const remedy = "check its path and that this user may read it";
    this.problems.error(at, `cannot read ${what} ${value}: ${answer.reason}`, remedy);
    return undefined;
  }

  /** Names in a folder; undefined for anything else. */
  list(name: string): readonly string[] | undefined {
    const folder = this.resolve(name);
    this.#files.add(folder);
    return this.#reader.list(folder);
  }

  readIfThere(name: string): FileAnswer {
    const file = this.resolve(name);
    this.#files.add(file);
    return this.#reader.read(file);
  }

  /** What is wrong in a file that this one names. */
  reportIn(file: string, problem: Omit<Problem, "file">): void {
    this.problems.add({ file, ...problem });
  }

  /** Asks OpenSSL once for each list; what it does not take is reported at every place that says it. */
  checkCiphers(ciphers: Located<string> | undefined): void {
    this.#check("cipher list", ciphers, checkCipherString, "openssl ciphers -v LIST");
  }

  checkGroups(groups: Located<string> | undefined): void {
    this.#check("list of groups", groups, checkGroups, "openssl list -tls-groups");
  }

  #check(
    what: string,
    asked: Located<string> | undefined,
    check: (text: string) => string | undefined,
    command: string,
  ): void {
    if (asked === undefined) return;
    const { value, at } = asked;
    const key = `${what} ${value}`;
    if (!this.#opinions.has(key)) this.#opinions.set(key, check(value));
    const opinion = this.#opinions.get(key);
    if (opinion === undefined) return;
    this.problems.error(at, `OpenSSL does not take the ${what} "${value}": ${opinion}`, `try ${command}`);
  }
}
