/**
 * The policy in our own terms, for `letterlock import`: each line of a policy table as a rule for exactly that next-hop,
 * the global level as the rule for everything. Patterns cannot be said, and are listed as such.
 */
import type { TlsRule } from "../../rules.ts";
import type { ScopedSettings } from "../../scoped-rules.ts";
import type { ExportedRule } from "../dialect.ts";
import type { KnownNexthops } from "./dead-lines.ts";
import type { LookupTable } from "./lookup-table.ts";
import { lookUpPolicy } from "./policy-table.ts";
import type { Services } from "./services.ts";
import { type SmtpClient, scopeOf } from "./smtp-client.ts";

export function exportRules(client: SmtpClient, services: Services, known: KnownNexthops): readonly ExportedRule[] {
  const answersAll = client.policyTables.some(({ kind }) => kind === "constant");
  const global = exportRule({}, client.global.rule, levelText(client));
  return [...exportTables(client), ...exportServices(client, services, known), ...(answersAll ? [] : [global])];
}

function levelText(client: SmtpClient): string {
  const { isDefault, value } = client.view.setting("smtp_tls_security_level");
  return isDefault ? "" : `smtp_tls_security_level = ${value}`;
}

/** A key counts in the first table that has it. A table that answers every key leaves nothing for those behind it. */
function exportTables(client: SmtpClient): ExportedRule[] {
  const rules: ExportedRule[] = [];
  const seen = new Set<string>();
  const all = client.policyTables.findIndex(({ kind }) => kind === "constant");
  const asked = all < 0 ? client.policyTables : client.policyTables.slice(0, all + 1);
  for (const table of asked) {
    if (table.kind !== "fixed") {
      rules.push(exportOther(client, table));
      continue;
    }
    for (const { key, hit } of table.entries()) {
      const name = key.toLowerCase();
      // Behind `static:` the parents are never reached: the whole key has found something by then.
      if (seen.has(name) || (all >= 0 && name.startsWith("."))) continue;
      seen.add(name);
      rules.push(exportRule({ nexthop: name }, client.ruleOf(hit, scopeOf(table, key)), hit.from.written));
    }
  }
  return rules;
}

function exportOther(client: SmtpClient, table: LookupTable): ExportedRule {
  const { from } = client.view.setting("smtp_tls_policy_maps");
  const answer = table.kind === "constant" ? table.lookup("example.com") : undefined;
  if (answer?.kind === "found") {
    const { hit } = answer;
    return exportRule({}, client.ruleOf(hit, scopeOf(table, "")), hit.from.written);
  }
  const why =
    table.kind === "pattern"
      ? "patterns over next-hops have no counterpart: write a rule for each next-hop that they mean"
      : "this table gives no entries to write down: mail that asks it waits";
  return { kind: "cannot", from, written: table.spec, why };
}

/** Complete: our own rules take from wider ones what a rule does not say itself. */
function exportRule(scope: Readonly<{ nexthop?: string }>, rule: TlsRule, written: string): ExportedRule {
  const { requirements: _, ...settings } = rule;
  const { from, value: level } = rule.level;
  const complete: ScopedSettings = {
    pins: { value: [], from },
    clientCertificate: { value: "none", from },
    ...(level === "may" ? { whenRefused: { value: "clear", from } } : { fallback: { value: { kind: "never" }, from } }),
    ...settings,
  };
  return { kind: "rule", scope, settings: complete, from, written };
}

/** A transport with TLS settings of its own is named by the next-hops that are written with it; they come last and win. */
function exportServices(client: SmtpClient, services: Services, known: KnownNexthops): ExportedRule[] {
  return known.choices.flatMap(({ transport, nexthop }) => {
    const other = services.clients.get(transport);
    if (other === undefined || other === client) return [];
    const answer = lookUpPolicy(other.policyTables, nexthop);
    if (answer.kind === "error") return [];
    const rule =
      answer.kind === "found" ? other.ruleOf(answer.hit, scopeOf(answer.table, answer.key)) : other.global.rule;
    return [exportRule({ nexthop }, rule, `${transport}:${nexthop}`)];
  });
}
