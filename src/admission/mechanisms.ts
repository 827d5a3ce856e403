/**
 * Which SASL mechanisms a client is offered: what the rule allows, what the session can carry, and what some user has
 * the secret for. Strongest first (RFC 4422 §5.2 lets the client choose; most take the first one that they know).
 *
 * PLAIN and LOGIN show the password to whoever reads along: in clear text only where the configuration says so in as
 * many words (RFC 4954 §4; AU-2).
 */
import type { InboundRule } from "../policy/rules.ts";
import type { Conduct } from "../smtp/server/conduct.ts";
import type { SaslMechanism } from "../smtp/server/sasl/sasl.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";
import type { UserDirectory } from "../users/user.ts";

export type MechanismPlace = Readonly<{
  /** Undefined: in clear. */
  tls: HandshakeFacts | undefined;
  starttls: Conduct["starttls"];
  users: UserDirectory;
}>;

const strongestFirst: readonly SaslMechanism[] = [
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "EXTERNAL",
  "CRAM-MD5",
  "PLAIN",
  "LOGIN",
];

/** CRAM-MD5 needs passwords that are kept in clear: only for those who ask for it by name. */
const unasked: ReadonlySet<SaslMechanism> = new Set<SaslMechanism>([
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "EXTERNAL",
  "PLAIN",
  "LOGIN",
]);

/** @returns also whether a client in clear would be offered more inside TLS */
export function mechanismsFor(
  rule: InboundRule,
  { tls, starttls, users }: MechanismPlace,
): Pick<Conduct, "mechanisms" | "authNeedsTls"> {
  const auth = rule.auth?.value ?? "never";
  if (auth === "never") return { mechanisms: [], authNeedsTls: false };
  const wanted = rule.mechanisms === undefined ? unasked : new Set(rule.mechanisms.value);
  const carries = (inside: boolean) =>
    strongestFirst.filter((one) => wanted.has(one) && isUsable(one, users) && fits(one, { tls, inside, users }));
  if (tls !== undefined) return { mechanisms: carries(true), authNeedsTls: false };
  const inClear = starttls === "require" || auth === "only-in-tls" ? [] : carries(false);
  const mechanisms = auth === "always" ? inClear : inClear.filter((one) => one !== "PLAIN" && one !== "LOGIN");
  return { mechanisms, authNeedsTls: starttls !== "never" && carries(true).length > mechanisms.length };
}

function isUsable(mechanism: SaslMechanism, { usable }: UserDirectory): boolean {
  switch (mechanism) {
    case "PLAIN":
    case "LOGIN":
      return usable.password;
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-256-PLUS":
      return usable.scram;
    case "CRAM-MD5":
      return usable.secret;
    case "EXTERNAL":
      return usable.certificate;
  }
}

/** @param inside TLS; with `tls` undefined: as it would be after STARTTLS */
function fits(
  mechanism: SaslMechanism,
  { tls, inside, users }: Readonly<{ tls: HandshakeFacts | undefined; inside: boolean; users: UserDirectory }>,
): boolean {
  switch (mechanism) {
    // RFC 9266 §4.2: without the extended master secret there is no exporter to bind to, and who asks cannot tell.
    case "SCRAM-SHA-256-PLUS":
      return inside && (tls === undefined || tls.protocol === "TLSv1.3");
    case "EXTERNAL":
      return inside && (tls === undefined || knowsCertificate(tls, users));
    default:
      return true;
  }
}

function knowsCertificate({ certificate }: HandshakeFacts, users: UserDirectory): boolean {
  return certificate !== undefined && users.byCertificate(certificate.sha256, certificate.spkiSha256) !== undefined;
}
