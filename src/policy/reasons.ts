/**
 * Every reason a decision or a verdict can have, once: its code, where it is written, and its sentence.
 * The log line, the record, `explain`, the DSN and the pages are read off this table.
 */

type ReasonEntry = Readonly<{ rfc: string; text: string }>;

export const reasonTable = {
  // decisions
  "level-none": { rfc: "RFC 3207 §6", text: "the rule says not to use TLS" },
  "level-may": { rfc: "RFC 7435 §3", text: "the rule asks for TLS when the host offers it" },
  "level-encrypt": { rfc: "RFC 3207 §6", text: "the rule requires TLS, without authentication" },
  "level-encrypt-proven": { rfc: "RFC 3207 §6", text: "the rule requires TLS" },
  "level-fingerprint": { rfc: "RFC 7671 §5.1", text: "the rule requires a pinned certificate or key" },
  "level-verify": { rfc: "RFC 9525 §6", text: "the rule requires a trusted certificate with a matching name" },
  "level-secure": { rfc: "RFC 9525 §6", text: "the rule requires a trusted certificate that names the nexthop" },
  "dane-unavailable": { rfc: "RFC 7672 §2.2", text: "the rule requires DANE, for which there is no evidence" },
  "rule-refuses": { rfc: "", text: "the rule asks for something that cannot be honoured, so no connection is made" },
  "mx-not-listed": { rfc: "RFC 8461 §4.1", text: "the MX host is not among those that the policy lists" },
  requirement: { rfc: "", text: "a requirement comes on top of the rule" },
  "proof-chain": { rfc: "RFC 5280 §6", text: "wherever TLS is used, the certificate must lead to a trusted CA" },
  "proof-chain-and-name": {
    rfc: "RFC 9525 §6",
    text: "wherever TLS is used, a trusted certificate must name the host",
  },
  "no-pins": { rfc: "", text: "level fingerprint without any pin" },
  "no-rule": { rfc: "RFC 7435 §3", text: "no rule: TLS when the host offers it" },
  monitor: { rfc: "", text: "monitor mode: judged and counted, not enforced" },
  exception: { rfc: "", text: "an exception with an end date applies" },
  // verdicts
  "tls-not-asked": { rfc: "", text: "clear text, as the rule says" },
  "not-offered": { rfc: "RFC 3207 §4", text: "the host does not offer STARTTLS" },
  "starttls-refused": { rfc: "RFC 3207 §4", text: "the host refused STARTTLS" },
  "starttls-lost": { rfc: "RFC 5321 §3.8", text: "connection lost at STARTTLS" },
  injected: { rfc: "RFC 3207 §4.2", text: "octets in clear after the 220 to STARTTLS" },
  "handshake-failed": { rfc: "RFC 3207 §4", text: "the TLS handshake failed" },
  "fallback-clear": { rfc: "RFC 7435 §3", text: "clear text, as the rule allows where TLS cannot be had" },
  "fallback-not-yet": { rfc: "", text: "clear text is not allowed yet at this age of the message" },
  encrypted: { rfc: "RFC 7435 §3", text: "encrypted" },
  "chain-trusted": { rfc: "RFC 5280 §6", text: "the certificate chain leads to a trusted CA" },
  "chain-untrusted": { rfc: "RFC 5280 §6", text: "the certificate chain is not trusted" },
  "certificate-expired": { rfc: "RFC 5280 §4.1.2.5", text: "the certificate is out of date" },
  "no-certificate": { rfc: "RFC 8446 §4.4.2", text: "the host showed no certificate" },
  "name-matched": { rfc: "RFC 9525 §6.3", text: "the certificate carries the name asked for" },
  "name-mismatch": { rfc: "RFC 9525 §6.3", text: "the certificate carries none of the names asked for" },
  "pin-matched": { rfc: "RFC 7671 §5.1", text: "the certificate or its key is pinned" },
  "pin-mismatch": { rfc: "RFC 7671 §5.1", text: "neither the certificate nor its key is pinned" },
  "cipher-too-weak": { rfc: "RFC 9325 §4", text: "the cipher has fewer bits than the rule asks for" },
  "requirement-unmet": { rfc: "", text: "a requirement is not met" },
  "would-fail": { rfc: "", text: "monitor mode: an enforced rule would have refused this" },
} as const satisfies Record<string, ReasonEntry>;

export type ReasonCode = keyof typeof reasonTable;

/** A reason with the particulars of this case (host, name, error text; a peer's text is raw). */
export type Reason = Readonly<{ code: ReasonCode; detail: string | undefined }>;

export function because(code: ReasonCode, detail?: string): Reason {
  return { code, detail };
}

/** The reason as records and `explain --json` show it. */
export function describeReason({ code, detail }: Reason): Readonly<{ code: ReasonCode; text: string; rfc: string }> {
  const { text, rfc } = reasonTable[code];
  return { code, text: detail === undefined ? text : `${text}: ${detail}`, rfc };
}
