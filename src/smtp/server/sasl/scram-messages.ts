/**
 * The two messages of a SCRAM client, read strictly (RFC 5802 §5.1, §7). Bounded before anything is looked at; each
 * octet is read a fixed number of times.
 */
import type { Identity } from "./log-in-checks.ts";
import { maxNameBytes, readText } from "./sasl-text.ts";

/** `n`: the client knows no channel binding; `y`: it does, and thinks that we do not; `p`: it binds, by `type`. */
export type BindingFlag = Readonly<{ kind: "n" | "y" }> | Readonly<{ kind: "p"; type: string }>;

export type ClientFirst = Identity &
  Readonly<{
    flag: BindingFlag;
    /** Up to and with its second comma, as sent. */
    gs2Header: string;
    /** All behind that, as sent. */
    bare: string;
    nonce: string;
  }>;

export type ClientFinal = Readonly<{
  /** Still in base64. */
  channelBinding: string;
  nonce: string;
  proof: Buffer;
  withoutProof: string;
}>;

/** Two names, each octet of which may be a comma written as three, and a nonce. */
const maxFirstBytes = 2048;
/** The header again, 32 octets of binding, both nonces, a proof. */
const maxFinalBytes = 4096;
const maxNonceLength = 512;

const header = /^(n|y|p=([A-Za-z0-9.-]{1,64})),(?:a=([^,]*))?,/;
/** Printable ASCII but the comma. */
const printable = /^[\x21-\x2b\x2d-\x7e]+$/;
const extension = /^[A-Za-z]=./s;

/** `undefined` where it is not exactly of that form, or has an extension that we must understand (`m=`). */
export function parseClientFirst(octets: Buffer): ClientFirst | undefined {
  const text = readText(octets, maxFirstBytes) ?? "";
  const [gs2Header, mark, type, rawAuthzid] = header.exec(text) ?? [];
  if (gs2Header === undefined) return undefined;
  const bare = text.slice(gs2Header.length);
  const [nameField = "", nonceField = "", ...extensions] = bare.split(",");
  const name = saslName(fieldValue("n", nameField));
  const nonce = readNonce(nonceField);
  // GNU SASL writes an empty one where nobody is named; RFC 5802 §7 leaves the attribute out.
  const authzid = !rawAuthzid ? "" : saslName(rawAuthzid);
  if (name === undefined || nonce === undefined || authzid === undefined || !areOptional(extensions)) return undefined;
  const flag: BindingFlag = type === undefined ? { kind: mark === "y" ? "y" : "n" } : { kind: "p", type };
  return { name, authzid, flag, gs2Header, bare, nonce };
}

export function parseClientFinal(octets: Buffer): ClientFinal | undefined {
  const text = readText(octets, maxFinalBytes) ?? "";
  const end = text.lastIndexOf(",p=");
  const withoutProof = text.slice(0, Math.max(0, end));
  const [bindingField = "", nonceField = "", ...extensions] = withoutProof.split(",");
  const channelBinding = fieldValue("c", bindingField);
  const nonce = readNonce(nonceField);
  const proof = readProof(text.slice(end + 3));
  if (!channelBinding || nonce === undefined || proof === undefined || !areOptional(extensions)) return undefined;
  return { channelBinding, nonce, proof, withoutProof };
}

function fieldValue(key: string, field: string): string | undefined {
  return field.startsWith(`${key}=`) ? field.slice(2) : undefined;
}

function readNonce(field: string): string | undefined {
  const nonce = fieldValue("r", field) ?? "";
  return nonce.length <= maxNonceLength && printable.test(nonce) ? nonce : undefined;
}

/** `=2C` is a comma, `=3D` an equals sign, any other `=` is an error (RFC 5802 §5.1). */
function saslName(text: string | undefined): string | undefined {
  if (!text || /=(?!2C|3D)/.test(text)) return undefined;
  const name = text.replaceAll("=2C", ",").replaceAll("=3D", "=");
  return Buffer.byteLength(name) <= maxNameBytes ? name : undefined;
}

/** 32 octets in the one base64 spelling they have. */
function readProof(text: string): Buffer | undefined {
  const octets = Buffer.from(text, "base64");
  return octets.length === 32 && octets.toString("base64") === text ? octets : undefined;
}

function areOptional(fields: readonly string[]): boolean {
  return fields.every((field) => extension.test(field) && !field.startsWith("m="));
}
