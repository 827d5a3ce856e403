/**
 * Writes docs/operating/settings.md and schema/letterlock.schema.json from the settings table:
 * `node src/config/print-reference.ts`. A test says when they are out of date.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { settingsReference, settingsSchema } from "./help.ts";

const root = path.join(import.meta.dirname, "../..");

for (const [file, text] of [
  ["docs/operating/settings.md", settingsReference()],
  ["schema/letterlock.schema.json", `${JSON.stringify(settingsSchema(), null, 2)}\n`],
] as const) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}
