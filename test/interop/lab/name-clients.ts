/**
 * Run inside the namespace (`node name-clients.ts ADDRESS...`): prints as JSON what Letterlock finds each client called
 * with the resolver on 127.0.0.1.
 */
import { createClientNames } from "../../../src/dns/client-name.ts";
import { createStubResolver } from "../../../src/dns/stub-resolver.ts";
import type { IpAddress } from "../../../src/mail/address.ts";
import { systemClock } from "../../../src/mail/clock.ts";

const servers = [{ address: "127.0.0.1" as IpAddress, port: 53, trusted: true }];
const resolver = createStubResolver({ servers, timeoutMs: 2_000, overallMs: 20_000, clock: systemClock });
const nameOf = createClientNames({ resolver, timeoutMs: 10_000, clock: systemClock });
const clients = process.argv.slice(2) as IpAddress[];
const names = await Promise.all(clients.map(async (client) => [client, await nameOf(client)]));
process.stdout.write(JSON.stringify(Object.fromEntries(names)));
