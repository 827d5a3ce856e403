/**
 * Which kind of failure it was: Momentum's numbers and names (Bounce Classification Codes). Its rules are not public;
 * these are ours: what the record knows for certain, then the words of the reply, then its status code (RFC 3463).
 */
import type { AttemptRecord } from "../../mail/attempt.ts";
import { responseOf } from "./response-text.ts";

export type BounceClass = Readonly<{ code: number; name: string }>;

/** As documented; those of mail that came back, and of subscriptions, never happen here. */
const classes = {
  undetermined: { code: 1, name: "Undetermined" },
  recipient: { code: 10, name: "Invalid Recipient" },
  dns: { code: 21, name: "DNS Failure" },
  full: { code: 22, name: "Mailbox Full" },
  large: { code: 23, name: "Too Large" },
  timeout: { code: 24, name: "Timeout" },
  admin: { code: 25, name: "Admin Failure" },
  noRecipient: { code: 30, name: "Generic Bounce: No RCPT" },
  generic: { code: 40, name: "Generic Bounce" },
  block: { code: 50, name: "Mail Block" },
  spamSource: { code: 51, name: "Spam Block" },
  spam: { code: 52, name: "Spam Content" },
  attachment: { code: 53, name: "Prohibited Attachment" },
  relay: { code: 54, name: "Relay Denied" },
  transient: { code: 70, name: "Transient Failure" },
} as const satisfies Record<string, BounceClass>;

/** Only so much of a reply is read. */
const maxLength = 300;

type Pattern = readonly [BounceClass, RegExp];

/** The first that fits; each is linear in the text but for gaps of 40 characters. */
const patterns: readonly Pattern[] = [
  [
    classes.relay,
    /relay(?:ing)?.{0,40}(?:denied|not (?:allowed|permitted)|prohibited)|(?:unable|not permitted) to relay/,
  ],
  [classes.large, /too (?:large|big|long)|size.{0,40}(?:exceed|limit)|exceeds.{0,40}size/],
  [classes.full, /quota|mailbox.{0,20}full|full mailbox|(?:insufficient|out of).{0,20}(?:storage|space)/],
  [classes.attachment, /attachment|virus|malware|executable|file type/],
  [
    classes.spamSource,
    /(?:block|black|deny)[ -]?list|spamhaus|spamcop|dnsbl|\brbl\b|listed (?:in|at|by|on)|reputation|known spam/,
  ],
  [classes.spam, /spam|unsolicited|bulk mail|junk|content.{0,30}(?:reject|denied|not accept)/],
  [
    classes.recipient,
    /(?:user|recipient|mailbox|account|address).{0,40}(?:unknown|not found|no longer|not exist|n't |invalid|disabled|inactive)/,
  ],
  [
    classes.recipient,
    /(?:unknown|no such|invalid|bad destination|inactive).{0,20}(?:user|recipient|mailbox|account|address|person)/,
  ],
  [classes.noRecipient, /no (?:valid )?recipients?\b/],
  [classes.dns, /(?:domain|host).{0,30}(?:not found|not exist|lookup|unresolv)|\bdns\b/],
  [classes.timeout, /timed? ?out|too (?:old|many hops)|expired/],
];

/** By subject and detail of the status code, whatever its class. */
const byStatus: ReadonlyMap<string, BounceClass> = new Map<string, BounceClass>([
  ["1.1", classes.recipient],
  ["1.2", classes.dns],
  ["1.3", classes.recipient],
  ["1.6", classes.recipient],
  ["1.10", classes.dns],
  ["2.1", classes.recipient],
  ["2.2", classes.full],
  ["2.3", classes.large],
  ["3.4", classes.large],
  ["4.4", classes.dns],
  ["4.7", classes.timeout],
]);

/** @returns `undefined` of what did not fail */
export function bounceClass(record: AttemptRecord): BounceClass | undefined {
  const { event, failure, reply, status } = record;
  if (event === "delivered") return undefined;
  if (event === "expired") return classes.timeout;
  if (reply === null || failure === null || failure.kind === "tls") return ofOurs(record);
  const temporary = event === "deferred";
  const text = responseOf(record).slice(0, maxLength).toLowerCase();
  const said =
    patterns.find(([, pattern]) => pattern.test(text))?.[0] ?? byStatus.get((reply.enhanced ?? status).slice(2));
  if (said !== undefined) return said;
  if (temporary) return classes.transient;
  if ((reply.enhanced ?? status).startsWith("5.7.") || /block|denied|refused|reject|policy|not allowed/.test(text)) {
    return classes.block;
  }
  return reply.enhanced === null ? classes.undetermined : classes.generic;
}

/** No host has said it. */
function ofOurs({ event, failure }: AttemptRecord): BounceClass {
  if (failure?.kind === "route") return classes.dns;
  if (event === "deferred") return classes.transient;
  return failure?.kind === "unreachable" || failure?.kind === "broken" ? classes.timeout : classes.admin;
}
