/**
 * MAIL and RCPT as values: what their arguments say, or the reply that refuses them. Pure; whether a command may come
 * now is `protocol.ts`'s question, whether we want the mail is `checkSender`'s and `checkRecipient`'s.
 * RFC 5321 §4.1.1.2, §4.1.1.3; RFC 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 3461 (DSN), 4954 §5 (AUTH=).
 */
import type { EnvelopeRecipient, EnvelopeSender, Notify } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import { decodeXtext } from "../../mail/xtext.ts";
import { type Parameters, type ParametersResult, parseParameters } from "../parameters.ts";
import { type PathResult, parsePath } from "../path.ts";
import { replies } from "./replies.ts";

export type MailResult =
  | Readonly<{ kind: "sender"; sender: EnvelopeSender }>
  | Readonly<{ kind: "refused"; reply: Reply }>;
export type RcptResult =
  | Readonly<{ kind: "recipient"; recipient: EnvelopeRecipient }>
  | Readonly<{ kind: "refused"; reply: Reply }>;

const senderKeywords = new Set(["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"]);
const recipientKeywords = new Set(["NOTIFY", "ORCPT"]);

/**
 * Parses what follows `MAIL `.
 *
 * @param maxMessageBytes the limit a declared SIZE is held against (EX-2); 0 is none
 * @param esmtp false after HELO, where no parameter is known
 */
export function parseMail(argument: string, maxMessageBytes: number, esmtp: boolean): MailResult {
  const start = pathStart(argument, /^FROM: */i);
  if (start === undefined) return refused(replies.badArgument);
  // SMTPUTF8 stands after the path, but says how to read it. RFC 6531 §3.4
  const utf8 = esmtp && / SMTPUTF8(?= |$)/i.test(argument);
  const path = parsePath(argument, start, { utf8 });
  if (path.kind === "bad") return refused(pathReply(path, replies.badSenderPath, replies.badSenderDomain));
  if (path.mailbox !== undefined && path.mailbox.host === undefined) return refused(replies.badSenderPath);
  const parsed = parametersAfter(argument, path.end);
  if (parsed.kind === "bad") return refused(replies.badParameter);
  const { parameters } = parsed;
  // The word stood inside a quoted local part only.
  if (utf8 && !parameters.has("SMTPUTF8") && /[^\0-\x7f]/.test(argument)) return refused(replies.utf8NotAsked);
  const wrong = unknownKeyword(parameters, esmtp ? senderKeywords : undefined) ?? wrongSenderValue(parameters);
  if (wrong !== undefined) return refused(wrong);
  if (maxMessageBytes > 0 && Number(parameters.get("SIZE") ?? 0) > maxMessageBytes)
    return refused(replies.messageTooBig);
  const ret = parameters.get("RET")?.toLowerCase();
  return {
    kind: "sender",
    sender: {
      mailbox: path.mailbox,
      body: parameters.get("BODY")?.toUpperCase() === "8BITMIME" ? "8bitmime" : "7bit",
      smtputf8: parameters.has("SMTPUTF8"),
      ret: ret === "full" || ret === "hdrs" ? ret : undefined,
      envid: parameters.get("ENVID"),
    },
  };
}

/** Parses what follows `RCPT `, in a transaction that is SMTPUTF8 or not. */
export function parseRcpt(argument: string, utf8: boolean, esmtp: boolean): RcptResult {
  const start = pathStart(argument, /^TO: */i);
  if (start === undefined) return refused(replies.badArgument);
  const path = parsePath(argument, start, { utf8 });
  if (path.kind === "bad") return refused(pathReply(path, replies.badRecipientPath, replies.badRecipientDomain));
  if (path.mailbox === undefined) return refused(replies.badRecipientPath);
  const parsed = parametersAfter(argument, path.end);
  if (parsed.kind === "bad") return refused(replies.badParameter);
  const { parameters } = parsed;
  const unknown = unknownKeyword(parameters, esmtp ? recipientKeywords : undefined);
  if (unknown !== undefined) return refused(unknown);
  const notify = parameters.has("NOTIFY") ? parseNotify(parameters.get("NOTIFY")) : undefined;
  if (parameters.has("NOTIFY") && notify === undefined) return refused(replies.badParameter);
  if (parameters.has("ORCPT") && !isOrcpt(parameters.get("ORCPT"), utf8)) return refused(replies.badParameter);
  return { kind: "recipient", recipient: { mailbox: path.mailbox, notify, orcpt: parameters.get("ORCPT") } };
}

/** Where the path begins. A blank after the colon is not RFC 5321's, but common and harmless. */
function pathStart(argument: string, keyword: RegExp): number | undefined {
  return keyword.exec(argument)?.[0].length;
}

function parametersAfter(argument: string, end: number): ParametersResult {
  if (end < argument.length && argument[end] !== " ") return { kind: "bad", problem: "syntax" };
  return parseParameters(argument.slice(end));
}

function pathReply(path: PathResult & { kind: "bad" }, syntax: Reply, domain: Reply): Reply {
  if (path.problem === "utf8") return replies.utf8NotAsked;
  return path.problem === "domain" ? domain : syntax;
}

function unknownKeyword(parameters: Parameters, known: ReadonlySet<string> | undefined): Reply | undefined {
  for (const keyword of parameters.keys()) if (!known?.has(keyword)) return replies.unknownParameter;
  return undefined;
}

function wrongSenderValue(parameters: Parameters): Reply | undefined {
  for (const [keyword, value] of parameters) {
    if (!senderValueFits(keyword, value)) return replies.badParameter;
  }
  return undefined;
}

function senderValueFits(keyword: string, value: string | undefined): boolean {
  if (keyword === "SMTPUTF8") return value === undefined;
  if (value === undefined) return false;
  if (keyword === "SIZE") return /^\d{1,20}$/.test(value);
  if (keyword === "BODY") return /^(?:7BIT|8BITMIME)$/i.test(value);
  if (keyword === "RET") return /^(?:FULL|HDRS)$/i.test(value);
  if (keyword === "ENVID") return value.length <= 100 && isXtext(value);
  // AUTH= is read and dropped: whom the next host may believe is not ours to say, so nothing of it is passed on (AU-6).
  return value === "<>" || isXtext(value);
}

/** RFC 3461 §4.1: `NEVER` alone, or a list of the other three. */
function parseNotify(value = ""): Notify | undefined {
  const words = value.toLowerCase().split(",");
  if (words.length === 1 && words[0] === "never") return "never";
  const wishes = new Set<"success" | "failure" | "delay">();
  for (const word of words) {
    if (word !== "success" && word !== "failure" && word !== "delay") return undefined;
    wishes.add(word);
  }
  return [...wishes];
}

/** `type;xtext`, RFC 3461 §4.2; with SMTPUTF8 the `utf-8` type may hold UTF-8 as it is (RFC 6533 §3). */
function isOrcpt(value = "", utf8: boolean): boolean {
  const match = /^([A-Za-z0-9-]+);(.+)$/u.exec(value);
  if (match === null || value.length > 500) return false;
  const [, type = "", address = ""] = match;
  const plain = utf8 && type.toLowerCase() === "utf-8" ? address.replace(/[^\0-\x7f]/gu, "") : address;
  return isXtext(plain);
}

function isXtext(text: string): boolean {
  return decodeXtext(text) !== undefined;
}

function refused(reply: Reply): Readonly<{ kind: "refused"; reply: Reply }> {
  return { kind: "refused", reply };
}
