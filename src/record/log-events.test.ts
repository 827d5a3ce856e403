/**
 * What becomes of a log's own trouble: a line for people, a number for Prometheus.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LetterlockEvent } from "../observe/events.ts";
import { describeEvent, type LogLevel, levelOf } from "./human-lines.ts";
import { aggregateMetrics, createMetrics } from "./metrics.ts";

const log = "logs.maillog";
const target = "| load\u001b[31m";

const rows: readonly [event: LetterlockEvent, level: LogLevel, line: string][] = [
  [
    { kind: "log-trouble", log, target, error: "ENOSPC: no space left on device\n" },
    "error",
    "log logs.maillog cannot be written, trying again: | load\\x1b[31m: ENOSPC: no space left on device\\x0a",
  ],
  [
    { kind: "log-recovered", log, target, lost: 0 },
    "info",
    "log logs.maillog is written again: | load\\x1b[31m: no line was lost",
  ],
  [
    { kind: "log-recovered", log, target, lost: 7 },
    "info",
    "log logs.maillog is written again: | load\\x1b[31m: 7 lines were lost",
  ],
  [{ kind: "log-lines-lost", log, lines: 1 }, "warn", "log logs.maillog: 1 line was lost"],
];

for (const [event, level, line] of rows) {
  test(`AT-28: ${event.kind}: ${level}, one line, escaped`, () => {
    assert.equal(levelOf(event), level);
    assert.equal(describeEvent(event), line);
  });
}

test("metrics: lines of each log, and those that were lost", async () => {
  const workers = [createMetrics(), createMetrics()];
  for (const { observe, setLogLines } of workers) {
    observe({ kind: "log-trouble", log, target, error: "ENOSPC" });
    observe({ kind: "log-lines-lost", log, lines: 5 });
    setLogLines(new Map([[log, 20]]));
    setLogLines(new Map([[log, 21]]));
  }
  const page = await aggregateMetrics(await Promise.all(workers.map(({ snapshot }) => snapshot())));
  assert.match(page, /^letterlock_log_lines_total\{log="logs\.maillog"\} 42$/m);
  assert.match(page, /^letterlock_log_lines_lost_total\{log="logs\.maillog"\} 10$/m);
  assert.match(page, /^letterlock_troubles_total\{where="log"\} 2$/m);
});
