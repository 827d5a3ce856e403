/**
 * PowerMTA's configuration text as a tree of directives and sections (reference, sections 1.1 and 1.3).
 * Knows the grammar only: what a name means, where it may stand and what its value must be is `options.ts`'s business.
 *
 * Promises: never throws; linear time; after a fault it goes on with the next line, so that all faults are found;
 * what `print.ts` makes of the nodes gives the same nodes but for their places.
 */
import { type CleanLine, cleanLine, type LineFinding } from "./lines.ts";
import { separated } from "./run-together.ts";
import { type GluedTag, gluedTags, nameEnd, tagEnd } from "./tags.ts";

/** A file, and through which includes it came: `config:12 include domains/*.conf`, outermost first. */
export type FileContext = Readonly<{ file: string; through: readonly string[] }>;

/** 1-based. */
export type Place = Readonly<{ in: FileContext; line: number; column: number }>;

export type Directive = Place &
  Readonly<{
    kind: "directive";
    /** Keywords in lower case; a line that begins with `/` has its regular expression here. */
    name: string;
    /** As written, without comment, straight quotes. */
    value: string;
    openQuote: boolean;
    /** Of a rule in a pattern list that goes on inside `<pattern-list>`. */
    block: readonly PowerMtaNode[] | undefined;
  }>;

export type Section = Place &
  Readonly<{
    kind: "section";
    name: string;
    /** Everything between the name and the closing `>`, trimmed. */
    argument: string;
    children: readonly PowerMtaNode[];
  }>;

export type PowerMtaNode = Directive | Section;

export type SyntaxFinding = Place & Readonly<{ severity: "error" | "warning"; reason: string; remedy: string }>;

export type ParsedPowerMta = Readonly<{ nodes: readonly PowerMtaNode[]; findings: readonly SyntaxFinding[] }>;

type Frame = { readonly name: string; readonly place: Place; readonly children: PowerMtaNode[] };

/** Deeper than anything that the grammar has a use for. */
const maxDepth = 100;

export function parsePowerMta(text: string, context: FileContext = { file: "config", through: [] }): ParsedPowerMta {
  const reader = new Reader(context);
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  for (let at = 0; at < lines.length; at += 1) reader.line(lines[at] ?? "", at + 1);
  reader.loneReturn(text);
  return reader.finish();
}

class Reader {
  readonly #context: FileContext;
  readonly #findings: SyntaxFinding[] = [];
  readonly #root: PowerMtaNode[] = [];
  readonly #frames: Frame[] = [];
  #line = 0;

  constructor(context: FileContext) {
    this.#context = context;
  }

  line(raw: string, number: number): void {
    this.#line = number;
    const clean = cleanLine(raw);
    if (clean.text === "") return;
    for (const finding of clean.findings) this.#oddity(finding);
    for (const [at, own] of separated(clean).entries()) {
      if (at > 0) this.#runTogether(own);
      if (own.text.startsWith("</")) this.#closingTag(own);
      else if (own.text.startsWith("<")) this.#openingTag(own);
      else this.#directive(own);
    }
  }

  /** Lines that end in a carriage return alone are one line, and a comment in the first of them hides the rest. */
  loneReturn(text: string): void {
    const at = text.search(/\r(?![\r\n]|$)/);
    if (at < 0) return;
    const before = text.slice(0, at).split("\n");
    const place = { in: this.#context, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    this.#error(place, "a carriage return that ends no line", "end lines with a line feed");
  }

  finish(): ParsedPowerMta {
    for (const { name, place } of this.#frames) {
      this.#error(place, `<${name}> is never closed`, `write </${name}> at its end`);
    }
    return { nodes: this.#root, findings: this.#findings };
  }

  get #children(): PowerMtaNode[] {
    return this.#frames.at(-1)?.children ?? this.#root;
  }

  #place(column: number): Place {
    return { in: this.#context, line: this.#line, column };
  }

  #error(place: Place, reason: string, remedy: string): void {
    this.#findings.push({ ...place, severity: "error", reason, remedy });
  }

  #runTogether({ text, column }: CleanLine): void {
    const what = text.startsWith("<") ? `the tag ${text}` : (text.split(/\s/)[0] ?? "");
    const reason = `${what} stands behind a typographic quote, and was read as a line of its own`;
    this.#findings.push({ ...this.#place(column), severity: "warning", reason, remedy: "begin a new line before it" });
  }

  #oddity({ kind, column }: LineFinding): void {
    const [reason, remedy] = oddities[kind];
    if (kind === "open-quote") return;
    this.#findings.push({ ...this.#place(column), severity: "warning", reason, remedy });
  }

  #openingTag({ text, column, findings }: CleanLine): void {
    const place = this.#place(column);
    const open = findings.find(({ kind }) => kind === "open-quote");
    if (open !== undefined) this.#error(this.#place(open.column), ...oddities["open-quote"]);
    const name = tagName.exec(text)?.[1];
    const end = tagEnd(text);
    if (name === undefined || end === undefined) {
      this.#error(place, `this is no tag: ${text}`, "write <name argument>, closed on the same line");
      return;
    }
    const argument = text.slice(name.length + 1, end).trim();
    if (end < text.length - 1) {
      const rest = text.slice(end + 1).trim();
      this.#error(this.#place(column + end + 1), `text after the tag: ${rest}`, "write it on a line of its own");
    }
    this.#open(name.toLowerCase(), argument, place);
  }

  #open(name: string, argument: string, place: Place): void {
    if (this.#frames.length >= maxDepth) {
      this.#error(place, `sections nested deeper than ${maxDepth}`, "close the sections before it");
      return;
    }
    const children: PowerMtaNode[] = [];
    this.#children.push({ kind: "section", name, argument, children, ...place });
    this.#frames.push({ name, place, children });
  }

  /** The name alone counts; an argument, and blanks, are let pass. */
  #closingTag({ text, column }: CleanLine): void {
    const place = this.#place(column);
    const [, name, rest] = closing.exec(text) ?? [];
    if (name === undefined) {
      this.#error(place, `this is no closing tag: ${text}`, "write </name>");
      return;
    }
    if (rest !== undefined && rest !== "")
      this.#error(place, `text after the tag: ${rest}`, "write it on a line of its own");
    this.#close(name.toLowerCase(), place);
  }

  #close(name: string, place: Place): void {
    const open = this.#frames.findLastIndex((frame) => frame.name === name);
    if (open < 0) {
      this.#error(place, `</${name}> closes nothing`, `remove it, or write <${name}> before it`);
      return;
    }
    for (const { name: inner, place: opened } of this.#frames.splice(open).slice(1)) {
      this.#error(opened, `<${inner}> is not closed before </${name}>`, `write </${inner}> at its end`);
    }
  }

  #directive({ text, column, findings }: CleanLine): void {
    const glued = gluedTags(text);
    const own = glued[0] === undefined ? text : text.slice(0, glued[0].at).trimEnd();
    if (glued.length === 1 && glued[0] !== undefined && this.#isRuleBlock(text, glued[0])) {
      this.#ruleWithBlock(own, column, findings);
      return;
    }
    if (own !== "") this.#children.push(this.#made(own, column, findings, undefined));
    for (const tag of glued) this.#glued(tag, column);
  }

  #glued({ at, tag }: GluedTag, column: number): void {
    const place = this.#place(column + at);
    this.#error(place, `the tag ${tag} stands at the end of another line`, "begin a new line before it");
    if (tag.startsWith("</")) this.#closingTag({ text: tag, column: column + at, findings: [] });
    else this.#openingTag({ text: tag, column: column + at, findings: [] });
  }

  #isRuleBlock(text: string, { at, tag }: GluedTag): boolean {
    const inList = this.#frames.at(-1)?.name === "pattern-list";
    return inList && /^<pattern-list\s*>$/i.test(tag) && /\s/.test(text.charAt(at - 1));
  }

  #ruleWithBlock(text: string, column: number, findings: readonly LineFinding[]): void {
    const block: PowerMtaNode[] = [];
    this.#children.push(this.#made(text, column, findings, block));
    if (this.#frames.length < maxDepth) {
      this.#frames.push({ name: "pattern-list", place: this.#place(column), children: block });
    } else this.#error(this.#place(column), `sections nested deeper than ${maxDepth}`, "name a pattern list instead");
  }

  #made(
    text: string,
    column: number,
    findings: readonly LineFinding[],
    block: readonly PowerMtaNode[] | undefined,
  ): Directive {
    const end = nameEnd(text);
    const written = text.slice(0, end);
    const name = keyword.test(written) ? written.toLowerCase() : written;
    const openQuote = findings.length > 0 && findings.some(({ kind }) => kind === "open-quote");
    return {
      kind: "directive",
      name,
      value: text.slice(end).trim(),
      openQuote,
      block,
      in: this.#context,
      line: this.#line,
      column,
    };
  }
}

const tagName = /^<([A-Za-z][A-Za-z0-9-]*)(?=[\s>"|{[])/;
const closing = /^<\/\s*([A-Za-z][A-Za-z0-9-]*)(?:\s[^>]*)?>\s*(.*)$/;
const keyword = /^[A-Za-z0-9._-]+$/;

const oddities: Record<LineFinding["kind"], readonly [reason: string, remedy: string]> = {
  typographic: ["a typographic quote, which PowerMTA does not know, was read as a quote", 'write it as "'],
  "open-quote": ["a quote is not closed", 'write the closing "'],
  "quoted-hash": ["a # inside quotes was kept; PowerMTA may begin a comment there", "avoid it, or write \\x23"],
  "glued-hash": ["a # begins a comment, so what stands before it is the whole value", "choose a value without #"],
};
