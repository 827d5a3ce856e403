/**
 * `letterlock report tls`: how attempts went, from the records in the store. A running relay counts its own shards; of
 * a stopped one the files are read.
 */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { shardPaths, shardsIn } from "../queue/sqlite/adopt-shards.ts";
import { openForReading } from "../queue/sqlite/reading.ts";
import {
  type Grouping,
  groupings,
  type Report,
  type ReportPart,
  type ReportQuery,
  wholeReport,
} from "../queue/tls-report.ts";
import type { ControlClient } from "../server/control-socket.ts";
import { withRelay } from "./open-control.ts";
import type { CommonOptions } from "./program.ts";
import { readMoment } from "./read-age.ts";
import { reportCsv, reportJson, reportText } from "./report-forms.ts";

type Options = CommonOptions &
  Readonly<{ since: string; until?: string; by: Grouping; limit: string; json?: boolean; csv?: boolean }>;

/** So many rows go through a worker's hands at once without keeping its mail waiting. */
const mostRows = 5000;

export function reportCommand(
  report: Command,
  withCommon: (command: Command) => Command,
  took: (code: Promise<number>) => Promise<void>,
): void {
  report.description("what the records in the store say");
  withCommon(report.command("tls"))
    .description(
      "attempts, and how many were encrypted, trusted, verified, in clear or failed; what needs attention first",
    )
    .option("--since <time>", "an age (30m, 4h, 7d) or a date, UTC", "7d")
    .option("--until <time>", "the same; without it now")
    .addOption(new Option("--by <what>", "one row for each").choices(groupings).default("domain"))
    .option("--limit <n>", `at most so many rows, up to ${mostRows}`, "50")
    .addOption(new Option("--json", "print JSON").conflicts("csv"))
    .option("--csv", "print CSV")
    .action((options: Options) => took(reportTls(options)));
}

async function reportTls(options: Options): Promise<number> {
  const query = readQuery(options, Date.now());
  if (typeof query === "string") {
    process.stderr.write(`letterlock: ${query}\n`);
    return 2;
  }
  return withRelay(
    options,
    async (control) => print(options, query, await wholeReport(query, await ofWorkers(control))),
    async (folder) => {
      const shards = existsSync(folder) ? shardsIn(folder) : [];
      if (shards.length > 0) return print(options, query, await wholeReport(query, ofFiles(folder, shards)));
      process.stderr.write(`letterlock: no relay is running with the data folder ${folder}, and it holds no records\n`);
      return 1;
    },
  );
}

/** @returns the query, or what is wrong with the options */
function readQuery({ since, until, by, limit }: Options, now: number): ReportQuery | string {
  const from = readMoment(since, now);
  if (from === undefined)
    return `--since ${since}: an age such as 7d, or a date such as 2026-03-01 or 2026-03-01T12:00`;
  const to = until === undefined ? now : readMoment(until, now);
  if (to === undefined) return `--until ${until}: an age such as 7d, or a date such as 2026-03-01 or 2026-03-01T12:00`;
  if (to <= from) return "--until must be later than --since";
  const rows = Number(limit);
  if (!Number.isSafeInteger(rows) || rows < 1 || rows > mostRows) return `--limit takes a number from 1 to ${mostRows}`;
  return { by, since: from, until: to, limit: rows };
}

async function ofWorkers(control: ControlClient): Promise<(query: ReportQuery) => Promise<ReportPart[]>> {
  const workers = (await control.call("workers")) as readonly unknown[];
  return (query) =>
    Promise.all(
      workers.map(async (_, worker) => {
        return (await control.call("one", { worker, method: "queue.report", params: query })) as ReportPart;
      }),
    );
}

function ofFiles(folder: string, shards: readonly number[]): (query: ReportQuery) => Promise<ReportPart[]> {
  return async (query) =>
    shards.map((shard) => {
      const { file, spoolDirectory } = shardPaths(folder, shard);
      using reading = openForReading(file, spoolDirectory, query.until);
      return reading.report(query);
    });
}

function print({ json, csv }: Options, query: ReportQuery, report: Report): number {
  if (json) process.stdout.write(`${JSON.stringify(reportJson(query, report))}\n`);
  else if (csv) process.stdout.write(reportCsv(query, report));
  else if (report.rows.length > 0) process.stdout.write(reportText(query, report));
  else process.stdout.write("No attempts in that time.\n");
  return report.rows.length > 0 ? 0 : 1;
}
