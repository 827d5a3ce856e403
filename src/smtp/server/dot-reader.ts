/**
 * Finds the end of a message sent with DATA, and takes the stuffing dots out.
 *
 * Promises: only CR LF `.` CR LF ends data, wherever reads cut it (LN-1, LN-2); one leading dot is removed from every
 * other line that begins with one (LN-8); what follows the end belongs to the next command (LN-13).
 * The one scan is a native search for CR LF `.`; lines without a leading dot are never copied.
 * Not here: whether line ends inside the data are good (`newlines.ts`).
 */

/** `rest` is there once the data has ended: the octets after the final dot's line. */
export type DataRead = Readonly<{ text: Buffer; rest: Buffer | undefined }>;

const CR = 13;
const LF = 10;
const DOT = 46;
const carriageReturn = Buffer.from("\r");
const nothing = Buffer.alloc(0);

/** What the last octets of the previous read were. A dot, and a CR after it, are held back until it is known what they are. */
type Border = "inside-line" | "cr" | "line-start" | "dot" | "dot-cr";

export class DotReader {
  #border: Border = "line-start";

  /** Reads the next octets. `chunk` is ours from now on: dots are taken out in place. */
  read(chunk: Buffer): DataRead {
    if (chunk.length === 0) return { text: chunk, rest: undefined };
    if (this.#border === "dot" || this.#border === "dot-cr") return this.#afterHeldDot(chunk);
    return this.#scan(chunk, this.#dotAtBorder(chunk));
  }

  #afterHeldDot(chunk: Buffer): DataRead {
    const seen = this.#border === "dot-cr" ? Buffer.concat([carriageReturn, chunk]) : chunk;
    if (seen[0] === CR && seen.length === 1) {
      this.#border = "dot-cr";
      return { text: nothing, rest: undefined };
    }
    if (seen[0] === CR && seen[1] === LF) return { text: nothing, rest: seen.subarray(2) };
    this.#border = "inside-line"; // it was a stuffing dot
    return this.#scan(seen, nextDot(seen, 0));
  }

  /** The line-leading dot whose CR LF ended the previous read, wholly or in part. */
  #dotAtBorder(chunk: Buffer): number {
    if (this.#border === "line-start" && chunk[0] === DOT) return 0;
    if (this.#border === "cr" && chunk[0] === LF && chunk[1] === DOT) return 1;
    return nextDot(chunk, 0);
  }

  #scan(chunk: Buffer, firstDot: number): DataRead {
    const before = this.#border;
    let from = 0;
    let kept = 0;
    for (let dot = firstDot; dot >= 0; dot = nextDot(chunk, from)) {
      kept = moveDown(chunk, kept, from, dot);
      from = dot + 1;
      if (from === chunk.length) return this.#hold("dot", chunk.subarray(0, kept));
      if (chunk[from] !== CR) continue;
      if (from + 1 === chunk.length) return this.#hold("dot-cr", chunk.subarray(0, kept));
      if (chunk[from + 1] === LF) return { text: chunk.subarray(0, kept), rest: chunk.subarray(from + 2) };
    }
    this.#border = borderAfter(chunk, before);
    kept = moveDown(chunk, kept, from, chunk.length);
    return { text: chunk.subarray(0, kept), rest: undefined };
  }

  #hold(border: Border, text: Buffer): DataRead {
    this.#border = border;
    return { text, rest: undefined };
  }
}

/** Offset of the next dot that begins a line, the line's CR LF standing at `from` or later; -1 for none. */
function nextDot(chunk: Buffer, from: number): number {
  const lineEnd = chunk.indexOf("\r\n.", from, "latin1");
  return lineEnd < 0 ? -1 : lineEnd + 2;
}

/** Moves `from..end` down to `to`; returns where the kept text now ends. */
function moveDown(chunk: Buffer, to: number, from: number, end: number): number {
  if (to !== from && from < end) chunk.copyWithin(to, from, end);
  return to + end - from;
}

function borderAfter(chunk: Buffer, before: Border): Border {
  const last = chunk[chunk.length - 1];
  if (last === CR) return "cr";
  const previous = chunk.length > 1 ? chunk[chunk.length - 2] : before === "cr" ? CR : 0;
  return last === LF && previous === CR ? "line-start" : "inside-line";
}
