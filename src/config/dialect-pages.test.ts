import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { systems } from "../policy/dialects/registry.ts";
import { dialectPage } from "./dialect-pages.ts";

for (const system of systems) {
  test(`docs/dialects/${system}.md is the table of the dialect`, () => {
    const file = path.join(import.meta.dirname, "../../docs/dialects", `${system}.md`);
    assert.ok(readFileSync(file, "utf8") === dialectPage(system), "npm run print-reference");
  });
}
