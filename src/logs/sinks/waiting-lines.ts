/**
 * Lines that wait for their target, in their order, each with the mark of its event; one batch of them may be out.
 */

type Batch = Readonly<{ lines: string[]; marks: number[] }>;

export class WaitingLines {
  #lines: string[] = [];
  /** Of each line. */
  #marks: number[] = [];
  #size = 0;
  #out: Batch | undefined;

  /** Without the batch that is out. */
  get count(): number {
    return this.#lines.length;
  }

  /** The same in characters. */
  get size(): number {
    return this.#size;
  }

  /** With the batch that is out. */
  get left(): number {
    return this.#lines.length + (this.#out?.lines.length ?? 0);
  }

  /** Before the first line that is left; `Infinity`: none is. */
  get doneUpTo(): number {
    const first = this.#out?.marks[0] ?? this.#marks[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first - 1;
  }

  add(line: string, mark: number): void {
    this.#lines.push(line);
    this.#marks.push(mark);
    this.#size += line.length;
  }

  /** A batch of at most so many characters, at least one line: it is out until `settle`. */
  take(most: number): readonly string[] {
    let size = 0;
    let count = 0;
    for (const { length } of this.#lines) {
      if (count > 0 && size + length > most) break;
      size += length;
      count += 1;
    }
    this.#out = { lines: this.#lines.splice(0, count), marks: this.#marks.splice(0, count) };
    this.#size -= size;
    return this.#out.lines;
  }

  /** @param done so many lines of the batch are where they belong; the others wait again, before all that came since */
  settle(done: number): void {
    const { lines, marks } = this.#out ?? { lines: [], marks: [] };
    this.#out = undefined;
    if (done >= lines.length) return;
    const back = lines.slice(done);
    this.#lines = back.concat(this.#lines);
    this.#marks = marks.slice(done).concat(this.#marks);
    for (const { length } of back) this.#size += length;
  }
}
