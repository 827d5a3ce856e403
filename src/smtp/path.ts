/**
 * Reads a path, `<local@domain>`, off a MAIL or RCPT argument.
 *
 * Promises: the mailbox it returns is the one that every later step uses; the relay decision, routing and policy never
 * look at the text again (AT-29). Local parts stay byte for byte, domains come in normal form (AT-27).
 * Stricter than some peers: no empty atoms (`a..b`), no characters outside RFC 5321's grammar without quotes.
 * RFC 5321 §4.1.2, §4.1.3, appendix C; RFC 6531 §3.3.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { parseDomain } from "../mail/domain.ts";
import { isIpv6, parseIp } from "../mail/ip.ts";

/**
 * - `mailbox`: `undefined` for the null path `<>`; `end` is the offset just after the closing bracket.
 * - `bad`: `syntax`; `domain` is no name and no literal; `utf8` needs SMTPUTF8, which was not asked for (EX-14).
 */
export type PathResult =
  | Readonly<{ kind: "mailbox"; mailbox: Mailbox | undefined; end: number }>
  | Readonly<{ kind: "bad"; problem: "syntax" | "domain" | "utf8" }>;

export type PathOptions = Readonly<{ utf8: boolean }>;

/** Longest local part taken, octets. RFC 5321 §4.5.3.1.1 asks for 64; VERP and gateways write longer ones. */
const MAX_LOCAL_BYTES = 256;

// U+0080 to U+009F are controls, U+FFFD stands for bytes that were no UTF-8.
const wide = "\\u00a0-\\ufffc\\u{10000}-\\u{10ffff}";
const atom = `[A-Za-z0-9!#$%&'*+\\-/=?^_\`{|}~${wide}]+`;
const dotString = new RegExp(`${atom}(?:\\.${atom})*`, "uy");
const quotedString = new RegExp(`"(?:[ !#-\\[\\]-~${wide}]|\\\\[ -~])*"`, "uy");
const sourceRoute = /@[^\s@,:<>"]+(?:,@[^\s@,:<>"]+)*:/uy;
const host = /\[[^\s[\]<>"@]*\]|[^\s<>"@,;:()[\]\\]+/uy;

/** Parses the path that starts at `start`, which must be `<`. */
export function parsePath(text: string, start: number, { utf8 }: PathOptions): PathResult {
  if (text[start] !== "<") return bad("syntax");
  if (text[start + 1] === ">") return { kind: "mailbox", mailbox: undefined, end: start + 2 };
  let at = skipRoute(text, start + 1);
  const localEnd = localPartEnd(text, at);
  if (localEnd === at) return bad(wideWithout(utf8, text) ? "utf8" : "syntax");
  const localPart = text.slice(at, localEnd);
  if (Buffer.byteLength(localPart) > MAX_LOCAL_BYTES) return bad("syntax");
  at = localEnd;
  if (text[at] === ">") return barePostmaster(localPart, at + 1);
  const hostEnd = text[at] === "@" ? matchEnd(host, text, at + 1) : at;
  if (hostEnd <= at + 1 || text[hostEnd] !== ">") return bad(wideWithout(utf8, text) ? "utf8" : "syntax");
  const hostText = text.slice(at + 1, hostEnd);
  if (wideWithout(utf8, localPart) || wideWithout(utf8, hostText)) return bad("utf8");
  const mailbox = makeMailbox(localPart, hostText);
  return mailbox === undefined ? bad("domain") : { kind: "mailbox", mailbox, end: hostEnd + 1 };
}

/** A mailbox alone, as an operator writes it: `user@example.com`, UTF-8 allowed. `undefined`: it is none. */
export function parseMailbox(text: string): Mailbox | undefined {
  const path = parsePath(`<${text}>`, 0, { utf8: true });
  return path.kind === "mailbox" && path.end === text.length + 2 ? path.mailbox : undefined;
}

/** A source route is read and dropped (SR-12). */
function skipRoute(text: string, at: number): number {
  return text[at] === "@" ? matchEnd(sourceRoute, text, at) : at;
}

function localPartEnd(text: string, at: number): number {
  return matchEnd(text[at] === '"' ? quotedString : dotString, text, at);
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** `<postmaster>` needs no domain, in any case (SR-2). */
function barePostmaster(localPart: string, end: number): PathResult {
  if (localPart.toLowerCase() !== "postmaster") return bad("syntax");
  return { kind: "mailbox", mailbox: { text: localPart, localPart, host: undefined }, end };
}

function makeMailbox(localPart: string, hostText: string): Mailbox | undefined {
  if (hostText.startsWith("[")) {
    const ip = parseLiteral(hostText);
    if (ip === undefined) return undefined;
    const literal = isIpv6(ip) ? `[IPv6:${ip}]` : `[${ip}]`;
    return { text: `${localPart}@${literal}`, localPart, host: { kind: "literal", ip } };
  }
  const domain = parseDomain(hostText);
  if (domain === undefined) return undefined;
  const shown = isWide(hostText) ? hostText : domain;
  return { text: `${localPart}@${shown}`, localPart, host: { kind: "domain", domain } };
}

/** `[192.0.2.1]` or `[IPv6:2001:db8::1]` (SR-26); other literal tags are not registered. */
function parseLiteral(text: string): IpAddress | undefined {
  const inner = text.slice(1, -1);
  const tagged = /^ipv6:/i.test(inner);
  const address = tagged ? inner.slice(5) : inner;
  return address.includes(":") === tagged ? parseIp(address) : undefined;
}

function isWide(text: string): boolean {
  return /[^\0-\x7f]/.test(text);
}

function wideWithout(utf8: boolean, text: string): boolean {
  return !utf8 && isWide(text);
}

function bad(problem: "syntax" | "domain" | "utf8"): PathResult {
  return { kind: "bad", problem };
}
