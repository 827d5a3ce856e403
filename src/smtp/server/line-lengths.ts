/**
 * Holds every line of a message to a cap without looking at each: within any `cap` octets there must be one LF, and
 * the last of them is found by a native search backwards (LN-10, LN-11).
 */

const LF = 10;

export class LineLengths {
  readonly #cap: number;
  /** Octets since the last LF. */
  #open = 0;

  /** @param cap longest line, octets with CR LF */
  constructor(cap: number) {
    this.#cap = cap;
  }

  /** False once a line is longer than the cap. */
  fits(bytes: Buffer): boolean {
    let start = 0;
    while (this.#open + bytes.length - start > this.#cap) {
      const room = this.#cap - this.#open;
      const lineEnd = room > 0 ? bytes.lastIndexOf(LF, start + room - 1) : -1;
      if (lineEnd < start) return false;
      start = lineEnd + 1;
      this.#open = 0;
    }
    const lineEnd = bytes.lastIndexOf(LF);
    this.#open = lineEnd < start ? this.#open + bytes.length - start : bytes.length - lineEnd - 1;
    return true;
  }
}
