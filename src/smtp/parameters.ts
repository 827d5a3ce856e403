/**
 * ESMTP parameters of MAIL and RCPT: `KEYWORD` or `KEYWORD=value`, separated by blanks, each at most once.
 * RFC 5321 §4.1.2.
 */

/** Keywords in upper case; a keyword without `=` has the value `undefined`. */
export type Parameters = ReadonlyMap<string, string | undefined>;

/** `repeated`: a keyword came twice (DS-1); `syntax`: not of the grammar. */
export type ParametersResult =
  | Readonly<{ kind: "parameters"; parameters: Parameters }>
  | Readonly<{ kind: "bad"; problem: "syntax" | "repeated" }>;

const one = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u00a0-\ufffc\u{10000}-\u{10ffff}]+))?$/u;
const none: ParametersResult = { kind: "parameters", parameters: new Map() };

export function parseParameters(text: string): ParametersResult {
  if (text === "") return none;
  const parameters = new Map<string, string | undefined>();
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const match = one.exec(word);
    if (match === null) return { kind: "bad", problem: "syntax" };
    const keyword = (match[1] ?? "").toUpperCase();
    if (parameters.has(keyword)) return { kind: "bad", problem: "repeated" };
    parameters.set(keyword, match[2]);
  }
  return { kind: "parameters", parameters };
}
