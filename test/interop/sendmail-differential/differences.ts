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
      "NO`), a TLS_Rcpt requirement that should make the mail wait returns it, and no other host is tried. With Letterlock " +
      "the next host is tried and the mail waits, as written.",
    ofDelivery: ({ sendmail }) =>
      sendmail.result === "bounced" && sendmail.status === "5.6.0" && /^4\d\d 4\./.test(sendmail.text),
  },
  {
    id: "lost-connection",
    sentence:
      "The connection ends in place of the answer to STARTTLS and no TLS_Srv requirement applies: both let the mail wait. " +
      "Sendmail logs `dsn=4.0.0, stat=Deferred`; Letterlock says 4.4.2, and what happened.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sameEnd(sendmail, letterlock) && sendmail.status === "4.0.0" && letterlock.status === "4.4.2",
  },
  {
    id: "last-host-speaks",
    sentence:
      "TLS_Rcpt holds the mail back at one MX host and the next one fails in another way: both let the mail wait. Sendmail's " +
      "log and queue keep the first host's word, Letterlock tells the last one's.",
    ofDelivery: ({ situation, sendmail, letterlock }) =>
      situation.mx.length > 1 &&
      sendmail.result === "deferred" &&
      letterlock.result === "deferred" &&
      sendmail.status === "4.0.0",
  },
  {
    id: "tls-1.2",
    sentence:
      "Sendmail can be configured down to TLS 1.0 (`CipherList` with `@SECLEVEL=0`). Letterlock never uses less than TLS " +
      "1.2 (RFC 8996): the handshake fails, and what follows is what follows of a broken handshake.",
    ofDelivery: ({ sendmail, letterlock }) =>
      sendmail.host === "old.mx.test" && sendmail.inTls === true && letterlock.inTls !== true,
  },
  {
    id: "static-rsa",
    sentence:
      "A host that knows no key exchange but static RSA gets its mail from Sendmail. Letterlock never uses it (RFC 9325 " +
      "§4.1): the handshake fails, and what follows is what follows of a broken handshake.",
    ofDelivery: ({ situation, sendmail, letterlock }) =>
      situation.mx.includes("staticrsa") &&
      (sendmail.host === "staticrsa.mx.test" || sendmail.result !== "delivered") &&
      (/handshake failed|disabled locally|too weak 0 /.test(letterlock.text) || letterlock.result === "delivered"),
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
    id: "issuer-tag-value",
    sentence:
      "`CITag:X` where the issuer stands under `X` with another value than `OK`: Sendmail accepts and looks at no further " +
      "item. Letterlock takes it as listed and goes on to the next item, which may refuse.",
    ofRuleset: ({ access, sendmail, letterlock }) =>
      sendmail.kind === "ok" &&
      letterlock.kind === "error" &&
      / does not match | not acceptable$/.test(letterlock.text) &&
      /CITag:\w+\+\+/i.test(access),
  },
  {
    id: "word-as-code",
    sentence:
      "`PERM:VERIFY` (a colon where a plus was meant) is no requirement, but where the handshake breaks Sendmail takes its " +
      "two words for a code and a status, and returns the mail with `553 5.3.0 ... PERM TLS handshake failed.` Letterlock " +
      "treats it as any other broken handshake: the mail waits.",
    ofRuleset: ({ sendmail, letterlock }) =>
      sendmail.kind === "error" &&
      sendmail.status === "VERIFY" &&
      letterlock.kind === "error" &&
      sendmail.text.trim() === letterlock.text,
    ofDelivery: ({ situation, sendmail, letterlock }) =>
      situation.access.some((line) => line.endsWith("PERM:VERIFY")) &&
      sendmail.status === "5.3.0" &&
      letterlock.result === "deferred",
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
