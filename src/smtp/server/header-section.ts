/**
 * Reads past the header section of an arriving message, for exactly three things: how many `Received` fields it has
 * (LP-1), whether an octet is above 127 (EX-12), and the fields that choose a binding, of which some are cut out.
 * Everything else leaves as it came (TR-6). Obsolete and unknown fields are fields; the section ends at the first line that is neither
 * a field nor a continuation, so a message without any header ends it at once.
 * RFC 5322 §2.2, RFC 5321 §3.6.3.
 */
import { isAscii } from "node:buffer";

/** Octets to pass on, once it is known where the header ends. */
type Passed = readonly Buffer[];

/** Fields whose value is wanted, by lower-case name, and whether they stay in the message. */
export type HeadersWanted = ReadonlyMap<string, "keep" | "remove">;

const fieldOrContinuation = /(?:[!-9;-~]+[ \t]*:|[ \t])[^\n]*\n/y;
const startOfField = /^(?:[!-9;-~]+[ \t]*:|[ \t])/;
const receivedField = /received[ \t]*:/iy;
const nothing: Passed = [];

export class HeaderSection {
  readonly #maxBytes: number;
  readonly #wanted: HeadersWanted;
  /** Octets held until the end is found; `#used` of them are filled. */
  #held: Buffer | undefined;
  #used = 0;
  /** Offset of the first line not judged yet, and up to where line ends were searched. */
  #judged = 0;
  #searched = 0;
  /** Wanted fields, as offsets; the last may still be continued. */
  readonly #found: { name: string; start: number; end: number }[] = [];
  #foundOpen = false;

  receivedCount = 0;
  hasUtf8 = false;
  /** The section is longer than the cap (AT-23). */
  tooBig = false;
  done = false;
  /** First value of each wanted field, unfolded. */
  readonly values = new Map<string, string>();

  constructor(options: Readonly<{ maxBytes: number; wanted: HeadersWanted }>) {
    this.#maxBytes = options.maxBytes;
    this.#wanted = options.wanted;
  }

  /** Takes the next octets; answers what may pass on, nothing while the section goes on. */
  push(bytes: Buffer): Passed {
    if (this.done) return [bytes];
    this.#hold(bytes);
    const held = this.#heldBytes();
    const lastLineEnd = held.subarray(this.#searched).lastIndexOf(10);
    const complete = lastLineEnd < 0 ? this.#judged : this.#searched + lastLineEnd + 1;
    this.#searched = held.length;
    if (this.#judgeLines(held, complete)) return this.#pass(held, this.#judged);
    if (held.length > this.#maxBytes) return this.#overCap(held);
    return nothing;
  }

  /** The message ended: what is held passes on. */
  end(): Passed {
    if (this.done) return nothing;
    const held = this.#heldBytes();
    const open = held.subarray(this.#judged).toString("latin1");
    const isField = startOfField.test(open);
    if (isField) this.#noteField(`${open}\n`, 0, open.length, this.#judged);
    return this.#pass(held, isField ? held.length : this.#judged);
  }

  /** True when a line was found that ends the section. */
  #judgeLines(held: Buffer, complete: number): boolean {
    const base = this.#judged;
    if (complete === base) return false;
    const text = held.toString("latin1", base, complete);
    let at = 0;
    fieldOrContinuation.lastIndex = 0;
    while (fieldOrContinuation.test(text)) {
      const end = fieldOrContinuation.lastIndex;
      this.#noteField(text, at, end, base);
      at = end;
    }
    this.#judged = base + at;
    return at < text.length;
  }

  #noteField(text: string, start: number, end: number, base: number): void {
    const first = text.charCodeAt(start);
    if (first === 32 || first === 9) {
      const open = this.#foundOpen ? this.#found.at(-1) : undefined;
      if (open !== undefined) open.end = base + end;
      return;
    }
    this.#foundOpen = false;
    if (first === 82 || first === 114) {
      receivedField.lastIndex = start;
      if (receivedField.test(text)) this.receivedCount++;
    }
    if (this.#wanted.size === 0) return;
    const name = text.slice(start, text.indexOf(":", start)).trimEnd().toLowerCase();
    if (!this.#wanted.has(name)) return;
    this.#found.push({ name, start: base + start, end: base + end });
    this.#foundOpen = true;
  }

  /** A first line that goes on for ever without looking like a field is body; anything else is too much header. */
  #overCap(held: Buffer): Passed {
    if (!startOfField.test(held.toString("latin1", this.#judged, this.#judged + 1024)))
      return this.#pass(held, this.#judged);
    this.tooBig = true;
    this.#held = undefined;
    return nothing;
  }

  #pass(held: Buffer, end: number): Passed {
    this.done = true;
    this.#held = undefined;
    if (end > this.#maxBytes) {
      this.tooBig = true;
      return nothing;
    }
    this.hasUtf8 = !isAscii(held.subarray(0, end));
    return this.#found.length === 0 ? [held] : this.#cutOut(held);
  }

  #cutOut(held: Buffer): Passed {
    const kept: Buffer[] = [];
    let from = 0;
    for (const { name, start, end } of this.#found) {
      if (!this.values.has(name)) this.values.set(name, fieldValue(held.toString("latin1", start, end)));
      if (this.#wanted.get(name) === "keep") continue;
      kept.push(held.subarray(from, start));
      from = end;
    }
    kept.push(held.subarray(from));
    return kept;
  }

  /** The first octets are kept as they came; more are copied behind them into a buffer that doubles. */
  #hold(bytes: Buffer): void {
    if (this.#held === undefined) {
      this.#held = bytes;
    } else {
      const needed = this.#used + bytes.length;
      if (needed > this.#held.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#held.length, needed, 4096));
        this.#held.copy(larger, 0, 0, this.#used);
        this.#held = larger;
      }
      bytes.copy(this.#held, this.#used);
    }
    this.#used += bytes.length;
  }

  #heldBytes(): Buffer {
    return this.#held?.subarray(0, this.#used) ?? Buffer.alloc(0);
  }
}

/** Unfolded, without the blanks around it. RFC 5322 §2.2.3 */
function fieldValue(field: string): string {
  return field
    .slice(field.indexOf(":") + 1)
    .replace(/\r?\n(?=[ \t])/g, "")
    .trim();
}
