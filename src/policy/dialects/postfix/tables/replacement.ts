/**
 * The result of a pattern: text with `$1`, `${1}`, `$(1)` for what its groups hold, `$$` for a dollar sign
 * (regexp_table(5), pcre_table(5); Postfix: KEY-14).
 */
import { readReference } from "../expand.ts";

/** Text and numbers of groups in turn. */
export type Replacement = Readonly<{ parts: readonly (string | number)[]; highest: number }>;

/** A string tells what is wrong. */
export function parseReplacement(text: string): Replacement | string {
  const parts: (string | number)[] = [];
  let highest = 0;
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf("$", at);
    const end = dollar < 0 ? text.length : dollar;
    if (end > at) parts.push(text.slice(at, end));
    if (dollar < 0) break;
    if (text[dollar + 1] === "$") {
      parts.push("$");
      at = dollar + 2;
      continue;
    }
    const reference = readReference(text, dollar + 1);
    if (reference.kind === "wrong") return reference.problem;
    if (!/^\d+$/.test(reference.inner)) return `non-numeric replacement index "${reference.inner}"`;
    const number = Number(reference.inner);
    if (number < 1) return `out of range replacement index "${reference.inner}"`;
    parts.push(number);
    highest = Math.max(highest, number);
    at = reference.end;
  }
  return { parts, highest };
}

/** @param group what a group holds; a group that took no part is empty */
export function fillReplacement({ parts }: Replacement, group: (number: number) => string | undefined): string {
  return parts.map((part) => (typeof part === "string" ? part : (group(part) ?? ""))).join("");
}
