/**
 * A configuration with everything that it includes: each `include` is replaced by what the file holds, in its place
 * (reference, section 1.3). `config-defaults` beside the main file is read first, as PowerMTA does.
 *
 * Promises: reads through the reader it is handed; a circle, a missing file and a URL are errors; ends, whatever the files
 * include. An included file is whole in itself: it opens and closes its own sections.
 */
import path from "node:path";
import type { SourceFiles } from "../dialect.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import { type Directive, type FileContext, type PowerMtaNode, parsePowerMta } from "./parse.ts";

/** All files of all includes together: a file that includes two that include two ... ends here. */
const maxIncludes = 10_000;

/** Files within files; deeper than anybody reads. */
const maxDepth = 100;

export function readConfiguration(file: string, files: SourceFiles, notes: NoteList): readonly PowerMtaNode[] {
  const main = path.resolve(file);
  const expander = new Expander(files, notes);
  const defaults = path.join(path.dirname(main), "config-defaults");
  const isThere = defaults !== main && files.modifiedAt(defaults) !== undefined;
  const before = isThere ? expander.main(defaults) : [];
  return [...before, ...expander.main(main)];
}

class Expander {
  readonly #files: SourceFiles;
  readonly #notes: NoteList;
  /** Files that are being read, outermost first. */
  readonly #open: string[] = [];
  #includes = 0;

  constructor(files: SourceFiles, notes: NoteList) {
    this.#files = files;
    this.#notes = notes;
  }

  main(file: string): readonly PowerMtaNode[] {
    const answer = this.#files.read(file);
    if (answer.kind === "found") return this.text(answer.text, { file, through: [] });
    const place = { in: { file, through: [] }, line: 1, column: 1 };
    this.#notes.error(
      place,
      `the configuration cannot be read: ${answer.reason}`,
      "check the path and its permissions",
    );
    return [];
  }

  text(text: string, context: FileContext): readonly PowerMtaNode[] {
    this.#open.push(context.file);
    const { nodes, findings } = parsePowerMta(text, context);
    for (const { severity, reason, remedy, ...place } of findings) this.#notes[severity](place, reason, remedy);
    const expanded = this.#nodes(nodes);
    this.#open.pop();
    return expanded;
  }

  #nodes(nodes: readonly PowerMtaNode[]): readonly PowerMtaNode[] {
    if (!nodes.some((node) => node.kind === "section" || node.name === "include" || node.block !== undefined))
      return nodes;
    return nodes.flatMap((node): readonly PowerMtaNode[] => {
      if (node.kind === "section") return [{ ...node, children: this.#nodes(node.children) }];
      if (node.block !== undefined) return [{ ...node, block: this.#nodes(node.block) }];
      return node.name === "include" ? this.#include(node) : [node];
    });
  }

  #include(node: Directive): readonly PowerMtaNode[] {
    const target = textOf(node.value);
    if (target === "") this.#notes.error(node, "include: argument missing", "write include FILE");
    else if (/^https?:\/\//i.test(target)) {
      this.#notes.error(node, `include of a URL is refused: ${target}`, "fetch the file, and include it from disk");
    } else {
      this.#notes.applied(node, `include ${target}`);
      return this.#filesFor(target, node).flatMap((file) => this.#file(file, node));
    }
    return [];
  }

  #filesFor(target: string, node: Directive): readonly string[] {
    const full = path.resolve(path.dirname(node.in.file), target);
    if (!/[*?]/.test(target)) return [full];
    const found = matching(full, this.#files);
    if (found.length === 0) {
      const folder = path.dirname(full);
      const gone = !/[*?]/.test(folder) && this.#files.list(folder) === undefined;
      if (gone)
        this.#notes.error(node, `there is no folder ${folder} that can be read`, "check the path and its permissions");
      else this.#notes.warning(node, `no file fits ${target}`, "check the path");
    }
    return found;
  }

  #file(file: string, node: Directive): readonly PowerMtaNode[] {
    if (this.#open.includes(file)) {
      this.#notes.error(node, `the include of ${file} is a circle: ${[...this.#open, file].join(" > ")}`, "remove one");
      return [];
    }
    if (this.#open.length >= maxDepth) {
      this.#notes.error(
        node,
        `files include each other deeper than ${maxDepth}`,
        "include the last of them from the first",
      );
      return [];
    }
    this.#includes += 1;
    if (this.#includes > maxIncludes) {
      if (this.#includes === maxIncludes + 1) {
        this.#notes.error(node, `more than ${maxIncludes} files are included`, "include each file once");
      }
      return [];
    }
    const answer = this.#files.read(file);
    if (answer.kind === "failed") {
      this.#notes.error(node, `${file} cannot be read: ${answer.reason}`, "check the path and its permissions");
      return [];
    }
    const { file: from, through } = node.in;
    return this.text(answer.text, { file, through: [...through, `${from}:${node.line} include ${node.value}`] });
  }
}

/** Files that fit a path with wildcards in any of its parts, sorted by octets. */
function matching(pattern: string, files: SourceFiles): string[] {
  let folders = [path.parse(pattern).root];
  const parts = pattern.slice(path.parse(pattern).root.length).split(path.sep);
  const last = parts.pop() ?? "";
  for (const part of parts) {
    folders = folders
      .flatMap((folder) => fitting(folder, part, files))
      .filter((name) => files.list(name) !== undefined);
  }
  const found = folders
    .flatMap((folder) => fitting(folder, last, files))
    .filter((name) => files.list(name) === undefined);
  // A name that a folder lists is read even where it leads nowhere: then it is told.
  return /[*?]/.test(last) ? found : found.filter((name) => files.modifiedAt(name) !== undefined);
}

function fitting(folder: string, part: string, files: SourceFiles): string[] {
  if (!/[*?]/.test(part)) return [path.join(folder, part)];
  const names = files.list(folder) ?? [];
  return names
    .filter((name) => (!name.startsWith(".") || part.startsWith(".")) && fits(name, part))
    .map((name) => path.join(folder, name));
}

/** `*` and `?`, without going back more than once per `*`. */
function fits(name: string, pattern: string): boolean {
  let at = 0;
  let seen = 0;
  let star = -1;
  let mark = 0;
  while (at < name.length) {
    if (pattern[seen] === "*") {
      star = seen;
      mark = at;
      seen += 1;
    } else if (pattern[seen] === "?" || pattern[seen] === name[at]) {
      seen += 1;
      at += 1;
    } else if (star >= 0) {
      seen = star + 1;
      mark += 1;
      at = mark;
    } else return false;
  }
  while (pattern[seen] === "*") seen += 1;
  return seen === pattern.length;
}
