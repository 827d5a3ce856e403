/**
 * The same files, hosts and clients for the real Sendmail and for Letterlock: the same lines in the mail log, but for the
 * differences that the documentation explains; and readers of such logs count from ours what happened.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import { missing, rootOf } from "./lab/programs.ts";
import { compareLogs, type Difference } from "./sendmail-log/compare.ts";
import { differences } from "./sendmail-log/differences.ts";
import { type Played, playBoth } from "./sendmail-log/play.ts";

const page = path.join(import.meta.dirname, "../../docs/operating/logs-sendmail.md");
const logwatch = "/usr/share/logwatch/scripts/services/sendmail";
const sma = "/usr/bin/sma";

const skip = missing() || lacking();

/** Readers of Sendmail's log live in its root folder. */
function lacking(): string | false {
  const gone = [logwatch, sma].filter((file) => !existsSync(path.join(rootOf("sendmail"), file)));
  return gone.length > 0 && `needs ${gone.join(", ")} (.ci/install-peers)`;
}

describe("the mail log in Sendmail's words", { skip, timeout: 120_000 }, () => {
  let played: Played;

  before(async () => {
    played = await playBoth();
  });

  test("every line of every story is Sendmail's own, but for the differences that are explained", (context) => {
    const used = new Set<Difference>();
    const { sendmail, letterlock } = played;
    const unexplained = compareLogs(sendmail, letterlock, differences, used);
    const lines = [...sendmail.values()].flatMap(({ session, delivery }) => [...session, ...delivery]);
    context.diagnostic(`${lines.length} lines of Sendmail's in ${sendmail.size} stories`);
    assert.ok(lines.length > 250);
    assert.deepEqual(unexplained, []);
    assert.deepEqual(
      differences.filter((each) => !used.has(each)),
      [],
      "explained, but not met any more",
    );
  });

  test("each difference stands in the documentation, word for word, and no other does", () => {
    const rows = [...readFileSync(page, "utf8").matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)].map(([, id, why]) => [
      id,
      why,
    ]);
    assert.deepEqual(rows, [...new Map(differences.map(({ id, why }) => [id, why]))]);
  });

  test("logwatch counts from our lines what happened, and knows every line", () => {
    const report = run(["env", "PERL5LIB=/usr/share/logwatch/lib", "perl", logwatch], ourLines());
    const { taken, recipients, delivered, deferred, handshakes } = happened();
    assert.equal(countIn(report, /^Messages To Recipients: +(\d+)/m), taken);
    assert.equal(countIn(report, /^Addressed Recipients: +(\d+)/m), recipients);
    assert.equal(countIn(report, /^esmtp +(\d+)$/m), delivered);
    assert.equal(countIn(report, /^Mail Deferred:[\s\S]*?Total: +(\d+)/m), deferred);
    const ciphers = report.match(/^ +Cipher: .* (\d+) Times?$/gm) ?? [];
    assert.equal(
      ciphers.reduce((sum, line) => sum + countIn(line, /(\d+) Times?$/), 0),
      handshakes,
    );
    const [, unmatched = ""] = report.split("**Unmatched Entries**");
    // Of Sendmail since 8.17, too: it says status= there, and logwatch looks for reject=.
    assert.deepEqual(
      unmatched.split("\n").filter((line) => line !== "" && !line.includes("ruleset=try_tls")),
      [],
    );
  });

  test("sma counts from our lines what happened", () => {
    const lines = ourLines().map((line) => `Nov 22 10:00:00 mx sm-mta[123]: ${line}`);
    const report = run([sma, "-a"], lines);
    const { taken, delivered, deferred } = happened();
    assert.equal(countIn(report, /^ +Total +(\d+) +Total/m), taken);
    assert.equal(countIn(report, / Sent +(\d+)$/m), delivered);
    assert.equal(countIn(report, / Deferred +(\d+)$/m), deferred);
  });

  function ourLines(): readonly string[] {
    return played.ours.lines.filter(({ client }) => client !== null).map(({ line }) => line);
  }

  /** `deferred`: those that have a reason; the readers count no others. */
  function happened() {
    const { inbound, attempts, lines } = played.ours;
    const messages = inbound.filter(({ event }) => event === "accepted");
    const own = attempts.filter(({ origin }) => origin.client !== null);
    const waiting = own.filter(({ event }) => event === "deferred");
    const silent = waiting.filter(
      ({ failure, error, reply }) =>
        reply === null &&
        ((failure?.kind === "broken" && failure.stage === "final-dot") ||
          (failure?.tls === "lost" && !/^4\d\d /.test(error ?? ""))),
    );
    return {
      taken: messages.length,
      recipients: messages.reduce((sum, { to }) => sum + to.length, 0),
      delivered: own.filter(({ event }) => event === "delivered").length,
      deferred: waiting.length - silent.length,
      handshakes: lines.filter(({ line }) => line.includes(", verify=")).length,
    };
  }
});

function run(argv: readonly string[], lines: readonly string[]): string {
  const input = lines.map((line) => `${line}\n`).join("");
  const env = { ...process.env, LOGWATCH_DETAIL_LEVEL: "10", LC_ALL: "C" };
  const { stdout, stderr, status } = spawnSync("/usr/sbin/chroot", [rootOf("sendmail"), ...argv], {
    input,
    env,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

function countIn(report: string, pattern: RegExp): number {
  const [, count] = pattern.exec(report) ?? [];
  assert.ok(count, `${pattern} in\n${report}`);
  return Number(count);
}
