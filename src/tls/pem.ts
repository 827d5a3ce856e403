/**
 * Certificates in PEM text (RFC 7468 §5, and the two other labels that OpenSSL reads). Whatever stands around and between
 * the blocks is passed over; whether OpenSSL can read a block is `isCertificate`'s to say.
 */
import { readDer } from "./der.ts";

const label = "(?:TRUSTED |X509 )?CERTIFICATE-----";
const block = new RegExp(`-----BEGIN ${label}([^-]*)-----END ${label}`, "g");

/** In the order of the text. */
export function certificateBlocks(text: string): readonly string[] {
  return text.match(block) ?? [];
}

/** The DER of each, without the marks of trust that OpenSSL writes behind a TRUSTED one. */
export function certificateDers(text: string): readonly Uint8Array[] {
  return [...text.matchAll(block)].map(([, base64 = ""]) => {
    const octets = Buffer.from(base64, "base64");
    return readDer(octets, 0)?.whole ?? octets;
  });
}
