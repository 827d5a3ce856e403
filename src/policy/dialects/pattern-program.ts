/**
 * A pattern as a program that walks all ways through it at once (Thompson's construction). For `safe-pattern.ts` alone.
 */
import type { Assertion, PatternNode } from "./pattern-shape.ts";

/** What a program may grow to by counted repetitions; the time for a text is its length times this. */
const maxSteps = 5000;

type Step =
  | Readonly<{ kind: "one"; set: CharacterSet }>
  | Readonly<{ kind: "at"; assertion: Assertion }>
  | { kind: "either"; left: number; right: number }
  | { kind: "go"; to: number }
  | Readonly<{ kind: "found" }>;

export type Program = readonly Step[];

/** Which UTF-16 units an atom takes, as the engine itself says. */
class CharacterSet {
  readonly #expression: RegExp;
  readonly #ascii = new Uint8Array(128);

  constructor(atom: string, flags: string) {
    this.#expression = new RegExp(`^${atom}$`, flags);
    for (let code = 0; code < 128; code += 1)
      this.#ascii[code] = Number(this.#expression.test(String.fromCharCode(code)));
  }

  has(code: number): boolean {
    return code < 128 ? this.#ascii[code] === 1 : this.#expression.test(String.fromCharCode(code));
  }
}

/** `undefined`: it would become too large. */
export function compileProgram(tree: PatternNode, flags: string): Program | undefined {
  const compiler = new Compiler(flags);
  return compiler.add(tree) ? [...compiler.steps, { kind: "found" }] : undefined;
}

class Compiler {
  readonly steps: Step[] = [];
  readonly #flags: string;
  readonly #sets = new Map<string, CharacterSet>();

  constructor(flags: string) {
    this.#flags = flags;
  }

  /** False where there is no room left. */
  add(node: PatternNode): boolean {
    if (this.steps.length > maxSteps) return false;
    switch (node.kind) {
      case "one":
        this.steps.push({ kind: "one", set: this.#set(node.atom) });
        return true;
      case "at":
        this.steps.push(node);
        return true;
      case "all":
        return node.parts.every((part) => this.add(part));
      case "any":
        return this.#branches(node.branches);
      default:
        return this.#repeat(node);
    }
  }

  #set(atom: string): CharacterSet {
    const known = this.#sets.get(atom) ?? new CharacterSet(atom, this.#flags);
    this.#sets.set(atom, known);
    return known;
  }

  #branches(branches: readonly PatternNode[]): boolean {
    const ends: { kind: "go"; to: number }[] = [];
    for (const [index, branch] of branches.entries()) {
      if (index === branches.length - 1) {
        if (!this.add(branch)) return false;
        continue;
      }
      const fork = { kind: "either" as const, left: this.steps.length + 1, right: 0 };
      this.steps.push(fork);
      if (!this.add(branch)) return false;
      const end = { kind: "go" as const, to: 0 };
      this.steps.push(end);
      ends.push(end);
      fork.right = this.steps.length;
    }
    for (const end of ends) end.to = this.steps.length;
    return true;
  }

  #repeat({ body, min, max }: Extract<PatternNode, { kind: "repeat" }>): boolean {
    for (let time = 0; time < min; time += 1) if (!this.add(body)) return false;
    if (max === Infinity) return this.#endless(body);
    const forks: { right: number }[] = [];
    for (let time = min; time < max; time += 1) {
      const fork = { kind: "either" as const, left: this.steps.length + 1, right: 0 };
      this.steps.push(fork);
      forks.push(fork);
      if (!this.add(body)) return false;
    }
    for (const fork of forks) fork.right = this.steps.length;
    return true;
  }

  #endless(body: PatternNode): boolean {
    const start = this.steps.length;
    const fork = { kind: "either" as const, left: start + 1, right: 0 };
    this.steps.push(fork);
    if (!this.add(body)) return false;
    this.steps.push({ kind: "go", to: start });
    fork.right = this.steps.length;
    return true;
  }
}

/** Is there a match anywhere in the text? */
export function runProgram(program: Program, text: string): boolean {
  let now: number[] = [];
  const seen = new Int32Array(program.length).fill(-1);
  for (let at = 0; at <= text.length; at += 1) {
    const ready: number[] = [];
    for (const place of [...now, 0]) if (follow(program, place, { text, at, seen, ready })) return true;
    now = [];
    const code = text.charCodeAt(at);
    for (const place of ready) {
      const step = program[place];
      if (step?.kind === "one" && at < text.length && step.set.has(code)) now.push(place + 1);
    }
  }
  return false;
}

type Walk = Readonly<{ text: string; at: number; seen: Int32Array; ready: number[] }>;

/** From a place to all steps that take a character, each once for each position. @returns whether the end is reached */
function follow(program: Program, from: number, { text, at, seen, ready }: Walk): boolean {
  const open = [from];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (seen[place] === at) continue;
    seen[place] = at;
    const step = program[place];
    if (step === undefined || step.kind === "found") return true;
    if (step.kind === "one") ready.push(place);
    else if (step.kind === "go") open.push(step.to);
    else if (step.kind === "either") open.push(step.right, step.left);
    else if (holds(step.assertion, text, at)) open.push(place + 1);
  }
  return false;
}

function holds(assertion: Assertion, text: string, at: number): boolean {
  switch (assertion) {
    case "start":
      return at === 0;
    case "end":
      return at === text.length;
    case "end-or-last-newline":
      return at === text.length || (at === text.length - 1 && text.charCodeAt(at) === 10);
    default:
      return (isWord(text, at - 1) !== isWord(text, at)) === (assertion === "boundary");
  }
}

function isWord(text: string, at: number): boolean {
  return /^\w$/.test(text.charAt(at));
}
