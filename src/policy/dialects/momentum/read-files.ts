/**
 * The files of a Momentum configuration: the master file, what it includes, where, and through whom.
 *
 * An included name is looked for beside the file that includes it, then along the search path; a folder stands for its
 * files in the order of their names, without hidden ones and without folders in it. A file may be included often, but
 * never by itself; one that is missing is an error (momentum reference 1.1).
 */
import path from "node:path";
import type { SourceFiles } from "../dialect.ts";
import type { FileRef, Notes, Position } from "./notes.ts";
import { maxDepth, parseMomentum } from "./parse.ts";
import type { Include, Item, ParsedFile, Word } from "./syntax.ts";

/** Where Momentum looks; its `{NODENAME}` folder is not among them, since the name of the node is not known. */
const installedPath = [
  "/opt/msys/ecelerity/etc",
  "/opt/msys/ecelerity/etc/conf/global",
  "/opt/msys/ecelerity/etc/conf/default",
];

/** Files that include each other twice each would otherwise never end. */
const maxFiles = 10_000;

export type OpenFile = Readonly<{ file: FileRef; items: readonly Item[] }>;

type Finding =
  | Readonly<{ kind: "files"; paths: readonly string[] }>
  | Readonly<{ kind: "missing" }>
  | Readonly<{ kind: "failed"; path: string; reason: string }>;

export class ConfigurationFiles {
  readonly #files: SourceFiles;
  readonly #searchPath: readonly string[];
  readonly #notes: Notes;
  readonly #parsed = new Map<string, ParsedFile>();
  #opened = 0;

  constructor(files: SourceFiles, searchPath: readonly string[] | undefined, notes: Notes) {
    this.#files = files;
    this.#searchPath = searchPath ?? installedPath;
    this.#notes = notes;
  }

  /** `undefined` where the file cannot be read; the note says why. */
  openMaster(name: string): OpenFile | undefined {
    const answer = this.#files.read(name);
    const file: FileRef = { path: name, through: [], open: [name] };
    if (answer.kind === "found") return this.#open(file, answer.text);
    const text = `the configuration cannot be read: ${answer.reason}`;
    this.#notes.add("error", { file, line: 1, column: 1 }, text, "give the path of ecelerity.conf");
    return undefined;
  }

  include({ keyword, target, line, column }: Include, from: FileRef): readonly OpenFile[] {
    return this.#follow(target, `${keyword} ${target.text}`, { file: from, line, column }, "error");
  }

  /** Momentum writes this file itself, at the first change from its console: it may not be there yet. */
  openLocalChanges(target: Word, at: Position): readonly OpenFile[] {
    return this.#follow(target, `local_changes_file ${target.text}`, at, "warning");
  }

  #follow(target: Word, written: string, at: Position, ifMissing: "error" | "warning"): readonly OpenFile[] {
    const notes = this.#notes;
    const name = localName(target.text);
    if (name === undefined) {
      notes.add("error", at, `'${target.text}' is not a file`, "write the path of a local file");
      return [];
    }
    const found = this.#find(name, path.dirname(at.file.path));
    if (found.kind === "files") return found.paths.flatMap((file) => this.#enter(file, written, at));
    if (found.kind === "failed") {
      notes.add("error", at, `${found.path} cannot be read: ${found.reason}`, "make it readable");
    } else {
      const remedy =
        ifMissing === "error" ? "restore it, or remove this line" : "nothing is to be done if no change was ever saved";
      notes.add(ifMissing, at, `there is no file ${target.text} beside this one or along the search path`, remedy);
    }
    return [];
  }

  #enter(file: string, written: string, at: Position): readonly OpenFile[] {
    const { path: from, through, open } = at.file;
    this.#opened += 1;
    if (open.includes(file) || open.length > maxDepth || this.#opened > maxFiles) {
      const text = open.includes(file) ? `${file} includes itself` : "too many files include each other";
      this.#notes.add("error", at, text, "remove one of these includes");
      return [];
    }
    const ref: FileRef = { path: file, through: [...through, `${from}:${at.line} ${written}`], open: [...open, file] };
    const answer = this.#parsed.has(file) ? undefined : this.#files.read(file);
    if (answer?.kind === "failed") {
      this.#notes.add("error", at, `${file} cannot be read: ${answer.reason}`, "make it readable");
      return [];
    }
    return [this.#open(ref, answer?.text ?? "")];
  }

  #open(file: FileRef, text: string): OpenFile {
    const known = this.#parsed.get(file.path);
    const { items, problem } = known ?? parseMomentum(text);
    if (known === undefined) {
      this.#parsed.set(file.path, { items, problem });
      if (problem !== undefined) this.#notes.add("error", { ...problem, file }, problem.text, problem.remedy);
    }
    return { file, items };
  }

  #find(name: string, folder: string): Finding {
    const places = path.isAbsolute(name) ? [name] : [folder, ...this.#searchPath].map((at) => path.join(at, name));
    for (const place of places) {
      const names = this.#files.list(place);
      if (names !== undefined) return { kind: "files", paths: this.#filesIn(place, names) };
      const answer = this.#files.read(place);
      if (answer.kind === "found") return { kind: "files", paths: [place] };
      if (this.#files.modifiedAt(place) !== undefined) return { kind: "failed", path: place, reason: answer.reason };
    }
    return { kind: "missing" };
  }

  #filesIn(folder: string, names: readonly string[]): string[] {
    const visible = names.filter((name) => !name.startsWith(".")).map((name) => path.join(folder, name));
    return visible.filter((file) => this.#files.list(file) === undefined);
  }
}

/** A path, also as `file://` URI; `undefined` for anything elsewhere. */
function localName(text: string): string | undefined {
  const [, scheme, rest] = /^([a-z][a-z0-9_+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === undefined) return text === "" ? undefined : text;
  return scheme.toLowerCase() === "file" && rest !== undefined && rest.startsWith("/") ? rest : undefined;
}
