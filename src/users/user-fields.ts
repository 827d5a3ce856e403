/**
 * What one user's entry may say: each key with its form, and the value that it makes. Pure; knows nothing of YAML.
 */
import { parseDomain } from "../mail/domain.ts";
import { parseDomainPattern } from "../mail/domain-pattern.ts";
import { parseCidr, parseIp } from "../mail/ip.ts";
import { parsePasswordHash } from "./password-hash.ts";
import { prepareStored } from "./saslprep.ts";
import { parseScramVerifier } from "./scram-verifier.ts";
import type { User } from "./user.ts";
import { senderAddress } from "./user-limits.ts";

export type Mistake = Readonly<{ message: string; remedy: string }>;
export type Read<T> = Readonly<{ ok: true; value: T }> | Readonly<{ ok: false; mistake: Mistake }>;

export const fieldNames = [
  "password",
  "scram",
  "certificates",
  "senders",
  "networks",
  "bindings",
  "require-tls",
  "may-relay",
] as const;
export type FieldName = (typeof fieldNames)[number];

type Sender = NonNullable<User["senders"]>[number];
type Certificate = User["certificates"][number];

const longestName = 255;

/** A name as it is stored: its SASLprep form (RFC 4013), at most 255 octets (RFC 4616 §2). */
export function readName(text: string): Read<string> {
  const prepared = prepareStored(text);
  if (prepared === undefined || Buffer.byteLength(prepared) > longestName) {
    return no("this is no user name", "use letters, digits, - . _ @ and no control characters, 255 octets at most");
  }
  if (prepared !== text) return no("this user name is not in its normal form (RFC 4013)", `write it as ${prepared}`);
  return yes(text);
}

const passwordRemedy = "set the password anew: letterlock user passwd NAME";

export function readPassword(text: string): Read<NonNullable<User["password"]>> {
  const hash = parsePasswordHash(text);
  return typeof hash === "string" ? no(hash, passwordRemedy) : yes(hash);
}

export function readScram(text: string): Read<NonNullable<User["scram"]>> {
  const verifier = parseScramVerifier(text);
  return typeof verifier === "string" ? no(verifier, passwordRemedy) : yes(verifier);
}

/** `sha256:HEX` of the whole certificate, `spki-sha256:HEX` of its public key; colons between octets are allowed. */
export function readCertificate(text: string): Read<Certificate> {
  const [, spki, digest = ""] = /^(spki-)?sha256:([0-9A-Fa-f:]+)$/.exec(text) ?? [];
  const hex = digest.replaceAll(":", "").toLowerCase();
  if (hex.length !== 64) {
    return no("this is no certificate's digest", "write sha256: or spki-sha256: and the 64 hexadecimal digits");
  }
  return yes({ of: spki === undefined ? "certificate" : "spki", sha256: hex });
}

export function readSender(text: string): Read<Sender> {
  const at = text.lastIndexOf("@");
  const sender = at < 0 ? readSenderDomain(text) : readAddress(text.slice(0, at), text.slice(at + 1));
  return sender === undefined
    ? no("this is no sender", "write an address, a domain, or .domain for everything below it")
    : yes(sender);
}

function readSenderDomain(text: string): Sender | undefined {
  const domain = parseDomainPattern(text);
  return domain === undefined ? undefined : { domain };
}

function readAddress(localPart: string, right: string): Sender | undefined {
  if (localPart === "" || /[\s<>\p{Cc}]/u.test(localPart)) return undefined;
  const ip = parseIp(/^\[(?:IPv6:)?(.+)\]$/i.exec(right)?.[1] ?? "");
  if (ip !== undefined) return { address: senderAddress({ localPart, host: { kind: "literal", ip } }) };
  const domain = parseDomain(right);
  if (domain === undefined) return undefined;
  return { address: senderAddress({ localPart, host: { kind: "domain", domain } }) };
}

export function readNetwork(text: string): Read<NonNullable<User["networks"]>[number]> {
  const network = parseCidr(text);
  return network === undefined
    ? no("this is no network", "write an address or a block such as 192.0.2.0/24, with no bit set beyond the prefix")
    : yes(network);
}

export function readBinding(text: string): Read<string> {
  return text === "" ? no("a binding has a name", "name one of the configuration's bindings") : yes(text);
}

const levels = ["none", "encrypted", "trusted"] as const;

export function readRequireTls(text: string): Read<User["requireTls"]> {
  const level = levels.find((one) => one === text);
  return level === undefined ? no("this is no TLS requirement", `write one of ${levels.join(", ")}`) : yes(level);
}

export function readMayRelay(text: string): Read<boolean> {
  if (["yes", "true"].includes(text)) return yes(true);
  return ["no", "false"].includes(text) ? yes(false) : no("this is neither yes nor no", "write yes or no");
}

function yes<T>(value: T): Read<T> {
  return { ok: true, value };
}

function no(message: string, remedy: string): Read<never> {
  return { ok: false, mistake: { message, remedy } };
}
