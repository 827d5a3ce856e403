/**
 * Accounting files on disk: the seed page's section with nothing changed in it, and a file that grows over `max-size`.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "csv-parse/sync";
import { openLogs } from "../../src/logs/open-logs.ts";
import { sampleAttempt } from "../../src/mail/attempt-sample.ts";
import { systemClock } from "../../src/mail/clock.ts";
import { compiled } from "./powermta/files.ts";

const seed = readFileSync(new URL("powermta/seed-accounting.conf", import.meta.url), "utf8");

/** Writes so many deliveries, and hands back the files' names and texts. */
async function written(t: TestContext, text: string, rows: number): Promise<readonly (readonly [string, string])[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "letterlock-accounting-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { settings } = compiled(`log-file ${folder}/log\n${text}`);
  {
    await using logs = await openLogs(settings.logs ?? [], {
      worker: 0,
      workers: 1,
      dataDirectory: path.join(folder, "data"),
      hostname: "relay.example.com",
      clock: systemClock,
      observe: (event) => assert.fail(JSON.stringify(event)),
      onDone: () => {},
    });
    for (let number = 0; number < rows; number += 1) {
      logs.observe({
        kind: "attempt",
        record: { ...sampleAttempt, id: `1.${number}.1`, to: `bob${number}@example.net` },
      });
    }
    assert.equal(await logs.flush(), 0);
  }
  const names = readdirSync(folder).filter((name) => name.endsWith(".csv"));
  return names.sort().map((name) => [name, readFileSync(path.join(folder, name), "utf8")]);
}

test("powermta T31: the seed page's section writes the file it names, with what it promises", async (t) => {
  const [[name, text] = [], ...more] = await written(t, seed, 1);
  assert.equal(more.length, 0);
  assert.match(name ?? "", /^logacct-\d{4}-\d\d-\d\d-0000\.csv$/);
  const [row] = parse(text ?? "", { columns: true, record_delimiter: "\r\n" }) as Record<string, string>[];
  assert.equal(row?.type, "d");
  assert.equal(row.dlvTlsProtocol, "TLSv1.3");
  assert.equal(row.dlvTlsCipher, "TLS_AES_256_GCM_SHA384");
});

test("powermta T37: beyond max-size the next number begins, with the head line again, and no row is lost", async (t) => {
  const rows = 4000;
  const files = await written(t, "<acct-file big.csv>\nmax-size 1M\n</acct-file>\n", rows);
  assert.deepEqual(
    files.map(([name]) => name.slice(-9)),
    ["-0000.csv", "-0001.csv"],
  );
  const recipients = files.flatMap(([, text]) => {
    assert.match(text, /^type,timeLogged,/);
    return (parse(text, { columns: true, record_delimiter: "\r\n" }) as Record<string, string>[]).map(
      ({ rcpt }) => rcpt,
    );
  });
  assert.deepEqual(
    recipients,
    Array.from({ length: rows }, (_, number) => `bob${number}@example.net`),
  );
});
