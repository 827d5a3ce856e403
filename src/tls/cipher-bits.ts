/**
 * The strength of a cipher as rules ask for it (`min-cipher-bits`): symmetric key bits, from the IANA name.
 * Node does not tell them.
 */

const strengths: readonly (readonly [part: RegExp, bits: number])[] = [
  [/_NULL/, 0],
  [/_(?:AES|CAMELLIA|ARIA)_?256_|CHACHA20|GOST|KUZNYECHIK|MAGMA/, 256],
  [/_(?:AES|CAMELLIA|ARIA)_?128_|_SEED_|_IDEA_|_RC4_128_/, 128],
  [/_3DES_EDE_/, 112],
  [/_DES_CBC_/, 56],
  [/_40_/, 40],
];

/** @param cipher IANA name. @returns effective bits; 0 for an unknown name, which satisfies no minimum. */
export function cipherBits(cipher: string): number {
  return strengths.find(([part]) => part.test(cipher))?.[1] ?? 0;
}
