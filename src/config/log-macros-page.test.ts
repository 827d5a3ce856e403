import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { logMacrosPage } from "./log-macros-page.ts";

test("docs/operating/log-macros.md is the table of macros", () => {
  const file = path.join(import.meta.dirname, "../../docs/operating/log-macros.md");
  assert.ok(readFileSync(file, "utf8") === logMacrosPage(), "npm run print-reference");
});
