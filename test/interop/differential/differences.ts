/**
 * Where Letterlock means to differ from Postfix, each with its reason. `docs/dialects/postfix-differences.md` prints
 * this table; a case that differs and fits none of it fails the differential test, and so does an entry that no case uses.
 * A predicate looks at what Postfix logged for the very case wherever that tells, and at what was written otherwise.
 */
import type { Compared } from "./compare.ts";

export type Difference = Readonly<{
  id: string;
  /** One paragraph for operators. */
  text: string;
  explains(compared: Compared): boolean;
}>;

const logged = ({ raw }: Compared, pattern: RegExp): boolean =>
  raw.postfix.result?.lines.some((line) => pattern.test(line)) === true;

const written = ({ situation }: Compared, pattern: RegExp): boolean => pattern.test(situation.written);

const only = ({ fields }: Compared, ...names: readonly string[]): boolean =>
  fields.every((field) => names.includes(field));

/** Letterlock used the host in no TLS session: it deferred, or went on in clear or to another host. */
const withoutTlsHere = ({ postfix, letterlock }: Compared): boolean =>
  letterlock.channel !== "TLS" || letterlock.host !== postfix.host;

const whereTo = ({ situation }: Compared): string => `${situation.recipient} ${situation.written.split(";")[0] ?? ""}`;

const isMistake = (value: string): boolean => value === "TLSv9" || value === "bogus";

export const differences: readonly Difference[] = [
  {
    id: "old-tls",
    text: `TLS 1.0 and 1.1 and static RSA key exchange are never negotiated (RFC 8996, RFC 9325 §4.1), whatever
\`smtp_tls_protocols\`, \`protocols=\` or cipher lists allow. A host that offers nothing better fails its handshake here; what
follows is what follows any failed handshake: deferral with 4.7.5, the next host or the fallback relay, and at \`may\` clear
text after \`minimal_backoff_time\`.`,
    explains: (compared) =>
      logged(compared, /TLS connection established to \S+ (TLSv1(\.1)? with|TLSv1\.2 with cipher (?!ECDHE|DHE))/) &&
      withoutTlsHere(compared),
  },
  {
    id: "octets-behind-starttls",
    text: `A host that sends octets in clear behind its 220 to STARTTLS gets no mail over that connection, at any age of
the message: somebody may be injecting replies. Postfix throws such octets away and goes on, unless
\`smtp_tls_block_early_mail_reply\` is set.`,
    explains: (compared) =>
      compared.postfix.host === "mx.inject.test" || logged(compared, /TLS connection established to mx\.inject\.test/),
  },
  {
    id: "late-alert",
    text: `A TLS 1.3 server that demands a client certificate refuses us only when the handshake already looks done.
Letterlock tells this as the failed handshake that it is (4.7.5); to Postfix the connection is lost at the next EHLO
(4.4.2).`,
    explains: (compared) => logged(compared, /alert certificate required/),
  },
  {
    id: "soft-bounce",
    text: `\`soft_bounce\` counts for refusals of STARTTLS alone. Other replies of class 5, and \`error:\` transports, return the
mail as if it were not set: it is a switch for tests of a mail server, and no part of its TLS policy.`,
    explains: (compared) =>
      compared.variant.parameters.soft_bounce === "yes" &&
      (logged(compared, / said: 5\d\d /) || written(compared, /^error:/)),
  },
  {
    id: "trust-anchor-file-without-certificate",
    text: `A file of \`tafile=\` or \`smtp_tls_trust_anchor_file\` that holds a private key and no certificate: Postfix falls
back to \`smtp_tls_CAfile\`, so that every public CA may be trusted where one was meant. Here the line refuses (4.7.5).`,
    explains: (compared) =>
      written(compared, /tafile=\S*key\.pem/) &&
      (compared.letterlock.trust !== "Verified" || compared.variant.parameters.smtp_fallback_relay !== undefined),
  },
  {
    id: "partial-wildcard",
    text: `A certificate for \`m*.example.com\` names no host: a wildcard is a whole label (RFC 9525 §6.3). Postfix 3.10 accepts it
for \`mx.example.com\` and for \`match=.example.com\`.`,
    explains: (compared) =>
      compared.postfix.host === "mx.wildpart.test" && compared.postfix.trust === "Verified" && withoutTlsHere(compared),
  },
  {
    id: "protocol-gap",
    text: `A protocol list with a hole (\`TLSv1:TLSv1.3\`, \`!TLSv1.2\`) makes OpenSSL offer only what lies below the hole, and the
handshake with a modern host fails. Letterlock never offers what lies below and uses TLS 1.3.`,
    explains: (compared) =>
      logged(compared, /alert protocol version|unsupported protocol|handshake failure/) &&
      written(compared, /protocols ?= ?(TLSv1[: ]TLSv1\.3|!TLSv1\.2(?!:))/),
  },
  {
    id: "only-old-protocols",
    text: `A protocol list at \`may\` that holds nothing but TLS 1.0 and 1.1: Postfix offers those, a modern host refuses them,
and the mail waits, goes to the fallback relay, or leaves in clear once it is older than \`minimal_backoff_time\`. Letterlock
uses TLS 1.2 and 1.3 in their place.`,
    explains: (compared) =>
      compared.letterlock.channel === "TLS" &&
      logged(compared, /alert protocol version|unsupported protocol|handshake failure/) &&
      written(
        compared,
        /\bmay\b[^/]*protocols ?= ?(<=TLSv1(\.1)?|TLSv1(\.1)?([: ]TLSv1(\.1)?)?|!TLSv1\.[23][: ]!TLSv1\.[23])(?![.:\d]| !?TLS)/,
      ),
  },
  {
    id: "uncertain-end",
    text: `The connection was lost behind the final dot: whether the host took the mail is unknown. Postfix tries the next host
or the fallback relay at once ("message may be sent more than once"); Letterlock ends the attempt and tries again later.`,
    explains: (compared) => logged(compared, /sending end of data/) && compared.letterlock.status === "4.4.2",
  },
  {
    id: "ciphers-null",
    text: `\`ciphers=null\` asks for connections without encryption and gets refused (4.7.5). Postfix offers such ciphers beside
those of TLS 1.3, which modern hosts then choose.`,
    explains: (compared) => written(compared, /ciphers=null/) && withoutTlsHere(compared),
  },
  {
    id: "mistakes-found-at-the-handshake",
    text: `A protocol or a cipher grade that does not exist makes the line refuse (4.7.5) before any connection is made. Postfix
finds out at the handshake: at \`may\` the mail leaves in clear once it is older than \`minimal_backoff_time\`, and where
another host fails for a reason of its own, that reason's code is told.`,
    explains: (compared) =>
      logged(compared, /Invalid TLS protocol list|invalid cipher grade/) ||
      (withoutTlsHere(compared) &&
        (written(compared, /TLSv9|ciphers=bogus/) || Object.values(compared.variant.parameters).some(isMistake))),
  },
  {
    id: "policy-failure",
    text: `\`policy_failure=\` of an MTA-STS plugin: at the levels that prove who the host is, Letterlock refuses before it
connects (4.7.5), where Postfix may first meet another failure and tell that one. At \`may\` both deliver; Postfix then
logs Untrusted, Letterlock what the certificate proved.`,
    explains: (compared) => written(compared, /policy_failure=/) && only(compared, "trust", "status", "outcome"),
  },
  {
    id: "address-as-server-name",
    text: `\`servername=hostname\` or \`nexthop\` for a host that is an IP address: Postfix sends the address as SNI, Letterlock
sends none (RFC 6066 §3 allows names only).`,
    explains: (compared) => only(compared, "serverName") && /^[\d.]+$/.test(compared.postfix.serverName ?? ""),
  },
  {
    id: "cname-overrides-servername",
    text: `\`smtp_cname_overrides_servername = yes\` is not followed: certificates are compared with the name in the MX record,
and \`smtp_tls_per_site\` is asked for that name, not for what a CNAME leads to, which unsigned DNS may forge.`,
    explains: (compared) =>
      compared.variant.parameters.smtp_cname_overrides_servername === "yes" && /cname/.test(whereTo(compared)),
  },
  {
    id: "unreadable-ca-file",
    text: `\`smtp_tls_CAfile\` or a key of our own that cannot be read: Postfix has no TLS at all then, and at \`may\` everything
leaves in clear. Here \`may\` goes on in TLS, a line with a \`tafile=\` that can be read holds, and every other rule that
asks for TLS refuses (4.7.5, as in Postfix) before it meets a host that would fail for another reason.`,
    explains: (compared) =>
      compared.variant.parameters.smtp_tls_CAfile?.endsWith("missing.pem") === true &&
      (compared.postfix.channel === "clear" ||
        logged(compared, /TLS engine is unavailable/) ||
        /TLS engine is unavailable/.test(compared.raw.letterlock.result?.text ?? "")),
  },
  {
    id: "expired-trust-anchor",
    text: `\`tafile=\` with the host's own certificate, which has expired: Postfix looks at no dates of a trust anchor, here
the certificate is not trusted.`,
    explains: (compared) =>
      written(compared, /tafile=\S*mx\.exp\w*\.test\.pem/) &&
      compared.postfix.trust === "Verified" &&
      withoutTlsHere(compared),
  },
  {
    id: "address-in-match",
    text: `An IP address in \`match=\` is no name, and no certificate fits such a list here. Postfix holds it against the addresses
of the certificate, and then demands address and name both.`,
    explains: (compared) => written(compared, /match=[\d.]+\b/),
  },
  {
    id: "wildcard-in-match",
    text: `\`match=*.example.com\` matches no certificate here. Postfix finds it equal to a certificate whose name is written just
so, \`*.example.com\`; it is no wildcard there either. What is meant is \`match=.example.com\`.`,
    explains: (compared) =>
      written(compared, /match=\*\./) && compared.postfix.trust === "Verified" && withoutTlsHere(compared),
  },
  {
    id: "dane",
    text: `The levels \`dane\` and \`dane-only\` refuse to deliver (4.7.5) with \`smtp_dns_support_level = dnssec\`: DANE is not there
yet, and something weaker would not be what was asked for. Without that setting both servers take \`dane\` for \`may\`.`,
    explains: (compared) =>
      written(compared, / dane(-only)?\b/) && compared.variant.parameters.smtp_dns_support_level === "dnssec",
  },
  {
    id: "sts-pattern-last",
    text: `MX hosts that fit no \`mx_host_pattern\` are skipped by both. When all others failed, Letterlock tells the reason of the
host that it met last, which may be the pattern (4.3.0); Postfix never tells the pattern where a host failed before.`,
    explains: (compared) => only(compared, "status") && logged(compared, /does not match STS MX pattern/),
  },
];

export function explanationOf(compared: Compared): Difference | undefined {
  return differences.find((difference) => difference.explains(compared));
}
