/**
 * As much of m4 as a sendmail.mc needs: quotes that nest, `dnl`, `#` comments, macros with arguments, conditions,
 * includes, diversions and arithmetic. What a host language would add (`FEATURE`, `OSTYPE` ...) is handed in.
 *
 * Promises: no throw and no hang, whatever the text: expansions, depth and size are limited. Files are read through the
 * function that is handed in alone. Programs are never run: `syscmd` and its like are faults.
 */
import { evaluate } from "./m4-arithmetic.ts";

export type M4Place = Readonly<{ file: string; line: number }>;

export type M4Fault = Readonly<{ at: M4Place; text: string; remedy: string }>;

/** One line of what m4 would print, where it was not diverted away. */
export type M4Line = Readonly<{ text: string; at: M4Place }>;

export type M4Definition = Readonly<{ text: string; at: M4Place }>;

export type M4Macro = (args: readonly string[], at: M4Place) => string;

export type M4Options = Readonly<{
  macros: ReadonlyMap<string, M4Macro>;
  definitions: ReadonlyMap<string, string>;
  /** The text of a file, `""` for one to leave out, or a fault that says why it cannot be had. */
  include(path: string): string | Readonly<{ fault: string; remedy: string }>;
}>;

const maxSteps = 1_000_000;
const maxDepth = 150;
const maxText = 8_000_000;

type Frame = { readonly text: string; at: number; readonly file: string | undefined; line: number };

export class M4 {
  readonly faults: M4Fault[] = [];
  readonly lines: M4Line[] = [];
  readonly #options: M4Options;
  readonly #definitions = new Map<string, M4Definition[]>();
  readonly #frames: Frame[] = [];
  /** Where quoted texts of several lines began: definitions in them keep their own lines. */
  readonly #origins = new Map<string, M4Place>();
  #quotes: readonly [open: string, close: string] = ["`", "'"];
  #diversion = 0;
  #line = "";
  #lineAt: M4Place | undefined;
  #steps = 0;
  #depth = 0;
  #pushed = 0;
  #stopped = false;

  constructor(options: M4Options) {
    this.#options = options;
    for (const [name, text] of options.definitions) this.#set(name, text, { file: "", line: 0 });
  }

  process(file: string, text: string): void {
    this.#frames.push({ text, at: 0, file, line: 1 });
    this.#run((piece) => this.#print(piece));
    this.#endLine();
  }

  /** The definition in force, unexpanded. */
  definition(name: string): M4Definition | undefined {
    return this.#definitions.get(name)?.at(-1);
  }

  names(): Iterable<string> {
    return this.#definitions.keys();
  }

  /** A text with every macro in it expanded. */
  expand(text: string): string {
    const pieces: string[] = [];
    const frames = this.#frames.splice(0);
    this.#frames.push({ text, at: 0, file: undefined, line: 0 });
    this.#run((piece) => pieces.push(piece));
    this.#frames.push(...frames);
    return pieces.join("");
  }

  define(name: string, text: string, at: M4Place): void {
    this.#set(name, text, at);
  }

  fault(at: M4Place, text: string, remedy: string): void {
    if (this.faults.length < 100) this.faults.push({ at, text, remedy });
  }

  #set(name: string, text: string, at: M4Place): void {
    const stack = this.#definitions.get(name);
    if (stack === undefined) this.#definitions.set(name, [{ text, at }]);
    else stack[stack.length - 1] = { text, at };
  }

  #place(): M4Place {
    const frame = this.#frames.findLast(({ file }) => file !== undefined);
    return { file: frame?.file ?? "", line: frame?.line ?? 0 };
  }

  #stop(why: string): void {
    if (!this.#stopped) this.fault(this.#place(), why, "simplify the macros");
    this.#stopped = true;
  }

  #run(sink: (piece: string) => void): void {
    while (!this.#stopped) {
      const token = this.#next();
      if (token === undefined) return;
      this.#handle(token, sink);
    }
  }

  #handle(token: Token, sink: (piece: string) => void): void {
    const at = this.#place();
    const called = this.#peek() === "(";
    const isCall = token.kind === "name" && this.#isMacro(token.text) && (called || !needsArguments.has(token.text));
    if (!isCall) {
      sink(token.text);
      return;
    }
    const args = called ? this.#arguments() : [];
    if (this.#stopped) return;
    this.#push(this.#call(token.text, args, at));
  }

  #isMacro(name: string): boolean {
    return this.#definitions.has(name) || this.#options.macros.has(name) || builtins.has(name);
  }

  /** What stands between the parentheses, each argument expanded, blanks in front of it dropped. */
  #arguments(): string[] {
    const args: string[] = [];
    const at = this.#place();
    this.#depth += 1;
    if (this.#depth > maxDepth) this.#stop("macros are nested too deeply");
    this.#take();
    let pieces: string[] = [];
    let parentheses = 0;
    this.#skipBlanks();
    while (!this.#stopped) {
      const token = this.#next();
      if (token === undefined) {
        this.fault(at, "a macro's arguments do not end", "close the parenthesis");
        break;
      }
      if (token.kind === "letter" && token.text === ")" && parentheses === 0) break;
      if (token.kind === "letter" && token.text === "," && parentheses === 0) {
        args.push(pieces.join(""));
        pieces = [];
        this.#skipBlanks();
        continue;
      }
      if (token.kind === "letter" && token.text === "(") parentheses += 1;
      if (token.kind === "letter" && token.text === ")") parentheses -= 1;
      this.#handle(token, (piece) => pieces.push(piece));
    }
    this.#depth -= 1;
    args.push(pieces.join(""));
    return args;
  }

  #call(name: string, args: readonly string[], at: M4Place): string {
    const own = this.#definitions.get(name)?.at(-1);
    if (own !== undefined) return substitute(own.text, name, args);
    const macro = this.#options.macros.get(name);
    return macro === undefined ? this.#builtin(name, args, at) : macro(args, at);
  }

  #builtin(name: string, args: readonly string[], at: M4Place): string {
    const [first = "", second = "", third = ""] = args;
    switch (name) {
      case "dnl":
        this.#skipLine();
        return "";
      case "define":
        this.#set(first, second, at);
        return "";
      case "pushdef":
        this.#definitions.set(first, [...(this.#definitions.get(first) ?? []), { text: second, at }]);
        return "";
      case "undefine":
        for (const each of args) this.#definitions.delete(each);
        return "";
      case "popdef":
        for (const each of args) this.#pop(each);
        return "";
      case "defn": {
        const found = this.#definitions.get(first)?.at(-1)?.text;
        return found === undefined ? "" : `${this.#quotes[0]}${found}${this.#quotes[1]}`;
      }
      case "ifdef":
        return this.#isMacro(first) ? second : third;
      case "ifelse":
        return ifElse(args);
      case "include":
      case "sinclude":
        return this.#include(first, name === "sinclude", at);
      case "eval":
        return this.#arithmetic(first, at);
      case "incr":
      case "decr":
        return String((Number.parseInt(first, 10) || 0) + (name === "incr" ? 1 : -1));
      case "len":
        return String(first.length);
      case "index":
        return String(first.indexOf(second));
      case "substr":
        return first.substr(
          Math.max(0, Number.parseInt(second, 10) || 0),
          third === "" ? undefined : Number.parseInt(third, 10) || 0,
        );
      case "translit":
        return transliterate(first, second, third);
      case "shift":
        return args
          .slice(1)
          .map((arg) => `${this.#quotes[0]}${arg}${this.#quotes[1]}`)
          .join(",");
      case "divert":
        this.#endLine();
        this.#diversion = Number.parseInt(first || "0", 10) || 0;
        return "";
      case "divnum":
        return String(this.#diversion);
      case "changequote":
        this.#quotes = args.length === 0 || first === "" ? ["`", "'"] : [first, second || "'"];
        return "";
      case "undivert":
      case "errprint":
      case "m4wrap":
        return "";
      default:
        this.fault(at, `${name}() is not carried out here`, "write out by hand what it would give");
        return "";
    }
  }

  #pop(name: string): void {
    const stack = this.#definitions.get(name);
    stack?.pop();
    if (stack?.length === 0) this.#definitions.delete(name);
  }

  #include(path: string, silently: boolean, at: M4Place): string {
    const answer = this.#options.include(path);
    if (typeof answer === "string") {
      if (this.#frames.filter(({ file }) => file !== undefined).length > 30) this.#stop("files include one another");
      else this.#pushFrame({ text: answer, at: 0, file: path, line: 1 });
    } else if (!silently) this.fault(at, answer.fault, answer.remedy);
    return "";
  }

  #arithmetic(expression: string, at: M4Place): string {
    const value = evaluate(expression);
    if (value === undefined) {
      this.fault(at, `eval(${expression}) cannot be computed`, "write out its value by hand");
      return "0";
    }
    return String(value);
  }

  #print(piece: string): void {
    if (this.#diversion < 0) return;
    for (const [at, part] of piece.split("\n").entries()) {
      if (at > 0) this.#endLine();
      this.#lineAt ??= this.#place();
      this.#line += part;
    }
  }

  #endLine(): void {
    if (this.#line !== "" && this.#lineAt !== undefined) this.lines.push({ text: this.#line, at: this.#lineAt });
    this.#line = "";
    this.#lineAt = undefined;
  }

  #push(text: string): void {
    if (text === "") return;
    const origin = this.#origins.get(text);
    this.#pushFrame({ text, at: 0, file: origin?.file, line: origin?.line ?? 0 });
  }

  #pushFrame(frame: Frame): void {
    this.#pushed += frame.text.length;
    if (this.#pushed > maxText || this.#frames.length > 5000) this.#stop("the macros do not come to an end");
    else this.#frames.push(frame);
  }

  #top(): Frame | undefined {
    for (;;) {
      const frame = this.#frames.at(-1);
      if (frame === undefined || frame.at < frame.text.length) return frame;
      this.#frames.pop();
    }
  }

  #peek(): string | undefined {
    const frame = this.#top();
    return frame?.text[frame.at];
  }

  #take(): string | undefined {
    const frame = this.#top();
    if (frame === undefined) return undefined;
    const letter = frame.text[frame.at];
    frame.at += 1;
    if (letter === "\n") frame.line += 1;
    return letter;
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#peek() ?? "x")) this.#take();
  }

  #skipLine(): void {
    for (let letter = this.#take(); letter !== undefined && letter !== "\n"; ) letter = this.#take();
  }

  #startsWith(text: string): boolean {
    const frame = this.#top();
    return frame?.text.startsWith(text, frame.at) ?? false;
  }

  #takeAll(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.#take();
  }

  #next(): Token | undefined {
    this.#steps += 1;
    if (this.#steps > maxSteps) this.#stop("the macros do not come to an end");
    const letter = this.#peek();
    if (letter === undefined) return undefined;
    if (this.#startsWith(this.#quotes[0])) return this.#quoted();
    if (letter === "#") return this.#comment();
    if (!/[A-Za-z_]/.test(letter)) return { kind: "letter", text: this.#take() ?? "" };
    const frame = this.#top();
    const name = /[A-Za-z0-9_]+/y;
    name.lastIndex = frame?.at ?? 0;
    const text = name.exec(frame?.text ?? "")?.[0] ?? letter;
    if (frame !== undefined) frame.at += text.length;
    return { kind: "name", text };
  }

  #comment(): Token {
    let text = "";
    for (let letter = this.#peek(); letter !== undefined && letter !== "\n"; letter = this.#peek()) {
      text += this.#take();
    }
    return { kind: "text", text };
  }

  #quoted(): Token {
    const at = this.#place();
    const [open, close] = this.#quotes;
    this.#takeAll(open);
    const pieces: string[] = [];
    for (let depth = 1; ; ) {
      if (this.#peek() === undefined) {
        this.fault(at, "a quotation does not end", `close it with ${close}`);
        break;
      }
      if (this.#startsWith(close)) {
        depth -= 1;
        this.#takeAll(close);
        if (depth === 0) break;
        pieces.push(close);
      } else if (this.#startsWith(open)) {
        depth += 1;
        this.#takeAll(open);
        pieces.push(open);
      } else pieces.push(this.#take() ?? "");
    }
    const text = pieces.join("");
    if (text.includes("\n")) this.#origins.set(text, at);
    return { kind: "text", text };
  }
}

/** `name` may be a macro, `letter` is one character outside quotes, `text` is not looked at again. */
type Token = Readonly<{ kind: "name" | "letter" | "text"; text: string }>;

/** Words of m4 that are text where no parenthesis follows. */
const needsArguments: ReadonlySet<string> = new Set(
  "define undefine defn pushdef popdef ifdef ifelse include sinclude eval incr decr len index substr translit"
    .concat(" errprint m4wrap syscmd esyscmd format indir builtin regexp patsubst maketemp mkstemp")
    .split(" "),
);

const builtins: ReadonlySet<string> = new Set([
  ...needsArguments,
  ...["dnl", "shift", "divert", "undivert", "divnum", "changequote", "changecom", "m4exit", "sysval", "dumpdef"],
]);

function substitute(text: string, name: string, args: readonly string[]): string {
  if (!text.includes("$")) return text;
  return text.replace(/\$(\d+|[#*@])/g, (_, what: string) => {
    if (what === "#") return String(args.length);
    if (what === "*") return args.join(",");
    if (what === "@") return args.map((arg) => `\`${arg}'`).join(",");
    return what === "0" ? name : (args[Number(what) - 1] ?? "");
  });
}

function ifElse(args: readonly string[]): string {
  for (let at = 0; ; at += 3) {
    const [left = "", right = "", then = "", otherwise = ""] = args.slice(at, at + 4);
    if (args.length - at < 3) return args.length - at === 1 && at > 0 ? left : "";
    if (left === right) return then;
    if (args.length - at <= 4) return otherwise;
  }
}

function transliterate(text: string, from: string, to: string): string {
  const expandRange = (range: string): string =>
    range.replace(/(.)-(.)/gs, (whole, first: string, last: string) => {
      const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
      if (low > high || high - low > 256) return whole;
      return Array.from({ length: high - low + 1 }, (_, at) => String.fromCharCode(low + at)).join("");
    });
  const left = expandRange(from);
  const right = expandRange(to);
  return [...text].map((letter) => (left.includes(letter) ? (right[left.indexOf(letter)] ?? "") : letter)).join("");
}
