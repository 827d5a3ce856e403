/**
 * Every value that the library exports has an example, and every example runs. `pack.test.ts` runs the same examples
 * against the packed and installed package.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as library from "../../src/index.ts";
import { exportedValues, libraryFile, readExamples } from "./examples.ts";

const examples = readExamples();
const folder = mkdtempSync(path.join(tmpdir(), "letterlock-examples-"));
after(() => rmSync(folder, { recursive: true }));

test("each exported value stands under an example that names it", () => {
  assert.deepEqual(exportedValues().toSorted(), Object.keys(library).toSorted());
  assert.deepEqual(examples.flatMap(({ exports }) => exports).toSorted(), Object.keys(library).toSorted());
  for (const { exports, code } of examples) {
    const unnamed = exports.filter((name) => !new RegExp(`\\b${name}\\b`).test(code));
    assert.deepEqual(unnamed, [], `the example of ${exports.join(", ")}`);
  }
});

for (const { exports, line, code } of examples) {
  test(`example of ${exports.join(", ")} (src/index.ts:${line})`, async () => {
    const file = path.join(folder, `${exports[0]}.ts`);
    assert.match(code, /from "letterlock";/);
    assert.match(code, /assert/);
    writeFileSync(file, code.replace('from "letterlock"', `from ${JSON.stringify(pathToFileURL(libraryFile).href)}`));
    await import(pathToFileURL(file).href);
  });
}
