/**
 * Loaded before each test file: property tests draw the same samples every time, so that a run that passed passes again.
 * `LETTERLOCK_FUZZ_SEED=random` explores, a number repeats (fast-check prints the seed of a failure).
 */
import fc from "fast-check";

const wanted = process.env.LETTERLOCK_FUZZ_SEED ?? "20261122";
if (wanted !== "random") fc.configureGlobal({ seed: Number(wanted) });
