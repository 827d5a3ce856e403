/**
 * `dsnStatus`: an enhanced status code and PowerMTA's words for it in parentheses, `5.1.1 (bad destination mailbox address)`.
 * Words that samples show are theirs (reference, section 2.6); for all others those of RFC 3463 and its registry, cut as
 * PowerMTA cuts them.
 */

import { remember } from "../words/remember.ts";

/** By subject and detail. */
const words: ReadonlyMap<string, string> = new Map([
  ["0.0", "undefined status"],
  ["1.0", "unknown address-related status"],
  ["1.1", "bad destination mailbox address"],
  ["1.2", "bad destination system address"],
  ["1.3", "bad destination mailbox address syntax"],
  ["1.4", "destination mailbox address ambiguous"],
  ["1.6", "destination mailbox has moved, no forwarding address"],
  ["1.7", "bad sender's mailbox address syntax"],
  ["1.8", "bad sender's system address"],
  ["1.10", "recipient address has null MX"],
  ["2.0", "unknown mailbox-related status"],
  ["2.1", "mailbox disabled, not accepting messages"],
  ["2.2", "mailbox full"],
  ["2.3", "message length exceeds administrative limit"],
  ["2.4", "mailing list expansion problem"],
  ["3.0", "unknown mail system-related status"],
  ["3.1", "mail system full"],
  ["3.2", "system not accepting network messages"],
  ["3.3", "system not capable of selected features"],
  ["3.4", "message too big for system"],
  ["3.5", "system incorrectly configured"],
  ["4.0", "unknown network-related status"],
  ["4.1", "no answer from host"],
  ["4.2", "bad connection"],
  ["4.3", "directory server failure"],
  ["4.4", "unable to route"],
  ["4.5", "mail system congestion"],
  ["4.6", "routing loop detected"],
  ["4.7", "delivery time expired"],
  ["5.0", "unknown protocol-related status"],
  ["5.1", "invalid command"],
  ["5.2", "syntax error"],
  ["5.3", "too many recipients"],
  ["5.4", "invalid command arguments"],
  ["5.5", "wrong protocol version"],
  ["6.0", "unknown content-related status"],
  ["6.1", "media not supported"],
  ["6.2", "conversion required and prohibited"],
  ["6.3", "conversion required but not supported"],
  ["6.4", "conversion with loss performed"],
  ["6.5", "conversion failed"],
  ["6.7", "non-ASCII addresses not permitted"],
  ["6.9", "UTF-8 header message cannot be transferred"],
  ["7.0", "other or undefined security status"],
  ["7.1", "delivery not authorized"],
  ["7.2", "mailing list expansion prohibited"],
  ["7.3", "security conversion required but not possible"],
  ["7.4", "security features not supported"],
  ["7.5", "cryptographic failure"],
  ["7.6", "cryptographic algorithm not supported"],
  ["7.7", "message integrity failure"],
  ["7.10", "encryption needed"],
  ["7.20", "no passing DKIM signature found"],
  ["7.23", "SPF validation failed"],
  ["7.25", "reverse DNS validation failed"],
  ["7.26", "multiple authentication checks failed"],
  ["7.27", "sender address has null MX"],
  ["7.30", "REQUIRETLS support required"],
]);

const unknownSubjects: ReadonlyMap<string, string> = new Map([
  ["1", "unknown address-related status"],
  ["2", "unknown mailbox-related status"],
  ["3", "unknown mail system-related status"],
  ["4", "unknown network-related status"],
  ["5", "unknown protocol-related status"],
  ["6", "unknown content-related status"],
  ["7", "other or undefined security status"],
]);

/** Takes `x.y.z`. */
export const statusWithWords = remember(500, (status) => `${status} (${wordsOf(status)})`);

/** Of a domain that is not in DNS, where `5.1.2` of a reply is about an address. */
export function statusOfNoDomain(status: string): string {
  return `${status} (bad destination system: no such domain)`;
}

function wordsOf(status: string): string {
  if (status.startsWith("2.")) return "success";
  const code = status.slice(2);
  return words.get(code) ?? unknownSubjects.get(code.split(".")[0] ?? "") ?? "undefined status";
}
