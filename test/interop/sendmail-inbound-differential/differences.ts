/**
 * Where Letterlock answers a client otherwise than Sendmail, and why. Every difference that the test meets must fit an
 * entry, and every entry must be met; `docs/dialects/sendmail-differences.md` is printed from this table.
 */
import type { Heard } from "../lab/voice.ts";
import type { Pair } from "./both-sides.ts";
import type { Apart } from "./compare.ts";

export type InboundDifference = Readonly<{
  id: string;
  /** What each does, and why. */
  sentence: string;
  fits: (apart: Apart, pair: Pair) => boolean;
  /** One of the two is in another state from there on: what follows is not held against each other. */
  parts?: (apart: Apart) => boolean;
}>;

export const inboundDifferences: readonly InboundDifference[] = [
  {
    id: "no-recipient-left",
    sentence:
      "DATA after every recipient was refused: Sendmail says 503 as if there had been none, Letterlock 554 `No valid " +
      "recipients` (RFC 5321 §3.3). Neither takes a message.",
    fits: ({ said, sendmail, letterlock }) =>
      said === "DATA" && replyOf(sendmail).startsWith("503 ") && replyOf(letterlock).startsWith("554 5.5.1 No valid"),
  },
  {
    id: "users-by-certificate",
    sentence:
      "Sendmail offers AUTH EXTERNAL to whoever shows a trusted certificate, and Cyrus SASL takes any of them for a user. " +
      "Letterlock offers it to those whose certificate its users file names; to the others AUTH is not available.",
    fits: ({ said, sendmail, letterlock }, { dialogue }) =>
      dialogue.client.certificate !== "pc" &&
      (said.startsWith("AUTH ")
        ? replyOf(sendmail).startsWith("235 ") && replyOf(letterlock).startsWith("503 5.3.3 ")
        : offersMore(sendmail, letterlock, /^AUTH EXTERNAL$/)),
    parts: ({ sendmail }) => replyOf(sendmail).startsWith("235 "),
  },
  {
    id: "auth-after-ehlo",
    sentence:
      "Sendmail obeys AUTH before EHLO and after HELO. Letterlock says 503 until EHLO has come, also inside TLS: AUTH is an " +
      "extension (RFC 4954 §4).",
    fits: ({ said, letterlock }) => said.startsWith("AUTH ") && replyOf(letterlock).startsWith("503 5.5.1 Send EHLO"),
    parts: ({ sendmail }) => replyOf(sendmail).startsWith("235 "),
  },
  {
    id: "ehlo-again-inside-tls",
    sentence:
      "Under `PrivacyOptions=needmailhelo` the EHLO of before TLS is enough for Sendmail. Letterlock forgets it (RFC 3207 " +
      "§4.2): MAIL is answered 503 until EHLO has come inside TLS.",
    fits: ({ said, letterlock }, { setup }) =>
      setup.name === "polite" && said.startsWith("MAIL ") && replyOf(letterlock).startsWith("503 5.5.1 Send EHLO"),
    parts: () => true,
  },
  {
    id: "names-that-let-nobody-relay",
    sentence:
      "A client whose name DNS cannot tell just now wants to relay: Sendmail says 450, whatever is configured. So does " +
      "Letterlock where an entry could let clients in by name; where no name plays a part, none is asked for, and the " +
      "answer is 550.",
    fits: ({ sendmail, letterlock }) =>
      replyOf(sendmail).startsWith("450 4.4.0 ") && replyOf(letterlock) === "550 5.7.1 Relaying denied",
  },
  {
    id: "starttls-inside-tls",
    sentence:
      "STARTTLS inside TLS, on a port where TLS begins with the first octet, from a client to whom `Srv_Features: S` offers " +
      "none: Sendmail says 503 `TLS not available`, Letterlock 454 as to any other client inside TLS.",
    fits: ({ said, sendmail, letterlock }, { dialogue }) =>
      said === "STARTTLS" &&
      dialogue.place.implicit &&
      replyOf(sendmail) === "503 5.5.0 TLS not available" &&
      replyOf(letterlock).startsWith("454 4.3.3 "),
  },
  {
    id: "mistaken-features",
    sentence:
      "A `TLS_Srv_features` entry with an error: Sendmail still names STARTTLS to that client, and then answers 454 `TLS " +
      "currently not available`, or 503 in a transaction. Letterlock does not name it, and says 454 with the words for a " +
      "key that is not there.",
    fits: ({ said, sendmail, letterlock }, { setup }) =>
      setup.name === "sessions" &&
      (said === "STARTTLS"
        ? /^(?:454 4\.3\.3 TLS currently|503 5\.5\.0 TLS not permitted)/.test(replyOf(sendmail)) &&
          replyOf(letterlock).startsWith("454 4.3.3 ")
        : offersMore(sendmail, letterlock, /^STARTTLS$/)),
  },
];

function replyOf(heard: Heard | undefined): string {
  return heard?.kind === "reply" ? `${heard.code} ${heard.lines[0] ?? ""}` : "";
}

/** Sendmail's answer to EHLO names this, Letterlock's does not. */
function offersMore(sendmail: Heard | undefined, letterlock: Heard | undefined, what: RegExp): boolean {
  if (sendmail?.kind !== "reply" || letterlock?.kind !== "reply" || letterlock.code !== 250) return false;
  return sendmail.lines.some((line) => what.test(line)) && !letterlock.lines.some((line) => what.test(line));
}
