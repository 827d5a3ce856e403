/**
 * SipHash-2-4 with a result of 64 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). Node has none.
 */

const mask = (1n << 64n) - 1n;

/** @param key 16 octets */
export function sipHash(key: Buffer, message: Buffer): bigint {
  const k0 = key.readBigUInt64LE(0);
  const k1 = key.readBigUInt64LE(8);
  const state = new SipState([
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ]);
  const whole = message.length - (message.length % 8);
  for (let at = 0; at < whole; at += 8) state.take(message.readBigUInt64LE(at));
  const last = Buffer.alloc(8);
  message.copy(last, 0, whole);
  last[7] = message.length & 0xff;
  state.take(last.readBigUInt64LE(0));
  return state.finish();
}

class SipState {
  #v: [bigint, bigint, bigint, bigint];

  constructor(v: [bigint, bigint, bigint, bigint]) {
    this.#v = v;
  }

  take(word: bigint): void {
    this.#v[3] ^= word;
    this.#rounds(2);
    this.#v[0] ^= word;
  }

  finish(): bigint {
    this.#v[2] ^= 0xffn;
    this.#rounds(4);
    return this.#v[0] ^ this.#v[1] ^ this.#v[2] ^ this.#v[3];
  }

  #rounds(count: number): void {
    let [v0, v1, v2, v3] = this.#v;
    for (let round = 0; round < count; round += 1) {
      v0 = (v0 + v1) & mask;
      v1 = rotated(v1, 13n) ^ v0;
      v0 = rotated(v0, 32n);
      v2 = (v2 + v3) & mask;
      v3 = rotated(v3, 16n) ^ v2;
      v0 = (v0 + v3) & mask;
      v3 = rotated(v3, 21n) ^ v0;
      v2 = (v2 + v1) & mask;
      v1 = rotated(v1, 17n) ^ v2;
      v2 = rotated(v2, 32n);
    }
    this.#v = [v0, v1, v2, v3];
  }
}

function rotated(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & mask;
}
