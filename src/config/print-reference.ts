/**
 * Writes docs/operating/settings.md and schema/letterlock.schema.json from the settings table, and docs/dialects from
 * the tables of the dialects: `node src/config/print-reference.ts`. Tests say when they are out of date.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systems } from "../policy/dialects/registry.ts";
import { dialectPage } from "./dialect-pages.ts";
import { settingsReference, settingsSchema } from "./help.ts";

const root = path.join(import.meta.dirname, "../..");

for (const [file, text] of [
  ["docs/operating/settings.md", settingsReference()],
  ["schema/letterlock.schema.json", `${JSON.stringify(settingsSchema(), null, 2)}\n`],
  ...systems.map((system) => [`docs/dialects/${system}.md`, dialectPage(system)] as const),
] as const) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}
