/**
 * Where Letterlock means to answer clients otherwise than Postfix's smtpd, each with its reason.
 * `docs/dialects/postfix-differences.md` prints this table; a dialogue that differs and fits none of it fails the
 * differential test, and so does an entry that no dialogue shows.
 */
import type { Compared, Difference } from "./compare.ts";

type Differing = Compared & Readonly<{ at: Difference }>;

export type Explanation = Readonly<{
  id: string;
  /** One paragraph for operators. */
  text: string;
  explains(compared: Differing): boolean;
}>;

const codes = ({ at }: Differing, postfix: number, ...letterlock: readonly number[]): boolean =>
  at.postfix?.code === postfix && letterlock.includes(at.letterlock?.code ?? -1);

const said = ({ at }: Differing, pattern: RegExp): boolean => pattern.test(at.said);

export const differences: readonly Explanation[] = [
  {
    id: "auth-in-clear",
    text: `\`smtpd_sasl_auth_enable = yes\` alone makes Postfix take passwords in clear text. Here PLAIN and LOGIN are offered
inside TLS alone, unless \`smtpd_tls_auth_only = no\` is written out.`,
    explains: (compared) =>
      compared.variant.name === "auth-unwritten" && !compared.at.inTls && said(compared, /^(?:AUTH|EHLO)\b/),
  },
  {
    id: "auth-before-ehlo",
    text: `AUTH before EHLO is refused with 503: no mechanism was named yet (RFC 4954 §4). Postfix takes it.`,
    explains: (compared) => said(compared, /^AUTH\b/) && /Send EHLO/.test(compared.at.letterlock?.text ?? ""),
  },
  {
    id: "auth-codes",
    text: `AUTH with a mechanism that is not offered is answered 504, one that is not base64 501 (RFC 4954 §4). Postfix says 535
to both, as to a wrong password.`,
    explains: (compared) => said(compared, /^AUTH\b/) && codes(compared, 535, 501, 504),
  },
  {
    id: "commands-known-elsewhere",
    text: `EXPN, TURN and the like are known and not offered here: 502, and 530 where TLS comes first. To Postfix they are no
commands at all: 500.`,
    explains: (compared) => said(compared, /^(?:EXPN|TURN)\b/) && codes(compared, 500, 502, 530),
  },
  {
    id: "verify",
    text: `VRFY is answered 252 without asking anything, so that it tells nobody anything. Postfix holds its restriction lists
against it as if it were RCPT.`,
    explains: (compared) => said(compared, /^VRFY\b/) && compared.at.letterlock?.code === 252,
  },
  {
    id: "no-certificate",
    text: `Where no certificate is configured Postfix offers STARTTLS and cannot do it (454). Letterlock shows its own: that of
\`letterlock.yaml\`, or the one that it made when it first started.`,
    explains: (compared) =>
      compared.variant.options.smtpd_tls_chain_files === "" &&
      said(compared, /^STARTTLS$/i) &&
      codes(compared, 454, 220),
  },
  {
    id: "unreadable-certificate",
    text: `A certificate that is configured and cannot be read makes Postfix's handshakes fail. Letterlock shows its own where
TLS is not required; where it is nobody is let in, and each command says that the configuration is at fault (451).`,
    explains: (compared) =>
      /missing/.test(compared.variant.options.smtpd_tls_chain_files ?? "") &&
      (compared.at.letterlock?.code === 451 || (said(compared, /handshake/) && compared.at.postfix?.code === 0)),
  },
  {
    id: "data-restrictions",
    text: `\`smtpd_data_restrictions\` and \`smtpd_end_of_data_restrictions\` count at RCPT already, and before it is looked at
whether the client may relay: the mail is refused one command earlier.`,
    explains: (compared) =>
      compared.variant.name === "plaintext-data" && said(compared, /^RCPT\b/) && compared.at.letterlock?.code === 450,
  },
  {
    id: "pipelined-without-ehlo",
    text: `Octets in clear behind STARTTLS are thrown away, in Postfix and here. From a client that said no EHLO before it
Postfix refuses the command itself (554 5.5.0, \`smtpd_forbid_unauth_pipelining\`) and ends the connection.`,
    explains: (compared) => said(compared, /^STARTTLS$/i) && compared.at.postfix?.status === "5.5.0",
  },
  {
    id: "listed-or-trusted",
    text: `\`permit_tls_all_clientcerts\` lets clients through whose certificate leads to a trusted CA. In Postfix it also does so
for those that \`relay_clientcerts\` lists, as \`permit_tls_clientcerts\` does.`,
    explains: (compared) =>
      compared.dialogue.certificate === "listed" &&
      /^(?:all-trusted|trusted-only)$/.test(compared.variant.name) &&
      said(compared, /^RCPT\b/) &&
      codes(compared, 250, 554),
  },
  {
    id: "helo-restrictions",
    text: `\`smtpd_helo_restrictions\` count for every client, also for one that sends mail without HELO or EHLO, which Postfix
then lets pass.`,
    explains: (compared) =>
      compared.variant.options.smtpd_helo_restrictions !== undefined &&
      said(compared, /^RCPT\b/) &&
      !compared.postfix.slice(0, compared.at.index).some((step) => /^(?:EHLO|HELO) /.test(step.said)),
  },
  {
    id: "deferred-relay",
    text: `A client that may not relay is told so with 554, also where \`defer_unauth_destination\` (the default) makes Postfix
say 454.`,
    explains: (compared) => said(compared, /^RCPT\b/) && codes(compared, 454, 554),
  },
  {
    id: "required-wrapper",
    text: `\`smtpd_tls_req_ccert\` with \`smtpd_tls_wrappermode\`: a client without a trusted certificate hears 421 in place of
the greeting, and the connection is closed. Postfix greets after all, at the next command, before it closes.`,
    explains: (compared) =>
      compared.variant.name === "required-wrapper" &&
      codes(compared, 220, 0) &&
      /ESMTP/.test(compared.at.postfix?.text ?? ""),
  },
  {
    id: "data-without-recipient",
    text: `DATA behind MAIL without any RCPT is a bad sequence of commands: 503. Postfix says 554, as where every recipient was
refused.`,
    explains: (compared) => said(compared, /^DATA$/) && codes(compared, 554, 503),
  },
];

export function explanationOf(compared: Compared): Explanation | undefined {
  const { at } = compared;
  if (at === undefined) return undefined;
  return differences.find((difference) => difference.explains({ ...compared, at }));
}
