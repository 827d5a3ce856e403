/**
 * AUTH: which mechanisms are offered and where. Sendmail leaves the users to Cyrus SASL, which is outside its
 * configuration; here they are those of our own users file, and each says himself whether he may relay.
 */
import type { SaslMechanism } from "../../../smtp/server/sasl/sasl.ts";
import type { InboundRule, Origin, Sourced } from "../../rules.ts";
import type { Configuration, Notes, Setting } from "./configuration.ts";
import type { Daemon } from "./daemons.ts";
import { originOf } from "./setup.ts";

/** What Cyrus SASL says of a mechanism, as far as AuthOptions ask: `p` plain text, `a` active, `d` dictionary attacks. */
type Strength = Readonly<{ plain: boolean; active: boolean; dictionary: boolean; mutual: boolean }>;

const strengths: Readonly<Record<SaslMechanism, Strength>> = {
  "SCRAM-SHA-256-PLUS": { plain: false, active: true, dictionary: false, mutual: true },
  "SCRAM-SHA-256": { plain: false, active: true, dictionary: false, mutual: true },
  PLAIN: { plain: true, active: false, dictionary: false, mutual: false },
  LOGIN: { plain: true, active: false, dictionary: false, mutual: false },
  "CRAM-MD5": { plain: false, active: false, dictionary: false, mutual: false },
  EXTERNAL: { plain: false, active: false, dictionary: true, mutual: false },
};
const known = Object.keys(strengths) as SaslMechanism[];

const byDefault = "EXTERNAL GSSAPI KERBEROS_V4 DIGEST-MD5 CRAM-MD5";

export type LogIn = Readonly<{
  /** Undefined: no sendmail.mc or sendmail.cf says anything. */
  mechanisms: Sourced<readonly SaslMechanism[]> | undefined;
}>;

export function readLogIn(configuration: Configuration | undefined, from: Origin, notes: Notes): LogIn {
  if (configuration === undefined) return { mechanisms: undefined };
  const list = configuration.options.get("authmechanisms");
  const wanted = (list?.value || byDefault).toUpperCase().split(/[\s,]+/);
  if (list !== undefined) noteMechanisms(list, wanted, notes);
  if (configuration.trustedMechanisms !== undefined) {
    const { value, at } = configuration.trustedMechanisms;
    const text = `TRUST_AUTH_MECH ${value}: whether who logged in may relay is said of each user, not of mechanisms`;
    notes.add("differs", at, text, "letterlock user add --relay");
  }
  const options = configuration.options.get("authoptions")?.value ?? "";
  const mechanisms = known.filter((name) => wanted.includes(name) && isStrongEnough(strengths[name], options));
  return { mechanisms: { value: mechanisms, from: list === undefined ? from : originOf(list, "AuthMechanisms") } };
}

/** `p` is not looked at here: PLAIN and LOGIN are offered inside TLS alone in any case. */
function isStrongEnough({ active, dictionary, mutual }: Strength, options: string): boolean {
  // Forward secrecy of its own, and passing the client's credentials on: none of ours has that.
  if (/[fc]/.test(options)) return false;
  if (options.includes("a") && !active) return false;
  return (!options.includes("d") || dictionary) && (!options.includes("m") || mutual);
}

function noteMechanisms(list: Setting, wanted: readonly string[], notes: Notes): void {
  const unknown = wanted.filter((name) => !known.some((each) => each === name));
  if (unknown.length === 0) return;
  notes.add("differs", list.at, `AuthMechanisms: ${unknown.join(" ")} cannot be offered here`);
}

/** @param letters of Srv_Features, which go before the port's modifiers */
export function logInOf(
  { mechanisms }: LogIn,
  letters: Readonly<{ given: readonly string[]; from: Origin }>,
  daemon: Daemon | undefined,
): Pick<InboundRule, "auth" | "mechanisms" | "authRequired"> {
  const { given, from } = letters;
  return {
    ...authOf(mechanisms?.from, given, from, daemon),
    ...(mechanisms === undefined ? {} : { mechanisms }),
    ...requiredOf(given, from, daemon),
  };
}

function authOf(
  configured: Origin | undefined,
  given: readonly string[],
  from: Origin,
  daemon: Daemon | undefined,
): Pick<InboundRule, "auth"> {
  if (given.includes("A")) return { auth: { value: "never", from } };
  const asked = given.includes("a");
  if (!asked && daemon?.modifiers.includes("A")) return { auth: { value: "never", from: daemon.from } };
  if (given.includes("C")) return { auth: { value: "always", from } };
  if (asked || given.includes("c")) return { auth: { value: "plain-only-in-tls", from } };
  return configured === undefined ? {} : { auth: { value: "plain-only-in-tls", from: configured } };
}

function requiredOf(
  given: readonly string[],
  from: Origin,
  daemon: Daemon | undefined,
): Pick<InboundRule, "authRequired"> {
  if (given.includes("L")) return { authRequired: { value: false, from } };
  if (given.includes("l")) return { authRequired: { value: true, from } };
  return daemon?.modifiers.includes("a") ? { authRequired: { value: true, from: daemon.from } } : {};
}
