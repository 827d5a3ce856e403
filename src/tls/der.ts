/**
 * Just enough DER to walk a certificate: tag, length, value, in definite form, every bound checked.
 * Returns `undefined` for whatever is malformed; never throws, never copies.
 */

export type DerElement = Readonly<{
  tag: number;
  /** Header and content. */
  whole: Uint8Array;
  content: Uint8Array;
}>;

/** The element at `offset`, or `undefined` when it is no well-formed element that fits into `bytes`. */
export function readDer(bytes: Uint8Array, offset: number): DerElement | undefined {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  // Tag numbers above 30 do not occur in X.509.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  // 0x80 is the indefinite form, which DER forbids; four octets are more than any certificate needs.
  if (first === 0x80 || lengthOctets > 4) return undefined;
  let length = lengthOctets === 0 ? first : 0;
  for (let at = offset + 2; at < offset + 2 + lengthOctets; at++) length = length * 256 + (bytes[at] ?? 0);
  const start = offset + 2 + lengthOctets;
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, whole: bytes.subarray(offset, end), content: bytes.subarray(start, end) };
}

/** All elements that follow one another in `content`; `undefined` when they do not fill it exactly. */
export function readDerSequence(content: Uint8Array): DerElement[] | undefined {
  const elements: DerElement[] = [];
  let offset = 0;
  while (offset < content.length) {
    const element = readDer(content, offset);
    if (element === undefined) return undefined;
    elements.push(element);
    offset += element.whole.length;
  }
  return elements;
}
