/**
 * Every parameter and policy attribute about TLS that Postfix has, and the few others that Letterlock reads: what it
 * takes, and what becomes of it here. The compiler writes its notes from this table, docs/dialects/postfix.md is
 * generated from it. Defaults are those of Postfix 3.10 (`known-parameters.ts`).
 */
import type { OptionStatus } from "../dialect.ts";
import { knownParameters } from "./known-parameters.ts";
import { attributes, inbound, outbound, type Row, routing, shared } from "./parameter-rows.ts";

export type OptionEntry = Readonly<{
  name: string;
  status: OptionStatus;
  values: string;
  default: string;
  /** Where it may stand. */
  scopes: string;
  /** What it does here, or why nothing. */
  reason: string;
}>;

const everywhere = "main.cf; master.cf -o";

function entries(rows: readonly Row[], scopes: string): OptionEntry[] {
  return rows.map(([name, status, values, reason]) => {
    const fallback = scopes === everywhere ? defaultOf(name) : "";
    return { name, status, values, default: fallback, scopes, reason };
  });
}

/** From Postfix 3.11 on the level depends on compatibility_level; no older release takes such a compatibility_level. */
const newerDefaults: ReadonlyMap<string, string> = new Map([
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
  ["smtp_tls_security_level", "${{$compatibility_level} >=level {3.11} ? {may} : {}}"],
  ["smtp_log_tls_feature_status", "yes"],
  ["requiretls_enable", "yes"],
  ["requiretls_redact_dsn", "yes"],
  ["requiretls_esmtp_header", "yes"],
]);

/** A name that Postfix has by itself. */
export function isParameterName(name: string): boolean {
  return knownParameters.has(name) || newerDefaults.has(name);
}

/** A parameter's default, unexpanded; empty for names that Postfix does not know. */
export function defaultOf(name: string): string {
  return newerDefaults.get(name) ?? knownParameters.get(name) ?? "";
}

function lmtpTwins(): OptionEntry[] {
  const names = outbound.map(([name]) => name.replace(/^smtp_/, "lmtp_")).filter((name) => knownParameters.has(name));
  return entries(
    names
      .filter((name) => name.startsWith("lmtp_"))
      .map((name) => [name, "no-effect", "as its smtp_ twin", "LMTP is not spoken"]),
    everywhere,
  );
}

/** Everything about TLS, and what routing reads. */
export const optionTable: readonly OptionEntry[] = [
  ...entries(outbound, everywhere),
  ...entries(shared, everywhere),
  ...entries(inbound, everywhere),
  ...entries(routing, everywhere),
  ...lmtpTwins(),
  ...entries(attributes, "TLS policy table"),
];

const parameters: ReadonlyMap<string, OptionEntry> = new Map(
  optionTable.filter(({ scopes }) => scopes === everywhere).map((entry) => [entry.name, entry]),
);

/** The table's entry for a parameter of main.cf. */
export function parameterEntry(name: string): OptionEntry | undefined {
  return parameters.get(name);
}

const perTransport =
  /^(.+)_(?:delivery_slot_(?:cost|discount|loan)|destination_(?:concurrency_(?:failed_cohort_limit|limit|negative_feedback|positive_feedback)|rate_delay|recipient_limit)|extra_recipient_limit|initial_destination_concurrency|minimum_delivery_slots|recipient_(?:limit|refill_delay|refill_limit)|transport_rate_delay|time_limit|delivery_status_filter)$/;

/** Known to Postfix by itself, or made up of a service of master.cf (`slow_destination_concurrency_limit`). */
export function isKnownParameter(name: string, services: ReadonlySet<string>): boolean {
  if (isParameterName(name)) return true;
  const [, service = ""] = perTransport.exec(name) ?? [];
  return services.has(service);
}
