/**
 * `<bounce-category-patterns>`: lines of a pattern and a category, held against status and diagnostic text
 * (`5.1.1;smtp;550 5.1.1 no such user`; reference, section 3.6). The first that fits decides.
 */
import type { Tester } from "../safe-pattern.ts";
import type { AccountingDirective, AccountingNotes } from "./accounting-lines.ts";
import { shippedCategory } from "./bounce-categories.ts";
import { wordsOf } from "./lines.ts";
import { compilePattern } from "./pattern.ts";

export type BouncePattern = Readonly<{ tester: Tester; category: string }>;

/** @param lines `name` is the pattern with its slashes, `value` the category */
export function bouncePatterns(lines: readonly AccountingDirective[], notes: AccountingNotes): BouncePattern[] {
  return lines.flatMap((line) => {
    const [category = "", ...more] = wordsOf(line.value);
    const body = /^\/(.*)\/$/s.exec(line.name)?.[1];
    if (body === undefined || category === "" || more.length > 0) {
      const text = [line.name, line.value].join(" ").trim();
      notes.error(line, `<bounce-category-patterns>: ${text} is no pattern and category`, "write /PATTERN/ category");
      return [];
    }
    const pattern = compilePattern(body.replaceAll("\\/", "/"));
    if (pattern.kind === "pattern") return [{ tester: pattern.tester, category }];
    notes.differs(line, `${line.name} is left out: ${pattern.problem}`, "write it in another way");
    return [];
  });
}

/** A reply that is met again and again is looked at once. */
const maxKnown = 2000;

/** Own patterns before those that every configuration has. */
export function bounceCategories(own: readonly BouncePattern[]): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const category = own.find(({ tester }) => tester.test(text))?.category ?? shippedCategory(text);
    if (known.size >= maxKnown) known.clear();
    known.set(text, category);
    return category;
  };
}
