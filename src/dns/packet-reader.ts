/**
 * Reads numbers, names and slices out of a DNS packet that anybody may have written.
 * Promises (RS-8): never reads outside the packet or the bounds it was given, follows compression pointers only
 * backwards and a bounded number of times, and keeps names within 255 octets. What breaks a rule is a `Malformed`,
 * which `message.ts` catches.
 */
export class Malformed extends Error {}

const maxNameOctets = 255;
const maxPointers = 64;
const headerOctets = 12;
const plainLabel = /^[a-z0-9_/-]+$/;

export class PacketReader {
  readonly bytes: Buffer;
  offset: number;
  /** First octet that is not ours to read: the packet's end, or the RDATA's while one is read. */
  #end: number;

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
    this.#end = bytes.length;
  }

  get atEnd(): boolean {
    return this.offset === this.#end;
  }

  u8(): number {
    return this.bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }

  /** Not a copy. */
  slice(octets: number): Buffer {
    const start = this.#take(octets);
    return this.bytes.subarray(start, start + octets);
  }

  /** A TTL in seconds; the top bit set counts as 0 (RFC 2181 §8). */
  ttl(): number {
    const seconds = this.u32();
    return seconds > 0x7fffffff ? 0 : seconds;
  }

  /**
   * Runs `read` on the next RDLENGTH octets, which it must use up exactly, or skips them.
   */
  rdata<T>(read: ((octets: number) => T) | undefined): T | undefined {
    const octets = this.u16();
    const start = this.#take(octets);
    if (read === undefined) return undefined;
    const outer = this.#end;
    this.#end = start + octets;
    this.offset = start;
    const value = read(octets);
    if (!this.atEnd) throw new Malformed("RDLENGTH and RDATA differ");
    this.#end = outer;
    return value;
  }

  /**
   * A domain name in lower case without the last dot; the root is `.`.
   * A label with octets that no host name has is written `\x` and its octets in hex, so that one with a dot in it
   * cannot pass for two labels; a slash stays, for the names of RFC 2317 §4.
   */
  name(): string {
    const labels: string[] = [];
    let octets = 1;
    let pointers = 0;
    let at = this.offset;
    let limit = this.#end;
    let lowest = at;
    let after: number | undefined;
    for (;;) {
      const length = this.#octet(at, limit);
      if (length === 0) break;
      if (length < 0x40) {
        octets += length + 1;
        if (octets > maxNameOctets || at + 1 + length > limit) throw new Malformed("name too long");
        labels.push(labelText(this.bytes, at + 1, at + 1 + length));
        at += length + 1;
        continue;
      }
      if (length < 0xc0) throw new Malformed("unknown label type");
      const target = ((length & 0x3f) << 8) | this.#octet(at + 1, limit);
      pointers += 1;
      if (target >= lowest || target < headerOctets || pointers > maxPointers) throw new Malformed("bad pointer");
      after ??= at + 2;
      at = target;
      lowest = target;
      limit = this.bytes.length;
    }
    this.offset = after ?? at + 1;
    return labels.length === 0 ? "." : labels.join(".");
  }

  #octet(at: number, limit: number): number {
    const octet = at < limit ? this.bytes[at] : undefined;
    if (octet === undefined) throw new Malformed("name runs over the end");
    return octet;
  }

  #take(octets: number): number {
    const start = this.offset;
    if (start + octets > this.#end) throw new Malformed("packet too short");
    this.offset = start + octets;
    return start;
  }
}

function labelText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("latin1", start, end).toLowerCase();
  return plainLabel.test(text) ? text : `\\x${bytes.toString("hex", start, end)}`;
}
