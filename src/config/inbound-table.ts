/**
 * What one may say of those who hand in mail: at a listener, and in `inbound-rules:` of some clients, senders or
 * recipients. Values are read straight into the neutral form of `../policy/rules.ts`.
 */
import { parseDomain } from "../mail/domain.ts";
import type { NamePattern } from "../policy/rules.ts";
import { saslMechanisms } from "../smtp/server/sasl/sasl.ts";
import { list, optional, required, section } from "./section-types.ts";
import { demand, endDate, neverUsed, pin, tlsVersion } from "./tls-table.ts";
import {
  choice,
  cidr,
  count,
  domainPattern,
  file,
  name,
  text,
  textType,
  type ValueType,
  wrong,
  yesNo,
} from "./value-types.ts";

const certificateName: ValueType<NamePattern> = textType("name or `.name`", "a name", (value) => {
  const below = value.startsWith(".");
  const parsed = parseDomain(below ? value.slice(1) : value);
  if (parsed === undefined)
    return wrong(`"${value}" is no name`, "write mx.example.com, or .example.com for all below");
  return { kind: below ? "below" : "name", name: parsed };
});

const issuerName: ValueType<string> = textType("distinguished name", "a distinguished name", (value) => {
  const attribute = String.raw`[A-Za-z0-9.]+ *= *(?:[^\\,]|\\.)+`;
  return new RegExp(`^(?:${attribute},)*${attribute}$`, "s").test(value) && !/[\r\n\0]/.test(value)
    ? value
    : wrong(
        `"${value}" is no distinguished name`,
        'write it as the certificate has it: "CN=Example CA,O=Example,C=CH"',
      );
});

/** One line of a reply, after its codes (RFC 5321 §4.5.3.1.5). */
const replyText: ValueType<string> = textType("text", "a text", (value) =>
  /^[\x20-\x7e]{1,400}$/.test(value) && value.trim() !== ""
    ? value
    : wrong("a reply is one line of ASCII, 400 characters at most", "write a shorter text without special characters"),
);

const relayCertificateTable = {
  fingerprints: optional(list(pin), "Digests of certificates or keys: they need no CA."),
  names: optional(
    list(certificateName),
    "Names in the certificate: `mx.example.com`, or `.example.com` for all below.",
  ),
  issuers: optional(list(issuerName), "Who issued the certificate: `CN=Example CA,O=Example`."),
} as const;

const relayCertificate = section(relayCertificateTable, "relay-by-certificate");

/** A section told from words by the kind of node. */
const relayByCertificate: ValueType<"none" | "trusted" | NonNullable<ReturnType<typeof relayCertificate.read>>> = {
  title: "`none`, `trusted`, or a section",
  schema: (define) => ({ anyOf: [{ enum: ["none", "trusted"] }, relayCertificate.schema(define)] }),
  ...(relayCertificate.inner === undefined ? {} : { inner: relayCertificate.inner }),
  read: (node, problems) =>
    node.kind === "map" ? relayCertificate.read(node, problems) : choice("none", "trusted").read(node, problems),
};

const userByCertificateTable = {
  fingerprint: required(pin, "Digest of the certificate or its key."),
  user: required(text, "The user that whoever shows it is, without AUTH."),
} as const;

/** Settings of a client: every one may be said at a listener, and in a rule for some of its clients. */
export const clientTable = {
  certificate: optional(
    list(name),
    "Certificates by name: the first, with those of other key types for the same names, is served without SNI, the others to clients that ask for their names. Default: the only one there is, or a self-made one.",
  ),
  protocols: optional(list(tlsVersion), "TLS versions offered. Default: those of `tls-profile`."),
  ciphers: optional(text, `OpenSSL cipher list for TLS 1.2, and suites for 1.3. ${neverUsed}`),
  groups: optional(text, "OpenSSL list of key exchange groups."),
  "client-certificate": optional(
    choice("do-not-ask", "ask", "require", "require-any"),
    "`ask`: whoever has none comes in all the same. `require`: nothing is taken without a certificate that leads to a CA of `client-ca`; `require-any`: without any at all, for fingerprints. Default: do-not-ask, and `ask` where a rule needs to see one.",
  ),
  "client-ca": optional(
    list(file),
    "Files of CA certificates that clients' certificates must lead to; `system` stands for the system's, `none` for nobody. Default: none.",
  ),
  "client-purpose": optional(
    choice("client", "client-or-server"),
    "What clients' certificates must have been made for: public CAs make them for servers alone. Default: client-or-server.",
  ),
  auth: optional(
    choice("never", "in-tls", "plain-only-in-tls", "also-in-clear"),
    "Where AUTH is offered; `plain-only-in-tls` offers mechanisms that do not send the password in clear text too. Default: never.",
  ),
  "auth-required": optional(yesNo, "No mail before AUTH: 530 until then. Default: false."),
  mechanisms: optional(
    list(choice(...saslMechanisms)),
    "AUTH mechanisms. Default: all but CRAM-MD5, as far as users' passwords and the connection allow.",
  ),
  relay: optional(yesNo, "Its clients may send to anywhere, as those of `relay-networks`. Default: false."),
  "relay-by-certificate": optional(
    relayByCertificate,
    "Clients that may send to anywhere by their certificate: `trusted` those of `client-ca`, or by digest, name or issuer; any of these. Default: none.",
  ),
  "user-by-certificate": optional(
    list(section(userByCertificateTable)),
    "Who a client is by its certificate alone; the first that fits.",
  ),
  "demand-of-client": optional(
    demand,
    "A demand in Sendmail's form (TLS_Clt) on top of all others: `ENCR:112`, `PERM+VERIFY:128`; `none` takes back that of a later rule.",
  ),
  "demand-at": optional(
    choice("mail", "rcpt"),
    "Where a client in clear text is told of `demand-of-client`. Default: mail.",
  ),
  pipelined: optional(
    choice("reject", "discard"),
    "What comes in clear behind STARTTLS: the connection is closed, or it is thrown away. Never obeyed. Default: reject.",
  ),
  "mail-without-hello": optional(yesNo, "MAIL inside TLS needs no EHLO of its own (RFC 3207 §4.2). Default: false."),
  wording: optional(
    choice("letterlock", "postfix", "sendmail", "momentum", "powermta"),
    "Whose replies clients get. Default: letterlock.",
  ),
  received: optional(
    choice("letterlock", "postfix", "sendmail"),
    "In whose form Received: tells of TLS, for programs that read it. Default: letterlock (RFC 8314 §4.3).",
  ),
  barred: optional(yesNo, "Nothing is ever taken: 521 (RFC 7504). Default: false."),
  refuse: optional(replyText, "Nothing is taken for now: 4yz, with this in the log."),
} as const;

export const inboundRuleTable = {
  listeners: optional(list(name), "Mail came in at one of these listeners."),
  clients: optional(list(cidr), "The client's address lies in one of these blocks."),
  "client-names": optional(
    list(domainPattern),
    "The client's name, as DNS confirms it in both directions: `mx.example.com`, `.example.com`, or `*` for any.",
  ),
  users: optional(list(text), 'Who logged in; `"*"` is anybody who did.'),
  "sender-domains": optional(list(domainPattern), "Domains of the envelope sender; `*` is the null sender too."),
  "recipient-domains": optional(list(domainPattern), "Domains of the recipient."),
  "require-tls": optional(
    choice("none", "encrypted", "trusted", "matching"),
    "What such mail needs: nothing; TLS; and a client certificate that leads to a CA of `client-ca`; and one with a name, an issuer or a fingerprint that is listed here.",
  ),
  "min-cipher-bits": optional(count(1, 256), "Weaker ciphers do not satisfy the rule."),
  "certificate-names": optional(
    list(certificateName),
    "Names of which the client's certificate must carry one: `mx.example.com`, or `.example.com` for all below.",
  ),
  "certificate-issuers": optional(
    list(issuerName),
    "Issuers of which one must have signed it: `CN=Example CA,O=Example`.",
  ),
  fingerprints: optional(
    list(pin),
    "Digests of which the certificate or its key must have one, whoever signed it: `spki-sha256:...`, `certificate-sha256:...`, or `sha256:...` for either.",
  ),
  mode: optional(choice("enforce", "monitor"), "`monitor` judges and records but lets mail pass. Default: enforce."),
  answer: optional(
    choice("temporary", "permanent"),
    "Whether a client that does not satisfy the rule shall try again (451) or return the mail (530 or 550). Default: temporary.",
  ),
  "reply-text": optional(replyText, "What it is told. Default: what is missing."),
  expires: optional(endDate, "The rule ends then: a date (to the end of that day, UTC) or a date and time."),
  owner: optional(text, "Who asked for a rule that ends."),
  reason: optional(text, "Why there is one."),
  starttls: optional(
    choice("never", "unavailable", "offer", "require"),
    "What these clients are offered; `require` answers all else with 530 before TLS, `unavailable` knows the command and answers 454.",
  ),
  ...clientTable,
} as const;
