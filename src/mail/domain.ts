/**
 * Domain names as every room uses them: A-labels, lower case, no trailing dot, parsed once at the edge.
 * One normal form from intake on keeps policy look-up, routing and certificate matching from disagreeing
 * (standards.md AT-27, EX-13).
 */
import { toASCII } from "tr46";

/** A DNS name in normal form: A-labels, lower case, no trailing dot, 1 to 253 octets. */
export type Domain = string & { readonly __domain: unique symbol };

const plain =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const ascii = /^[\x21-\x7e]+$/;
/** UTF-16 units; no U-label form of a valid name is longer. UTS 46 on kilobytes of labels would take tens of ms. */
const maxLength = 512;

/**
 * Parses a domain name in any spelling: U-labels, upper case, one trailing dot.
 *
 * @returns the normal form, or `undefined` when it is no host name: empty, over 253 octets, a label over 63,
 *   characters outside letters, digits, hyphen and underscore, invalid IDN (UTS 46), or all digits and dots.
 */
export function parseDomain(text: string): Domain | undefined {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  const lower = bare.toLowerCase();
  if (plain.test(lower) && !lower.includes("xn--")) return isNumeric(lower) ? undefined : (lower as Domain);
  if (ascii.test(lower) && (lower.length > 253 || !lower.includes("xn--"))) return undefined;
  if (bare.length > maxLength) return undefined;
  const converted = toASCII(bare, {
    checkBidi: true,
    checkHyphens: false,
    checkJoiners: true,
    useSTD3ASCIIRules: false,
    verifyDNSLength: true,
    transitionalProcessing: false,
  });
  return converted !== null && plain.test(converted) && !isNumeric(converted) ? (converted as Domain) : undefined;
}

/** Names we made ourselves (tests, tables): throws on what `parseDomain` refuses. */
export function domain(text: string): Domain {
  const parsed = parseDomain(text);
  if (parsed === undefined) throw new Error(`not a domain name: ${JSON.stringify(text)}`);
  return parsed;
}

/** The parent name, or `undefined` for a single label. */
export function parentOf(name: Domain): Domain | undefined {
  const dot = name.indexOf(".");
  return dot < 0 ? undefined : (name.slice(dot + 1) as Domain);
}

/** True when the last label is all digits: such text is an address, never a host name. */
function isNumeric(name: string): boolean {
  return /(?:^|\.)\d+$/.test(name);
}
