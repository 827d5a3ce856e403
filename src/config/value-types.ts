/**
 * How single values are written: durations and sizes with their units, addresses, names, choices. Each type reads a
 * node, reports what is wrong with it and how to write it, and describes itself for the reference and the JSON Schema.
 */
import type { IpAddress } from "../mail/address.ts";
import { type Domain, parseDomain } from "../mail/domain.ts";
import { type DomainPattern, parseDomainPattern } from "../mail/domain-pattern.ts";
import { type Cidr, parseCidr, parseIp } from "../mail/ip.ts";
import { type Place, type Problems, suggest } from "./problem.ts";
import type { Table } from "./section-types.ts";
import type { Node } from "./yaml-tree.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ValueType<T> {
  /** In the reference: `duration`, `list of domains`. */
  readonly title: string;
  /** @param define keeps a section that is used more than once under a name of its own, and returns the reference */
  readonly schema: (define: DefineSchema) => JsonSchema;
  /** Reports what is wrong and returns `undefined`; never throws. */
  readonly read: (node: Node, problems: Problems) => T | undefined;
  /** For sections and what holds them: how the reference goes on below. */
  readonly inner?: Inner;
}

export type DefineSchema = (name: string, make: () => JsonSchema) => JsonSchema;

export type Inner = Readonly<{
  /** Added to the path of each setting inside: ``, `[]`, `.NAME`. */
  path: string;
  table: Table;
  /** Of a section with variants: what each has beside the table. */
  variants?: readonly Readonly<{ word: string; sentence: string; table: Table }>[];
}>;

/** A refusal of a text: what is wrong, and what to write. */
type Wrong = Readonly<{ wrong: string; remedy: string }>;

export function wrong(message: string, remedy: string): Wrong {
  return { wrong: message, remedy };
}

function isWrong(value: unknown): value is Wrong {
  return typeof value === "object" && value !== null && "wrong" in value;
}

/** A type that is one text; `what` completes "... is needed here". */
export function textType<T extends NonNullable<unknown>>(
  title: string,
  what: string,
  parse: (text: string) => T | Wrong,
  schema: JsonSchema = { type: "string" },
): ValueType<T> {
  return {
    title,
    schema: () => schema,
    read(node, problems) {
      if (node.kind !== "text") return needs(node, what, problems);
      const value = parse(node.text);
      if (!isWrong(value)) return value;
      problems.error(node.at, value.wrong, value.remedy);
      return undefined;
    },
  };
}

export function needs(node: Node, what: string, problems: Problems): undefined {
  const found = {
    text: `"${node.kind === "text" ? node.text : ""}"`,
    nothing: "nothing",
    list: "a list",
    map: "a map",
  };
  problems.error(node.at, `${what} is needed here; there is ${found[node.kind]}`, `write ${what}`);
}

/** Any text on one line. */
export const text: ValueType<string> = textType("text", "a text", (value) =>
  value === "" || /[\r\n\0]/.test(value)
    ? wrong("a text on one line is needed here", "write a text on one line")
    : value,
);

export const file: ValueType<string> = textType("file", "a file name", (value) =>
  value === "" || value.includes("\0") ? wrong("a file name is needed here", "write the path of a file") : value,
);

/** What other settings call a thing by. */
export const name: ValueType<string> = textType("name", "a name", (value) =>
  /^[\w][\w.-]{0,63}$/.test(value)
    ? value
    : wrong(`"${value}" is no name`, "use letters, digits, dot, hyphen and underscore, 64 at most"),
);

export const yesNo: ValueType<boolean> = textType(
  "true or false",
  "true or false",
  (value) => {
    if (value === "true" || value === "false") return value === "true";
    return wrong(`"${value}" is neither true nor false`, "write true or false");
  },
  { type: "boolean" },
);

export function choice<const T extends string>(...words: readonly T[]): ValueType<T> {
  return textType(
    words.map((word) => `\`${word}\``).join(" or "),
    `one of ${words.join(", ")}`,
    (value) => words.find((word) => word === value) ?? wrong(`"${value}" is not known here`, suggest(value, words)),
    { enum: words },
  );
}

/** A word, or a value of that type. */
export function textOrWord<const W extends string, T>(word: W, type: ValueType<T>): ValueType<T | W> {
  return {
    title: `${type.title}, or \`${word}\``,
    schema: (define) => ({ anyOf: [{ const: word }, type.schema(define)] }),
    read: (node, problems) => (node.kind === "text" && node.text === word ? word : type.read(node, problems)),
  };
}

/** A whole number without unit. */
export function count(min: number, max: number): ValueType<number> {
  return textType(
    "number",
    "a whole number",
    (value) => {
      if (!/^\d{1,15}$/.test(value))
        return wrong(`"${value}" is no whole number`, `write a number from ${min} to ${max}`);
      const number = Number(value);
      const fits = number >= min && number <= max;
      return fits ? number : wrong(`${value} is out of range`, `write a number from ${min} to ${max}`);
    },
    { type: "integer", minimum: min, maximum: max },
  );
}

/** A part of one: `0.2` or `20 %`. */
export const share: ValueType<number> = textType(
  "share",
  "a share from 0 to 1",
  (value) => {
    const percent = /^(\d{1,3}(?:\.\d+)?) ?%$/.exec(value)?.[1];
    const number =
      percent === undefined ? (/^\d(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN) : Number(percent) / 100;
    return number >= 0 && number <= 1
      ? number
      : wrong(`"${value}" is no share`, "write a number from 0 to 1, or 0 % to 100 %");
  },
  {
    anyOf: [
      { type: "number", minimum: 0, maximum: 1 },
      { type: "string", pattern: "^[0-9.]+ ?%$" },
    ],
  },
);

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `30s`, `5m`, `1h 30m`, `5d`, `1w` or `500ms`, as ms; or what is wrong with it. */
export function parseDuration(value: string): number | Wrong {
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    return wrong(`"${value}" has no unit`, `write ${value}s, ${value}m, ${value}h or ${value}d`);
  }
  if (!/^(?:\d{1,9}(?:\.\d{1,3})? ?(?:ms|[smhdw]) ?)+$/.test(`${value} `.trimEnd())) {
    return wrong(`"${value}" is no duration`, "write a number with ms, s, m, h, d or w, such as 30s or 5d");
  }
  let ms = 0;
  for (const [, number = "", unit = ""] of value.matchAll(/(\d+(?:\.\d+)?) ?(ms|[smhdw])/g)) {
    ms += Number(number) * (durationUnits[unit] ?? 0);
  }
  return Math.round(ms);
}

/** A duration in ms; both ends are written with units. */
export function duration(min: string, max: string): ValueType<number> {
  const [least, most] = [parseDuration(min), parseDuration(max)];
  return textType(
    "duration",
    "a duration",
    (value) => {
      const ms = parseDuration(value);
      if (isWrong(ms)) return ms;
      return ms >= Number(least) && ms <= Number(most)
        ? ms
        : wrong(`${value} is out of range`, `write ${min} to ${max}`);
    },
    { type: "string", pattern: "^([0-9.]+ ?(ms|s|m|h|d|w) ?)+$" },
  );
}

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** `50 MB` or `64 KiB`, as octets; or what is wrong with it. */
export function parseSize(value: string): number | Wrong {
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    return wrong(`"${value}" has no unit`, `write ${value} B, ${value} KB, ${value} MB, ${value} KiB or ${value} MiB`);
  }
  const [, number, unit = ""] = /^(\d{1,12}(?:\.\d{1,3})?) ?([KMGT]?i?B)$/i.exec(value) ?? [];
  const factor = sizeUnits[unit.toUpperCase()];
  if (number === undefined || factor === undefined) {
    return wrong(`"${value}" is no size`, "write a number with B, KB, MB, GB, KiB, MiB or GiB, such as 50 MB");
  }
  return Math.round(Number(number) * factor);
}

export function size(min: string, max: string): ValueType<number> {
  const [least, most] = [parseSize(min), parseSize(max)];
  return textType(
    "size",
    "a size",
    (value) => {
      const bytes = parseSize(value);
      if (isWrong(bytes)) return bytes;
      const fits = bytes >= Number(least) && bytes <= Number(most);
      return fits ? bytes : wrong(`${value} is out of range`, `write ${min} to ${max}`);
    },
    { type: "string", pattern: "^[0-9.]+ ?([KMGTkmgt]?[Ii]?[Bb])$" },
  );
}

export const domainName: ValueType<Domain> = textType(
  "domain",
  "a domain name",
  (value) => parseDomain(value) ?? wrong(`"${value}" is no domain name`, "write a name such as mx.example.com"),
);

export const domainPattern: ValueType<DomainPattern> = textType(
  "domain pattern",
  "a domain pattern",
  (value) =>
    parseDomainPattern(value) ??
    wrong(`"${value}" is no domain pattern`, 'write example.com, .example.com (all below it) or "*" (all)'),
);

export const cidr: ValueType<Cidr> = textType("address block", "an address block", (value) => {
  const block = parseCidr(value);
  if (block !== undefined) return block;
  const [address = "", prefix] = value.split("/");
  if (parseIp(address) !== undefined && prefix !== undefined && /^\d{1,3}$/.test(prefix)) {
    const most = address.includes(":") ? 128 : 32;
    return Number(prefix) > most
      ? wrong(`"${value}" has a prefix over ${most}`, `write a prefix from 0 to ${most}`)
      : wrong(`"${value}" has bits set beyond its prefix`, "write the first address of the block");
  }
  return wrong(`"${value}" is no address block`, "write 192.0.2.0/24, 2001:db8::/32 or one address");
});

export const ipAddress: ValueType<IpAddress> = textType(
  "address",
  "an IP address",
  (value) => parseIp(value) ?? wrong(`"${value}" is no IP address`, "write 192.0.2.1 or 2001:db8::1"),
);

/** An address to listen on or to ask. */
export type Endpoint = Readonly<{ address: IpAddress; port: number }>;

/** `127.0.0.1:2525` or `[::1]:25`. */
export function endpoint(defaultPort?: number): ValueType<Endpoint> {
  const example = "127.0.0.1:2525 or [::1]:2525";
  return textType("address and port", "an address and a port", (value) => {
    const bare = defaultPort === undefined ? undefined : parseIp(value);
    if (bare !== undefined && defaultPort !== undefined) return { address: bare, port: defaultPort };
    const [, six, four, digits = ""] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(value) ?? [];
    const address = parseIp(six ?? four ?? "");
    if (address === undefined || (six !== undefined) !== address.includes(":")) {
      const every = value.startsWith("*:") ? "; [::]:25 and 0.0.0.0:25 stand for every address" : "";
      return wrong(`"${value}" is no address and port`, `write ${example}${every}`);
    }
    const port = Number(digits);
    return port <= 65_535 ? { address, port } : wrong(`${digits} is no port`, "write a port from 0 to 65535");
  });
}

/** A value and where it stands. */
export type Located<T> = Readonly<{ value: T; at: Place }>;

export function plain<T>(located: readonly Located<T>[]): readonly T[] {
  return located.map(({ value }) => value);
}
