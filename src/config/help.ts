/**
 * The settings table printed: for `--help`, as the reference page, and as JSON Schema for editors.
 * `print-reference.ts` writes the two files; a test compares them with what is committed.
 */
import type { Table } from "./section-types.ts";
import { fileTable, fileType } from "./table.ts";
import type { DefineSchema, Inner, JsonSchema, ValueType } from "./value-types.ts";

/** The settings of the first level, one a line, for `letterlock --help`. */
export function settingsHelp(): string {
  const entries = Object.entries(fileTable);
  const width = Math.max(...entries.map(([key]) => key.length));
  const lines = entries.map(([key, { sentence, type, default: byDefault }]) => {
    const simple = (type as ValueType<unknown>).inner === undefined && byDefault !== undefined;
    return `  ${key.padEnd(width)}  ${sentence}${simple ? ` Default: ${byDefault}.` : ""}`;
  });
  return ["Settings (YAML), in full in docs/operating/settings.md:", ...lines, ""].join("\n");
}

export function settingsSchema(): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const define: DefineSchema = (name, make) => {
    definitions[name] ??= make();
    return { $ref: `#/$defs/${name}` };
  };
  const file = fileType.schema(define);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Letterlock",
    description: "Configuration of the Letterlock mail relay",
    ...file,
    $defs: definitions,
  };
}

/** The reference page, Markdown. */
export function settingsReference(): string {
  return [
    "# Settings",
    "",
    "Printed from the settings table (`npm run print-reference`); how the parts work together is in",
    "[configuration.md](configuration.md). A list of single values may be written as one value. Durations carry `ms`,",
    "`s`, `m`, `h`, `d` or `w` (`1h 30m`), sizes `B`, `KB`, `MB`, `GB` (powers of 1000) or `KiB`, `MiB`, `GiB`.",
    "",
    ...tableOf(fileTable),
    ...sectionsOf("", fileTable, new Map()),
  ].join("\n");
}

/** A table, then one heading for each section in it; a table that was printed before is only referred to. */
function sectionsOf(path: string, table: Table, printed: Map<Table, string>): string[] {
  return Object.entries(table).flatMap(([key, { type, sentence }]) => {
    const { inner } = type as ValueType<unknown>;
    if (inner === undefined) return [];
    const name = `${path}${key}${inner.path}`;
    const before = printed.get(inner.table);
    if (before !== undefined)
      return [`## \`${name}\``, "", sentence, "", `As [\`${before}\`](#${anchorOf(before)}).`, ""];
    printed.set(inner.table, name);
    return [`## \`${name}\``, "", sentence, "", ...tableOf(inner.table), ...below(name, inner, printed)];
  });
}

function below(name: string, { table, variants = [] }: Inner, printed: Map<Table, string>): string[] {
  const own = variants.flatMap((variant) => {
    const settings = Object.keys(variant.table).length === 0 ? [] : tableOf(variant.table);
    return [`### \`${name}\` with \`${variant.word}\``, "", variant.sentence, "", ...settings];
  });
  return [...own, ...sectionsOf(`${name}.`, table, printed)];
}

function tableOf(table: Table): string[] {
  const rows = Object.entries(table).map(([key, { type, presence, default: byDefault, sentence }]) => {
    const shown = byDefault === "{}" || byDefault === undefined ? "" : `\`${byDefault}\``;
    const standard = presence === "required" ? "required" : shown;
    return `| \`${key}\` | ${cell(type.title)} | ${cell(standard)} | ${cell(sentence)} |`;
  });
  return ["| setting | type | default | |", "| --- | --- | --- | --- |", ...rows, ""];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** As Markdown renderers make it from the heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\w-]/g, "");
}
