/**
 * How settings hold together: lists, maps by name, and sections, which are tables of settings. Reading a section
 * finds unknown keys, reads each value by its type, and fills in the defaults that the reference shows.
 */
import { type DomainPattern, formatDomainPattern, parseDomainPattern } from "../mail/domain-pattern.ts";
import { type Place, Problems, suggest } from "./problem.ts";
import { type JsonSchema, type Located, name, needs, type ValueType } from "./value-types.ts";
import { type MapNode, type Node, parseYamlTree } from "./yaml-tree.ts";

/** One setting. `default` is what one would write to get it, as YAML; the reference shows it as it stands. */
export interface Setting<T, P extends "default" | "optional" | "required"> {
  readonly type: ValueType<T>;
  readonly presence: P;
  readonly default: string | undefined;
  /** The default as a value, read once. */
  readonly standard: () => T | undefined;
  readonly sentence: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds settings of every type; `Values` gives each its own
export type Table = Readonly<Record<string, Setting<any, "default" | "optional" | "required">>>;

export function setting<T>(type: ValueType<T>, byDefault: string, sentence: string): Setting<T, "default"> {
  let value: T | undefined;
  const standard = (): T => {
    value ??= readDefault(type, byDefault);
    return value;
  };
  return { type, presence: "default", default: byDefault, standard, sentence };
}

export function optional<T>(type: ValueType<T>, sentence: string): Setting<T, "optional"> {
  return { type, presence: "optional", default: undefined, standard: () => undefined, sentence };
}

export function required<T>(type: ValueType<T>, sentence: string): Setting<T, "required"> {
  return { type, presence: "required", default: undefined, standard: () => undefined, sentence };
}

/**
 * What reading a section gives. Settings with a default are always there, others where they were written. After an
 * error the default stands in for the value: nobody uses it, since the problems say that the file is not used.
 */
export type Values<F extends Table> = {
  readonly [K in keyof F as F[K]["presence"] extends "default" ? K : never]: F[K] extends Setting<infer T, infer _P>
    ? Located<T>
    : never;
} & {
  readonly [K in keyof F as F[K]["presence"] extends "default" ? never : K]?: F[K] extends Setting<infer T, infer _P>
    ? Located<T>
    : never;
};

export type Section<F extends Table> = Readonly<{ at: Place; values: Values<F> }>;

/** @param key under which the JSON Schema keeps it when it is used more than once */
export function section<F extends Table>(table: F, key?: string): ValueType<Section<F>> {
  const keys = Object.keys(table);
  const inPlace = (define: Parameters<ValueType<unknown>["schema"]>[0]): JsonSchema => sectionSchema(table, define);
  return {
    title: "section",
    schema: (define) => (key === undefined ? inPlace(define) : define(key, () => inPlace(define))),
    inner: { path: "", table },
    read(node, problems) {
      if (node.kind === "nothing") return readTable(table, keys, { kind: "map", entries: [], at: node.at }, problems);
      if (node.kind !== "map") return needs(node, `a section with ${keys.slice(0, 4).join(", ")} ...`, problems);
      return readTable(table, keys, node, problems);
    },
  };
}

/** A section with exactly one of its keys: a choice between things that are told apart by name. */
export function oneOf<F extends Table>(table: F): ValueType<Section<F>> {
  const whole = section(table);
  const keys = Object.keys(table);
  return {
    ...whole,
    schema: (define) => ({ ...whole.schema(define), minProperties: 1, maxProperties: 1 }),
    read(node, problems) {
      if (node.kind === "map" && node.entries.length === 1) return whole.read(node, problems);
      return needs(node, `exactly one of ${keys.join(", ")}`, problems);
    },
  };
}

export function readTable<F extends Table>(
  table: F,
  keys: readonly string[],
  node: MapNode,
  problems: Problems,
): Section<F> {
  const values: Record<string, Located<unknown>> = {};
  for (const { key, at, value } of node.entries) {
    const known = Object.hasOwn(table, key) ? table[key] : undefined;
    if (known === undefined) {
      problems.error(at, `unknown key "${key}"`, suggest(key, keys));
      continue;
    }
    const read = known.type.read(value, problems);
    if (read !== undefined) values[key] = { value: read, at };
  }
  for (const key of keys) {
    const { presence, type, standard } = table[key] as Table[string];
    if (presence === "optional" || Object.hasOwn(values, key)) continue;
    if (presence === "default") values[key] = { value: standard(), at: node.at };
    else if (!node.entries.some((entry) => entry.key === key)) {
      problems.error(node.at, `"${key}" is missing`, `add "${key}:" and its value (${type.title})`);
    }
  }
  return { at: node.at, values: values as Values<F> };
}

/** Reads a default as if it were written; that every default reads is a test of the table. */
function readDefault<T>(type: ValueType<T>, byDefault: string): T {
  const problems = new Problems("default");
  const node = parseYamlTree(byDefault, problems);
  const value = node === undefined ? undefined : type.read(node, problems);
  if (value === undefined || problems.hasErrors) throw new Error(`the default ${byDefault} is no ${type.title}`);
  return value;
}

export function sectionSchema(table: Table, define: Parameters<ValueType<unknown>["schema"]>[0]): JsonSchema {
  const properties: Record<string, unknown> = {};
  for (const [key, { type, sentence, default: byDefault }] of Object.entries(table)) {
    const shown = byDefault === undefined || byDefault === "{}" ? "" : ` Default: ${byDefault}.`;
    properties[key] = { description: `${sentence}${shown}`, ...type.schema(define) };
  }
  const requiredKeys = Object.keys(table).filter((key) => table[key]?.presence === "required");
  return {
    type: "object",
    properties,
    ...(requiredKeys.length > 0 ? { required: requiredKeys } : {}),
    additionalProperties: false,
  };
}

/** A list; one value alone is a list of one. */
export function list<T>(type: ValueType<T>): ValueType<readonly Located<T>[]> {
  const { inner } = type;
  return {
    title: inner === undefined ? `list: ${type.title}` : "list of sections",
    schema: (define) => {
      const items = type.schema(define);
      return inner === undefined ? { anyOf: [items, { type: "array", items }] } : { type: "array", items };
    },
    ...(inner === undefined ? {} : { inner: { ...inner, path: `[]${inner.path}` } }),
    read(node, problems) {
      if (node.kind === "nothing") return needs(node, `a list: ${type.title}`, problems);
      if (inner !== undefined && node.kind !== "list") return needs(node, 'a list, each entry after "- "', problems);
      const items = node.kind === "list" ? node.items : [node];
      const read = items.flatMap((item) => {
        const value = type.read(item, problems);
        return value === undefined ? [] : [{ value, at: item.at }];
      });
      // A list of values with a wrong one is wrong as a whole; sections that are right are still looked at together.
      return inner === undefined && read.length < items.length ? undefined : read;
    },
  };
}

/** One of several forms, told apart by the kind of node. */
export function textOr<T, U>(simple: ValueType<T>, other: ValueType<U>): ValueType<T | U> {
  return {
    title: `${simple.title}, or a section`,
    schema: (define) => ({ anyOf: [simple.schema(define), other.schema(define)] }),
    ...(other.inner === undefined ? {} : { inner: other.inner }),
    read: (node: Node, problems) => (node.kind === "map" ? other.read(node, problems) : simple.read(node, problems)),
  };
}

export type Keyed<K, T> = Readonly<{ key: K; at: Place; value: T }>;

/** A map whose keys are names of the operator's choice. */
export function byName<T>(type: ValueType<T>): ValueType<readonly Keyed<string, T>[]> {
  return keyed("NAME", type, (key, at, problems) => name.read({ kind: "text", text: key, at }, problems));
}

/** A map whose keys are any texts, in their order. */
export function byText<T>(placeholder: string, type: ValueType<T>): ValueType<readonly Keyed<string, T>[]> {
  return keyed(placeholder, type, (key) => key);
}

/** A map whose keys are domain patterns; two spellings of one name are a double. */
export function byDomain<T>(type: ValueType<T>): ValueType<readonly Keyed<DomainPattern, T>[]> {
  const map = keyed("DOMAIN", type, (key, at, problems) => {
    const pattern = parseDomainPattern(key);
    if (pattern === undefined) {
      problems.error(
        at,
        `"${key}" is no domain pattern`,
        'write example.com, .example.com (all below it) or "*" (all)',
      );
    }
    return pattern;
  });
  return {
    ...map,
    read(node, problems) {
      const entries = map.read(node, problems);
      const lines = new Map<string, number>();
      for (const { key, at } of entries ?? []) {
        const text = formatDomainPattern(key);
        const first = lines.get(text);
        if (first === undefined) lines.set(text, at.line);
        else
          problems.error(
            at,
            `"${text}" stands here for the second time`,
            `remove one of the two: the first is on line ${first}`,
          );
      }
      return entries;
    },
  };
}

/** A map whose keys are nexthops as transports write them, or `.parent`. */
export function byNexthop<T>(type: ValueType<T>): ValueType<readonly Keyed<string, T>[]> {
  return keyed("NEXTHOP", type, (key, at, problems) => {
    if (/^(?:\[[^[\]\s]+\](?::\d{1,5})?|\.?[^[\]:.\s][^[\]:\s]*(?::\d{1,5})?)$/.test(key)) return key.toLowerCase();
    problems.error(at, `"${key}" is no nexthop`, 'write example.com, .example.com, "[mx.example.com]" or "[host]:26"');
    return undefined;
  });
}

function keyed<K, T>(
  placeholder: string,
  type: ValueType<T>,
  readKey: (key: string, at: Place, problems: Problems) => K | undefined,
): ValueType<readonly Keyed<K, T>[]> {
  const { inner } = type;
  return {
    title: `map: ${placeholder} to ${inner === undefined ? type.title : "section"}`,
    schema: (define) => ({ type: "object", additionalProperties: type.schema(define) }),
    ...(inner === undefined ? {} : { inner: { ...inner, path: `.${placeholder}${inner.path}` } }),
    read(node, problems) {
      if (node.kind === "nothing") return [];
      if (node.kind !== "map") return needs(node, `a map, each entry as "${placeholder}: ..."`, problems);
      const read: Keyed<K, T>[] = [];
      for (const entry of node.entries) {
        const key = readKey(entry.key, entry.at, problems);
        const value = type.read(entry.value, problems);
        if (key !== undefined && value !== undefined) read.push({ key, at: entry.at, value });
      }
      return read;
    },
  };
}
