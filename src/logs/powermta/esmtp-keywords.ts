/**
 * `dlvEsmtpAvailable`: what a host offered in clear, without parameters, in PowerMTA's order as samples show it
 * (`ENHANCEDSTATUSCODES,8BITMIME,SIZE,STARTTLS`): STARTTLS is the last, and what it has no name for comes before.
 */

const order: ReadonlyMap<string, number> = new Map(
  ["ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "SIZE"].map(
    (name, index) => [name, index],
  ),
);

/** More than any host has use for. */
const maxKeywords = 30;
const known = new WeakMap<readonly string[], string>();

/** @param lines of an EHLO reply: `SIZE 52428800`. One list is the same for all mail that goes over its connection. */
export function esmtpKeywords(lines: readonly string[]): string {
  const before = known.get(lines);
  if (before !== undefined) return before;
  const verbs = lines.slice(0, maxKeywords).map((line) => /^[^\s=]*/.exec(line)?.[0].toUpperCase() ?? "");
  const sorted = [...new Set(verbs)].filter((verb) => verb !== "").sort((left, right) => rank(left) - rank(right));
  const text = sorted.join(",");
  known.set(lines, text);
  return text;
}

function rank(verb: string): number {
  return verb === "STARTTLS" ? order.size + 1 : (order.get(verb) ?? order.size);
}
