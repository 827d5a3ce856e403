/**
 * Where an smtpd service offers AUTH, and which mechanisms (Postfix: INB-8, INB-9; `smtpd_sasl_*`). Who may log in is our
 * own users file's business: what Dovecot or Cyrus know is not asked.
 */
import { type SaslMechanism, saslMechanisms } from "../../../smtp/server/sasl/sasl.ts";
import type { InboundRule, Origin } from "../../rules.ts";
import type { View } from "./configuration.ts";
import type { InboundProblem } from "./inbound-problem.ts";

export type LoginSettings = Pick<InboundRule, "auth" | "mechanisms"> &
  Readonly<{ problems: readonly InboundProblem[] }>;

/** Show the password to whoever can read along. */
const plain: ReadonlySet<SaslMechanism> = new Set(["PLAIN", "LOGIN"]);
/** Give away what can be tried against a word list. */
const guessable: ReadonlySet<SaslMechanism> = new Set(["PLAIN", "LOGIN", "CRAM-MD5"]);
const mutual: ReadonlySet<SaslMechanism> = new Set(["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]);

/** @param level `encrypt`: AUTH inside TLS alone */
export function readLogIn(view: View, level: Readonly<{ value: string; from: Origin }>): LoginSettings {
  const enable = view.setting("smtpd_sasl_auth_enable");
  if (!view.flag("smtpd_sasl_auth_enable")) return { auth: { value: "never", from: enable.from }, problems: [] };
  const { from } = enable;
  const problems: InboundProblem[] = [];
  const text = "users come from Letterlock's own file; smtpd_sasl_type and smtpd_sasl_path are not asked";
  problems.push({
    from,
    text,
    remedy: 'add them with "letterlock user add"',
    kind: "differs",
    refuses: false,
    fatal: false,
  });
  const options = optionsOf(view, "smtpd_sasl_security_options");
  const inTls = optionsOf(view, "smtpd_sasl_tls_security_options");
  const mechanisms = saslMechanisms.filter((one) => passesFilter(one, view) && fits(one, inTls));
  return { auth: where(view, level, options, problems), mechanisms: { value: mechanisms, from }, problems };
}

function where(
  view: View,
  level: Readonly<{ value: string; from: Origin }>,
  options: ReadonlySet<string>,
  problems: InboundProblem[],
): NonNullable<InboundRule["auth"]> {
  const only = view.setting("smtpd_tls_auth_only");
  if (level.value === "encrypt") return { value: "only-in-tls", from: level.from };
  if (view.flag("smtpd_tls_auth_only")) return { value: "only-in-tls", from: only.from };
  const { from } = view.setting("smtpd_sasl_auth_enable");
  if (options.has("noplaintext")) {
    return { value: "plain-only-in-tls", from: view.setting("smtpd_sasl_security_options").from };
  }
  if (!only.isDefault) return { value: "always", from: only.from };
  const text = "PLAIN and LOGIN are offered in clear text only where smtpd_tls_auth_only = no is written";
  const remedy = "write smtpd_tls_auth_only = yes";
  problems.push({ from, text, remedy, kind: "differs", refuses: false, fatal: false });
  return { value: "plain-only-in-tls", from };
}

function optionsOf(view: View, name: string): ReadonlySet<string> {
  return new Set(view.list(name).map((word) => word.toLowerCase()));
}

/** What Cyrus SASL makes of the options; `noanonymous` and `noactive` hold for all that there are. */
function fits(mechanism: SaslMechanism, options: ReadonlySet<string>): boolean {
  if (options.has("noplaintext") && plain.has(mechanism)) return false;
  if (options.has("nodictionary") && guessable.has(mechanism)) return false;
  return !options.has("mutual_auth") || mutual.has(mechanism);
}

/** The first word that fits decides. CRAM-MD5 needs passwords in clear text: only where it is named. */
function passesFilter(mechanism: SaslMechanism, view: View): boolean {
  for (const word of view.list("smtpd_sasl_mechanism_filter")) {
    const negated = word.startsWith("!");
    const name = word.slice(negated ? 1 : 0).toUpperCase();
    if (name === mechanism) return !negated;
    if (name.startsWith("STATIC:")) return !negated && mechanism !== "CRAM-MD5";
  }
  return false;
}
