/**
 * Runs the hosts and their DNS inside the namespace. In: the plan, one line. Out: `ready`. Ends when its input does.
 */
import { createInterface } from "node:readline";
import { startDnsServer } from "../../../src/lab/dns-server.ts";
import { startPartnerHost } from "../../../src/lab/partner-host.ts";
import type { PartnerOptions } from "../../../src/lab/partner-script.ts";
import type { HostPlan, PlannedHost } from "./hosts.ts";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { hosts, zone } = JSON.parse((await lines.next()).value ?? "") as HostPlan;
await using resources = new AsyncDisposableStack();
resources.use(await startDnsServer(zone, { port: 53 }));
for (const host of hosts) resources.use(await startPartnerHost(scripted(host)));
console.log("ready");
while (!(await lines.next()).done);

function scripted({ answers: { RCPT, ...answers }, ...host }: PlannedHost): PartnerOptions {
  if (RCPT === undefined) return { ...host, answers };
  const byUser = (line: string): string | undefined => RCPT[/<([^@>]*)@/.exec(line)?.[1] ?? ""];
  return { ...host, answers: { ...answers, RCPT: byUser } };
}
