/**
 * Every name of Sendmail that TLS hangs on, and what becomes of it here; the compiler and docs/dialects/sendmail.md read
 * the same table.
 */

import type { OptionEntry } from "./option-entry.ts";
import { accessTable } from "./options-access.ts";
import { featuresTable } from "./options-features.ts";
import { settingsTable } from "./options-settings.ts";

export const optionTable: readonly OptionEntry[] = [...settingsTable, ...featuresTable, ...accessTable];
