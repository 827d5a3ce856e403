/**
 * The same configuration, hosts and clients for the real Postfix and for Letterlock: the same lines in the mail log, but
 * for the differences that the documentation explains; and pflogsumm counts from ours what happened.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import { missing } from "./lab/programs.ts";
import { compareLogs, normalise } from "./postfix-log/compare.ts";
import { differences } from "./postfix-log/differences.ts";
import type { Happened } from "./postfix-log/letterlock-side.ts";
import { type Run, runBoth } from "./postfix-log/run.ts";
import { sessions } from "./postfix-log/situations.ts";

const skip = missing("pflogsumm");
const page = path.join(import.meta.dirname, "../../docs/operating/logs-postfix.md");

describe("the mail log in Postfix's words", { skip, timeout: 120_000 }, () => {
  let run: Run;

  before(async () => {
    run = await runBoth();
  });

  test("every line of every session is Postfix's own, but for the differences that are explained", (context) => {
    const used = new Set<string>();
    const { postfix, letterlock } = run;
    const unexplained = compareLogs(postfix.sessions, letterlock.sessions, differences, used);
    const lines = sessions.flatMap(({ id }) => normalise(postfix.sessions[id] ?? []));
    context.diagnostic(`${lines.length} lines in ${sessions.length} sessions`);
    assert.deepEqual(unexplained, []);
    assert.deepEqual([...new Set(differences.map(({ id }) => id))], [...used].sort(byPlace), "not met by any session");
  });

  test("each difference stands in the documentation, word for word, and no other does", () => {
    const rows = [...readFileSync(page, "utf8").matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)].map(([, id, why]) => [
      id,
      why,
    ]);
    assert.deepEqual(rows, [...new Map(differences.map(({ id, why }) => [id, why]))]);
  });

  test("pflogsumm counts from our lines what happened", () => {
    const { lines, happened } = run.letterlock;
    assert.deepEqual(summarise(lines), totalsOf(happened));
  });
});

function byPlace(one: string, other: string): number {
  const place = (id: string): number => differences.findIndex((difference) => difference.id === id);
  return place(one) - place(other);
}

type Totals = Readonly<Record<string, number>>;

/** What pflogsumm says under "Grand Totals". */
function summarise(lines: readonly string[]): Totals {
  const log = lines.map((line) => `Nov 22 10:00:00 relay ${line}\n`).join("");
  const { stdout, stderr, status } = spawnSync("/usr/sbin/pflogsumm", ["--smtpd_stats"], {
    input: log,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const [totals = ""] = stdout.split("Per-Day Traffic Summary");
  return Object.fromEntries(
    [
      ...totals.matchAll(
        /^ +(\d+) +(received|delivered|deferred|bounced|rejected|senders|sending hosts\/domains|recipients|recipient hosts\/domains|connections)\b/gm,
      ),
    ].map(([, count, name = ""]) => [name, Number(count)]),
  );
}

function totalsOf({ attempts, inbound }: Happened): Totals {
  const taken = inbound.filter(({ event }) => event === "accepted");
  const delivered = attempts.filter(({ event }) => event === "delivered");
  const different = (texts: readonly string[]): number => new Set(texts).size;
  const domain = (address: string): string => address.replace(/^.*@/, "");
  return {
    received: taken.length,
    delivered: delivered.length,
    deferred: attempts.filter(({ event }) => event === "deferred").length,
    bounced: attempts.filter(({ event }) => event === "failed").length,
    rejected: inbound.filter(({ event, stage }) => event === "refused" && stage !== "auth").length,
    senders: different(taken.map(({ from }) => from ?? "")),
    // pflogsumm takes the client for the domain of a message without a sender.
    "sending hosts/domains": different(taken.map(({ from, client }) => (from ? domain(from) : client))),
    recipients: different(delivered.map(({ to }) => to)),
    "recipient hosts/domains": different(delivered.map(({ to }) => domain(to))),
    connections: sessions.length,
  };
}
