/**
 * Every option of Momentum that has to do with TLS, that TLS hangs on, or that asks for a log.
 */
import { type LoggerOption, loggerOptions } from "./logger-options.ts";
import type { OptionEntry } from "./option-types.ts";
import { admissionOptions } from "./options-admission.ts";
import { surroundingOptions } from "./options-around.ts";
import { inboundOptions } from "./options-inbound.ts";
import { outboundOptions } from "./options-outbound.ts";

const scopeOptions: readonly OptionEntry[] = [
  ...outboundOptions,
  ...inboundOptions,
  ...admissionOptions,
  ...surroundingOptions,
];

export const optionTable: readonly (OptionEntry | LoggerOption)[] = [...scopeOptions, ...loggerOptions];

/** Those of scopes; options of modules stand in their stanzas alone. */
export const optionsByName: ReadonlyMap<string, OptionEntry> = new Map(
  scopeOptions.map((entry) => [entry.name, entry]),
);
