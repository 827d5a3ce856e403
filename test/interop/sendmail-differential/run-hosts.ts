/**
 * Runs the hosts and their DNS inside the namespace. In: the plan, one line. Out: `ready`, and when the input has ended
 * all the mail that came (`Taken`).
 */
import { createInterface } from "node:readline";
import { startDnsServer } from "../../../src/lab/dns-server.ts";
import { type PartnerHost, startPartnerHost } from "../../../src/lab/partner-host.ts";
import type { HostPlan } from "./hosts.ts";

/** Who took which recipient's mail, and how. */
export type Taken = Readonly<{ host: string; sender: string; recipient: string; inTls: boolean }>;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const plan = JSON.parse((await lines.next()).value ?? "") as HostPlan;
await using resources = new AsyncDisposableStack();
resources.use(await startDnsServer(plan.zone, { port: 53 }));
const hosts: [string, PartnerHost][] = [];
for (const options of plan.hosts) {
  hosts.push([options.hostname ?? "", resources.use(await startPartnerHost(options))]);
}
console.log("ready");
while (!(await lines.next()).done);
console.log(JSON.stringify(hosts.flatMap(([name, host]) => takenBy(name, host))));

function takenBy(host: string, { messages }: PartnerHost): Taken[] {
  return messages.flatMap(({ mail, rcpt, inTls }) =>
    rcpt.map((line) => ({ host, sender: pathOf(mail), recipient: pathOf(line), inTls })),
  );
}

function pathOf(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? "";
}
