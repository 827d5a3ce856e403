/**
 * The key exchange group of a server-side connection. Node names it on client sockets only; on the server's side OpenSSL
 * keeps its number in the session, whose DER `getSession()` hands out: field [19], `kex_group`, since OpenSSL 3.0.
 * Should another OpenSSL write its sessions otherwise, the group is unknown; nothing depends on it but what we show.
 * Numbers: IANA "TLS Supported Groups". Names: those that Node shows on the client's side.
 */
import { readDer, readDerSequence } from "./der.ts";

const kexGroupTag = 0xa0 | 19;

const names = new Map([
  [23, "prime256v1"],
  [24, "secp384r1"],
  [25, "secp521r1"],
  [29, "X25519"],
  [30, "X448"],
  [256, "ffdhe2048"],
  [257, "ffdhe3072"],
  [258, "ffdhe4096"],
  [4587, "SecP256r1MLKEM768"],
  [4588, "X25519MLKEM768"],
  [4589, "SecP384r1MLKEM1024"],
]);

/** @param session DER of OpenSSL's SSL_SESSION. @returns `undefined` where it names no group that we know. */
export function groupOfSession(session: Uint8Array | undefined): string | undefined {
  const whole = session === undefined ? undefined : readDer(session, 0);
  const fields = whole === undefined ? undefined : readDerSequence(whole.content);
  const field = fields?.find(({ tag }) => tag === kexGroupTag);
  const number = field === undefined ? undefined : readDer(field.content, 0);
  if (number === undefined) return undefined;
  return names.get(number.content.reduce((value, octet) => value * 256 + octet, 0));
}
