/**
 * The same main.cf, master.cf, certificates and clients for the real smtpd of Postfix and for `letterlock start`: the same
 * code at the same command, the same enhanced status where TLS or a log-in is concerned, the same certificate shown, but
 * for the differences that the documentation explains (reference sections 2.4 and 2.5).
 *
 * `LETTERLOCK_DIFFERENTIAL_SEED` draws other dialogues (a number, or `random`), `LETTERLOCK_DIFFERENTIAL_CASES` more.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { missing } from "./lab/programs.ts";
import { type Compared, compareAll, describeCase } from "./postfix-inbound-differential/compare.ts";
import { differences, explanationOf } from "./postfix-inbound-differential/differences.ts";
import { inboundSections } from "./postfix-inbound-differential/page.ts";
import { runInboundDifferential } from "./postfix-inbound-differential/run.ts";
import { variants } from "./postfix-inbound-differential/variants.ts";

const skip = missing();
const usual = { seed: 503, dialogues: 468 };
const { LETTERLOCK_DIFFERENTIAL_SEED: seedText, LETTERLOCK_DIFFERENTIAL_CASES: casesText } = process.env;
const seed = seedText === "random" ? Date.now() % 1_000_000_000 : Number(seedText ?? usual.seed);
const dialogues = Number(casesText ?? usual.dialogues);

describe("clients of Letterlock and of Postfix under the same configuration", () => {
  test(`${dialogues} dialogues of seed ${seed} in ${variants.length} configurations: postfix INB-1 to INB-26`, {
    skip,
    timeout: 240_000,
  }, async (context) => {
    const all = compareAll(await runInboundDifferential(seed, dialogues));
    const used = new Map<string, number>();
    const unexplained: Compared[] = [];
    for (const compared of all.filter(({ at }) => at !== undefined)) {
      const explanation = explanationOf(compared);
      if (explanation === undefined) unexplained.push(compared);
      else used.set(explanation.id, (used.get(explanation.id) ?? 0) + 1);
    }
    const commands = all.reduce((sum, { postfix }) => sum + postfix.length, 0);
    context.diagnostic(`${all.length} dialogues, ${commands} answers of Postfix`);
    for (const [id, count] of used) context.diagnostic(`${id}: ${count}`);
    assert.equal(all.length, dialogues);
    assert.equal(unexplained.length, 0, unexplained.slice(0, 20).map(describeCase).join("\n"));
    if (seedText !== undefined || casesText !== undefined) return;
    const unused = differences.filter(({ id }) => !used.has(id)).map(({ id }) => id);
    assert.deepEqual(unused, [], "no dialogue shows these differences");
  });

  test("each explained difference stands in the documentation, word for word, and no other does", () => {
    assert.deepEqual(
      inboundSections(),
      differences.map(({ id, text }) => `${id} ${text}`.replace(/\s+/g, " ")),
    );
  });
});
