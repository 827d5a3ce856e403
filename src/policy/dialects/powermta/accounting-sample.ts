/**
 * An accounting section out of plain lines, for the tests of what is made of it: `accountingLog("records d")`.
 */
import type { AccountingLog, LogDefinition } from "../../../mail/log-definition.ts";
import type { AccountingDirective, AccountingNotes } from "./accounting-lines.ts";
import { type AccountingContext, compileAccounting } from "./accounting-section.ts";
import { bounceCategories } from "./bounce-patterns.ts";

export function placed(name: string, value: string, line = 1): AccountingDirective {
  return { name, value, in: { file: "config", through: [] }, line, column: 1 };
}

/** Notes as `kind line: text (remedy)`. */
export function noteBook(): Readonly<{ notes: AccountingNotes; told: string[] }> {
  const told: string[] = [];
  const tell =
    (kind: string) =>
    (at: Readonly<{ line: number }>, text: string, remedy = ""): void => {
      told.push(`${kind} ${at.line}: ${text} (${remedy})`);
    };
  const notes = {
    error: tell("error"),
    warning: tell("warning"),
    differs: tell("differs"),
    noEffect: tell("no-effect"),
  };
  return { notes, told };
}

export const sampleContext: AccountingContext = {
  folder: "/var/log/pmta",
  bounceCategory: bounceCategories([]),
  queueDomain: ({ domain }) => domain,
  isDisabled: undefined,
};

/** The first line is line 2, below the section's own. */
export function compiledSection(
  target: string,
  lines: readonly string[],
  context: AccountingContext = sampleContext,
): Readonly<{ log: LogDefinition | undefined; told: readonly string[] }> {
  const directives = lines.map((text, index) => {
    const [, name = "", value = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    return placed(name, value, index + 2);
  });
  const { notes, told } = noteBook();
  const place = placed("", "");
  return { log: compileAccounting({ target, directives, place }, context, notes), told };
}

/** Throws where the lines make no log: of a test's own lines. */
export function accountingLog(...lines: readonly string[]): AccountingLog {
  const { log } = compiledSection("/var/log/pmta/acct.csv", lines);
  if (log?.format.kind !== "accounting") throw new Error(`no accounting log: ${lines.join("; ")}`);
  return log.format;
}
