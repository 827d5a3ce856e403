/**
 * What both servers said to the same client: the same code at each command, the same enhanced status where TLS or a log-in
 * is concerned, the same certificate, and STARTTLS and AUTH named alike. The first step that differs is the difference:
 * behind it the two are in different states.
 */
import type { Step } from "./client.ts";
import type { Dialogue } from "./dialogues.ts";
import type { Run } from "./run.ts";
import { type Variant, variants } from "./variants.ts";

export type Compared = Readonly<{
  dialogue: Dialogue;
  variant: Variant;
  postfix: readonly Step[];
  letterlock: readonly Step[];
  /** Undefined: all is alike. */
  at: Difference | undefined;
}>;

export type Difference = Readonly<{
  index: number;
  said: string;
  postfix: Step | undefined;
  letterlock: Step | undefined;
  /** Inside TLS by then. */
  inTls: boolean;
}>;

export function compareAll({ dialogues, postfix, letterlock }: Run): readonly Compared[] {
  return dialogues.map((dialogue) => {
    const variant = variants.find(({ name }) => name === dialogue.variant);
    if (variant === undefined) throw new Error(dialogue.variant);
    const [theirs, ours] = [postfix[dialogue.id] ?? [], letterlock[dialogue.id] ?? []];
    return { dialogue, variant, postfix: theirs, letterlock: ours, at: firstDifference(theirs, ours) };
  });
}

function firstDifference(theirs: readonly Step[], ours: readonly Step[]): Difference | undefined {
  for (let index = 0; index < Math.max(theirs.length, ours.length); index += 1) {
    const [postfix, letterlock] = [theirs[index], ours[index]];
    if (postfix !== undefined && letterlock !== undefined && isSame(postfix, letterlock)) continue;
    const said = postfix?.said ?? letterlock?.said ?? "";
    const inTls = theirs.slice(0, index).some((step) => step.said === "(handshake)" && step.code === 1);
    return { index, said, postfix, letterlock, inTls };
  }
  return undefined;
}

function isSame(one: Step, other: Step): boolean {
  if (one.said !== other.said || one.code !== other.code || one.note !== other.note) return false;
  return !isAboutTls(one) || one.status === other.status;
}

/** STARTTLS and AUTH, and whatever is refused for want of them. */
function isAboutTls({ said, code }: Step): boolean {
  return /^(?:STARTTLS|AUTH)\b/i.test(said) || code === 530 || code === 454 || code === 421 || code === 450;
}

/** One paragraph for whoever must find out why. */
export function describeCase({ dialogue, variant, postfix, letterlock, at }: Compared): string {
  const { id, from, certificate, serverName } = dialogue;
  const show = (step: Step | undefined): string =>
    step === undefined ? "nothing" : `${step.code} ${step.note} ${step.text}`.trim();
  const before = postfix.slice(0, at?.index).map(({ said, code }) => `${said} ${code}`);
  return [
    `${id}: ${from}, certificate ${certificate}${serverName === undefined ? "" : `, asks for ${serverName}`}`,
    `  ${Object.entries(variant.options)
      .map(([name, value]) => `${name}=${value}`)
      .join("; ")}`,
    `  ${before.join(" | ")}`,
    `  ${at?.said}`,
    `    Postfix:    ${show(at?.postfix)}`,
    `    Letterlock: ${show(at?.letterlock ?? letterlock.at(-1))}`,
  ].join("\n");
}
