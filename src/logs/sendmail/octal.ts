/**
 * Foreign text as Sendmail writes it into its log: printable ASCII as it is, a tab and line ends as `\t`, `\r`, `\n`, any
 * other octet as `\033` (standards.md AT-28).
 */

const plain = /^[ -~]*$/;

/** Of text that a record holds too, where `\x1b` and `\u{e9}` stand for what was not printable. */
export function octal(text: string): string {
  if (!plain.test(text)) return octal(text.replace(/[^\x20-\x7e]/gu, octetsOf));
  if (!text.includes("\\x") && !text.includes("\\u{")) return text;
  return text
    .replace(/\\x([\da-f]{2})/g, (_, hex: string) => octetsOf(String.fromCodePoint(Number.parseInt(hex, 16))))
    .replace(/\\u\{([\da-f]{1,6})\}/g, (written, hex: string) => {
      const point = Number.parseInt(hex, 16);
      return point > 0x10_ffff ? written : octetsOf(String.fromCodePoint(point));
    });
}

const named: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** In UTF-8. */
function octetsOf(letter: string): string {
  const name = named[letter];
  if (name !== undefined) return name;
  return [...Buffer.from(letter)].map((octet) => `\\${octet.toString(8).padStart(3, "0")}`).join("");
}
