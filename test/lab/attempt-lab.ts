/**
 * One attempt in the lab: real partner hosts, real DNS, the real walk over MX hosts, under rules written in our own
 * language. The age of the message is what the test says it is.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import type { Settings } from "../../src/config/settings.ts";
import { type AttemptTools, attemptDelivery } from "../../src/delivery/attempt.ts";
import type { RecipientOutcome } from "../../src/delivery/attempt-result.ts";
import { ConnectionPool } from "../../src/delivery/connection-pool.ts";
import { splitIntoJobs } from "../../src/delivery/delivery-job.ts";
import { createOpener } from "../../src/delivery/open-limit.ts";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { type LabZone, startDnsServer } from "../../src/lab/dns-server.ts";
import { type PartnerHost, startPartnerHost } from "../../src/lab/partner-host.ts";
import type { PartnerOptions } from "../../src/lab/partner-script.ts";
import { sampleOrigin } from "../../src/mail/attempt-sample.ts";
import { systemClock } from "../../src/mail/clock.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { createPolicy } from "../../src/policy/policy.ts";
import type { QueuedMail } from "../../src/queue/queue.ts";
import { findRoute } from "../../src/route/find-route.ts";
import { createTransportTable, type TransportTable } from "../../src/route/transport.ts";
import { parseMailbox } from "../../src/smtp/path.ts";

export type LabOptions = Readonly<{
  /** MX hosts of `example.test` in order of preference: `mx1.example.test` at 127.0.2.1, and so on. */
  hosts: readonly Omit<PartnerOptions, "address" | "port">[];
  /** The `tls:` section, and other top-level sections; `{folder}` and `{port}` are filled in. */
  yaml: string;
  /** Files that the configuration names, by name. */
  files?: Readonly<Record<string, string>>;
  /** Names beside those of the hosts, or in their place. */
  zone?: LabZone;
  /** A dialect's configuration, in place of `tls:` and `transports:`: made of the folder that holds `files`. */
  dialect?: (folder: string, port: number) => Compiled;
}>;

export type AttemptLab = AsyncDisposable &
  Readonly<{
    hosts: readonly PartnerHost[];
    settings: Settings;
    pool: ConnectionPool;
    send(message?: SendOptions): Promise<readonly RecipientOutcome[]>;
  }>;

export type SendOptions = Readonly<{
  ageMs?: number;
  to?: readonly string[];
  bytes?: Buffer;
  smtputf8?: boolean;
  binding?: string;
}>;

export const secretLine = "The secret that must never leave in clear.";

export async function startAttemptLab({
  hosts: plans,
  yaml,
  files = {},
  zone: names = {},
  dialect,
}: LabOptions): Promise<AttemptLab> {
  const resources = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-test-"));
  resources.defer(() => rmSync(folder, { recursive: true, force: true }));
  const hosts: PartnerHost[] = [];
  const zone: LabZone = {
    "example.test": { mx: plans.map((_, index) => [10 * (index + 1), `mx${index + 1}.example.test`]) },
  };
  for (const [index, plan] of plans.entries()) {
    const address = `127.0.2.${index + 1}`;
    zone[`mx${index + 1}.example.test`] = { a: [address] };
    hosts.push(resources.use(await startPartnerHost({ ...plan, address, port: hosts[0]?.port ?? 0 })));
  }
  const port = hosts[0]?.port ?? 25;
  const dns = resources.use(await startDnsServer({ ...zone, ...names }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const text = `hostname: relay.test
dns: { servers: ["127.0.0.1:${dns.port}"] }
outbound: { port: ${port}, allow-addresses: [127.0.0.0/8], ipv6: false }
metrics: "off"
${yaml.replaceAll("{port}", String(port))}`;
  const { settings, problems } = loadSettings({ path: path.join(folder, "letterlock.yaml"), text });
  if (settings === undefined) {
    await resources.disposeAsync();
    throw new Error(problems.map(formatProblem).join("\n"));
  }
  const resolver = resources.use(createStubResolver({ ...settings.dns, clock: systemClock }));
  const pool = new ConnectionPool(systemClock, () => settings.outbound.idleConnectionMs);
  resources.defer(() => pool.closeAll());
  const compiled = dialect?.(folder, port);
  const policy = createPolicy(compiled === undefined ? settings.policySources : [compiled.source]);
  const transport = createTransportTable(settings.transports, compiled?.settings.routing);
  const tools: AttemptTools = {
    findRoute: (nexthop) =>
      findRoute(nexthop, {
        ownNames: new Set(),
        ownAddresses: new Set(),
        ownEndpoints: new Set(),
        resolver,
        ipv4: true,
        ipv6: false,
        allowAddresses: settings.outbound.allowAddresses,
        random: Math.random,
      }),
    policy: () => policy,
    binding: (name) => {
      const found = settings.bindings.get(name);
      if (found === undefined) throw new Error(`no binding ${name}`);
      return found;
    },
    outbound: () => settings.outbound,
    pool,
    newId: () => {
      connections += 1;
      return `C${connections}`;
    },
    open: createOpener({ pool, limit: () => 100, observe: () => undefined, clock: systemClock }),
    observe: ({ kind, ...event }) => assert.notEqual(kind, "trouble", JSON.stringify(event)),
    clock: systemClock,
  };
  return {
    hosts,
    settings,
    pool,
    send: (message) => sendOne(message ?? {}, { settings, tools, transport }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

let number = 0;
let connections = 0;

type Sending = Readonly<{ settings: Settings; tools: AttemptTools; transport: TransportTable }>;

async function sendOne(
  message: SendOptions,
  { settings, tools, transport }: Sending,
): Promise<readonly RecipientOutcome[]> {
  const mail = makeMail(message, settings.defaultBinding);
  const submission = { sender: mail.sender.mailbox, binding: mail.binding, bindingGroup: undefined };
  const { jobs } = splitIntoJobs(
    mail,
    (mailbox) =>
      transport.nexthopFor(mailbox, {
        submission,
        defaultPort: settings.outbound.port,
        allowAddressLiterals: false,
        allowAddresses: [],
      }),
    tools.policy().recipientKey,
  );
  const outcomes: RecipientOutcome[] = [];
  for (const job of jobs) outcomes.push(...(await attemptDelivery(job, tools)));
  return outcomes;
}

function makeMail(
  { ageMs = 0, to = ["someone@example.test"], bytes, smtputf8 = false, binding }: SendOptions,
  defaultBinding: string,
): QueuedMail {
  const body = bytes ?? Buffer.from(`Subject: test\r\n\r\n${secretLine}\r\n`);
  const now = Date.now();
  number += 1;
  return {
    id: `TEST${number}`,
    sender: { mailbox: parseMailbox("sender@relay.test"), body: "7bit", smtputf8, ret: undefined, envid: undefined },
    recipients: to.map((text, index) => {
      const mailbox = parseMailbox(text);
      if (mailbox === undefined) throw new Error(text);
      return {
        number: index,
        recipient: { mailbox, notify: undefined, orcpt: undefined },
        attempts: 0,
        firstTriedAt: undefined,
        uncertain: false,
        lastError: undefined,
        delayNotified: false,
      };
    }),
    body: { kind: "memory", sizeBytes: body.length, chunks: [body] },
    facts: { has8bit: body.some((byte) => byte > 127), hasUtf8Header: false, receivedCount: 0, endsWithCrlf: true },
    binding: binding ?? defaultBinding,
    arrival: {
      at: now - ageMs,
      origin: sampleOrigin,
    },
    expiresAt: now + 86_400_000,
  };
}
