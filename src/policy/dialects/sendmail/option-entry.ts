/**
 * One row of the table of Sendmail's names.
 */
import type { OptionStatus } from "../dialect.ts";

export type OptionEntry = Readonly<{
  /** As written in sendmail.mc or, where it has none there, as it is called. */
  name: string;
  /** The option in sendmail.cf. */
  option?: string;
  status: OptionStatus;
  values: string;
  default: string;
  /** Where it may stand. */
  scopes: string;
  reason: string;
}>;

/** Where most of them stand. */
const both = "sendmail.mc, sendmail.cf";

export function entry(
  status: OptionEntry["status"],
  name: string,
  option: string | undefined,
  values: string,
  byDefault: string,
  reason: string,
  scopes = both,
): OptionEntry {
  return { name, ...(option === undefined ? {} : { option }), status, values, default: byDefault, scopes, reason };
}
