/**
 * The look-up tables that parameters name, opened once each however many services and parameters name them. A parameter
 * whose value uses a name that nobody defines gives a table that never answers: guessing the folder would open another
 * file than Postfix does (CF-10).
 */
import type { Note, SourceFiles } from "../dialect.ts";
import type { Setting, View } from "./configuration.ts";
import { machineNames } from "./known-parameters.ts";
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
    const unknown = setting.missing.filter((word) => !machineNames.has(word));
    if (!setting.isDefault && unknown.length > 0) return [unusable(setting)];
    return splitTableList(setting.value).map((spec) => this.openOne(view, spec, setting));
  }

  openOne(view: View, spec: string, { name, from }: Setting): LookupTable {
    // Transport tables read a pattern's `$1` otherwise than policy tables do.
    const key = `${name === "transport_maps" ? "transport " : ""}${spec}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const { table, notes } = openTable(spec, {
      files: this.#files,
      at: { file: from.file ?? "", line: from.line ?? 1, column: from.column ?? 1 },
      folder: view.setting("queue_directory").value,
      substitution: name !== "transport_maps",
    });
    this.#tables.set(key, table);
    this.#notes.push(...notes);
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
