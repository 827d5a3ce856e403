/**
 * What a client has sent and nobody has used yet, taken as command lines, as lines of an AUTH exchange, or as octets.
 *
 * Promises: no octet is looked at twice for a line end; of a line that is too long nothing is kept but its end; whoever
 * waits for a line end that will never come as it should is told at once.
 */

/** Longest command line with CR LF; room for every extension's growth (SR-21, EX-24). */
const MAX_COMMAND_BYTES = 4096;

const CR = 13;
const LF = 10;
const nothing = Buffer.alloc(0);

export type InputLine =
  /** Without its CR LF; of one that is `tooLong` perhaps only the end. */
  | Readonly<{ kind: "line"; line: Buffer; tooLong: boolean }>
  /** Its end has not come yet. */
  | Readonly<{ kind: "open" }>
  /** What no command begins with: a TLS record, say (AT-24). */
  | Readonly<{ kind: "foreign" }>
  /** Obeying it would be LN-1's smuggling, waiting on would look like a hang. */
  | Readonly<{ kind: "bare-line-feed" }>;

export class SessionInput {
  #octets: Buffer = nothing;
  /** So many of them hold no line end. */
  #searched = 0;
  #skipping = false;

  get isEmpty(): boolean {
    return this.#octets.length === 0;
  }

  add(octets: Buffer): void {
    this.#octets = this.#octets.length === 0 ? octets : Buffer.concat([this.#octets, octets]);
  }

  /** All there is, or at most so many. */
  take(most = this.#octets.length): Buffer {
    const taken = this.#octets.subarray(0, most);
    this.#octets = this.#octets.subarray(taken.length);
    this.#searched = 0;
    return taken;
  }

  clear(): void {
    this.take();
  }

  takeCommand(): InputLine {
    const line = this.#takeLine();
    if (line === undefined) return this.#openCommand();
    const tooLong = this.#skipping || line.length + 2 > MAX_COMMAND_BYTES;
    this.#skipping = false;
    return { kind: "line", line, tooLong };
  }

  /** @param maxBytes with its CR LF */
  takeResponse(maxBytes: number): Exclude<InputLine, { kind: "foreign" | "bare-line-feed" }> {
    const line = this.#takeLine();
    if (line !== undefined) return { kind: "line", line, tooLong: line.length + 2 > maxBytes };
    return this.#octets.length > maxBytes ? { kind: "line", line: nothing, tooLong: true } : { kind: "open" };
  }

  #takeLine(): Buffer | undefined {
    const end = this.#octets.indexOf("\r\n", Math.max(0, this.#searched - 1), "latin1");
    if (end < 0) {
      this.#searched = this.#octets.length;
      return undefined;
    }
    const line = this.take(end);
    this.take(2);
    return line;
  }

  #openCommand(): InputLine {
    const [first] = this.#octets;
    if (first === undefined) return { kind: "open" };
    // Nor with a control or an octet above 127.
    if (!this.#skipping && first !== CR && (first < 32 || first > 126)) return { kind: "foreign" };
    if (this.#octets.at(-1) === LF) return { kind: "bare-line-feed" };
    if (this.#octets.length > MAX_COMMAND_BYTES) {
      this.#skipping = true;
      this.take(this.#octets.length - 1); // a CR may be the half of its end
    }
    return { kind: "open" };
  }
}
