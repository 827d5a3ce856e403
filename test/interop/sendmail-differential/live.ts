/**
 * All situations delivered by both, to the same hosts in one namespace: by Sendmail, a process for each message, and by
 * Letterlock's own attempts.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Namespace } from "../lab/namespace.ts";
import { CertificateMaker } from "./certificates.ts";
import { type Delivery, deliver, sender } from "./deliveries.ts";
import { type HostPlan, planHosts } from "./hosts.ts";
import { type Configuration, linesOf, RealSendmail } from "./real-sendmail.ts";
import type { AttemptOutcome, Attempts } from "./run-attempts.ts";
import type { Taken } from "./run-hosts.ts";
import type { Situation } from "./situations.ts";
import { Syslog } from "./syslog.ts";

/** What came of one recipient's mail. `host` and `inTls` are the receiving host's word. */
export type Result = Readonly<{
  result: string;
  status: string;
  text: string;
  host: string | undefined;
  inTls: boolean | undefined;
}>;

export type Delivered = Readonly<{ situation: Situation; recipient: string; sendmail: Result; letterlock: Result }>;

const atATime = 4;

export async function deliverAll(
  namespace: Namespace,
  situations: readonly Situation[],
): Promise<readonly Delivered[]> {
  const maker = await CertificateMaker.create();
  mkdirSync(path.join(namespace.folder, "tls"));
  writeFileSync(path.join(namespace.folder, "tls/ca.pem"), maker.authorityPem);
  const plan = await planHosts(maker, Object.fromEntries(situations.map(({ domain, mx }) => [domain, mx])));
  const real = new RealSendmail(namespace);
  const configurations = await mapSome(situations, ({ variant, access }) => real.configure(variant, linesOf(access)));
  const hosts = await startHosts(namespace, plan);
  const [deliveries, attempts] = await Promise.all([
    sendmailDelivers(real, situations, configurations),
    letterlockDelivers(namespace, { plan, situations, configurations }),
  ]);
  const taken = await hosts.end();
  return situations.flatMap((situation, at) =>
    situation.recipients.map((recipient) => ({
      situation,
      recipient,
      sendmail: resultOf(deliveries[at], recipient, taken, sender),
      letterlock: resultOf(attempts[at], recipient, taken, "sender@relay.test"),
    })),
  );
}

async function sendmailDelivers(
  real: RealSendmail,
  situations: readonly Situation[],
  configurations: readonly Configuration[],
): Promise<readonly (readonly Delivery[])[]> {
  await using syslog = await Syslog.open(real.namespace);
  return await mapSome(situations, async ({ name, recipients }, at) => {
    const configuration = configurations[at];
    assert.ok(configuration);
    return deliver(real, syslog, name, configuration, recipients);
  });
}

async function letterlockDelivers(
  namespace: Namespace,
  {
    plan,
    situations,
    configurations,
  }: Readonly<{
    plan: HostPlan;
    situations: readonly Situation[];
    configurations: readonly Configuration[];
  }>,
): Promise<readonly (readonly AttemptOutcome[])[]> {
  const attempts = situations.flatMap(({ from, recipients }, at) => {
    const configuration = configurations[at];
    return configuration === undefined ? [] : [{ configuration, from, recipients }];
  });
  const input: Attempts = { folder: namespace.folder, zone: plan.zone, attempts };
  const program = path.join(import.meta.dirname, "run-attempts.ts");
  const { code, stdout, stderr } = await namespace.run(process.execPath, [program], JSON.stringify(input));
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as readonly (readonly AttemptOutcome[])[];
}

type RunningHosts = Readonly<{ end(): Promise<readonly Taken[]> }>;

async function startHosts(namespace: Namespace, plan: HostPlan): Promise<RunningHosts> {
  const program = path.join(import.meta.dirname, "run-hosts.ts");
  const child = namespace.spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = readLines(child);
  child.stdin?.write(`${JSON.stringify(plan)}\n`);
  assert.equal(await lines(), "ready");
  return {
    async end() {
      const exited = once(child, "exit");
      child.stdin?.end();
      const taken = JSON.parse(await lines()) as readonly Taken[];
      await exited;
      return taken;
    },
  };
}

function readLines({ stdout }: ChildProcess): () => Promise<string> {
  assert.ok(stdout);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return async () => (await lines.next()).value ?? "";
}

function resultOf(
  outcomes: readonly Delivery[] | readonly AttemptOutcome[] | undefined,
  recipient: string,
  taken: readonly Taken[],
  from: string,
): Result {
  const outcome = outcomes?.find((each) => each.recipient === recipient);
  assert.ok(outcome, recipient);
  const [by, ...more] = taken.filter((each) => each.recipient === recipient && each.sender === from);
  assert.equal(more.length, 0, `${recipient} was taken twice`);
  const { result, status, text } = outcome;
  return { result, status, text, host: by?.host, inTls: by?.inTls };
}

/** A few at a time, results in order. */
async function mapSome<T, R>(items: readonly T[], make: (item: T, at: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of queue) results[at] = await make(item, at);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}
