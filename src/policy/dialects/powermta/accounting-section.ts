/**
 * One accounting section as a log definition: PowerMTA's `<acct-file>`, and the same written in letterlock.yaml
 * (reference, section 3). There is this one reader for both; whoever reads the text hands its lines on.
 *
 * Every line that is wrong or without effect is told with its place and remedy. What is wrong falls back to PowerMTA's
 * default, but for `privacy-policy`: then addresses are hidden.
 */
import type { AccountingLog, AccountingText, AccountingType, LogDefinition } from "../../../mail/log-definition.ts";
import { columnsOf } from "./accounting-columns.ts";
import { queueFilter } from "./accounting-filter.ts";
import { type AccountingDirective, AccountingLines, type AccountingNotes } from "./accounting-lines.ts";
import { targetOf } from "./accounting-target.ts";
import { textOf } from "./lines.ts";
import type { Place } from "./parse.ts";
import { privacyPolicy } from "./privacy-policy.ts";

export type AccountingSection = Readonly<{
  /** The file, or `|` and a command. */
  target: string;
  directives: readonly AccountingDirective[];
  place: Place;
}>;

/** What holds around the section. */
export type AccountingContext = Readonly<{
  /** Absolute: relative names stand in it. */
  folder: string;
  /** Of `bounceCategories`. */
  bounceCategory: AccountingLog["bounceCategory"];
  queueDomain: AccountingLog["queueDomain"];
  /** `disable-acct-records`; undefined: nothing is. */
  isDisabled: AccountingLog["wants"] | undefined;
  /** What all this was made of, for whoever writes the section anew. */
  written?: Pick<AccountingText, "bouncePatterns" | "dependsOnQueues">;
}>;

/** @returns undefined where nothing would ever be written */
export function compileAccounting(
  { target: written, directives, place }: AccountingSection,
  context: AccountingContext,
  notes: AccountingNotes,
): LogDefinition | undefined {
  const lines = new AccountingLines(directives, notes);
  const target = targetOf(written, place, lines, context.folder);
  const { headers, ...columns } = columnsOf(lines);
  const format: LogDefinition["format"] = {
    kind: "accounting",
    ...columns,
    isoTimes: lines.flag("iso-times", true),
    userString: lines.text("user-string") ?? "",
    wants: wanted(lines, context),
    queueDomain: context.queueDomain,
    formulaCells: formulaCells(lines),
    showRecipient: privacyPolicy(lines.last("privacy-policy"), notes),
    bounceCategory: context.bounceCategory,
    written: {
      target: written,
      directives: directives.map(({ name, value }) => ({ name, value })),
      bouncePatterns: [],
      dependsOnQueues: false,
      ...context.written,
    },
  };
  if (target === undefined || columns.types.length === 0) return undefined;
  return { name: `acct-file ${written}`, from: `${place.in.file}:${place.line}`, format, target, headers };
}

function wanted(lines: AccountingLines, { isDisabled }: AccountingContext): AccountingLog["wants"] {
  const filter = queueFilter(lines.last("queue-filter"), lines.notes);
  if (filter === undefined && isDisabled === undefined) return () => true;
  return (type: AccountingType, queue) => {
    if (type === "r") return true;
    return filter?.(queue.domain, queue.vmta) !== false && isDisabled?.(type, queue) !== true;
  };
}

function formulaCells(lines: AccountingLines): AccountingLog["formulaCells"] {
  const line = lines.last("formula-cells");
  const text = line === undefined ? "escape" : textOf(line.value).toLowerCase();
  if (text === "escape" || text === "keep") return text;
  if (line !== undefined)
    lines.notes.error(line, `formula-cells: "${text}" is neither escape nor keep`, "write escape or keep");
  return "escape";
}
