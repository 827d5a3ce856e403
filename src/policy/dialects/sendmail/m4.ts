/**
 * As much of m4 as a sendmail.mc needs: quotes that nest, `dnl`, `#` comments, macros with arguments, conditions,
 * includes, diversions and arithmetic. What a host language would add (`FEATURE`, `OSTYPE` ...) is handed in.
 *
 * Promises: no throw and no hang, whatever the text: expansions, depth and size are limited. Files are read through the
 * function that is handed in alone. Programs are never run: `syscmd` and its like are faults.
 */
import { evaluate } from "./m4-arithmetic.ts";
import { M4Input, type M4Place, type Token } from "./m4-input.ts";
import { ifElse, substitute, transliterate } from "./m4-text.ts";

export type { M4Place };

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

export class M4 {
  readonly faults: M4Fault[] = [];
  readonly lines: M4Line[] = [];
  readonly #options: M4Options;
  readonly #definitions = new Map<string, M4Definition[]>();
  readonly #input: M4Input;
  #diversion = 0;
  #line = "";
  #lineAt: M4Place | undefined;
  #steps = 0;
  #depth = 0;
  #stopped = false;

  constructor(options: M4Options) {
    this.#options = options;
    this.#input = new M4Input((at, text, remedy) => this.fault(at, text, remedy));
    for (const [name, text] of options.definitions) this.#set(name, text, { file: "", line: 0 });
  }

  process(file: string, text: string): void {
    this.#input.pushFile(file, text);
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
    this.#input.apart(text, () => this.#run((piece) => pieces.push(piece)));
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

  #stop(why: string): void {
    if (!this.#stopped) this.fault(this.#input.place(), why, "simplify the macros");
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
    const at = this.#input.place();
    const called = this.#input.peek() === "(";
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
    const at = this.#input.place();
    this.#depth += 1;
    if (this.#depth > maxDepth) this.#stop("macros are nested too deeply");
    this.#input.take();
    let pieces: string[] = [];
    let parentheses = 0;
    this.#input.skipBlanks();
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
        this.#input.skipBlanks();
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
        this.#input.skipLine();
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
        return found === undefined ? "" : `${this.#input.quotes[0]}${found}${this.#input.quotes[1]}`;
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
          .map((arg) => `${this.#input.quotes[0]}${arg}${this.#input.quotes[1]}`)
          .join(",");
      case "divert":
        this.#endLine();
        this.#diversion = Number.parseInt(first || "0", 10) || 0;
        return "";
      case "divnum":
        return String(this.#diversion);
      case "changequote":
        this.#input.quotes = args.length === 0 || first === "" ? ["`", "'"] : [first, second || "'"];
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
      if (this.#input.files > 30) this.#stop("files include one another");
      else if (this.#isTooMuch(answer)) this.#stop("the files do not come to an end");
      else this.#input.pushFile(path, answer);
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
      this.#lineAt ??= this.#input.place();
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
    if (this.#isTooMuch(text)) this.#stop("the macros do not come to an end");
    else this.#input.pushText(text);
  }

  #isTooMuch(text: string): boolean {
    return this.#input.pushed + text.length > maxText || this.#input.depth > 5000;
  }

  #next(): Token | undefined {
    this.#steps += 1;
    if (this.#steps > maxSteps) this.#stop("the macros do not come to an end");
    return this.#input.next();
  }
}

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
