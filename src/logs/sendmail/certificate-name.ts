/**
 * A certificate's names as Sendmail writes them, `/C=CH/O=Clinic+20Mail/CN=mx.example.net`, made of those that records
 * hold, `C=CH, O=Clinic Mail, CN=mx.example.net`: the same attributes in the same order (sendmail reference, section 8.2).
 */
import { encodeText } from "../../policy/certificate-text.ts";
import { attributesOf } from "../words/distinguished-name.ts";
import { remember } from "../words/remember.ts";

export const certificateName = remember(2000, (recorded) => encodeText(oneLine(recorded)));

function oneLine(recorded: string): string {
  return attributesOf(recorded)
    .map((attribute) => `/${octets(attribute)}`)
    .join("");
}

function octets(attribute: string): string {
  const plain = attribute.replace(escapes, unescaped);
  const equals = plain.indexOf("=") + 1;
  const value = plain.slice(equals).replace(/[/+]/g, "\\$&");
  return `${plain.slice(0, equals)}${value.replace(/[^ -~]/gu, hexOctets)}`;
}

/** Those of records, then those of names: control characters in hex, and what would end a value. */
const escapes = /\\(?:u\{([\da-f]{1,6})\}|x([\da-f]{2})|([\dA-F]{2})|(.))/g;

function unescaped(written: string, point?: string, octet?: string, control?: string, letter?: string): string {
  if (letter !== undefined) return letter;
  const code = Number.parseInt(point ?? octet ?? control ?? "", 16);
  return code > 0x10_ffff ? written : String.fromCodePoint(code);
}

function hexOctets(letter: string): string {
  return [...Buffer.from(letter)].map((octet) => `\\x${octet.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
