/**
 * The shape of a Momentum configuration file: what the parser makes of the text and the printer makes text of.
 * Names and values stand as written, backslashes included; what they mean is for others.
 */

/** 1-based. */
export type Place = Readonly<{ line: number; column: number }>;

/** A word, bare or between double quotes; the quotes are not part of `text`, backslashes are. */
export type Word = Readonly<{ text: string; quoted: boolean }> & Place;

export type Value =
  | Readonly<{ kind: "word"; word: Word }>
  | Readonly<{ kind: "list"; words: readonly Word[] }>
  | Readonly<{ kind: "dictionary"; entries: readonly Readonly<{ key: Word; value: Word }>[] }>;

export type Option = Readonly<{ kind: "option"; name: string; value: Value }> & Place;

export type Scope = Readonly<{
  kind: "scope";
  name: string;
  instance: Word | undefined;
  items: readonly Item[];
}> &
  Place;

export type Include = Readonly<{ kind: "include"; keyword: "include" | "readonly_include"; target: Word }> & Place;

export type Item = Option | Scope | Include;

export type SyntaxProblem = Readonly<{ text: string; remedy: string }> & Place;

/** A broken file ends at its first problem: what follows it cannot be trusted. */
export type ParsedFile = Readonly<{ items: readonly Item[]; problem: SyntaxProblem | undefined }>;

/** After these an instance that starts with `/` is a regular expression. */
export function takesRegex(scopeName: string): boolean {
  const name = scopeName.toLowerCase();
  return name === "domain" || name === "host";
}
