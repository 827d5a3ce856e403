/**
 * Octets from a client as text, within bounds.
 */
import { isUtf8 } from "node:buffer";

/** A name has at most so many octets (RFC 4616 §2: "up to 255"). */
export const maxNameBytes = 255;
export const maxPasswordBytes = 1024;

/** `undefined`: longer than `max` octets, a NUL in it, or no UTF-8. */
export function readText(octets: Buffer, max: number): string | undefined {
  return octets.length <= max && !octets.includes(0) && isUtf8(octets) ? octets.toString("utf8") : undefined;
}
