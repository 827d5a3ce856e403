/**
 * Writes docs/operating/settings.md and schema/letterlock.schema.json from the settings table, docs/dialects and
 * docs/operating/log-macros.md from the tables of the dialects: `node src/config/print-reference.ts`. Tests say when they
 * are out of date.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systems } from "../policy/dialects/registry.ts";
import { dialectPage } from "./dialect-pages.ts";
import { settingsReference, settingsSchema } from "./help.ts";
import { logMacrosPage } from "./log-macros-page.ts";

const root = path.join(import.meta.dirname, "../..");

for (const [file, text] of [
  ["docs/operating/settings.md", settingsReference()],
  ["docs/operating/log-macros.md", logMacrosPage()],
  ["schema/letterlock.schema.json", `${JSON.stringify(settingsSchema(), null, 2)}\n`],
  ...systems.map((system) => [`docs/dialects/${system}.md`, dialectPage(system)] as const),
] as const) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}
