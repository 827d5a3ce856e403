/**
 * Letterlock inside the namespace, a whole relay under Sendmail's own files, whose events become Sendmail's lines. In:
 * what to run (`Running`), one line. Out: `ready`, and when the input has ended and no mail is left to try, what was said.
 */
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { systemFiles } from "../../../src/config/file-reader.ts";
import { loadSettings } from "../../../src/config/load.ts";
import { createSendmailRenderer } from "../../../src/logs/sendmail/sendmail-renderer.ts";
import type { AttemptRecord } from "../../../src/mail/attempt.ts";
import { systemClock } from "../../../src/mail/clock.ts";
import type { InboundRecord } from "../../../src/mail/inbound-record.ts";
import type { LetterlockEvent } from "../../../src/observe/events.ts";
import { startRelay } from "../../../src/server/relay.ts";

export type Running = Readonly<{ yaml: string; level: number }>;

/** A line, the client whose doing it is (none of a notice of ours), and whether it tells of a session or a delivery. */
export type OurLine = Readonly<{ client: string | null; of: "session" | "delivery"; line: string }>;

/** `records`: what the lines were made of. */
export type OurLog = Readonly<{
  lines: readonly OurLine[];
  attempts: readonly AttemptRecord[];
  inbound: readonly InboundRecord[];
}>;

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { yaml, level } = JSON.parse((await input.next()).value ?? "") as Running;
const { settings, problems } = loadSettings({ path: "/letterlock.yaml", text: yaml, reader: systemFiles });
if (settings === undefined) throw new Error(JSON.stringify(problems));
const renderer = createSendmailRenderer({ kind: "sendmail", name: "sm-mta", level });
const lines: OurLine[] = [];
const attempts: AttemptRecord[] = [];
const inbound: InboundRecord[] = [];
await using relay = await startRelay({ settings, worker: 0, clock: systemClock, random: Math.random, observe });
console.log("ready");
while (!(await input.next()).done);
while (relay.state().active > 0 || relay.state().sessions > 0) await wait(5);
console.log(JSON.stringify({ lines, attempts, inbound } satisfies OurLog));

function observe(event: LetterlockEvent): void {
  if (event.kind === "attempt") attempts.push(event.record);
  if (event.kind === "inbound") inbound.push(event.record);
  for (const { text } of renderer.lines(event, Date.now())) lines.push({ ...whose(event), line: text });
}

function whose(event: LetterlockEvent): Pick<OurLine, "client" | "of"> {
  if (event.kind === "attempt") return { client: event.record.origin.client, of: "delivery" };
  if (event.kind === "inbound") return { client: event.record.client, of: "session" };
  return { client: "client" in event ? event.client : null, of: "session" };
}
