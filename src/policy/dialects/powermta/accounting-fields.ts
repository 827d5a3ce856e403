/**
 * Record types and fields of accounting files (reference, sections 3.2 to 3.4): names, what `*` stands for, and which
 * field has a value in which record. The fields that begin with `dlvTls` and `rcvTls` are ours but for the first two:
 * PowerMTA tells neither what was required nor what came of it, nor anything of TLS that came in.
 */
import type { AccountingType } from "../../../mail/log-definition.ts";

/** `rb`, `rs` and `f` tell of reports that come in by mail, which are not read here. */
export type RecordType = AccountingType | "rb" | "rs" | "f";

const longNames: ReadonlyMap<string, RecordType> = new Map([
  ["delivery", "d"],
  ["bounce", "b"],
  ["transient", "t"],
  ["transient-queue", "tq"],
  ["receipt", "r"],
  ["received", "r"],
  ["remote-bounce", "rb"],
  ["remote-status", "rs"],
  ["feedback-loop", "f"],
]);

const words = (text: string): readonly string[] => text.split(" ");

const delivery = words(
  "timeLogged timeQueued orig rcpt orcpt dsnAction dsnStatus dsnDiag dsnMta bounceCat srcType srcMta dlvType dlvSourceIp dlvDestinationIp dlvEsmtpAvailable dlvSize vmta jobId envId queue vmtaPool",
);

/** What `*` stands for, in its order. */
export const defaultFields: Readonly<Record<RecordType, readonly string[]>> = {
  d: delivery,
  b: delivery,
  t: delivery,
  tq: words("timeLogged dsnStatus dsnDiag dsnMta dlvType dlvSourceIp dlvDestinationIp vmta queue"),
  r: words("timeLogged orig rcpt orcpt srcType srcMta rcvSourceIp rcvDestinationIp vmta jobId envId"),
  rb: words(
    "timeLogged orig rcpt orcpt dsnStatus dsnDiag dsnMta dsnReportingMta bounceCat srcType srcMta envId format",
  ),
  rs: words("timeLogged orig rcpt orcpt dsnAction dsnStatus dsnDiag dsnMta bounceCat srcType srcMta envId format"),
  f: words(
    "timeLogged repSourceIp feedbackType format userAgent envId orig rcpt reportingMta dlvSourceIp reportedDomain header_From header_Return-Path header_X-job header_Subject",
  ),
};

const outboundTls = words("dlvTlsGroup dlvTlsRequired dlvTlsAchieved dlvTlsVerify dlvTlsPeer dlvTlsRule");
const handshake = words("dlvTlsProtocol dlvTlsCipher");
const inboundHandshake = words("rcvTlsProtocol rcvTlsCipher rcvTlsGroup");
const ofMessage = words("timeFirstAttempt totalSecondsQueued userString rcvSmtpUser");
const ofRecipient = [...ofMessage, ...handshake, ...outboundTls, ...inboundHandshake];

/** Beside those of `*`; any type but `tq` has `header_NAME`, too. */
const furtherFields: Readonly<Record<AccountingType, readonly string[]>> = {
  d: ofRecipient,
  b: ofRecipient,
  t: ofRecipient,
  tq: ["userString", ...handshake, ...outboundTls],
  r: [
    ...words("vmtaPool userString rcvSmtpUser"),
    ...inboundHandshake,
    ...words("rcvTlsRequired rcvTlsAchieved rcvTlsVerify rcvTlsPeer rcvTlsRule"),
  ],
};

/** Every name in its spelling, by lower-case name. */
const spellings: ReadonlyMap<string, string> = new Map(
  [...Object.values(defaultFields), ...Object.values(furtherFields)].flat().map((name) => [name.toLowerCase(), name]),
);

export const fieldNames: readonly string[] = [...new Set(spellings.values())];

/** @param text short or long name */
export function recordTypeOf(text: string): RecordType | undefined {
  const name = text.toLowerCase();
  return Object.hasOwn(defaultFields, name) ? (name as RecordType) : longNames.get(name);
}

/** Are there such events here? */
export function isWritten(type: RecordType): type is AccountingType {
  return Object.hasOwn(furtherFields, type);
}

/** `type` stands in every record, whatever is asked for. */
export function isTypeField(text: string): boolean {
  return text.toLowerCase() === "type";
}

/** The header field that `header_Message-Id` names, lower case. */
export function headerOf(field: string): string | undefined {
  return /^header_(?=.)/i.test(field) ? field.slice("header_".length).toLowerCase() : undefined;
}

/** Of names that are known; those of header fields keep the spelling of the configuration. */
export function spellingOf(text: string): string | undefined {
  if (headerOf(text) !== undefined || /^arf_./i.test(text)) return text;
  return spellings.get(text.toLowerCase());
}

/** Has a record of this type a value for it? */
export function isFilled(type: AccountingType, field: string): boolean {
  if (headerOf(field) !== undefined) return type !== "tq";
  return defaultFields[type].includes(field) || furtherFields[type].includes(field);
}
