/**
 * The look-up tables that parameters name, opened once each however many services and parameters name them. A parameter
 * whose value uses a name that nobody defines gives a table that never answers: guessing the folder would open another
 * file than Postfix does (CF-10).
 */
import type { Note, SourceFiles } from "../dialect.ts";
import type { Setting, View } from "./configuration.ts";
import { type LookupTable, openTable } from "./lookup-table.ts";
import { splitTableList } from "./table-spec.ts";

export class TableOpener {
  readonly #files: SourceFiles;
  readonly #tables = new Map<string, LookupTable>();
  readonly #notes: Note[] = [];

  constructor(files: SourceFiles) {
    this.#files = files;
  }

  get notes(): readonly Note[] {
    return this.#notes;
  }

  open(view: View, name: string): readonly LookupTable[] {
    return this.openAll(view, view.setting(name));
  }

  openAll(view: View, setting: Setting): readonly LookupTable[] {
    // A name that only the machine knows cannot be part of a table's name either.
    if (!setting.isDefault && setting.missing.length > 0) return [unusable(setting)];
    return splitTableList(setting.value).map((spec) => this.openOne(view, spec, setting));
  }

  /**
   * A table that says which domains have mailboxes here. One that cannot be asked has no say, since no mailbox is here:
   * mail for its domains is relayed like any other, and a note tells.
   */
  openForMailboxes(view: View, spec: string, setting: Setting): LookupTable | undefined {
    const before = this.#notes.length;
    const table = this.openOne(view, spec, setting);
    if (table.kind !== "remote" && table.kind !== "unusable") return table;
    for (const [at, note] of this.#notes.entries()) {
      if (at < before) continue;
      const text = `${setting.name}: ${note.text}; mail for its domains is relayed like any other`;
      this.#notes[at] = { ...note, kind: "differs", text, remedy: "" };
    }
    return undefined;
  }

  openAllFor(view: View, setting: Setting, consequence: string): readonly LookupTable[] {
    if (!setting.isDefault && setting.missing.length > 0) return [unusable(setting)];
    return splitTableList(setting.value).map((spec) => this.openFor(view, spec, setting, consequence));
  }

  /** A table whose failure has consequences for those alone who come to it. */
  openFor(view: View, spec: string, setting: Setting, consequence: string): LookupTable {
    const before = this.#notes.length;
    const table = this.openOne(view, spec, setting);
    for (const [at, note] of this.#notes.entries()) {
      if (at < before || note.kind !== "error") continue;
      this.#notes[at] = { ...note, kind: "warning", text: `${setting.name}: ${note.text}: ${consequence}` };
    }
    return table;
  }

  openOne(view: View, spec: string, { name, from }: Setting): LookupTable {
    const strict = name === "smtp_tls_policy_maps" || name === "smtp_tls_per_site";
    // Each kind of table reads patterns in its own way.
    const key = `${strict ? "policy " : name === "transport_maps" ? "transport " : ""}${spec}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const { table, notes } = openTable(spec, {
      files: this.#files,
      at: { file: from.file ?? "", line: from.line ?? 1, column: from.column ?? 1 },
      folder: view.setting("queue_directory").value,
      substitution: name !== "transport_maps",
      strict,
    });
    this.#tables.set(key, table);
    // A table of one service alone: its mail waits, and no other's.
    const mild =
      view.service === undefined
        ? notes
        : notes.map((note) => (note.kind === "error" ? { ...note, kind: "warning" as const } : note));
    this.#notes.push(...mild);
    return table;
  }
}

function unusable({ value }: Setting): LookupTable {
  return {
    spec: value,
    type: "undefined",
    kind: "unusable",
    lookup: () => ({ kind: "error", text: "its name uses a value that nobody defines" }),
    entries: () => [],
  };
}
