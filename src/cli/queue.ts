/**
 * `letterlock queue …`: the queue of a running relay, over its control socket.
 */
import type { Command } from "commander";
import type { AttemptRecord } from "../mail/attempt.ts";
import { parseDomain } from "../mail/domain.ts";
import { escapeText } from "../mail/escape.ts";
import type { Arrival, QueueCounts, QueueEntry, QueueFilter, RecipientState } from "../queue/queue.ts";
import type { ControlClient } from "../server/control-socket.ts";
import { withControl } from "./open-control.ts";
import type { CommonOptions } from "./program.ts";
import { readAge } from "./read-age.ts";
import { formatAge, formatSize, table } from "./table.ts";

type FilterOptions = Readonly<{
  domain?: string;
  sender?: string;
  state?: string;
  olderThan?: string;
  error?: string;
  all?: boolean;
  json?: boolean;
}>;

type Options = CommonOptions & FilterOptions;
type Shown = Readonly<{
  entries: readonly QueueEntry[];
  attempts: readonly AttemptRecord[];
  header: string;
  arrival: Arrival;
}>;

const pageSize = 500;

/** What each changing command says it did. */
const verbs = { hold: "held", release: "released", retry: "due now", remove: "removed", bounce: "bounced" } as const;

export function queueCommand(
  queue: Command,
  withCommon: (command: Command) => Command,
  took: (code: Promise<number>) => Promise<void>,
): void {
  queue.description("look at and change the queue of a running relay");
  withFilter(withCommon(queue.command("list")))
    .description("one line per waiting recipient")
    .option("--limit <n>", "at most so many", "1000")
    .action((options: Options & { limit: string }) => took(list(options)));
  withCommon(queue.command("show"))
    .description("one message whole: recipients, attempts, header")
    .argument("<id>")
    .option("--json", "print JSON")
    .action((id: string, options: Options) => took(show(id, options)));
  for (const verb of ["hold", "release", "retry", "bounce", "remove"] as const) {
    const sentence = {
      hold: "keep matching mail back until it is released",
      release: "let held mail go, due now",
      retry: "make matching mail due now and forget back-off",
      bounce: "return matching mail to its senders",
      remove: "delete matching mail without telling anybody",
    }[verb];
    withFilter(withCommon(queue.command(verb)))
      .description(sentence)
      .argument("[ids...]", "message identities")
      .action((ids: string[], options: Options) => took(change(verb, ids, options)));
  }
  withCommon(queue.command("flush"))
    .description("make everything that waits due now")
    .option("--json", "print JSON")
    .action((options: Options) => took(change("retry", [], { ...options, all: true })));
  withCommon(queue.command("count"))
    .description("messages and recipients by state")
    .option("--json", "print JSON")
    .action((options: Options) => took(count(options)));
}

function withFilter(command: Command): Command {
  return command
    .option("--domain <domain>", "recipient domain")
    .option("--sender <sender>", "envelope sender, mailbox or domain; <> for notices")
    .option("--state <state>", "ready, trying or held")
    .option("--older-than <age>", "arrived longer ago: 30m, 4h, 2d")
    .option("--error <text>", "part of the last error")
    .option("--all", "everything, where no filter is given")
    .option("--json", "print JSON");
}

async function list(options: Options & { limit: string }): Promise<number> {
  const filter = readFilter([], options);
  const limit = Number(options.limit);
  if (typeof filter === "string" || !Number.isSafeInteger(limit) || limit < 1)
    return usage(typeof filter === "string" ? filter : "--limit takes a number from 1");
  return withControl(options, async (control) => {
    const entries = await collect(control, filter, limit);
    if (options.json) process.stdout.write(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    else printEntries(entries);
    return 0;
  });
}

/** Page by page from each worker, so that neither side holds a large answer. */
async function collect(control: ControlClient, filter: QueueFilter, limit: number): Promise<QueueEntry[]> {
  const workers = (await control.call("workers")) as readonly unknown[];
  const found: QueueEntry[] = [];
  for (let worker = 0; worker < workers.length; worker += 1) {
    let after: string | undefined;
    while (found.length < limit) {
      const params = { filter, after, limit: Math.min(pageSize, limit - found.length) };
      const page = (await control.call("one", { worker, method: "queue.list", params })) as readonly QueueEntry[];
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < params.limit) break;
      after = `${last.messageId}.${last.number}`;
    }
  }
  return found;
}

function printEntries(entries: readonly QueueEntry[]): void {
  if (entries.length === 0) {
    process.stdout.write("The queue has nothing that matches.\n");
    return;
  }
  const now = Date.now();
  const rows = entries.map((entry) => [
    entry.messageId,
    entry.state,
    formatAge(now - entry.arrivedAt),
    formatSize(entry.sizeBytes),
    escapeText(entry.from === "" ? "<>" : entry.from),
    escapeText(entry.to),
    String(entry.attempts),
    entry.nextTryAt === null ? "-" : entry.nextTryAt <= now ? "now" : `in ${formatAge(entry.nextTryAt - now)}`,
    escapeText(entry.lastError ?? "", 100),
  ]);
  process.stdout.write(table(["ID", "STATE", "AGE", "SIZE", "FROM", "TO", "TRIES", "NEXT", "LAST ERROR"], rows));
}

async function show(id: string, options: Options): Promise<number> {
  return withControl(options, async (control) => {
    const answers = (await control.call("queue.show", { id })) as readonly (Shown | null)[];
    const found = answers.find((one) => one !== null);
    if (found == null) {
      process.stderr.write(`letterlock: no message ${escapeText(id)} in the queue or its history\n`);
      return 1;
    }
    if (options.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else printMessage(id, found);
    return 0;
  });
}

function printMessage(id: string, { arrival, entries, attempts, header }: Shown): void {
  process.stdout.write(`${id}\n`);
  process.stdout.write(`arrived   ${new Date(arrival.at).toISOString()} ${howItCame(arrival)}\n\n`);
  printEntries(entries);
  for (const { time, event, to, mx, address, tls, status, error, reply } of attempts) {
    const where = mx === null ? (address ?? "no host") : `${mx}[${address ?? ""}]`;
    const how = tls === null ? "" : ` required=${tls.required} achieved=${tls.achieved}`;
    process.stdout.write(`${time} ${event} ${to} ${where}${how} ${status} ${error ?? reply?.text ?? ""}\n`);
  }
  process.stdout.write(
    `\n${header
      .split("\r\n")
      .map((line) => escapeText(line, 998))
      .join("\n")}\n`,
  );
}

/** The words of an origin are escaped already. */
function howItCame({ origin: { client, ehlo, listener, tls } }: Arrival): string {
  if (client === null) return "as a notice of our own";
  const how =
    tls === null ? "in clear" : [tls.protocol, tls.cipher, tls.group].filter((word) => word !== null).join(" ");
  return `from ${client} (${ehlo}) by ${listener}, ${how}`;
}

async function change(verb: keyof typeof verbs, ids: readonly string[], options: Options): Promise<number> {
  const filter = readFilter(ids, options);
  if (typeof filter === "string") return usage(filter);
  if (Object.keys(filter).length === 0 && options.all !== true) {
    return usage(`queue ${verb} without ids or filter would change everything: say --all if that is meant`);
  }
  return withControl(options, async (control) => {
    const counts = (await control.call(`queue.${verb}`, { filter })) as readonly number[];
    const sum = counts.reduce((total, one) => total + one, 0);
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ [verb]: sum })}\n`
        : `${sum} ${sum === 1 ? "recipient" : "recipients"} ${verbs[verb]}\n`,
    );
    return sum === 0 && options.all !== true ? 1 : 0;
  });
}

async function count(options: Options): Promise<number> {
  return withControl(options, async (control) => {
    const counts = (await control.call("queue.counts")) as readonly QueueCounts[];
    const sum = { messages: 0, ready: 0, trying: 0, held: 0, bodyBytes: 0 };
    for (const one of counts) for (const key of Object.keys(sum) as (keyof QueueCounts)[]) sum[key] += one[key];
    const { messages, ready, trying, held, bodyBytes } = sum;
    const cells = [...[messages, ready, trying, held].map(String), formatSize(bodyBytes)];
    process.stdout.write(
      options.json ? `${JSON.stringify(sum)}\n` : table(["MESSAGES", "READY", "TRYING", "HELD", "BYTES"], [cells]),
    );
    return 0;
  });
}

/** @returns the filter, or what is wrong with the options */
function readFilter(
  ids: readonly string[],
  { domain, sender, state, olderThan, error }: FilterOptions,
): QueueFilter | string {
  const filter: { -readonly [Key in keyof QueueFilter]: QueueFilter[Key] } = {};
  if (ids.length > 0) filter.ids = ids;
  if (domain !== undefined) {
    const parsed = parseDomain(domain);
    if (parsed === undefined) return `--domain ${domain}: not a domain name`;
    filter.domain = parsed;
  }
  if (sender !== undefined) filter.sender = sender === "<>" ? "" : sender;
  if (error !== undefined) filter.error = error;
  if (state !== undefined) {
    if (state !== "ready" && state !== "trying" && state !== "held")
      return `--state ${state}: one of ready, trying, held`;
    filter.state = state satisfies RecipientState;
  }
  if (olderThan !== undefined) {
    const age = readAge(olderThan);
    if (age === undefined) return `--older-than ${olderThan}: a number with s, m, h, d or w`;
    filter.olderThanMs = age;
  }
  return filter;
}

function usage(text: string): number {
  process.stderr.write(`letterlock: ${text}\n`);
  return 2;
}
