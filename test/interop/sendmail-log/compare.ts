/**
 * Both logs of a story in one vocabulary: without queue ids, times, sizes and the order in which recipients are told; and
 * what still differs where every known difference is set aside.
 */
import type { StoryLines } from "./sort-lines.ts";

/** A known difference: in lines of one side, this stands for that. An empty line is none. */
export type Difference = Readonly<{
  id: string;
  /** Why it is so; as the documentation tells it. */
  why: string;
  of: "sendmail" | "letterlock";
  /** Undefined: in all stories. */
  story?: RegExp;
  pattern: RegExp;
  becomes: string;
}>;

export type Compared = Readonly<{ story: string; sendmail: readonly string[]; letterlock: readonly string[] }>;

type Side = Readonly<{ of: Difference["of"]; lines: ReadonlyMap<string, StoryLines> }>;

/** @param used learns which were met */
export function compareLogs(
  sendmail: Side["lines"],
  letterlock: Side["lines"],
  known: readonly Difference[],
  used: Set<Difference>,
): readonly Compared[] {
  return [...sendmail.keys()].flatMap((story) => {
    const [left, right] = [
      { of: "sendmail", lines: sendmail } as const,
      { of: "letterlock", lines: letterlock } as const,
    ].map((side) => setAside(side, story, known, used));
    if (left === undefined || right === undefined || left.join("\n") === right.join("\n")) return [];
    return [{ story, sendmail: left, letterlock: right }];
  });
}

function setAside({ of, lines }: Side, story: string, known: readonly Difference[], used: Set<Difference>): string[] {
  const said = lines.get(story) ?? { session: [], delivery: [] };
  const here = known.filter((difference) => difference.of === of && (difference.story?.test(story) ?? true));
  const changed = (line: string): string =>
    here.reduce((text, difference) => {
      const after = text.replace(difference.pattern, difference.becomes);
      if (after !== text) used.add(difference);
      return after;
    }, line);
  const plain = (all: readonly string[]): string[] =>
    all
      .map(withoutChance)
      .flatMap((line) => changed(line).split("\n"))
      .filter((line) => line !== "");
  return [...plain(said.session), ...recipientsLast(plain(said.delivery))];
}

function withoutChance(line: string): string {
  return line
    .replace(/^(\w{14,}): (?:\w{14,}: )?/, (ids) => ids.replace(/\w+/g, "ID"))
    .replace(/delay=(?:\d+\+)?\d\d:\d\d:\d\d/g, "delay=TIME")
    .replace(/\[127\.\d+\.\d+\.\d+\]/g, "[ADDRESS]")
    .replace(/\bsize=[1-9]\d*/, "size=N")
    .replace(/\bpri=\d+/, "pri=N");
}

/** In which order recipients are told is chance; what is told of hosts comes before, and what is told of the message after. */
function recipientsLast(lines: readonly string[]): readonly string[] {
  const rank = (line: string): number => (line.startsWith("ID: to=") ? 1 : /^ID: (?:ID|done)/.test(line) ? 2 : 0);
  const ranked = [0, 1, 2].map((wanted) => lines.filter((line) => rank(line) === wanted));
  return [...(ranked[0] ?? []), ...(ranked[1] ?? []).toSorted(), ...(ranked[2] ?? [])];
}
