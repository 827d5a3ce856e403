/**
 * The process inside the namespace (`node ground.ts JOB-FILE RESULT-FILE`): DNS, the scripted hosts, one message to each
 * Postfix, and the same message from Letterlock under the same configuration. It compares nothing.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { startDnsServer } from "../../../src/lab/dns-server.ts";
import { type PartnerHost, startPartnerHost } from "../../../src/lab/partner-host.ts";
import { type Arrival, readArrivals } from "./arrivals.ts";
import { type Destinations, partnerOptions } from "./destinations.ts";
import { askLetterlock, type LetterlockResult, letterlockName } from "./letterlock-side.ts";
import { postfixName } from "./main-cf.ts";
import { type PostfixResult, readPostfixLog } from "./postfix-log.ts";
import { firstPort } from "./postfixes.ts";
import type { Case, Variant } from "./situations.ts";

export type Job = Readonly<{ folder: string; destinations: Destinations; variants: readonly Variant[] }>;

export type Observed<T> = Readonly<{ result: T | undefined; arrival: Arrival | undefined }>;
/** By case id. `notes`: what the compiler said, by variant. */
export type Observations = Readonly<{
  cases: Readonly<
    Record<string, Readonly<{ postfix: Observed<PostfixResult>; letterlock: Observed<LetterlockResult> }>>
  >;
  notes: Readonly<Record<string, readonly string[]>>;
  milliseconds: Readonly<Record<string, number>>;
}>;

/** How old a message is that is old: `minimal_backoff_time` is 1 s there, and Postfix counts whole seconds. */
const oldMs = 2100;
/** A log that stays as it is for so long tells no more. */
const silenceMs = 15_000;

const [jobFile = "", resultFile = ""] = process.argv.slice(2);
const job = JSON.parse(readFileSync(jobFile, "utf8")) as Job;

await using resources = new AsyncDisposableStack();
const { hosts: plans, zone } = job.destinations;
resources.use(await startDnsServer(zone, { port: 53 }));
const hosts: { name: string; host: PartnerHost }[] = [];
for (const plan of plans)
  hosts.push({ name: plan.name, host: resources.use(await startPartnerHost(partnerOptions(plan))) });

const began = Date.now();
const byPostfix = new Map<string, PostfixResult>();
await Promise.all(job.variants.map((variant, index) => inject(variant, firstPort + index)));
const injected = Date.now();
for (const variant of job.variants) for (const entry of await postfixResults(variant)) byPostfix.set(...entry);
const postfixDone = Date.now();
const byLetterlock = new Map<string, LetterlockResult>();
const notes: Record<string, readonly string[]> = {};
const askAbout = async (variant: Variant) => {
  const answers = await askLetterlock(variant, { folder: job.folder, zone, ageMs: variant.old ? oldMs : 0 });
  for (const entry of answers.results) byLetterlock.set(...entry);
  notes[variant.name] = answers.notes;
};
await Promise.all(job.variants.map(askAbout));
const letterlockDone = Date.now();
for (const { host } of hosts) host.dropConnections();
for (const { host } of hosts) await host.settled();
writeFileSync(resultFile, JSON.stringify(observations(readArrivals(hosts))));

function observations(arrivals: ReadonlyMap<string, Arrival>): Observations {
  const cases = job.variants
    .flatMap((variant) => variant.cases)
    .map(({ id, recipient }) => {
      const of = <T>(results: ReadonlyMap<string, T>, ehlo: string): Observed<T> => ({
        result: results.get(recipient),
        arrival: arrivals.get(`${ehlo}|${recipient}`),
      });
      return [id, { postfix: of(byPostfix, postfixName), letterlock: of(byLetterlock, letterlockName) }] as const;
    });
  const milliseconds = {
    inject: injected - began,
    postfix: postfixDone - injected,
    letterlock: letterlockDone - postfixDone,
  };
  return { cases: Object.fromEntries(cases), notes, milliseconds };
}

/** One message to all recipients of the variant; an old one gets its final dot late. Its smtpd may refuse recipients. */
async function inject({ cases, old }: Variant, port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async (): Promise<string> => {
    for (;;) {
      const { value = "", done } = await lines.next();
      if (done || !/^\d{3}-/.test(value)) return value;
    }
  };
  const expect = async (code: string) => {
    const text = await reply();
    if (!text.startsWith(code)) throw new Error(`Postfix on port ${port}: ${text}`);
  };
  await once(socket, "connect");
  await expect("220");
  socket.write("EHLO client.test\r\n");
  await expect("250");
  socket.write(`MAIL FROM:<>\r\n${cases.map(({ recipient }) => `RCPT TO:<${recipient}>\r\n`).join("")}DATA\r\n`);
  await expect("250");
  for (const { recipient } of cases) {
    const text = await reply();
    if (!text.startsWith("250")) byPostfix.set(recipient, refusedBySmtpd(text));
  }
  await expect("354");
  if (old) await wait(oldMs);
  socket.write("Subject: test\r\n\r\ntest\r\n.\r\n");
  await expect("250");
  socket.end("QUIT\r\n");
}

/** A transport of `error:` or `retry:` is told to the client at once. */
function refusedBySmtpd(text: string): PostfixResult {
  const dsn = /^\d{3} (\d\.\d+\.\d+)/.exec(text)?.[1] ?? "";
  const status = text.startsWith("4") ? "deferred" : "bounced";
  return { status, dsn, text, host: undefined, trust: undefined, protocol: undefined, lines: [text] };
}

/** Waits until the log tells the end of every recipient. */
async function postfixResults({ name, cases }: Variant): Promise<Map<string, PostfixResult>> {
  const file = path.join(job.folder, "log", name);
  let [known, since] = [0, Date.now()];
  for (;;) {
    const results = readPostfixLog(readFileSync(file, "utf8"));
    if (results.size > known) [known, since] = [results.size, Date.now()];
    const isKnown = ({ recipient }: Case) => results.has(recipient) || byPostfix.has(recipient);
    if (cases.every(isKnown) || Date.now() > since + silenceMs) return results;
    await wait(100);
  }
}
