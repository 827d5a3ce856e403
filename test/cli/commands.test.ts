/**
 * Every other command: good and bad input, exit codes, what `--json` prints.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import { sendOver, until } from "../relay/relay-lab.ts";
import { TestClient } from "../smtp-client.ts";
import { configuration, folderFor, RunningRelay, run } from "./command.ts";

const nowhere = ["--data", "/nonexistent/letterlock"];

const usageRows: readonly [argv: readonly string[], code: number, text: RegExp][] = [
  [["--version"], 0, /^\d+\.\d+\.\d+/],
  [["--help"], 0, /^Usage: letterlock/],
  [["start", "--help"], 0, /listeners/],
  [[], 2, /Usage: letterlock/],
  [["frobnicate"], 2, /unknown command 'frobnicate'/],
  [["start", "--beside"], 2, /--beside which server\? Add --postfix DIR/],
  [["start", "--frobnicate"], 2, /unknown option '--frobnicate'/],
  [["explain"], 2, /name a recipient, for mail on its way out, or --client/],
  [["explain", "a@b.test", "--from", "a@c.test"], 2, /--from goes with --client and no recipient/],
  [["explain", "--client", "192.0.2.7", "--mx", "mx.b.test"], 2, /--mx needs a recipient/],
  [["queue"], 2, /Usage: letterlock queue/],
  [["queue", "hold", ...nowhere], 2, /say --all if that is meant/],
  [["queue", "hold", "--state", "odd", ...nowhere], 2, /--state odd: one of ready, trying, held/],
  [["queue", "list", "--older-than", "soon", ...nowhere], 2, /--older-than soon: a number with s, m, h, d or w/],
  [["queue", "list", "--domain", "a b", ...nowhere], 2, /--domain a b: not a domain name/],
  [["queue", "list", "--limit", "0", ...nowhere], 2, /--limit takes a number from 1/],
  [["queue", "list", ...nowhere], 1, /no relay is running with the data folder \/nonexistent\/letterlock/],
  [["reload", ...nowhere], 1, /no relay is running/],
  [["reload", "--config", "/nonexistent.yaml"], 2, /\/nonexistent\.yaml:1:1: error: cannot read the configuration/],
  [["worker", "{}"], 2, /unknown command 'worker'/],
  [["explain", "a@b@c d"], 2, /neither a mailbox nor a domain/],
  [["explain", "a@b.test", "--mx", "a b"], 2, /--mx a b: not a host name/],
  [["explain", "a@b.test", "--sender", "nobody at all"], 2, /--sender nobody at all: not a mailbox/],
  [["explain", "a@b.test", "--client", "me"], 2, /--client me: not an IP address/],
  [["explain", "a@b.test", "--binding", "none"], 2, /--binding none: no such binding; there are: default/],
  [["explain", "a@[192.0.2.1]"], 1, /is returned: 5\.1\.2/],
];

describe("letterlock", { concurrency: 3 }, () => {
  for (const [argv, code, text] of usageRows) {
    test(`letterlock ${argv.join(" ")}: ${code}`, async () => {
      const ran = await run(argv);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(code === 0 ? ran.stdout : ran.stderr, text);
      if (code !== 0) assert.equal(ran.stdout, "");
    });
  }

  test("check: 0, 1 with warnings under --strict, 2 with errors, each with its place", async (t) => {
    const file = path.join(folderFor(t), "letterlock.yaml");
    const check = async (yaml: string, ...options: string[]): Promise<readonly [number, string]> => {
      writeFileSync(file, configuration(yaml));
      const { code, stdout } = await run(["check", "--config", file, ...options]);
      return [code, stdout.replaceAll(file, "F")];
    };
    const listener = "listener in 127.0.0.1:0: no TLS (F:3)\n";
    assert.deepEqual(await check(""), [0, `${listener}F: 0 errors, 0 warnings\n`]);
    const warning = "binding-header: Received";
    assert.match((await check(warning))[1], /^F:6:\d+: warning: .*\nlistener .*\nF: 0 errors, 1 warning\n$/);
    assert.deepEqual([(await check(warning))[0], (await check(warning, "--strict"))[0]], [0, 1]);
    const [code, text] = await check("relay-networks: [x]\nretry: {lifetime: 5}");
    assert.deepEqual([code, text.match(/: error: /g)?.length], [2, 2]);
    const problems = JSON.parse((await check("relay-networks: [x]", "--json"))[1]) as readonly { severity: string }[];
    assert.deepEqual(
      problems.map(({ severity }) => severity),
      ["error"],
    );
  });

  test("explain: before the first start, in words and as JSON", async (t) => {
    const folder = folderFor(t);
    const file = path.join(folder, "letterlock.yaml");
    writeFileSync(
      file,
      configuration('listeners: [{address: "127.0.0.1:0"}]\ntls: {domains: {b.test: {level: secure}}}'),
    );
    const words = await run(["explain", "a@b.test", "--config", file]);
    assert.equal(words.code, 0, words.stderr);
    assert.match(words.stdout, /^level +secure$/m);
    const { stdout } = await run(["explain", "b.test", "--json", "--config", file]);
    const { recipient, nexthop, decision, rule, reasons, candidates } = JSON.parse(stdout);
    assert.deepEqual([recipient, nexthop, decision.level, rule.line], ["postmaster@b.test", "b.test", "secure", 7]);
    assert.ok(Array.isArray(reasons) && candidates.length > 0);
  });

  test("demo --once --json: one record per partner, each with its requirement and achievement", async () => {
    const { code, stdout, stderr } = await run(["demo", "--once", "--json"]);
    assert.equal(code, 0, stderr);
    const found = (JSON.parse(stdout) as readonly { to: string; event: string; tls: { required: string } }[]).map(
      ({ to, event, tls }) => `${to.slice(8, -8)} ${tls.required} ${event}`,
    );
    assert.ok(found.length >= 8, stdout);
    for (const line of ["good verify delivered", "wrongname verify deferred", "cleartext encrypt deferred"])
      assert.ok(found.includes(line), `${line} in ${found.join(", ")}`);
  });

  test("demo --once: who hands mail in as its rule asks is taken, and who does not is refused, by line", async () => {
    const { code, stdout, stderr } = await run(["demo", "--once"]);
    assert.equal(code, 0, stderr);
    for (const line of [
      /^ +25 +- \{ sender-domains: bank\.example/m,
      /^anna@bank\.example +in clear text +encrypted +none +- +refused +25 +451 4\.7\.10 TLS is required/m,
      /^anna@bank\.example +in TLS +encrypted +encrypted +TLSv1\.3 +accepted +25 +250 2\.0\.0 Ok/m,
      /^ben@clinic\.example +in TLS +matching +encrypted +TLSv1\.3 +refused +26 +451 4\.7\.1 /m,
      /^ben@clinic\.example +in TLS, with a certificate +matching +matched +TLSv1\.3 +accepted +26 /m,
      /^carla@legacy\.example +in clear text +encrypted \(monitor\) +none +- +accepted +27 /m,
    ])
      assert.match(stdout, line);
  });

  test("queue: list, show, count, hold, release, retry, remove, bounce and flush over two workers", async (t) => {
    await using host = await startPartnerHost({ tls: { mode: "none" }, answers: { RCPT: "451 4.7.1 later" } });
    await using relay = await RunningRelay.start(
      folderFor(t),
      `workers: 2\ntransports: {"*": "[127.0.0.1]:${host.port}"}`,
    );
    const queue = async (command: string, ...argv: string[]): Promise<readonly [number, string]> => {
      const { code, stdout, stderr } = await run(["queue", command, ...argv, ...relay.here]);
      return [code, stdout + stderr];
    };
    const count = async (): Promise<unknown> => JSON.parse((await queue("count", "--json"))[1]);
    const is = (ready: number, held: number) => ({ messages: ready + held, ready, trying: 0, held });
    const counted = async (): Promise<object> => {
      const { bodyBytes: _, ...states } = (await count()) as Record<string, number>;
      return states;
    };
    assert.deepEqual(await queue("list"), [0, "The queue has nothing that matches.\n"]);
    // The kernel spreads connections over the workers.
    for (let number = 0; number < 8; number += 1) {
      using client = new TestClient(relay.port);
      await client.reply();
      await client.say("EHLO client.test");
      const from = number === 0 ? "first@one.test" : "me@sender.test";
      assert.match(await sendOver(client, { from, to: [`u${number}@d${number % 2}.test`] }), /^250/);
    }
    await until(async () => ((await counted()) as { ready: number }).ready === 8);

    const report = await run(["report", "tls", "--csv", ...relay.here]);
    assert.deepEqual(
      report.stdout.split("\n").map((line) => line.split(",", 7).join(",")),
      [
        "kind,domain,attempts,encrypted,trusted,verified,clear",
        "row,d0.test,4,0,0,0,4",
        "row,d1.test,4,0,0,0,4",
      ].concat(["total,,8,0,0,0,8", ""]),
      report.stderr,
    );

    const lines = (await queue("list", "--json"))[1].trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(entries.length, 8);
    assert.deepEqual(Object.keys(entries[0] ?? {}).toSorted(), [
      "arrivedAt",
      "attempts",
      "binding",
      "expiresAt",
      "from",
      "lastError",
      "messageId",
      "nextTryAt",
      "number",
      "sizeBytes",
      "state",
      "to",
    ]);
    assert.equal((await queue("list", "--limit", "3", "--json"))[1].trim().split("\n").length, 3);
    assert.match((await queue("list", "--domain", "d0.test"))[1], /^ID +STATE +AGE/);

    const id = String(entries[0]?.messageId);
    const shown = await queue("show", id);
    assert.match(shown[1], /^\S+ deferred u\d@d\d\.test .* 4\.7\.1 .*451 4\.7\.1 later/m);
    const { attempts, header } = JSON.parse((await queue("show", id, "--json"))[1]);
    assert.deepEqual([attempts.length, header.includes("Subject: hello")], [1, true]);
    assert.deepEqual(await queue("show", "NOSUCH"), [1, "letterlock: no message NOSUCH in the queue or its history\n"]);

    assert.deepEqual(await queue("hold", "--domain", "d0.test", "--json"), [0, '{"hold":4}\n']);
    assert.deepEqual(await queue("hold", "--domain", "d0.test"), [1, "0 recipients held\n"]);
    assert.deepEqual(await counted(), is(4, 4));
    assert.deepEqual(await queue("release", "--sender", "first@one.test"), [0, "1 recipient released\n"]);
    assert.deepEqual(await queue("remove", "--state", "held"), [0, "3 recipients removed\n"]);
    assert.deepEqual(await queue("retry", "--error", "451 4.7.1", "--older-than", "0s"), [0, "5 recipients due now\n"]);
    await until(async () => ((await counted()) as { ready: number }).ready === 5);
    assert.deepEqual(await queue("bounce", "--sender", "one.test"), [0, "1 recipient bounced\n"]);
    await until(async () => ((await counted()) as { ready: number }).ready === 5);
    assert.match((await queue("list", "--sender", "<>"))[1], /first@one\.test/);
    assert.deepEqual(await queue("flush", "--json"), [0, '{"retry":5}\n']);
    assert.deepEqual((await queue("remove", "--all"))[0], 0);
  });
});
