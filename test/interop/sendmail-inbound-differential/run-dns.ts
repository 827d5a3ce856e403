/**
 * The clients' names, in DNS inside the namespace. Out: `ready`. Ends when its input does.
 */
import { startDnsServer } from "../../../src/lab/dns-server.ts";
import { zoneOfClients } from "./clients.ts";

await using _server = await startDnsServer(zoneOfClients(), { port: 53 });
console.log("ready");
for await (const _ of process.stdin);
