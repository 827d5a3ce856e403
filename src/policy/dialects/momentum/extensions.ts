/**
 * What `smtp_extensions` lists, as far as it is about TLS and logging in (momentum reference 2.3, 2.8): `STARTTLS`, and
 * `AUTH` with its mechanisms. All else that is offered is Letterlock's own.
 */
import type { SaslMechanism } from "../../../smtp/server/sasl/sasl.ts";
import type { Setting } from "./model.ts";
import { wordsOf } from "./values.ts";

export type Extensions = Readonly<{
  starttls: boolean;
  /** In the order written, each once. */
  mechanisms: readonly SaslMechanism[];
  /** Named, and not to be had here: other mechanisms, XCLIENT and its kin, ALWAYS-ALLOW. */
  notOffered: readonly string[];
}>;

const known: ReadonlySet<string> = new Set<SaslMechanism>(["PLAIN", "LOGIN", "CRAM-MD5"]);

/** A client that is trusted with these may say who it is, or be let in without a password. */
const trusting: ReadonlySet<string> = new Set(["XCLIENT", "XREMOTEIP", "XSETCONTEXT", "XDUMPCONTEXT", "ALWAYS-ALLOW"]);

export function readExtensions(setting: Setting | undefined): Extensions {
  const words = setting === undefined ? [] : (wordsOf(setting.value) ?? []);
  const upper = words.map((word) => word.trim().toUpperCase());
  const named = upper.flatMap((word) => /^AUTH[\s=]+(.+)$/.exec(word)?.[1]?.split(/\s+/) ?? []);
  const isOurs = (name: string): name is SaslMechanism => known.has(name);
  return {
    starttls: upper.includes("STARTTLS"),
    mechanisms: [...new Set(named.filter(isOurs))],
    notOffered: [...named.filter((name) => !isOurs(name)), ...upper.filter((word) => trusting.has(word))],
  };
}
