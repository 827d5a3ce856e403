/**
 * What m4 reads: the text of files, and what macros expand to pushed back in front of it, cut into tokens. Knows quotes
 * and comments, and where each piece came from.
 */

export type M4Place = Readonly<{ file: string; line: number }>;

/** `name` may be a macro, `letter` is one character outside quotes, `text` is not looked at again. */
export type Token = Readonly<{ kind: "name" | "letter" | "text"; text: string }>;

type Frame = { readonly text: string; at: number; readonly file: string | undefined; line: number };

export class M4Input {
  quotes: readonly [open: string, close: string] = ["`", "'"];
  /** How many octets were pushed back so far. */
  pushed = 0;
  #frames: Frame[] = [];
  /** Where quoted texts of several lines began: definitions in them keep their own lines. */
  readonly #origins = new Map<string, M4Place>();
  readonly #fault: (at: M4Place, text: string, remedy: string) => void;

  constructor(fault: (at: M4Place, text: string, remedy: string) => void) {
    this.#fault = fault;
  }

  get depth(): number {
    return this.#frames.length;
  }

  /** How many files include one another right now. */
  get files(): number {
    return this.#frames.filter(({ file }) => file !== undefined).length;
  }

  pushFile(file: string, text: string): void {
    this.#push({ text, at: 0, file, line: 1 });
  }

  /** A text that stood in a file between quotes goes on with its own lines. */
  pushText(text: string): void {
    const origin = this.#origins.get(text);
    this.#push({ text, at: 0, file: origin?.file, line: origin?.line ?? 0 });
  }

  /** Reads this text alone until the work is done. */
  apart(text: string, work: () => void): void {
    const before = this.#frames;
    this.#frames = [{ text, at: 0, file: undefined, line: 0 }];
    work();
    this.#frames = before;
  }

  #push(frame: Frame): void {
    this.pushed += frame.text.length;
    this.#frames.push(frame);
  }

  place(): M4Place {
    const frame = this.#frames.findLast(({ file }) => file !== undefined);
    return { file: frame?.file ?? "", line: frame?.line ?? 0 };
  }

  #top(): Frame | undefined {
    for (;;) {
      const frame = this.#frames.at(-1);
      if (frame === undefined || frame.at < frame.text.length) return frame;
      this.#frames.pop();
    }
  }

  peek(): string | undefined {
    const frame = this.#top();
    return frame?.text[frame.at];
  }

  take(): string | undefined {
    const frame = this.#top();
    if (frame === undefined) return undefined;
    const letter = frame.text[frame.at];
    frame.at += 1;
    if (letter === "\n") frame.line += 1;
    return letter;
  }

  skipBlanks(): void {
    while (/\s/.test(this.peek() ?? "x")) this.take();
  }

  skipLine(): void {
    for (let letter = this.take(); letter !== undefined && letter !== "\n"; ) letter = this.take();
  }

  #startsWith(text: string): boolean {
    const frame = this.#top();
    return frame?.text.startsWith(text, frame.at) ?? false;
  }

  #takeAll(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.take();
  }

  next(): Token | undefined {
    const letter = this.peek();
    if (letter === undefined) return undefined;
    if (this.#startsWith(this.quotes[0])) return this.#quoted();
    if (letter === "#") return this.#comment();
    if (!/[A-Za-z_]/.test(letter)) return { kind: "letter", text: this.take() ?? "" };
    const frame = this.#top();
    const name = /[A-Za-z0-9_]+/y;
    name.lastIndex = frame?.at ?? 0;
    const text = name.exec(frame?.text ?? "")?.[0] ?? letter;
    if (frame !== undefined) frame.at += text.length;
    return { kind: "name", text };
  }

  #comment(): Token {
    let text = "";
    for (let letter = this.peek(); letter !== undefined && letter !== "\n"; letter = this.peek()) {
      text += this.take();
    }
    return { kind: "text", text };
  }

  #quoted(): Token {
    const at = this.place();
    const [open, close] = this.quotes;
    this.#takeAll(open);
    const pieces: string[] = [];
    for (let depth = 1; ; ) {
      if (this.peek() === undefined) {
        this.#fault(at, "a quotation does not end", `close it with ${close}`);
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
      } else pieces.push(this.take() ?? "");
    }
    const text = pieces.join("");
    if (text.includes("\n")) this.#origins.set(text, at);
    return { kind: "text", text };
  }
}
