/**
 * What a reload changed in the configurations of other mail servers, in words for the log: file by file, in lines.
 */

export type SourceTexts = Readonly<{
  /** `postfix /etc/postfix/main.cf` */
  name: string;
  /** By file. */
  texts: ReadonlyMap<string, string>;
}>;

/** @returns nothing where every file reads as before and the sources stand in the same order */
export function compareSources(before: readonly SourceTexts[], after: readonly SourceTexts[]): readonly string[] {
  const [old, now] = [byName(before), byName(after)];
  const texts: string[] = [];
  for (const [name, source] of now) {
    const known = old.get(name);
    if (known === undefined) texts.push(`${name} added`);
    else texts.push(...compareFiles(known, source).map((change) => `${name}: ${change}`));
  }
  for (const name of old.keys()) if (!now.has(name)) texts.push(`${name} removed`);
  const kept = (names: Iterable<string>): string => [...names].filter((name) => old.has(name) && now.has(name)).join();
  if (kept(old.keys()) !== kept(now.keys())) texts.push("order of policy: changed");
  return texts;
}

function byName(sources: readonly SourceTexts[]): ReadonlyMap<string, SourceTexts["texts"]> {
  return new Map(sources.map(({ name, texts }) => [name, texts]));
}

function compareFiles(before: SourceTexts["texts"], after: SourceTexts["texts"]): string[] {
  const changes: string[] = [];
  for (const [file, text] of after) {
    const old = before.get(file);
    if (old === undefined) changes.push(`${file} is read now`);
    else if (old !== text) changes.push(`${file}: ${compareLines(old, text)}`);
  }
  for (const file of before.keys()) if (!after.has(file)) changes.push(`${file} is no longer read`);
  return changes;
}

/** A changed line is one that came and one that went. */
function compareLines(before: string, after: string): string {
  const counts = new Map<string, number>();
  for (const line of before.split("\n")) counts.set(line, (counts.get(line) ?? 0) - 1);
  for (const line of after.split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1);
  let [added, removed] = [0, 0];
  for (const count of counts.values()) {
    added += Math.max(0, count);
    removed += Math.max(0, -count);
  }
  if (added + removed === 0) return "lines in another order";
  return [added > 0 ? `${lines(added)} added` : "", removed > 0 ? `${lines(removed)} removed` : ""]
    .filter((part) => part !== "")
    .join(", ");
}

function lines(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "line" : "lines"}`;
}
