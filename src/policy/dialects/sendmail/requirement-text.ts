/**
 * The right-hand side of TLS_Srv, TLS_Clt and TLS_Rcpt: `PERM+VERIFY:128+CN++CI:/C=CH/CN=Root`, read exactly as
 * Sendmail's rulesets do. What they do not recognize is no requirement at all there, or drops the extensions; both is
 * said in `flaw`, since nobody means it. Sendmail reference, sections 2.3, 3.2 and 12, each row tried on Sendmail 8.18.
 * Linear time, no throw.
 */
import { joinWords, wordsOf } from "./tokens.ts";

export type RequirementText = Readonly<{
  /** As written, without blanks and comments that do not count. */
  written: string;
  /** `undefined`: the configuration's default. */
  prefix: "PERM" | "TEMP" | undefined;
  /**
   * `exempt`: nothing is required. `code-only`: nothing either, but a broken handshake is answered with the code of the
   * prefix, since the value begins like a requirement.
   */
  kind: "requirement" | "code-only" | "exempt";
  verify: boolean;
  /** `digits` as written; Sendmail reads them like C: `0x70` is 112 and `0112` is 74. */
  bits: Readonly<{ atLeast: number; digits: string }> | undefined;
  extensions: readonly Extension[];
  flaw: RequirementFlaw | undefined;
}>;

export type Extension =
  | Readonly<{ kind: "cn"; name: string | undefined }>
  | Readonly<{ kind: "subject" | "issuer"; dn: string }>
  | Readonly<{ kind: "issuer-tag"; tag: string }>;

/**
 * - `exempts`: begins like a requirement or has a code, and is none.
 * - `no-bits`: the strength is no number, so it is 0.
 * - `odd-bits`: a number, but not the one that its decimal digits say.
 * - `extensions-ignored`: from the one that cannot be read on, none is checked.
 */
export type RequirementFlaw = "exempts" | "no-bits" | "odd-bits" | "extensions-ignored";

/** @param issuerTags `CITag:` is known, as it is from 8.16 on */
export function parseRequirement(value: string, issuerTags = true): RequirementText {
  const words = wordsOf(value);
  return { written: joinWords(words), ...readWords(words, issuerTags) };
}

function readWords(words: readonly string[], issuerTags: boolean): Omit<RequirementText, "written"> {
  const prefix = prefixOf(words);
  const rest = prefix === undefined ? words : words.slice(2);
  const base = rest[0]?.toUpperCase();
  if (base !== "VERIFY" && base !== "ENCR") return exempt(undefined, flawOfOther(words));
  const verify = base === "VERIFY";
  const strength = rest[1] === ":" && isPlain(rest[2]) ? rest[2] : undefined;
  const tail = rest.slice(strength === undefined ? 1 : 3);
  if ((strength === undefined && !verify) || !(tail.length === 0 || (tail[0] === "+" && tail.length > 1))) {
    return { ...exempt(prefix, "exempts"), kind: "code-only" };
  }
  const bits = strength === undefined ? undefined : { atLeast: numberOf(strength), digits: strength };
  const { extensions, ignored } = parseExtensions(tail.slice(1), issuerTags);
  const flaw = ignored ? "extensions-ignored" : flawOfBits(bits?.digits);
  return { prefix, kind: "requirement", verify, bits, extensions, flaw };
}

/** In the shortest form that means the same; an exemption is `OK`. */
export function printRequirement({ prefix, kind, verify, bits, extensions }: Omit<RequirementText, "written">): string {
  const code = prefix === undefined ? "" : `${prefix}+`;
  // What has a code and requires nothing is a requirement cut short.
  if (kind === "code-only") return `${code}ENCR:`;
  if (kind === "exempt") return "OK";
  const base = `${verify ? "VERIFY" : "ENCR"}${bits === undefined ? "" : `:${bits.digits}`}`;
  return `${code}${base}${extensions.length === 0 ? "" : `+${extensions.map(printExtension).join("++")}`}`;
}

function printExtension(extension: Extension): string {
  if (extension.kind === "cn") return extension.name === undefined ? "CN" : `CN:${extension.name}`;
  if (extension.kind === "issuer-tag") return `CITag:${extension.tag}`;
  return `${extension.kind === "subject" ? "CS" : "CI"}:${extension.dn}`;
}

function exempt(
  prefix: RequirementText["prefix"],
  flaw: RequirementFlaw | undefined,
): Omit<RequirementText, "written"> {
  return { prefix, kind: "exempt", verify: false, bits: undefined, extensions: [], flaw };
}

function prefixOf(words: readonly string[]): RequirementText["prefix"] {
  const first = words[0]?.toUpperCase();
  return words[1] === "+" && (first === "PERM" || first === "TEMP") ? first : undefined;
}

/** Words that are known to be meant as an exemption. */
const exemptions = new Set(["OK", "NONE", "NO", "RELAY", "SKIP"]);

function flawOfOther(words: readonly string[]): RequirementFlaw | undefined {
  return words.length === 1 && exemptions.has(words[0]?.toUpperCase() ?? "") ? undefined : "exempts";
}

/** One word that is no operator. */
function isPlain(word: string | undefined): word is string {
  return word !== undefined && !".:%@!^/[]+<>,;".includes(word);
}

/** C's `strtol` with base 0: leading digits, hexadecimal behind `0x`, octal behind `0`; anything else is 0. */
function numberOf(word: string): number {
  const [, sign, hexadecimal, octal, decimal] = /^(-?)(?:0x([\da-f]+)|(0[0-7]*)|(\d+))/i.exec(word) ?? [];
  if (sign === undefined || sign === "-") return 0;
  const [digits, base] =
    hexadecimal !== undefined ? [hexadecimal, 16] : octal !== undefined ? [octal, 8] : [decimal, 10];
  return Math.min(Number.parseInt(digits ?? "0", base), Number.MAX_SAFE_INTEGER);
}

function flawOfBits(digits: string | undefined): RequirementFlaw | undefined {
  if (digits === undefined || /^(?:0|[1-9]\d*)$/.test(digits)) return undefined;
  return numberOf(digits) === 0 ? "no-bits" : "odd-bits";
}

type Extensions = Readonly<{ extensions: readonly Extension[]; ignored: boolean }>;

/** Items stand between `++`; the first that cannot be read ends the check, and so does a list that ends in `++`. */
function parseExtensions(words: readonly string[], issuerTags: boolean): Extensions {
  if (words.length === 0) return { extensions: [], ignored: false };
  if (words.at(-1) === "+" && (words.at(-2) === "+" || words.length === 1)) return { extensions: [], ignored: true };
  const extensions: Extension[] = [];
  const items = splitItems(words);
  for (const [at, item] of items.entries()) {
    const extension = parseExtension(item, at === items.length - 1);
    if (extension === undefined || (extension.kind === "issuer-tag" && !issuerTags)) {
      return { extensions, ignored: true };
    }
    extensions.push(extension);
  }
  return { extensions, ignored: false };
}

/** An item has at least one word, so `++` counts only behind one. */
function splitItems(words: readonly string[]): readonly (readonly string[])[] {
  const items: string[][] = [];
  let item: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (item.length > 0 && word === "+" && words[at + 1] === "+") {
      items.push(item);
      item = [];
      at += 1;
    } else item.push(word);
  }
  items.push(item);
  return items;
}

/** An empty text is nothing that can be read at the end of the list; before other items it is compared as it is. */
function parseExtension(item: readonly string[], isLast: boolean): Extension | undefined {
  const keyword = item[0]?.toUpperCase();
  if (keyword === "CN" && item.length === 1) return { kind: "cn", name: undefined };
  if (item[1] !== ":" || (item.length < 3 && isLast)) return undefined;
  const text = joinWords(item.slice(2));
  if (keyword === "CN") return { kind: "cn", name: text };
  if (keyword === "CS") return { kind: "subject", dn: text };
  if (keyword === "CI") return { kind: "issuer", dn: text };
  return keyword === "CITAG" && item.length === 3 ? { kind: "issuer-tag", tag: text } : undefined;
}
