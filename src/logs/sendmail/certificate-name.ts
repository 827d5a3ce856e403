/**
 * A certificate's names as Sendmail writes them, `/C=CH/O=Clinic+20Mail/CN=mx.example.net`, made of those that records
 * hold, `C=CH, O=Clinic Mail, CN=mx.example.net`: the same attributes in the same order (sendmail reference, section 8.2).
 */
import { encodeText } from "../../policy/certificate-text.ts";

const names = new Map<string, string>();
const maxNames = 2000;

/** Kept: a relay meets the same few thousand again and again. */
export function certificateName(recorded: string): string {
  const known = names.get(recorded);
  if (known !== undefined) return known;
  const name = encodeText(oneLine(recorded));
  if (names.size >= maxNames) names.clear();
  names.set(recorded, name);
  return name;
}

/** Commas and the like inside a value have a backslash in front (RFC 4514 section 2.4). */
function oneLine(recorded: string): string {
  if (recorded === "") return "";
  return recorded
    .split(/(?<!\\), /)
    .map((attribute) => `/${octets(attribute)}`)
    .join("");
}

function octets(attribute: string): string {
  const plain = attribute
    .replace(/\\([,+"\\<>;=# ])/g, "$1")
    .replace(/\\u\{([\da-f]+)\}/g, (_, point: string) => String.fromCodePoint(Number.parseInt(point, 16)))
    .replace(/\\x([\da-f]{2})/g, (_, point: string) => String.fromCodePoint(Number.parseInt(point, 16)));
  const equals = plain.indexOf("=") + 1;
  const value = plain.slice(equals).replace(/[/+]/g, "\\$&");
  return `${plain.slice(0, equals)}${value.replace(/[^ -~]/gu, hexOctets)}`;
}

function hexOctets(letter: string): string {
  return [...Buffer.from(letter)].map((octet) => `\\x${octet.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
