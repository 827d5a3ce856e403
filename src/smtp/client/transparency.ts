/**
 * A body made fit for DATA: a dot doubled at each line start (RFC 5321 §4.5.2), and the end of data after it.
 * Works on slices of the chunks; a body with nothing to double is passed on uncopied.
 *
 * Lines are CR LF already: the receiver sees to that. Here it is seen to once more, because a bare CR or LF that left
 * could end the message at the next hop but one (standards.md LN-5, LN-6, AT-19): each becomes CR LF, before stuffing.
 * A line of NULs and a dot is stuffed as well: a peer that drops NUL would read it as the end of data. One that does not
 * takes the dot away again, as from any line that begins with one.
 */

const cr = 13;
const lf = 10;
const dot = 46;
const lineFeed = Buffer.from("\n");
const extraDot = Buffer.from(".");
const dotAtLineStart = Buffer.from("\r\n.");
const nothing = Buffer.alloc(0);

/** Chunks may end anywhere; what they leave open is remembered. */
export class DotStuffer {
  /** The last octet was a CR whose LF may open the next chunk. */
  #afterCr = false;
  #atLineStart = true;
  /** NULs that open a line and end a chunk: what comes next says whether the line needs a dot before them. */
  #nuls: Buffer = nothing;

  /** @returns slices of `chunk`, with what goes between them. */
  stuff(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length === 0) return [];
    const whole = this.#nuls.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#nuls, chunk]);
    const clean = cleanLines(whole, this.#afterCr);
    const hasNul = clean.includes(0);
    const octets = hasNul ? this.#holdNuls(clean) : clean;
    if (!hasNul) this.#nuls = nothing;
    if (octets.length === 0) return [];
    const slices = hasNul ? this.#sliceBesideNuls(octets) : this.#slice(octets);
    this.#afterCr = octets.at(-1) === cr;
    this.#atLineStart = octets.at(-1) === lf;
    return slices;
  }

  /** The end of data. The body's own last line end is not repeated (LN-9). */
  end(): Uint8Array {
    if (this.#nuls.length > 0) return Buffer.concat([this.#nuls, Buffer.from("\r\n.\r\n")]);
    if (this.#atLineStart) return Buffer.from(".\r\n");
    return Buffer.from(this.#afterCr ? "\n.\r\n" : "\r\n.\r\n");
  }

  /** Keeps NULs back that open the line in which `octets` end; returns what is before them. */
  #holdNuls(octets: Buffer): Buffer {
    let end = octets.length;
    while (end > 0 && octets[end - 1] === 0) end -= 1;
    const opensLine = end === 0 ? this.#atLineStart : octets[end - 1] === lf;
    this.#nuls = opensLine ? Buffer.from(octets.subarray(end)) : nothing;
    return opensLine ? octets.subarray(0, end) : octets;
  }

  /** The same as `#slice`, where NULs may stand before a line's dot. Seldom: mail holds no NUL. */
  #sliceBesideNuls(octets: Buffer): Uint8Array[] {
    const before = this.#afterCr ? "\r" : this.#atLineStart ? "\r\n" : "";
    const text = `${before}${octets.toString("latin1")}`.replace(/\r\n(?=\0*\.)/g, "\r\n.");
    return [Buffer.from(text.slice(before.length), "latin1")];
  }

  #slice(octets: Buffer): Uint8Array[] {
    const slices: Uint8Array[] = [];
    let from = 0;
    // A line start that the last chunk left: right here, or behind the LF that completes its CR.
    const first = this.#afterCr ? 1 : 0;
    if ((this.#atLineStart || this.#afterCr) && octets[first] === dot) {
      if (first > 0) slices.push(lineFeed);
      slices.push(extraDot);
      from = first;
    }
    for (let at = octets.indexOf(dotAtLineStart, from); at >= 0; at = octets.indexOf(dotAtLineStart, at + 2)) {
      slices.push(octets.subarray(from, at + 2), extraDot);
      from = at + 2;
    }
    slices.push(from === 0 ? octets : octets.subarray(from));
    return slices;
  }
}

/** True when every CR is followed by LF and every LF preceded by CR. A CR at the very end is not clean. */
export function hasCleanLines(chunks: readonly Uint8Array[]): boolean {
  let afterCr = false;
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (!isClean(asBuffer(chunk), afterCr)) return false;
    afterCr = chunk.at(-1) === cr;
  }
  return !afterCr;
}

function cleanLines(octets: Buffer, afterCr: boolean): Buffer {
  return isClean(octets, afterCr) ? octets : repairLines(octets, afterCr);
}

/** Two searches per line: 3 µs for 5 KB, measured. A CR at the end stays open. */
function isClean(octets: Buffer, afterCr: boolean): boolean {
  if (afterCr !== (octets[0] === lf)) return false;
  for (let at = octets.indexOf(lf, 1); at >= 0; at = octets.indexOf(lf, at + 1)) {
    if (octets[at - 1] !== cr) return false;
  }
  for (let at = octets.indexOf(cr); at >= 0; at = octets.indexOf(cr, at + 1)) {
    if (octets[at + 1] !== lf && at + 1 < octets.length) return false;
  }
  return true;
}

/** Each bare CR and each bare LF becomes CR LF. Never on the hot path: such octets are refused at intake. */
function repairLines(octets: Buffer, afterCr: boolean): Buffer {
  const repaired = Buffer.allocUnsafe(octets.length * 2 + 1);
  let length = 0;
  let before = afterCr ? cr : 0;
  for (const octet of octets) {
    if (octet === lf && before !== cr) repaired[length++] = cr;
    if (octet !== lf && before === cr) repaired[length++] = lf;
    repaired[length++] = octet;
    before = octet;
  }
  return repaired.subarray(0, length);
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
