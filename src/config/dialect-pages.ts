/**
 * The tables of the dialects printed: docs/dialects/<system>.md. One source for what `check` says and what a reader
 * finds, so that they cannot drift.
 */

import type { OptionStatus } from "../policy/dialects/dialect.ts";
import { optionTable as momentum } from "../policy/dialects/momentum/option-table.ts";
import { optionTable as postfix } from "../policy/dialects/postfix/parameters.ts";
import { optionTable as powermta } from "../policy/dialects/powermta/options.ts";
import type { System } from "../policy/dialects/registry.ts";
import { optionTable as sendmail } from "../policy/dialects/sendmail/options.ts";

type Entry = Readonly<{
  name: string;
  status: OptionStatus;
  values: string;
  default: string;
  scopes: string | readonly string[];
  reason: string;
}>;

type Page = Readonly<{ title: string; about: string; guide: string; more?: string; table: readonly Entry[] }>;

const pages: Readonly<Record<System, Page>> = {
  postfix: {
    title: "Postfix",
    about: "main.cf, master.cf and their tables, as Postfix 3.10 reads them (policy attributes up to 3.12).",
    guide: "postfix-ciphermail",
    more: "What comes out differently, case by case, against the real program: [postfix-differences.md](postfix-differences.md).",
    table: postfix,
  },
  sendmail: {
    title: "Sendmail",
    about: "The access map, sendmail.mc and sendmail.cf, as Sendmail 8.14 to 8.18 read them.",
    guide: "sendmail-canit",
    more: "What comes out differently, case by case, against the real program: [sendmail-differences.md](sendmail-differences.md).",
    table: sendmail,
  },
  momentum: {
    title: "Momentum",
    about: "ecelerity.conf and what it includes, as Momentum 4 reads it.",
    guide: "momentum",
    table: momentum,
  },
  powermta: {
    title: "PowerMTA",
    about: "The configuration file and what it includes, as PowerMTA 4.5 and 5 read it.",
    guide: "powermta",
    table: powermta,
  },
};

const headings = {
  applied: "Applied: does here what it does there",
  differs: "Differs: taken, but understood differently",
  "not-yet": "Not yet: read and checked, and nothing acts on it in this version",
  "no-effect": "No effect here",
} as const satisfies Record<OptionStatus, string>;

export function dialectPage(system: System): string {
  const { title, about, guide, more, table } = pages[system];
  const sections = (["applied", "differs", "not-yet", "no-effect"] as const).flatMap((status) => {
    const entries = table.filter((entry) => entry.status === status);
    return entries.length === 0 ? [] : [`## ${headings[status]}`, "", ...rows(entries), ""];
  });
  return [
    `# ${title}: every option`,
    "",
    `Printed from the tables that the code reads (\`npm run print-reference\`). ${about}`,
    `How to move: [moving-from/${guide}.md](../moving-from/${guide}.md).`,
    ...(more === undefined ? [] : [more]),
    "Names that are not listed are unknown, unless they have nothing to do with TLS: `letterlock check` tells which.",
    "",
    ...sections,
  ].join("\n");
}

function rows(entries: readonly Entry[]): string[] {
  return [
    "| option | values | default | where | what becomes of it |",
    "| --- | --- | --- | --- | --- |",
    ...entries.map(({ name, values, default: byDefault, scopes, reason }) => {
      const where = typeof scopes === "string" ? scopes : scopes.join(", ");
      return `| \`${name}\` | ${cell(values)} | ${byDefault === "" ? "" : `\`${cell(byDefault)}\``} | ${cell(where)} | ${cell(reason)} |`;
    }),
  ];
}

/** Table cells: bars escaped, and what looks like a tag to a Markdown reader. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
}
