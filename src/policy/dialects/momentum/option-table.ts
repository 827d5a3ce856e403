/**
 * Every option of Momentum that has to do with TLS, or that TLS hangs on.
 */
import type { OptionEntry } from "./option-types.ts";
import { admissionOptions } from "./options-admission.ts";
import { surroundingOptions } from "./options-around.ts";
import { inboundOptions } from "./options-inbound.ts";
import { outboundOptions } from "./options-outbound.ts";

export const optionTable: readonly OptionEntry[] = [
  ...outboundOptions,
  ...inboundOptions,
  ...admissionOptions,
  ...surroundingOptions,
];

export const optionsByName: ReadonlyMap<string, OptionEntry> = new Map(optionTable.map((entry) => [entry.name, entry]));
