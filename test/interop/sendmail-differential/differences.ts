/**
 * Where Letterlock does something else than Sendmail, and why. Every difference that the tests meet must fit an entry,
 * and every entry must be met; `docs/dialects/sendmail-differences.md` is printed from this table.
 */
import type { Delivered, Result } from "./live.ts";
import type { Returned } from "./real-sendmail.ts";
import type { Question } from "./rulesets.ts";

/** One question to the rulesets that was answered in two ways. */
export type Ruled = Readonly<{ question: Question; access: string; sendmail: Returned; letterlock: Returned }>;

export type Difference = Readonly<{
  id: string;
  /** What each does, and why. */
  sentence: string;
  ofRuleset?: (ruled: Ruled) => boolean;
  ofDelivery?: (delivered: Delivered) => boolean;
}>;

export const differences: readonly Difference[] = [
  {
    id: "recipient-status",
    sentence:
      "Mail that TLS_Rcpt holds back or returns: Sendmail logs `dsn=4.0.0, stat=Deferred` or `dsn=5.6.0, stat=Data " +
      "format error`, which name no reason. Letterlock tells the status and text of the requirement: 4.7.0 or 5.7.0.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sameEnd(sendmail, letterlock) &&
      isRecipientStatus(sendmail) &&
      sendmail.text === letterlock.text &&
      letterlock.text.includes(letterlock.status),
  },
  {
    id: "sticky-permanent",
    sentence:
      "Once any ruleset has said no for good in a Sendmail process (the PERM of another recipient, or merely `Try_TLS: " +
      "NO`), a TLS_Rcpt requirement that should make the mail wait returns it. With Letterlock it waits, as written.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sendmail.result === "bounced" &&
      sendmail.status === "5.6.0" &&
      letterlock.result === "deferred" &&
      letterlock.status === "4.7.0" &&
      sendmail.text === letterlock.text,
  },
  {
    id: "lost-connection",
    sentence:
      "The connection ends in place of the answer to STARTTLS and no TLS_Srv requirement applies: both let the mail wait. " +
      "Sendmail logs `dsn=4.0.0, stat=Deferred`; Letterlock says 4.4.2, and what happened.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sameEnd(sendmail, letterlock) && sendmail.text === "Deferred" && letterlock.status === "4.4.2",
  },
  {
    id: "tls-1.2",
    sentence:
      "Sendmail can be configured down to TLS 1.0 (`CipherList` with `@SECLEVEL=0`). Letterlock never uses less than TLS " +
      "1.2 (RFC 8996): the handshake fails, and what follows is what follows of a broken handshake.",
    ofDelivery: ({ situation, sendmail, letterlock }) =>
      situation.mx.includes("old") && sendmail.host === "old.mx.test" && letterlock.host !== "old.mx.test",
  },
  {
    id: "own-mistake-waits",
    sentence:
      "A `TLS_Clt_features` entry with an error: both send no STARTTLS and no mail. Under a PERM requirement for that host " +
      "Sendmail returns the mail; Letterlock keeps it until the entry is corrected, since the mistake is our own.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sendmail.result === "bounced" &&
      letterlock.result === "deferred" &&
      [sendmail, letterlock].every(({ text }) => text.endsWith("STARTTLS temporarily not possible.")),
  },
  {
    id: "revocation-lists",
    sentence:
      "`Flags=R` in `TLS_Clt_features` makes Sendmail demand a revocation list of each issuer, which shows in `verify` alone. " +
      "Letterlock reads no revocation lists: mail to that host waits.",
    ofDelivery: ({ situation, letterlock }) =>
      situation.access.some((line) => /Flags=[^;]*R/i.test(line)) && letterlock.result === "deferred",
  },
  {
    id: "answer-neither-yes-nor-no",
    sentence:
      "STARTTLS is answered with a 2xx other than 220 or a 3xx: Sendmail gives the host up before any recipient is asked for, " +
      "and the mail waits. With Letterlock a PERM of TLS_Rcpt returns the mail, with the same text.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sendmail.text === "454 4.7.0 STARTTLS failed." && /^(?:503|403|554) \S+ STARTTLS failed\.$/.test(letterlock.text),
  },
  {
    id: "empty-extension",
    sentence:
      "`CN:`, `CS:` or `CI:` with nothing behind it before a further item: both refuse. Sendmail's text shows what its ruleset " +
      "has in hand (`does not match ><CI:/x`), Letterlock's ends there.",
    ofRuleset: ({ sendmail, letterlock }) =>
      sendmail.kind === "error" &&
      letterlock.kind === "error" &&
      sendmail.code === letterlock.code &&
      /^(.* does not match )><.*$/.exec(sendmail.text)?.[1] === letterlock.text,
  },
];

function sameEnd(sendmail: Result, letterlock: Result): boolean {
  return sendmail.result === letterlock.result && sendmail.result !== "delivered";
}

/** What TLS_Rcpt leaves in Sendmail's log. */
function isRecipientStatus({ status }: Result): boolean {
  return status === "4.0.0" || status === "5.6.0";
}
