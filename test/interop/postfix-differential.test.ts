/**
 * The same main.cf, policy tables, transport table and destinations for the real Postfix and for Letterlock: the same
 * outcome, host, channel, proof and enhanced status code, but for the differences that the documentation explains.
 *
 * `LETTERLOCK_DIFFERENTIAL_SEED` draws other situations (a number, or `random`), `LETTERLOCK_DIFFERENTIAL_CASES` more.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Compared, compareAll, describeCase } from "./differential/compare.ts";
import { differences, explanationOf } from "./differential/differences.ts";
import { runDifferential } from "./differential/lab.ts";
import { missing } from "./lab/programs.ts";
import { outboundSections } from "./postfix-inbound-differential/page.ts";

const skip = missing();
const usual = { seed: 200, cases: 3000 };
const { LETTERLOCK_DIFFERENTIAL_SEED: seedText, LETTERLOCK_DIFFERENTIAL_CASES: casesText } = process.env;
const seed = seedText === "random" ? Date.now() % 1_000_000_000 : Number(seedText ?? usual.seed);
const cases = Number(casesText ?? usual.cases);

describe("Letterlock and Postfix under the same configuration", () => {
  test(`${cases} situations of seed ${seed}`, { skip, timeout: 240_000 }, async (context) => {
    const { variants, observations } = await runDifferential(seed, cases);
    const all = compareAll(variants, observations);
    const differing = all.filter(({ fields }) => fields.length > 0);
    const used = new Map<string, number>();
    const unexplained: Compared[] = [];
    for (const compared of differing) {
      const explanation = explanationOf(compared);
      if (explanation === undefined) unexplained.push(compared);
      else used.set(explanation.id, (used.get(explanation.id) ?? 0) + 1);
    }
    context.diagnostic(`${all.length} situations in ${variants.length} configurations, ${differing.length} differ`);
    for (const [id, count] of used) context.diagnostic(`${id}: ${count}`);
    assert.ok(all.length >= cases);
    assert.equal(unexplained.length, 0, unexplained.slice(0, 20).map(describeCase).join("\n"));
    if (seedText !== undefined || casesText !== undefined) return;
    const unused = differences.filter(({ id }) => !used.has(id)).map(({ id }) => id);
    assert.deepEqual(unused, [], "no situation shows these differences");
  });

  test("each explained difference stands in the documentation, word for word, and no other does", () => {
    assert.deepEqual(
      outboundSections(),
      differences.map(({ id, text }) => `${id} ${text}`.replace(/\s+/g, " ")),
    );
  });
});
