/**
 * A backlog must cost nothing: no statement on the way of mail looks through a table.
 */
import assert from "node:assert/strict";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { History } from "../../src/queue/sqlite/history.ts";
import { MessageTable, sweepSpool } from "../../src/queue/sqlite/messages.ts";
import { RecipientTable, recoverTrying } from "../../src/queue/sqlite/recipients.ts";
import { closeDatabase, openDatabase } from "../../src/queue/sqlite/schema.ts";
import { Totals } from "../../src/queue/sqlite/totals.ts";
import { dataFolder } from "./queue-world.ts";

/** What `database` would do, with every statement noted. */
function noting(database: DatabaseSync, statements: string[]): DatabaseSync {
  const prepare = (sql: string) => {
    statements.push(sql);
    return database.prepare(sql);
  };
  return { prepare } as unknown as DatabaseSync;
}

test("start, accept, take and settle find their rows by index", (t) => {
  const directory = dataFolder(t);
  const file = path.join(directory, "queue-0.sqlite");
  const { database } = openDatabase(file);
  t.after(() => closeDatabase(database, file));
  const statements: string[] = [];
  const noted = noting(database, statements);
  const totals = new Totals(database);
  recoverTrying(noted, totals, 0);
  sweepSpool(noted, path.join(directory, "spool"), false);
  new MessageTable(noted, totals, directory);
  new RecipientTable(noted, totals);
  new History(noted, totals);
  assert.ok(statements.length > 15);
  const scans = statements.flatMap((sql) => {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    // An ordered walk along a partial index stops at its LIMIT. Sorting is for `show`, which has few rows in hand.
    const bad = plan.filter(
      ({ detail }) =>
        (detail.startsWith("SCAN") && !/INDEX recipient_(ready|trying)/.test(detail)) ||
        (detail.includes("TEMP B-TREE") && sql.includes("recipient")),
    );
    return bad.map(({ detail }) => `${detail}: ${sql}`);
  });
  assert.deepEqual(scans, []);
});
