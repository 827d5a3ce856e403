/**
 * AUTH as octets on lines: its argument, and the responses that follow (RFC 4954 §4). What they mean is the mechanism's
 * business, when they may come the protocol's.
 */
import type { Reply } from "../../mail/reply.ts";
import { replies } from "./replies.ts";
import { type SaslMechanism, saslMechanisms } from "./sasl/sasl.ts";

/** Longest response line with CR LF that is taken (RFC 4954 §4, AU-3). */
export const MAX_RESPONSE_BYTES = 12288;

export type AuthArgument =
  | Readonly<{ kind: "auth"; mechanism: SaslMechanism; initial: Buffer | undefined }>
  | Readonly<{ kind: "refused"; reply: Reply }>;

/** `MECHANISM` or `MECHANISM BASE64`; `=` is an empty initial response. */
export function parseAuth(argument: string): AuthArgument {
  const [word = "", initial, ...more] = argument.split(" ");
  if (word === "" || more.length > 0) return { kind: "refused", reply: replies.badArgument };
  const mechanism = saslMechanisms.find((name) => name === word.toUpperCase());
  if (mechanism === undefined) return { kind: "refused", reply: replies.unknownMechanism };
  if (initial === undefined) return { kind: "auth", mechanism, initial: undefined };
  const octets = initial === "=" ? Buffer.alloc(0) : decodeBase64(initial);
  if (octets === undefined || initial === "") return { kind: "refused", reply: replies.badBase64 };
  return { kind: "auth", mechanism, initial: octets };
}

export type AuthResponse = Readonly<{ kind: "response"; octets: Buffer }> | Readonly<{ kind: "refused"; reply: Reply }>;

/** @param line without its CR LF */
export function parseResponse(line: string): AuthResponse {
  if (line === "*") return { kind: "refused", reply: replies.authCancelled };
  const octets = decodeBase64(line);
  return octets === undefined ? { kind: "refused", reply: replies.badBase64 } : { kind: "response", octets };
}

/** Strict (RFC 4648 §4): whole groups, padding at the end alone, no other character. */
function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}
