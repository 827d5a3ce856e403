/**
 * A whole relay in this process, between a client that says what the test tells it and partner hosts found by real DNS.
 *
 *     await using lab = await startRelayLab({ hosts: { "example.test": { tls: { mode: "none" } } }, yaml: "..." });
 *     await lab.send({ to: ["someone@example.test"] });
 *     await lab.until(() => lab.host("example.test").messages.length === 1);
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import type { Settings } from "../../src/config/settings.ts";
import { type LabZone, startDnsServer } from "../../src/lab/dns-server.ts";
import { type PartnerHost, startPartnerHost } from "../../src/lab/partner-host.ts";
import type { PartnerOptions } from "../../src/lab/partner-script.ts";
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import { systemClock } from "../../src/mail/clock.ts";
import type { LetterlockEvent } from "../../src/observe/events.ts";
import { type Relay, startRelay } from "../../src/server/relay.ts";
import { TestClient } from "../smtp-client.ts";

export type RelayLabOptions = Readonly<{
  /** One MX host `mx.DOMAIN` for each domain, at an address of its own. Default: `example.test`, in clear. */
  hosts?: Readonly<Record<string, Omit<PartnerOptions, "address" | "port">>>;
  zone?: LabZone;
  /** More of the configuration; `{port}` is that of the hosts, `{folder}` where `files` are. */
  yaml?: string;
  listeners?: string;
  files?: Readonly<Record<string, string>>;
}>;

export type Mail = Readonly<{
  from?: string;
  to: readonly string[];
  mailParameters?: string;
  rcptParameters?: string;
  text?: string;
  listener?: string;
}>;

export type RelayLab = AsyncDisposable &
  Readonly<{
    relay: Relay;
    folder: string;
    events: readonly LetterlockEvent[];
    records(): readonly AttemptRecord[];
    host(domain: string): PartnerHost;
    /** What another configuration would be; the lab's own with these lines in place of `yaml`. */
    settings(yaml: string, listeners?: string): Settings;
    client(listener?: string): Promise<TestClient>;
    /** @returns the reply to the end of the message, or to the command that was refused */
    send(mail: Mail): Promise<string>;
    call(method: string, params?: unknown): Promise<unknown>;
    until(holds: () => boolean | Promise<boolean>): Promise<void>;
  }>;

const clearListener = '[{name: in, address: "127.0.0.1:0", tls: none}]';
const plain = { tls: { mode: "none" } } as const;

export async function startRelayLab({
  hosts: plans = { "example.test": plain },
  zone: names = {},
  yaml = "",
  listeners = clearListener,
  files = {},
}: RelayLabOptions = {}): Promise<RelayLab> {
  const resources = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-relay-"));
  resources.defer(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const hosts = new Map<string, PartnerHost>();
  const zone: LabZone = {};
  let port = 0;
  for (const [index, [domain, plan]] of Object.entries(plans).entries()) {
    const address = `127.0.3.${index + 1}`;
    const host = resources.use(await startPartnerHost({ ...plan, address, port }));
    port = host.port;
    hosts.set(domain, host);
    zone[domain] = { mx: [[10, `mx.${domain}`]] };
    zone[`mx.${domain}`] = { a: [address] };
  }
  const dns = resources.use(await startDnsServer({ ...zone, ...names }));
  const settings = (more: string, listening: string = listeners): Settings => {
    const text = `hostname: relay.test
data: ${folder}/data
workers: 1
listeners: ${listening}
dns: { servers: ["${dns.address}:${dns.port}"] }
${/^outbound:/m.test(more) ? "" : `outbound: {port: ${port}, allow-addresses: [127.0.0.0/8], ipv6: false}`}
metrics: off
${more}`
      .replaceAll("{port}", String(port))
      .replaceAll("{folder}", folder);
    const loaded = loadSettings({ path: path.join(folder, "letterlock.yaml"), text });
    assert.ok(loaded.settings, `${loaded.problems.map(formatProblem).join("\n")}\n${text}`);
    return loaded.settings;
  };
  const events: LetterlockEvent[] = [];
  const options = { worker: 0, clock: systemClock, random: Math.random };
  const relay = await startRelay({
    ...options,
    settings: settings(yaml),
    observe: (event) => void events.push(event),
  }).catch(async (error: unknown) => {
    await resources.disposeAsync();
    throw error;
  });
  resources.use(relay);

  const client = async (name?: string): Promise<TestClient> => {
    const listener = relay.listeners.find((one) => name === undefined || one.name === name);
    assert.ok(listener, `no listener ${name}`);
    const opened = new TestClient(listener.port);
    await opened.reply();
    await opened.say("EHLO client.test");
    return opened;
  };
  return {
    relay,
    folder,
    events,
    records: () => events.flatMap((event) => (event.kind === "attempt" ? [event.record] : [])),
    host: (domain) => hosts.get(domain) ?? assert.fail(`no host for ${domain}`),
    settings,
    client,
    send: async (mail) => {
      using opened = await client(mail.listener);
      return await sendOver(opened, mail);
    },
    call: async (method, params = {}) => {
      const run = relay.methods[method];
      assert.ok(run, method);
      return await run(params);
    },
    until,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** One transaction; the first refusal, or the reply to the final dot. */
export async function sendOver(client: TestClient, mail: Mail): Promise<string> {
  const { from = "sender@sender.test", to, mailParameters = "", rcptParameters = "", text } = mail;
  const commands = [
    `MAIL FROM:<${from}>${mailParameters}`,
    ...to.map((recipient) => `RCPT TO:<${recipient}>${rcptParameters}`),
    "DATA",
  ];
  for (const command of commands) {
    const reply = await client.say(command);
    if (/^[45]/.test(reply)) return reply;
  }
  await client.send(text ?? "Subject: hello\r\n\r\nhello\r\n");
  return await client.say(".");
}

/** Lets the event loop turn until it holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `never: ${holds}`);
    await new Promise(setImmediate);
  }
}
