/**
 * Letterlock's listeners for every configuration, inside the namespace, with the clients' names in DNS beside them. In:
 * the configurations' folders and where the users are, one line. Out: `ready`. Ends when its input does.
 */
import { createInterface } from "node:readline";
import { systemFiles } from "../../../src/config/file-reader.ts";
import { createClientNames } from "../../../src/dns/client-name.ts";
import { createStubResolver } from "../../../src/dns/stub-resolver.ts";
import { startDnsServer } from "../../../src/lab/dns-server.ts";
import { systemClock as clock } from "../../../src/mail/clock.ts";
import { parseIp } from "../../../src/mail/ip.ts";
import { settingsFor, startListeners } from "../../dialects/sendmail/listeners.ts";
import { zoneOfClients } from "./clients.ts";
import type { Setup } from "./setups.ts";

export type Listen = Readonly<{
  setups: readonly (Pick<Setup, "as"> & Readonly<{ folder: string }>)[];
  usersFile: string;
}>;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { setups, usersFile } = JSON.parse((await lines.next()).value ?? "") as Listen;
await using opened = new AsyncDisposableStack();
opened.use(await startDnsServer(zoneOfClients(), { port: 53 }));
const address = parseIp("127.0.0.1");
if (address === undefined) throw new Error("no address");
const servers = [{ address, port: 53, trusted: false }];
const resolver = opened.use(createStubResolver({ servers, timeoutMs: 1000, overallMs: 4000, clock }));
const clientName = createClientNames({ resolver, timeoutMs: 4000, clock });
const more = `users-file: ${usersFile}\nlimits: { errors: 26 }\n`;
for (const { folder, as } of setups) {
  const files = { access: `${folder}/access`, [as]: `${folder}/sendmail.${as}` };
  opened.use(await startListeners({ settings: settingsFor(files, systemFiles, more), clientName }));
}
console.log("ready");
while (!(await lines.next()).done);
