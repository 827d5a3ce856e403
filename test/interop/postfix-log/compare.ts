/**
 * Both logs of a session in one vocabulary: without process ids, queue ids, times and sizes, and what was said side by
 * side by several processes in one order.
 */
import type { Logged } from "./ground.ts";

type Line = Readonly<{ program: string; pid: string; text: string }>;

/** Lines `program: text`; the ids of messages are `Q1`, `Q2` in the order of their arrival. */
export function normalise(logged: readonly string[]): readonly string[] {
  const lines = logged.map(parse);
  const ids = new Map<string, string>();
  for (const { text } of lines) {
    const id = /^(\w+): (?:client|message-id)=| notification: (\w+)$/.exec(text)?.slice(1).find(Boolean);
    if (id !== undefined && !ids.has(id)) ids.set(id, `Q${ids.size + 1}`);
  }
  const plain = lines.map((line) => ({ ...line, text: withoutChance(line.text, ids) }));
  const by = (...programs: readonly string[]) => plain.filter(({ program }) => programs.includes(program));
  return [
    ...by("smtpd").map(written),
    ...by("cleanup", "qmgr", "bounce").map(written).sort(),
    ...deliveries(by("smtp", "error")),
  ];
}

function parse(line: string): Line {
  const [, program = "", pid = "", text = ""] = /^postfix\/([\w/]+)\[(\d+)\]: (.*)$/.exec(line) ?? [];
  return { program, pid, text };
}

function withoutChance(text: string, ids: ReadonlyMap<string, string>): string {
  return text
    .replace(/\b\w{10,}\b/g, (word) => ids.get(word) ?? word)
    .replace(/delay=[\d.]+, delays=[\d.]+\/[\d.]+\/[\d.]+\/[\d.]+/, "delay=D, delays=D/D/D/D")
    .replace(/message-id=<\d{14}\.Q/, "message-id=<TIME.Q")
    .replace(/size=[1-9]\d*/, "size=N");
}

function written({ program, text }: Line): string {
  return `${program}: ${text}`;
}

/** A process has one delivery at a time: what it says up to a delivery line belongs to it. */
function deliveries(lines: readonly Line[]): readonly string[] {
  const blocks: string[][] = [];
  const open = new Map<string, string[]>();
  for (const line of lines) {
    const block = open.get(line.pid) ?? [];
    open.set(line.pid, block);
    block.push(written(line));
    if (!line.text.includes(": to=<")) continue;
    blocks.push(block);
    open.delete(line.pid);
  }
  return [...blocks, ...open.values()].sort((one, other) => compare(one.at(-1), other.at(-1))).flat();
}

function compare(one = "", other = ""): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A known difference: in these lines of one side, this stands for that. An empty line is none. */
export type Difference = Readonly<{
  id: string;
  /** Why it is so; as the documentation tells it. */
  why: string;
  of: "postfix" | "letterlock";
  /** Undefined: in all sessions. */
  session?: RegExp;
  pattern: RegExp;
  becomes: string;
}>;

export type Compared = Readonly<{ session: string; postfix: readonly string[]; letterlock: readonly string[] }>;

/** What differs where every known difference is set aside; `used` learns which were met. */
export function compareLogs(
  postfix: Logged["sessions"],
  letterlock: Logged["sessions"],
  known: readonly Difference[],
  used: Set<string>,
): readonly Compared[] {
  return Object.keys(postfix).flatMap((session) => {
    const left = setAside(normalise(postfix[session] ?? []), "postfix", session, known, used);
    const right = setAside(normalise(letterlock[session] ?? []), "letterlock", session, known, used);
    if (left.join("\n") === right.join("\n")) return [];
    return [{ session, postfix: left, letterlock: right }];
  });
}

function setAside(
  lines: readonly string[],
  side: Difference["of"],
  session: string,
  known: readonly Difference[],
  used: Set<string>,
): readonly string[] {
  const here = known.filter((difference) => difference.of === side && (difference.session?.test(session) ?? true));
  const changed = lines.map((line) =>
    here.reduce((text, { id, pattern, becomes }) => {
      const after = text.replace(pattern, becomes);
      if (after !== text) used.add(id);
      return after;
    }, line),
  );
  return changed.filter((line) => line !== "");
}
