/**
 * A JavaScript regular expression taken apart, and made into a program that walks all ways through it at once.
 * For `safe-pattern.ts` alone, which has made sure that the source is valid.
 */

type Node =
  | Readonly<{ kind: "one"; atom: string }>
  | Readonly<{ kind: "at"; assertion: Assertion }>
  | Readonly<{ kind: "all"; parts: readonly Node[] }>
  | Readonly<{ kind: "any"; branches: readonly Node[] }>
  | Readonly<{ kind: "repeat"; body: Node; min: number; max: number }>;

type Assertion = "start" | "end" | "end-or-last-newline" | "boundary" | "no-boundary";

export type Shape =
  | Readonly<{
      kind: "shape";
      tree: Node;
      /** Repetitions of more than one time. */
      repeats: number;
      repeatsGroups: boolean;
      /** What needs an engine that goes back, in words. */
      backtracks: string | undefined;
    }>
  | Readonly<{ kind: "bad"; problem: string }>;

/** Deeper than anybody nests groups. */
const maxDepth = 200;

/** What a program may grow to by counted repetitions; the time for a text is its length times this. */
const maxSteps = 5000;

const lastNewline = "(?=\\n?$)";

export function readShape(source: string): Shape {
  const reader = new ShapeReader(source);
  const tree = reader.read();
  if (reader.tooDeep) return { kind: "bad", problem: `groups are nested deeper than ${maxDepth}` };
  const { repeats, repeatsGroups, backtracks } = reader;
  return { kind: "shape", tree, repeats, repeatsGroups, backtracks };
}

class ShapeReader {
  repeats = 0;
  repeatsGroups = false;
  backtracks: string | undefined;
  tooDeep = false;
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end, or to the parenthesis that closes the group. */
  read(): Node {
    const branches: Node[] = [];
    let parts: Node[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== ")") {
      if (this.#source[this.#at] !== "|") parts.push(this.#repeated(this.#piece()));
      else {
        this.#at += 1;
        branches.push({ kind: "all", parts });
        parts = [];
      }
    }
    branches.push({ kind: "all", parts });
    return { kind: "any", branches };
  }

  #take(length: number): string {
    const text = this.#source.slice(this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  #piece(): Node {
    const char = this.#source[this.#at] ?? "";
    if (this.#source.startsWith(lastNewline, this.#at)) {
      this.#take(lastNewline.length);
      return { kind: "at", assertion: "end-or-last-newline" };
    }
    if (char === "(") return this.#group();
    if (char === "[") return { kind: "one", atom: this.#class() };
    if (char === "\\") return this.#escape();
    this.#at += 1;
    if (char === "^") return { kind: "at", assertion: "start" };
    if (char === "$") return { kind: "at", assertion: "end" };
    // Brackets that stand for themselves.
    return { kind: "one", atom: /[{}\]]/.test(char) ? `\\${char}` : char };
  }

  #group(): Node {
    const [head = "("] =
      /^\((?:\?(?::|<?[=!]|<[A-Za-z_$][\w$]*>))?/.exec(this.#source.slice(this.#at, this.#at + 300)) ?? [];
    this.#at += head.length;
    if (/[=!]$/.test(head)) this.backtracks ??= "looking around";
    this.#depth += 1;
    if (this.#depth > maxDepth) {
      this.tooDeep = true;
      this.#at = this.#source.length;
      return { kind: "all", parts: [] };
    }
    const body = this.read();
    this.#depth -= 1;
    this.#at += 1;
    return body;
  }

  #class(): string {
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source[end] !== "]") end += this.#source[end] === "\\" ? 2 : 1;
    return this.#take(end + 1 - this.#at);
  }

  #escape(): Node {
    const letter = this.#source[this.#at + 1] ?? "";
    if (letter === "b" || letter === "B") {
      this.#at += 2;
      return { kind: "at", assertion: letter === "b" ? "boundary" : "no-boundary" };
    }
    if (/[1-9k]/.test(letter)) {
      this.backtracks ??= "a reference to a group";
      this.#take(2);
      if (letter === "k") this.#take(Math.max(0, this.#source.indexOf(">", this.#at) + 1 - this.#at));
      return { kind: "all", parts: [] };
    }
    const [whole = ""] =
      /^\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|0[0-7]{0,2}|.)/s.exec(
        this.#source.slice(this.#at, this.#at + 6),
      ) ?? [];
    this.#at += Math.max(1, whole.length);
    return { kind: "one", atom: whole };
  }

  #repeated(body: Node): Node {
    const times = this.#times();
    if (times === undefined) return body;
    if (this.#source[this.#at] === "?") this.#at += 1;
    if (times.max > 1) {
      this.repeats += 1;
      this.repeatsGroups ||= body.kind !== "one";
    }
    return { kind: "repeat", body, ...times };
  }

  #times(): Readonly<{ min: number; max: number }> | undefined {
    const char = this.#source[this.#at];
    const simple = char === "*" ? [0, Infinity] : char === "+" ? [1, Infinity] : char === "?" ? [0, 1] : undefined;
    if (simple !== undefined) {
      this.#at += 1;
      return { min: simple[0] ?? 0, max: simple[1] ?? 0 };
    }
    if (char !== "{") return undefined;
    const [whole, least, comma, most] =
      /^\{(\d{1,9})(,?)(\d{0,9})\}/.exec(this.#source.slice(this.#at, this.#at + 24)) ?? [];
    if (whole === undefined) return undefined;
    this.#at += whole.length;
    const min = Number(least);
    return { min, max: comma === "" ? min : most === "" ? Infinity : Number(most) };
  }
}

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
export function compileProgram(tree: Node, flags: string): Program | undefined {
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
  add(node: Node): boolean {
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

  #branches(branches: readonly Node[]): boolean {
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

  #repeat({ body, min, max }: Extract<Node, { kind: "repeat" }>): boolean {
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

  #endless(body: Node): boolean {
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
