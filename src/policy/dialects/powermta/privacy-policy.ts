/**
 * `privacy-policy`: what stands in an accounting file for the local part of a recipient's address (reference, section 3.1):
 * a text of the operator's, or a hash of the local part in lower case.
 */
import { createHmac } from "node:crypto";
import type { AccountingDirective, AccountingNotes } from "./accounting-lines.ts";
import { wordsOf } from "./lines.ts";
import { sipHash } from "./sip-hash.ts";

type Hide = (localPart: string) => string;

/** An address as it is shown. */
export type ShowAddress = (address: string) => string;

export const showAll: ShowAddress = (address) => address;

export function privacyPolicy(line: AccountingDirective | undefined, notes: AccountingNotes): ShowAddress {
  if (line === undefined) return showAll;
  const [kind = "", ...strings] = wordsOf(line.value);
  const policy = kind.toLowerCase();
  if (policy === "retain" && strings.length === 0) return showAll;
  const hide = strings.length > 1 ? undefined : hiding(policy, strings[0], line, notes);
  if (hide === undefined) {
    notes.error(line, `privacy-policy: "${policy}" cannot be followed as it is written`, remedy);
    return shown(() => defaultRedaction);
  }
  return shown(hide);
}

const defaultRedaction = "...";
const remedy = 'write retain, redact "X", siphash "KEY" of up to 16 octets, or hmac-sha256 "KEY"; -hexkey takes hex';

function shown(hide: Hide): ShowAddress {
  return (address) => {
    const at = address.lastIndexOf("@");
    if (at < 0) return address === "" ? "" : hide(address);
    return hide(address.slice(0, at)) + address.slice(at);
  };
}

function hiding(
  policy: string,
  text: string | undefined,
  line: AccountingDirective,
  notes: AccountingNotes,
): Hide | undefined {
  if (policy === "redact") return () => text ?? defaultRedaction;
  if (text === undefined || text === "") return undefined;
  const key = policy.endsWith("-hexkey") ? hexKey(text) : Buffer.from(text);
  if (key === undefined) return undefined;
  if (policy.startsWith("siphash")) return siphash(policy, key);
  if (policy !== "hmac-sha256" && policy !== "hmac-sha256-hexkey") return undefined;
  if (key.length < 32) {
    notes.warning(line, "privacy-policy: the key is shorter than 32 octets (RFC 2104)", "write a longer key");
  }
  return (localPart) => createHmac("sha256", key).update(localPart.toLowerCase()).digest("hex");
}

function siphash(policy: string, short: Buffer): Hide | undefined {
  if ((policy !== "siphash" && policy !== "siphash-hexkey") || short.length > 16) return undefined;
  const key = Buffer.alloc(16);
  short.copy(key);
  return (localPart) => sipHash(key, Buffer.from(localPart.toLowerCase())).toString(16).padStart(16, "0");
}

function hexKey(text: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}
