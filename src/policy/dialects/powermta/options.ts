/**
 * Every directive of PowerMTA that this dialect knows, in one table: where it may stand, what its value is, and what
 * becomes of it here. The compiler reads it, and docs/dialects/powermta.md is printed from it.
 * PowerMTA reference, sections 2.1, 2.2, 3.1, 4; names outside our subject are in `other-options.ts`.
 */
import { accountingOptions } from "./accounting-options.ts";
import { admissionOptions } from "./admission-options.ts";
import type { PowerMtaOption } from "./option-types.ts";
import { otherOptions } from "./other-options.ts";
import { steeringOptions } from "./steering-options.ts";
import { tlsOptions } from "./tls-options.ts";

export const optionTable: readonly PowerMtaOption[] = [
  ...tlsOptions,
  ...admissionOptions,
  ...steeringOptions,
  ...accountingOptions,
  ...otherOptions,
];

const byScope = new Map<string, Map<string, PowerMtaOption>>();
const scopesByName = new Map<string, string[]>();
for (const option of optionTable) {
  for (const scope of option.scopes) {
    const names = byScope.get(scope) ?? new Map<string, PowerMtaOption>();
    byScope.set(scope, names);
    names.set(option.name, option);
  }
  scopesByName.set(option.name, [...(scopesByName.get(option.name) ?? []), ...option.scopes]);
}

/** @param scope a section's name, or `global` */
export function optionIn(scope: string, name: string): PowerMtaOption | undefined {
  return byScope.get(scope)?.get(name);
}

/** Every scope where a directive of that name may stand; none for a name that PowerMTA does not know. */
export function scopesOf(name: string): readonly string[] {
  return scopesByName.get(name) ?? [];
}

export function namesIn(scope: string): readonly string[] {
  return [...(byScope.get(scope)?.keys() ?? [])];
}

/** An option that every effective setting of a domain is made of; `source.candidates` shows all of them. */
export const domainTlsOptions: readonly PowerMtaOption[] = tlsOptions.filter(({ scopes }) => scopes.includes("domain"));
