/**
 * Sections that come in several forms, told apart by the word under one of their keys: a log by its `format`. Each form
 * has settings of its own beside those that are common to several.
 */
import { suggest } from "./problem.ts";
import { readTable, required, type Section, sectionSchema, type Table } from "./section-types.ts";
import { choice, type DefineSchema, type JsonSchema, needs, type ValueType } from "./value-types.ts";
import type { Entry, MapNode } from "./yaml-tree.ts";

/** `shared`: what of the common settings it has; `own`: what it has beside them. */
export type Variant = Readonly<{ sentence: string; shared: Table; own: Table }>;

type Variants = Readonly<Record<string, Variant>>;

/** `keys`: all that were written, readable or not. */
export type VariantSection<V extends Variants> = {
  [W in keyof V]: Readonly<{ word: W; keys: readonly string[] }> & Section<V[W]["shared"] & V[W]["own"]>;
}[keyof V];

/**
 * @param key whose word tells them apart
 * @param sentence what that word says
 * @param common printed once for all variants; each reads its own part of it (`shared`)
 */
export function variantSection<const V extends Variants>(
  key: string,
  sentence: string,
  common: Table,
  variants: V,
): ValueType<VariantSection<V>> {
  const words = Object.keys(variants);
  const word = choice(...words);
  const tables = new Map(Object.entries(variants).map(([name, { shared, own }]) => [name, { ...shared, ...own }]));
  return {
    title: "section",
    schema: (define) => ({ oneOf: [...tables].map(([name, table]) => variantSchema(key, name, table, define)) }),
    inner: {
      path: "",
      table: { [key]: required(word, sentence), ...common },
      variants: Object.entries(variants).map(([name, variant]) => ({
        word: `${key}: ${name}`,
        sentence: variant.sentence,
        table: variant.own,
      })),
    },
    read(node, problems) {
      if (node.kind !== "map") return needs(node, `a section with ${key} ...`, problems);
      const said = node.entries.find((entry) => entry.key === key);
      if (said === undefined) {
        problems.error(node.at, `"${key}" is missing`, `add ${key}: with one of ${words.join(", ")}`);
        return undefined;
      }
      const name = word.read(said.value, problems);
      const table = name === undefined ? undefined : tables.get(name);
      if (name === undefined || table === undefined) return undefined;
      const entries = node.entries.filter((entry) => {
        const others = entry.key === key || Object.hasOwn(table, entry.key) ? [] : whoHas(entry, tables);
        if (others.length > 0) {
          const message = `"${entry.key}" is a setting of ${key} ${others.join(", ")}: this one is ${name}`;
          problems.error(entry.at, message, `remove it; ${name} has: ${suggestIn(table)}`);
        }
        return entry.key !== key && others.length === 0;
      });
      const section: MapNode = { ...node, entries };
      const keys = node.entries.map((entry) => entry.key);
      const read: unknown = { word: name, keys, ...readTable(table, Object.keys(table), section, problems) };
      return read as VariantSection<V>;
    },
  };
}

function whoHas({ key }: Entry, tables: ReadonlyMap<string, Table>): string[] {
  return [...tables].flatMap(([name, table]) => (Object.hasOwn(table, key) ? [name] : []));
}

function suggestIn(table: Table): string {
  return suggest("", Object.keys(table)).replace(/^known: /, "");
}

function variantSchema(key: string, name: string, table: Table, define: DefineSchema): JsonSchema {
  const schema = sectionSchema(table, define) as JsonSchema & Readonly<{ properties: object; required?: string[] }>;
  return {
    ...schema,
    properties: { [key]: { const: name }, ...schema.properties },
    required: [key, ...(schema.required ?? [])],
  };
}
