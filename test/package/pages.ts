/**
 * What pages show: commands as they are typed, and configurations.
 */

/** By command, such as `queue list`: its help. `""` is the program's own. */
export type Help = ReadonlyMap<string, string>;

/** What stands behind `letterlock`, in code and between backticks. */
export function commandLines(page: string): readonly string[] {
  const called = "(?:npm run -s letterlock --|letterlock) +";
  const inBlocks = page.matchAll(new RegExp(`^ *(?:ExecStart=\\S*/)?${called}(.+)$`, "gm"));
  const inWords = page.matchAll(new RegExp(`\`${called}([^\`]+)\``, "g"));
  // A sentence may begin with the name; what is typed has a command of small letters, and ends in no full stop.
  const isCommand = (line: string): boolean => /^[a-z]/.test(line);
  const blocks = codeOf(page);
  return [
    ...[...inBlocks].map(([whole, line = ""]) => (blocks.has(whole.trim()) ? line : "")),
    ...[...inWords].map(([, line = ""]) => line),
  ].filter(isCommand);
}

/** Lines of code, indented or fenced. */
function codeOf(page: string): ReadonlySet<string> {
  const lines = new Set<string>();
  let fenced = false;
  for (const line of page.split("\n")) {
    if (/^ *```/.test(line)) fenced = !fenced;
    else if (fenced || /^ {4}/.test(line)) lines.add(line.trim());
  }
  return lines;
}

/**
 * Usage as manuals write it is understood: `[optional]`, `one | other`; a pipe to another program ends the line, as do
 * `>`, `&&` and `#`.
 *
 * @returns what the program does not have
 */
export function findMistake(line: string, help: Help): string | undefined {
  const words = line.replaceAll(/[[\]]/g, " ").split(/\s+/);
  const [first = ""] = words;
  if (!help.has(first)) return `there is no command ${first}`;
  const below = [...help.keys()].some((name) => name.startsWith(`${first} `));
  const [, second = ""] = words;
  const commands = below && second !== "" ? alternatives(words.slice(1)).map((name) => `${first} ${name}`) : [first];
  const unknown = commands.find((name) => !help.has(name));
  if (unknown !== undefined) return `there is no command ${unknown}`;
  const end = words.findIndex(
    (word, at) => /^(>|&&|#)/.test(word) || (word === "|" && !help.has(`${first} ${words[at + 1]}`)),
  );
  const options = words.slice(0, end < 0 ? undefined : end).flatMap((word) => /^--?[a-z-]+/.exec(word) ?? []);
  const missing = options.find((option) => !commands.every((name) => hasOption(help.get(name) ?? "", option)));
  return missing === undefined ? undefined : `there is no option ${missing}`;
}

/** `hold | release | retry` */
function alternatives(words: readonly string[]): readonly string[] {
  const [first = "", ...rest] = words;
  const isMore = rest[0] === "|" && rest[1] !== undefined && /^[a-z]+$/.test(rest[1]);
  return isMore ? [first, ...alternatives(rest.slice(1))] : [first];
}

function hasOption(help: string, option: string): boolean {
  return new RegExp(`^ +(?:-\\w, )?(?:${option})\\b|^ +${option}, --`, "m").test(help);
}

/** Whatever they are indented by, as in a list. */
export function yamlBlocks(page: string): readonly string[] {
  return [...page.matchAll(/^( *)```yaml\n(.*?)^ *```$/gms)].map(([, indent = "", block = ""]) =>
    block.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
}
