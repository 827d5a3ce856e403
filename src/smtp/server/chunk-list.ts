/**
 * The octets of a small message in memory. Large reads are kept as they are; a message that drips in is gathered, so
 * that a million one-octet reads do not become a million buffers, and no kept slice pins a much larger slab.
 */

/** Reads from here on are worth a buffer of their own. */
const OWN_BUFFER_BYTES = 4096;
const GATHER_BYTES = 16384;

export class ChunkList {
  readonly #chunks: Buffer[] = [];
  #gather: Buffer | undefined;
  #gathered = 0;

  append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (bytes.length >= OWN_BUFFER_BYTES || (this.#chunks.length < 2 && this.#gather === undefined)) {
      this.#closeGather();
      this.#chunks.push(unpinned(bytes));
      return;
    }
    if (this.#gather !== undefined && this.#gathered + bytes.length > GATHER_BYTES) this.#closeGather();
    this.#gather ??= Buffer.allocUnsafeSlow(GATHER_BYTES);
    this.#gathered += bytes.copy(this.#gather, this.#gathered);
  }

  /** All octets in order; the list is empty afterwards. */
  take(): Buffer[] {
    this.#closeGather();
    return this.#chunks.splice(0);
  }

  #closeGather(): void {
    if (this.#gather === undefined) return;
    this.#chunks.push(unpinned(this.#gather.subarray(0, this.#gathered)));
    this.#gather = undefined;
    this.#gathered = 0;
  }
}

/** A copy where the slice would keep more than twice its size (and a page) alive. */
function unpinned(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= 2 * bytes.length + OWN_BUFFER_BYTES) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}
