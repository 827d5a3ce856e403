/**
 * `letterlock start` as a process tree: what makes it refuse to start, what it survives, how it ends.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { describe, test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import { sendOver, until } from "../relay/relay-lab.ts";
import { TestClient } from "../smtp-client.ts";
import { configuration, folderFor, RunningRelay, run } from "./command.ts";

const plain = { tls: { mode: "none" } } as const;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended and was not waited for yet is a zombie.
    return process.platform !== "linux" || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function send(port: number, to: string): Promise<string> {
  using client = new TestClient(port);
  await client.reply();
  await client.say("EHLO client.test");
  return await sendOver(client, { to: [to] });
}

describe("letterlock start", { concurrency: 4 }, () => {
  test("start: a second relay with the same data folder is told who holds it, and harms nothing", async (t) => {
    await using relay = await RunningRelay.start(folderFor(t), "workers: 2");
    assert.equal(statSync(path.join(relay.folder, "data/control.sock")).mode & 0o777, 0o600, "its owner's alone");
    const pidFile = path.join(relay.folder, "data/letterlock.pid");
    const second = await run(["start", ...relay.here]);
    assert.equal(second.code, 3);
    assert.match(second.stderr, /queue-0\.sqlite is in use by process \d+ .*: stop that one first/);
    assert.equal(readFileSync(pidFile, "utf8"), `${relay.pid}\n`);
    assert.equal((await run(["queue", "count", ...relay.here])).code, 0);
    relay.signal("SIGTERM");
    assert.equal(await relay.ended, 0);
    assert.deepEqual([existsSync(pidFile), existsSync(path.join(relay.folder, "data/control.sock"))], [false, false]);
  });

  test("start: a port in use, by another program or by another relay of ours: says so, ends with 3", async (t) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const folder = folderFor(t);
    const file = path.join(folder, "letterlock.yaml");
    const start = async (taken: number): Promise<void> => {
      writeFileSync(
        file,
        configuration(`listeners: [{name: mine, address: "127.0.0.1:${taken}", tls: none}]\nworkers: 2`),
      );
      const { code, stderr } = await run(["start", "--config", file, "--data", path.join(folder, "data")]);
      assert.equal(code, 3);
      assert.match(
        stderr,
        new RegExp(`listener mine cannot have 127\\.0\\.0\\.1:${taken}: another program listens there`),
      );
    };
    await start(port);
    server.close();
    await once(server, "close");
    await using relay = await RunningRelay.start(folderFor(t));
    await start(relay.port);
  });

  const refusedRows: readonly [name: string, yaml: string, code: number, stderr: RegExp][] = [
    ["an unknown key", "listenerz: []", 2, /letterlock\.yaml:\d+:1: error: .*listenerz/],
    [
      "an address that is not ours",
      'listeners: [{name: far, address: "192.0.2.1:0", tls: none}]',
      3,
      /listener far cannot have 192\.0\.2\.1:0: the address is not one of this machine's/,
    ],
    ["a metrics port that is taken", "metrics: 127.0.0.1:{taken}", 3, /EADDRINUSE.*{taken}/],
  ];
  for (const [name, yaml, code, stderr] of refusedRows) {
    test(`start: ${name}: says so, ends with ${code}, leaves nothing running`, async (t) => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const taken = String((server.address() as { port: number }).port);
      const folder = folderFor(t);
      const file = path.join(folder, "letterlock.yaml");
      writeFileSync(file, configuration(yaml.replace("{taken}", taken)));
      const ran = await run(["start", "--config", file, "--data", path.join(folder, "data")]);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, new RegExp(stderr.source.replace("{taken}", taken)));
      assert.equal(existsSync(path.join(folder, "data/letterlock.pid")), false);
    });
  }

  test("start --powermta FILE opens what the file names; an address that is not ours is told with its line", async (t) => {
    const folder = folderFor(t);
    const config = path.join(folder, "pmta");
    writeFileSync(config, "postmaster pm@relay.test\nhost-name relay.test\nsmtp-listener 192.0.2.1:2525\n");
    const ran = await run(["start", "--powermta", config, "--data", path.join(folder, "data")]);
    assert.equal(ran.code, 3, ran.stderr);
    assert.match(ran.stderr, new RegExp(`of ${config}:3 cannot have 192\\.0\\.2\\.1:2525: the address is not one`));
  });

  test("start: a data folder that cannot be made: says so, ends with 3", async (t) => {
    const folder = folderFor(t);
    const file = path.join(folder, "letterlock.yaml");
    writeFileSync(file, configuration());
    const ran = await run(["start", "--config", file, "--data", path.join(file, "data")]);
    assert.deepEqual([ran.code, /ENOTDIR/.test(ran.stderr)], [3, true], ran.stderr);
  });

  test("start: SIGTERM before it is up ends it with 0 and leaves nothing", async (t) => {
    const folder = folderFor(t);
    const file = path.join(folder, "letterlock.yaml");
    writeFileSync(file, configuration("workers: 2"));
    await using relay = RunningRelay.begin(folder, file);
    await relay.says(/"event":"worker-started"/);
    relay.signal("SIGTERM");
    assert.equal(await relay.ended, 0);
    assert.equal(existsSync(path.join(folder, "data/letterlock.pid")), false);
  });

  test("a killed worker is started again and takes its shard up; the supervisor's death ends its workers", async (t) => {
    await using host = await startPartnerHost({ ...plain, answers: { RCPT: "451 4.7.1 later" } });
    const relay = await RunningRelay.start(folderFor(t), `workers: 1\ntransports: {"*": "[127.0.0.1]:${host.port}"}`);
    const { port } = relay;
    assert.match(await send(port, "a@example.test"), /^250/);
    const [worker = 0] = await relay.workers();
    process.kill(worker, "SIGKILL");
    await relay.says(/"event":"worker-started"/, 2);
    assert.match(await send(port, "b@example.test"), /^250/);
    const { stdout } = await run(["queue", "count", "--json", ...relay.here]);
    assert.equal((JSON.parse(stdout) as { messages: number }).messages, 2);
    const [again = 0] = await relay.workers();
    assert.notEqual(again, worker);
    relay.signal("SIGKILL");
    assert.equal(await relay.ended, "SIGKILL");
    await until(() => !isAlive(again));
  });

  test("a worker is started again although the configuration has been broken meanwhile", async (t) => {
    await using relay = await RunningRelay.start(folderFor(t));
    writeFileSync(relay.file, "nonsense: [");
    const [worker = 0] = await relay.workers();
    process.kill(worker, "SIGKILL");
    await relay.says(/"event":"worker-started"/, 2);
    using client = new TestClient(relay.port);
    assert.match(await client.reply(), /^220 relay\.test/);
  });

  test("reload and SIGHUP: errors are told and the old configuration stays; a good one is swapped in", async (t) => {
    await using relay = await RunningRelay.start(folderFor(t), "workers: 2");
    const old = readFileSync(relay.file, "utf8");
    writeFileSync(relay.file, `${old}\nrelay-networks: [nowhere]\n`);
    const refused = await run(["reload", ...relay.here]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /letterlock\.yaml:\d+:\d+: error: .*nowhere/);
    assert.match(refused.stdout, /the old one stays in force/);
    assert.match(await send(relay.port, "a@example.test"), /^250/);
    relay.signal("SIGHUP");
    await relay.says(/"event":"configuration-rejected"/, 2);
    writeFileSync(relay.file, `${old}\nrelay-networks: []\n`);
    const applied = await run(["reload", "--json", ...relay.here]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.deepEqual(JSON.parse(applied.stdout), { applied: true, problems: [], changes: ["relay networks changed"] });
    for (let attempt = 0; attempt < 6; attempt += 1) assert.match(await send(relay.port, "a@example.test"), /^550/);
    writeFileSync(relay.file, `${old.replace("workers: 2", "workers: 3")}\n`);
    const later = await run(["reload", ...relay.here]);
    assert.match(later.stderr, /workers: 2 to 3: takes effect at the next start/);
  });

  test("a renewed certificate is noticed, one without its key is refused and told", async (t) => {
    const authority = await makeAuthority();
    const [first, second] = [
      await authority.issue({ dnsNames: ["relay.test"] }),
      await authority.issue({ dnsNames: ["relay.test"] }),
    ];
    const folder = folderFor(t);
    const put = (name: string, text: string): void => {
      writeFileSync(path.join(folder, `${name}.new`), text);
      renameSync(path.join(folder, `${name}.new`), path.join(folder, name));
    };
    put("main.crt", first.chainPem);
    put("main.key", first.privateKeyPem);
    await using relay = await RunningRelay.start(
      folder,
      'certificates: {main: {certificate: main.crt, key: main.key}}\nlisteners: [{name: in, address: "127.0.0.1:0", tls: starttls}]',
    );
    put("main.crt", second.chainPem);
    await relay.says(/"event":"configuration-rejected".*key does not belong/);
    put("main.key", second.privateKeyPem);
    await relay.says(/"event":"certificate-swapped"/);
    using client = new TestClient(relay.port);
    await client.reply();
    await client.say("EHLO client.test");
    await client.say("STARTTLS");
    const secure = await client.startTls({ ca: [authority.certificatePem], servername: "relay.test" });
    const served = secure.getPeerX509Certificate()?.toString().replaceAll(/\s/g, "");
    assert.equal(served, second.certificatePem.replaceAll(/\s/g, ""));
  });

  test("SIGUSR1 opens the logs of deliveries and of what came in anew and no debugger, in no process", async (t) => {
    await using host = await startPartnerHost(plain);
    await using relay = await RunningRelay.start(folderFor(t), `transports: {"*": "[127.0.0.1]:${host.port}"}`);
    const file = path.join(relay.folder, "data/deliveries.jsonl");
    const inbound = path.join(relay.folder, "data/inbound.jsonl");
    const lines = (name: string): number => readFileSync(name, "utf8").split("\n").length - 1;
    await send(relay.port, "a@example.test");
    await until(() => lines(file) === 1 && lines(inbound) === 1);
    renameSync(file, `${file}.moved`);
    renameSync(inbound, `${inbound}.moved`);
    const [worker = 0] = await relay.workers();
    process.kill(worker, "SIGUSR1");
    relay.signal("SIGUSR1");
    await until(() => existsSync(file) && existsSync(inbound));
    await send(relay.port, "b@example.test");
    await until(() => lines(file) === 1 && lines(inbound) === 1);
    assert.deepEqual([lines(`${file}.moved`), lines(`${inbound}.moved`)], [1, 1]);
    assert.match(readFileSync(inbound, "utf8"), /"event":"accepted".*"to":\["b@example\.test"\]/);
    assert.doesNotMatch(relay.printed, /Debugger/);
  });
});
