/**
 * Policy entries as tables: of which types, in how many files, and how each is written down.
 */
import type { Draw } from "./draw.ts";

export type Entry = Readonly<{ key: string; value: string }>;

export type Tables = Readonly<{
  /** Value of `smtp_tls_policy_maps`. */
  maps: string;
  /** Value of `smtp_tls_per_site`, where there is such a table. */
  perSite?: string;
  files: Readonly<Record<string, string>>;
  indexed: readonly string[];
}>;

/** @param folder of `main.cf`, as the mail server sees it */
export function drawTables(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const usable = withoutDuplicates(entries.filter(({ value }) => value !== ""));
  const shape = draw.weighted<(folder: string, draw: Draw, entries: readonly Entry[]) => Tables>([
    [6, oneFile],
    [2, indexedFile],
    [3, twoTables],
    [2, regularExpressions],
    [2, inlineTable],
    [1, piped],
    [1, united],
    [1, obsolete],
    [1, withMissing],
    [1, withDuplicate],
  ]);
  return shape(folder, draw, usable);
}

/** Which of two counts depends on the type of the table: see `withDuplicate`. */
function withoutDuplicates(entries: readonly Entry[]): Entry[] {
  const byKey = new Map<string, Entry>();
  for (const entry of entries) if (!byKey.has(entry.key.toLowerCase())) byKey.set(entry.key.toLowerCase(), entry);
  return [...byKey.values()];
}

function oneFile(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  return { maps: `texthash:${folder}/policy`, files: { policy: asText(entries, draw) }, indexed: [] };
}

function indexedFile(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  return { maps: `hash:${folder}/policy`, files: { policy: asText(entries, draw) }, indexed: ["policy"] };
}

function twoTables(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const half = Math.floor(entries.length / 2);
  const last = draw.pick(["", ", static:encrypt", " static:{verify match=.test}"]);
  return {
    maps: `texthash:${folder}/policy, hash:${folder}/more${last}`,
    files: { policy: asText(entries.slice(0, half), draw), more: asText(entries.slice(half), draw) },
    indexed: ["more"],
  };
}

function regularExpressions(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const lines = entries.map(({ key, value }) => {
    const pattern = key.replace(/[.[\]*+?()|^$\\/]/g, "\\$&");
    return `/^${pattern}$/${draw.chance(0.1) ? "i" : ""} ${value.replaceAll("$", "$$$$")}\n`;
  });
  const computed = "if /^sub\\./\n/^sub\\.(.*)\\.test$/ verify match=mx.$1.test\nendif\n";
  return {
    maps: `regexp:${folder}/policy.regexp`,
    files: { "policy.regexp": `# tried in order\n${lines.join("")}${computed}` },
    indexed: [],
  };
}

function inlineTable(_folder: string, _draw: Draw, entries: readonly Entry[]): Tables {
  const simple = entries.filter(({ value, key }) => !/[{}#]/.test(value) && !key.startsWith("["));
  const members = simple.map(({ key, value }) => `    { ${key} = ${value} }`);
  return { maps: `inline:{\n${members.join(",\n")} }`, files: {}, indexed: [] };
}

/** The first table tells the class of a destination, the second what holds for the class. */
function piped(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const classes = entries.map(({ value }) => value);
  const first = entries.map(({ key }, index) => ({ key, value: `class${index}` }));
  const second = classes.map((value, index) => ({ key: `class${index}`, value }));
  return {
    maps: `pipemap:{texthash:${folder}/classes, texthash:${folder}/policy}`,
    files: { classes: asText(first, draw), policy: asText(second, draw) },
    indexed: [],
  };
}

/** Answers of both tables are joined by commas: a level from one, attributes from the other. */
function united(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const levels = entries.map(({ key, value }) => ({ key, value: value.split(" ")[0] ?? "" }));
  const rest = entries.flatMap(({ key, value }) => {
    const attributes = value.split(" ").slice(1).join(" ");
    return attributes === "" ? [] : [{ key, value: attributes }];
  });
  return {
    maps: `unionmap:{texthash:${folder}/levels, texthash:${folder}/attributes}`,
    files: { levels: asText(levels, draw), attributes: asText(rest, draw) },
    indexed: [],
  };
}

/** The table that came before policies: by nexthop and by MX host. */
function obsolete(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const values = ["NONE", "MAY", "MUST", "MUST_NOPEERMATCH", "must", "may"];
  const sites = entries.map(({ key }) => ({ key, value: draw.pick(values) }));
  return { maps: "", perSite: `texthash:${folder}/sites`, files: { sites: asText(sites, draw) }, indexed: [] };
}

/** What is not in the first table is asked of one that cannot be opened. */
function withMissing(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  return {
    maps: `texthash:${folder}/policy, ${draw.pick([`hash:${folder}/missing`, "fail:later"])}`,
    files: { policy: asText(entries, draw) },
    indexed: [],
  };
}

/** An index keeps the first of two entries with one key; a text file that has such cannot be opened. */
function withDuplicate(folder: string, draw: Draw, entries: readonly Entry[]): Tables {
  const type = draw.pick(["hash", "hash", "texthash"]);
  const policy = `${asText(entries, draw)}${entries.map(({ key }) => `${key} none\n`).join("")}`;
  return { maps: `${type}:${folder}/policy`, files: { policy }, indexed: type === "hash" ? ["policy"] : [] };
}

/** A table's source text with all that its syntax allows: comments, blank lines, values over several lines. */
function asText(entries: readonly Entry[], draw: Draw): string {
  const lines = entries.map(({ key, value }) => {
    const gap = draw.pick([" ", "\t", "    "]);
    const words = value.split(" ");
    const spread = words.length > 1 && draw.chance(0.1);
    const text = spread ? `${words[0]}\n# more\n\n   ${words.slice(1).join(" ")}` : value;
    const before = draw.chance(0.05) ? "# a comment\n" : "";
    return `${before}${key}${gap}${text}${draw.chance(0.05) ? "  " : ""}\n`;
  });
  return lines.join("");
}
