/**
 * xtext, the form in which ENVID and ORCPT carry any octet over an SMTP command line (RFC 3461 §4), and the spelling of
 * UTF-8 addresses in seven bits (RFC 6533 §3).
 */

/** Octets of `text` (as UTF-8) in xtext: printable ASCII but `+` and `=` as it is, the rest as `+HH`. */
export function encodeXtext(text: string): string {
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(
      /[^\x21-\x2a\x2c-\x3c\x3e-\x7e]/g,
      (octet) => `+${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    );
}

/**
 * The octets that xtext stands for, one character each (ISO 8859-1): escape before showing.
 *
 * @returns `undefined` when it is no xtext: a blank, a control, `=`, an octet above 126, or a `+` without two hex digits.
 */
export function decodeXtext(text: string): string | undefined {
  if (!/^(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-Fa-f]{2})*$/.test(text)) return undefined;
  return text.replace(/\+([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** An address in the seven-bit form of address type `utf-8`: `\x{HEX}` for what may not stand as it is. RFC 6533 §3 */
export function encodeUtf8Address(text: string): string {
  return text.replace(/[^\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e]/gu, (char) => {
    const point = (char.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return `\\x{${point.padStart(2, "0")}}`;
  });
}

/** The address behind `\x{HEX}` spellings; points beyond Unicode and surrogates stay as they are written. */
export function decodeUtf8Address(text: string): string {
  return text.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, (written, hex: string) => {
    const point = Number.parseInt(hex, 16);
    const isScalar = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    return isScalar ? String.fromCodePoint(point) : written;
  });
}
