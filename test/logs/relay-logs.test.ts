/**
 * The relay with its logs, killed with SIGKILL under load and started again with fewer workers: of every message that was
 * taken each log has a line, whole, under one head in each file.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { CountingClient } from "../crash/counting-client.ts";
import { RecordingSink } from "../crash/recording-sink.ts";
import { RelayUnderTest } from "../crash/relay-under-test.ts";
import { sampleFolder } from "./sink-lab.ts";

const more = `
logs:
  maillog: { format: postfix, file: mail.log }
  billing: { format: powermta, file: acct/billing.csv, move-to: acct/done, move-interval: 1d, records: [d], record-fields: { d: ["*", header_X-Crash-Id] } }
  piped: { format: powermta, program: "cat >> $PIPED", records: [d], record-fields: { d: [header_X-Crash-Id] } }
`;
const linuxOnly = process.platform === "linux" ? false : "reads /proc";

test("logs: SIGKILL of a worker and of the whole relay; then one worker in place of two", {
  skip: linuxOnly,
}, async (t) => {
  const folder = await sampleFolder(t);
  await using sink = await RecordingSink.listen();
  let wake = (): void => undefined;
  const client = new CountingClient({ sizeBytes: 1000, onChange: () => wake() });
  const after = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const at = client.acknowledged.size + count;
      wake = () => client.acknowledged.size >= at && resolve();
    });
  const settings = (workers: number) => ({
    dataDirectory: folder,
    workers,
    sinkPort: sink.port,
    more: more.replace("$PIPED", path.join(folder, "piped.csv")),
  });
  {
    await using relay = await RelayUnderTest.start(settings(2));
    const sending = client.send(relay.port, 6);
    await after(150);
    await relay.killWorker(() => 1);
    await after(150);
    await relay.killTree();
    await sending;
  }
  {
    await using relay = await RelayUnderTest.start(settings(1));
    await sink.waitFor(client.acknowledged, 30_000);
    await relay.stop();
  }
  const read = (...names: readonly string[]): string => readFileSync(path.join(folder, ...names), "utf8");
  const csv = (names: readonly string[]) => names.filter((name) => name.endsWith(".csv")).sort();
  const left = csv(readdirSync(path.join(folder, "acct")));
  const moved = csv(readdirSync(path.join(folder, "acct", "done")));
  assert.equal(left.length, 1, "worker 0 goes on with its file");
  assert.equal(moved.length, 1, "the file of worker 1 is finished");

  const files = [...left.map((name) => read("acct", name)), ...moved.map((name) => read("acct", "done", name))];
  const [head = ""] = files[0]?.split("\r\n", 1) ?? [];
  const rows = files.flatMap((text) => {
    const [first, ...others] = text.trimEnd().split("\r\n");
    assert.equal(first, head);
    return others;
  });
  const ids = new Set(rows.map((row) => row.split(",").at(-1) ?? ""));
  for (const row of rows) assert.match(row, /^d,.*,m\d+$/);
  for (const id of client.acknowledged) assert.ok(ids.has(id), `no row of ${id}`);

  const sent = read("mail.log")
    .split("\n")
    .filter((line) => line.includes("status=sent"));
  assert.ok(new Set(sent.map((line) => / (\S+): to=/.exec(line)?.[1])).size >= client.acknowledged.size);
  const json = read("deliveries.jsonl").trimEnd().split("\n");
  const delivered = new Set(json.map((line) => (JSON.parse(line) as { messageId: string }).messageId));
  assert.ok(delivered.size >= client.acknowledged.size);
  assert.ok(new Set(read("piped.csv").split("\r\n")).size > client.acknowledged.size / 2);
  t.diagnostic(`${client.acknowledged.size} messages, ${rows.length} rows, ${sent.length} lines of Postfix`);
});

test("logs: a relay that is told to stop and started again prints no delivery twice", async (t) => {
  const folder = await sampleFolder(t);
  await using sink = await RecordingSink.listen();
  const settings = { dataDirectory: folder, workers: 1, sinkPort: sink.port };
  let wake = (): void => undefined;
  const client = new CountingClient({ sizeBytes: 1000, onChange: () => wake() });
  {
    await using relay = await RelayUnderTest.start(settings);
    const hundred = new Promise<void>((resolve) => {
      wake = () => client.acknowledged.size >= 100 && resolve();
    });
    const sending = client.send(relay.port, 6);
    await hundred;
    await relay.stop();
    await sending;
  }
  {
    await using relay = await RelayUnderTest.start(settings);
    await sink.waitFor(client.acknowledged, 10_000);
    await relay.stop();
  }
  const lines = readFileSync(path.join(folder, "deliveries.jsonl"), "utf8").trimEnd().split("\n");
  const ids = lines.map((line) => (JSON.parse(line) as { id: string }).id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length >= client.acknowledged.size);
});
