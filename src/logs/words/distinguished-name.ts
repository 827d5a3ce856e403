/**
 * Names of certificates as records hold them: `C=CH, O=Clinic\, Ward 4, CN=mx.example.net`. A comma inside a value has
 * a backslash before it (RFC 4514 section 2.4), and a value may look like an attribute: only a bare comma ends one.
 */

/** In their order, with their backslashes. */
export function attributesOf(name: string): readonly string[] {
  return (name.match(/(?:\\.|[^\\,])+/gs) ?? []).map((attribute) => attribute.trimStart());
}

/** The first one. */
export function commonNameOf(name: string): string | undefined {
  return attributesOf(name)
    .find((attribute) => attribute.startsWith("CN="))
    ?.slice(3);
}
