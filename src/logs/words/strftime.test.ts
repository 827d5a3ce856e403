import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { createStrftime } from "./strftime.ts";

const letters = [..."aAbBcCdDeFgGhHIjklmMpPrRsSTuUVwWxXyYz"];
const moments = [
  ["an ordinary day", Date.UTC(2026, 10, 22, 9, 5, 3)],
  ["a year that begins in the last week of the one before", Date.UTC(2027, 0, 2, 0, 30)],
  ["a day of the next year's first week", Date.UTC(2024, 11, 31, 23, 59, 59)],
  ["noon of a leap day", Date.UTC(2028, 1, 29, 12)],
  ["midnight in summer", Date.UTC(2026, 6, 1)],
] as const;

for (const [name, ms] of moments) {
  test(`strftime: as date(1) has it, ${name}`, (t) => {
    const format = letters.map((letter) => `${letter}=%${letter}`).join("|");
    const said = spawnSync("date", ["-d", `@${ms / 1000}`, `+${format}`], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
    });
    if (said.error !== undefined || said.status !== 0) return t.skip("date(1) of the GNU coreutils is not here");
    assert.equal(createStrftime(format)(ms), said.stdout.trimEnd());
  });
}

test("strftime: %% and %Z; what is unknown stays, and no format breaks the line", () => {
  assert.equal(createStrftime("100%% %E %")(0), "100% %E %");
  assert.match(createStrftime("%Z")(0), /^[A-Z]{3}/);
  assert.equal(createStrftime("a%nb%tc\nd")(0), "a b c\\x0ad");
});

test("strftime: each second has its own text", () => {
  const print = createStrftime("%S");
  assert.deepEqual([0, 999, 1000, 2000, 1000].map(print), ["00", "00", "01", "02", "01"]);
});
