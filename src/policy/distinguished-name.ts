/**
 * Are two texts the same distinguished name? Written as RFC 4514 has it (`CN=Root,O=Clinic,C=CH`) or in the certificate's
 * own order with blanks, as OpenSSL and our records print it (`C=CH, O=Clinic, CN=Root`). Letter case does not count.
 */

/** Linear in the texts; never throws. */
export function sameName(one: string, other: string): boolean {
  const left = attributesOf(one);
  const right = attributesOf(other);
  if (left.length !== right.length || left.length === 0) return false;
  return left.every((text, at) => text === right[at]) || left.every((text, at) => text === right.at(-1 - at));
}

function attributesOf(name: string): readonly string[] {
  const pieces = name.match(/(?:\\.|[^\\,])+/gs) ?? [];
  return pieces.map(attribute).filter((text) => text !== "=");
}

/** `type=value`, without the blanks around either and without escapes. */
function attribute(piece: string): string {
  const at = piece.indexOf("=");
  const type = (at < 0 ? "" : piece.slice(0, at)).trim().toLowerCase();
  return `${type}=${unescaped(trimmed(at < 0 ? piece : piece.slice(at + 1))).toLowerCase()}`;
}

/** A blank behind a backslash belongs to the value. */
function trimmed(value: string): string {
  const text = value.trimStart();
  const end = text.trimEnd();
  return /(?:^|[^\\])(?:\\\\)*\\$/.test(end) && end.length < text.length ? `${end} ` : end;
}

/** RFC 4514 §2.4: `\,` is the character, `\C3\A9` are octets of UTF-8. */
function unescaped(value: string): string {
  return value.replace(/(?:\\[0-9A-Fa-f]{2})+|\\(.)/gs, (escaped, character?: string) =>
    character === undefined ? Buffer.from(escaped.replaceAll("\\", ""), "hex").toString("utf8") : character,
  );
}
