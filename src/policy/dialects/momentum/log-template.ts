/**
 * Reads a line's template in the macros of custom_logger (`%t@%i@%h{Subject}@%outbound_tls`); entries of our own
 * `logs:` speak the same language. Never throws; whatever cannot be understood is told with its column, and what is printed for
 * it is known: an unknown macro prints nothing, as there.
 *
 * A name runs over letters, `_` and `:` as far as it can, so neither letters nor `_` can delimit a field; a single `:`
 * behind a name can (momentum reference 3). `%{name}`, `%{vctx_conn:key}` are the same macros as the rest of that
 * system writes them, `%outbound_tls:local_ip` is one with its namespace said.
 */
import type { Template, TemplatePart } from "../../../mail/log-template.ts";
import { nearestWord } from "../../../mail/nearest-word.ts";
import { isContextKey, type LogMacro, macrosByName } from "./log-macros.ts";

export type TemplateProblem = Readonly<{
  /** In the template, from 1. */
  column: number;
  text: string;
  remedy: string;
}>;

/** `template` can be used, whatever the problems; a macro of a problem prints nothing. */
export type ReadTemplate = Readonly<{ template: Template; problems: readonly TemplateProblem[] }>;

/** @param namespaces where macros are looked for by their bare names; ours are always found */
export function parseTemplate(text: string, namespaces: readonly string[]): ReadTemplate {
  const parser = new Parser(text, namespaces);
  parser.run();
  return { template: parser.parts, problems: parser.problems };
}

/** Header fields that a template prints, lower case. */
export function headersOf(template: Template): string[] {
  const names = template.flatMap((part) =>
    part.kind === "macro" && part.name === "h" && part.argument !== undefined ? [part.argument.toLowerCase()] : [],
  );
  return [...new Set(names)];
}

type Written = Readonly<{ name: string; argument: string | undefined; end: number }>;

class Parser {
  readonly parts: TemplatePart[] = [];
  readonly problems: TemplateProblem[] = [];
  readonly #text: string;
  readonly #namespaces: readonly string[];
  #plain = "";

  constructor(text: string, namespaces: readonly string[]) {
    this.#text = text;
    this.#namespaces = namespaces;
  }

  run(): void {
    let at = 0;
    while (at < this.#text.length) {
      const percent = this.#text.indexOf("%", at);
      if (percent < 0) break;
      this.#plain += this.#text.slice(at, percent);
      at = this.#one(percent);
    }
    this.#plain += this.#text.slice(at);
    this.#flush();
    const broken = this.#text.trimEnd().search(/[^\t\P{Cc}]/u);
    if (broken >= 0) this.#problem(broken, "a control character in a template is shown, not written", "leave it out");
  }

  /** @returns where to go on */
  #one(percent: number): number {
    if (this.#text[percent + 1] === "%") {
      this.#plain += "%";
      return percent + 2;
    }
    const written = this.#text[percent + 1] === "{" ? this.#braced(percent) : this.#bare(percent);
    if (written === undefined) {
      this.#plain += "%";
      this.#problem(percent, "% stands alone: it is printed as it is", "write %%, or the name of a macro behind it");
      return percent + 1;
    }
    this.#take(written, percent);
    return written.end;
  }

  /** `%name`, `%name{argument}`. */
  #bare(percent: number): Written | undefined {
    const pattern = /[A-Za-z_][A-Za-z_:]*/y;
    pattern.lastIndex = percent + 1;
    const run = pattern.exec(this.#text)?.[0];
    if (run === undefined) return undefined;
    const name = /[^:]:$/.test(run) ? run.slice(0, -1) : run;
    const end = percent + 1 + name.length;
    if (this.#text[end] !== "{" || takesNoArgument(name)) return { name, argument: undefined, end };
    const close = this.#text.indexOf("}", end);
    if (close < 0) return { name, argument: this.#open(end), end: this.#text.length };
    return { name, argument: this.#text.slice(end + 1, close), end: close + 1 };
  }

  /** `%{name}`, `%{name:argument}`, `%{namespace:name}`. */
  #braced(percent: number): Written | undefined {
    const close = this.#text.indexOf("}", percent);
    if (close < 0) return undefined;
    const inside = this.#text.slice(percent + 2, close);
    const [first = "", second] = split(inside);
    const isCall = macrosByName.get(first)?.argument !== undefined;
    return isCall
      ? { name: first, argument: second, end: close + 1 }
      : { name: inside, argument: undefined, end: close + 1 };
  }

  #open(at: number): string {
    this.#problem(at, "{ is never closed", "write } behind the macro's argument");
    return this.#text.slice(at + 1);
  }

  #take({ name: written, argument }: Written, percent: number): void {
    const macro = this.#find(written, percent);
    if (macro === undefined) return;
    const given = this.#checked(macro, argument, percent);
    if (given === false) return;
    this.#flush();
    this.parts.push({ kind: "macro", name: macro.name, argument: given });
  }

  #find(written: string, percent: number): LogMacro | undefined {
    const [space, rest] = split(written);
    const qualified = rest === undefined ? undefined : macrosByName.get(rest);
    if (qualified !== undefined && qualified.namespace === space) return qualified;
    const macro = macrosByName.get(written);
    if (macro === undefined) {
      this.#problem(percent, `%${written} is no macro that Letterlock has: nothing is printed`, remedyFor(written));
      return undefined;
    }
    if (macro.namespace === "letterlock" || this.#namespaces.includes(macro.namespace)) return macro;
    const text = `%${written} is not expanded: ${macro.namespace} is not in the logger's namespace`;
    this.#problem(percent, text, `write namespace = "${[...this.#namespaces, macro.namespace].join(",")}"`);
    return undefined;
  }

  /** @returns `false`: nothing can be printed */
  #checked({ name, argument: wanted }: LogMacro, argument: string | undefined, at: number): string | undefined | false {
    if (wanted === undefined) return undefined;
    const example = `for instance %${name}{${wanted.shown}}`;
    if (argument === undefined) {
      if (wanted.required) this.#problem(at, `%${name} lacks its {}: nothing is printed`, `write ${example}`);
      return wanted.required ? false : undefined;
    }
    if (wanted.check?.test(argument) === false) {
      this.#problem(at, `%${name}{${argument}}: no such argument`, `write ${example}`);
      return wanted.required ? false : undefined;
    }
    const isContext = name === "vctx_conn" || name === "vctx_mess";
    if (!isContext || isContextKey(name, argument)) return argument;
    const text = `%${name}{${argument}}: nothing here sets it, since scripts are not run: nothing is printed`;
    this.#problem(at, text, "print a header field with %h{...}, or leave it");
    return false;
  }

  #flush(): void {
    if (this.#plain !== "") this.parts.push({ kind: "text", text: this.#plain });
    this.#plain = "";
  }

  #problem(at: number, text: string, remedy: string): void {
    this.problems.push({ column: at + 1, text, remedy });
  }
}

/** At the first colon. */
function split(text: string): [string, string | undefined] {
  const at = text.indexOf(":");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Then a brace behind it is text. */
function takesNoArgument(name: string): boolean {
  const macro = macrosByName.get(name);
  return macro !== undefined && macro.argument === undefined;
}

/** Most often a delimiter has become part of the name. */
function remedyFor(written: string): string {
  const start = [...macrosByName.keys()].filter((name) => written.startsWith(name)).sort(byLength)[0];
  if (start !== undefined && !written.startsWith("outbound_tls") && !written.startsWith("letterlock")) {
    return `letters, _ and : belong to the name: set another character behind %${start}`;
  }
  const near = nearestWord(written, macrosByName.keys());
  return near === undefined ? "docs/operating/log-macros.md lists them" : `did you mean %${near}?`;
}

function byLength(left: string, right: string): number {
  return right.length - left.length;
}
