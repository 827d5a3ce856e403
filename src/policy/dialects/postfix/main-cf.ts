/**
 * main.cf: names and raw values, each with its place (Postfix: CF-1 to CF-5). What `$name` stands for is `expand.ts`'s
 * business, which names there are `parameters.ts`'s. Never throws.
 */
import type { Note } from "../dialect.ts";
import {
  byteOrderMark,
  type LogicalLine,
  type Place,
  placeIn,
  readLogicalLines,
  skipSpace,
  trimmed,
} from "./logical-lines.ts";

/** The place is that of the value; of the name where the value is empty. */
export type MainCfEntry = Place & Readonly<{ value: string }>;

export type MainCf = Readonly<{
  /** In the order of the file; of two with one name the later one counts. */
  entries: readonly (readonly [name: string, entry: MainCfEntry])[];
  notes: readonly Note[];
}>;

export function parseMainCf(text: string, file: string): MainCf {
  const entries: (readonly [string, MainCfEntry])[] = [];
  const values = new Map<string, string>();
  const notes: Note[] = [];
  const add = (kind: Note["kind"], line: number, what: string, remedy: string): void => {
    notes.push({ kind, file, line, column: 1, text: what, remedy });
  };
  readLogicalLines(text, {
    line(logical) {
      const setting = splitSetting(logical.text);
      if (typeof setting === "string") {
        add("error", logical.line, setting, 'write "name = value"');
        return;
      }
      const { name, value } = setting;
      const before = values.get(name);
      if (before !== undefined) {
        add("warning", logical.line, `overriding earlier entry: ${name}=${before}`, "remove the earlier one");
      }
      values.set(name, value);
      entries.push([name, { value, ...placeOfValue(file, logical, setting.at) }]);
    },
    byteOrderMark: () => add("warning", 1, byteOrderMark.text, byteOrderMark.remedy),
    indented(line, physical) {
      const what = `logical line must not start with whitespace: "${physical}"`;
      add("warning", line, what, "remove the white space before it");
    },
  });
  return { entries, notes };
}

/** One line for each entry; parses to the same names and values in the same order. */
export function printMainCf(entries: Iterable<readonly [name: string, entry: Readonly<{ value: string }>]>): string {
  return [...entries].map(([name, { value }]) => `${name} =${value === "" ? "" : ` ${value}`}\n`).join("");
}

/** `name = value`, white space around each optional. A string tells what is wrong; `at` is the value's offset. */
export function splitSetting(text: string): Readonly<{ name: string; value: string; at: number }> | string {
  const start = skipSpace(text, 0);
  const found = /[=\t-\r ]/.exec(text.slice(start));
  const end = found === null ? text.length : start + found.index;
  const equals = skipSpace(text, end);
  if (end === start) return `missing attribute name: "${text}"`;
  if (text[equals] !== "=") return `missing '=' after attribute name: "${trimmed(text)}"`;
  return { name: text.slice(start, end), value: trimmed(text, equals + 1), at: skipSpace(text, equals + 1) };
}

function placeOfValue(file: string, logical: LogicalLine, at: number): Place {
  return placeIn(file, logical, at < logical.text.length ? at : 0);
}
