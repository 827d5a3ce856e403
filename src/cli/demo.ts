/**
 * `letterlock demo`: a world in one process. Partner hosts of every kind, a policy that treats them differently, one
 * mail to each, and what was required, achieved and why; then mail from partners (`demo-clients.ts`). Nothing leaves
 * this machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { styleText } from "node:util";
import { loadSettings } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import type { Settings } from "../config/settings.ts";
import { startWorld, type World } from "../lab/world.ts";
import type { AttemptRecord } from "../mail/attempt.ts";
import { systemClock } from "../mail/clock.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import { reply } from "../mail/reply.ts";
import type { LetterlockEvent } from "../observe/events.ts";
import { type ReasonCode, reasonTable } from "../policy/reasons.ts";
import { type Relay, startRelay } from "../server/relay.ts";
import { bringMailIn, clientsReport, demoClients, inboundRules } from "./demo-clients.ts";
import { openSession, sendMail } from "./demo-session.ts";
import { howToCall } from "./how-to-call.ts";
import { table } from "./table.ts";

/** Who writes to the partners. */
const ourselves = "you@relay.example";

export async function demo({ once, json }: Readonly<{ once?: boolean; json?: boolean }>): Promise<number> {
  await using resources = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-demo-"));
  resources.defer(() => rmSync(folder, { recursive: true, force: true }));
  const world = resources.use(await startWorld());
  const settings = writeConfiguration(folder, world);
  const records = new Map<string, AttemptRecord>();
  const cameIn: InboundRecord[] = [];
  const complete = Promise.withResolvers<void>();
  const observe = (event: LetterlockEvent): void => {
    if (event.kind === "attempt" && !records.has(event.record.to)) records.set(event.record.to, event.record);
    if (event.kind === "inbound" && event.record.from !== ourselves) cameIn.push(event.record);
    if (records.size === world.partners.length && cameIn.length === demoClients.length) complete.resolve();
  };
  const relay = resources.use(
    await startRelay({ settings, worker: 0, observe, clock: systemClock, random: Math.random }),
  );
  await sendOneToEach(relay, settings, world);
  await bringMailIn(relay, settings.outbound.timeouts, world);
  await complete.promise;
  const found = world.partners.map((partner) => ({ partner, record: records.get(`someone@${partner.domain}`) }));
  if (json) {
    const all = found.map(({ record }) => record);
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return 0;
  }
  const lines = configuration(world).trimEnd().split("\n");
  process.stdout.write(`${section(lines, "tls:")}\n${report(found)}`);
  process.stdout.write(`\n${section(lines, "inbound-rules:")}\n${clientsReport(cameIn)}`);
  if (once) return 0;
  process.stdout.write(invitation(relay, folder));
  await new Promise<void>((resolve) => {
    const keepAlive = setInterval(() => undefined, 60_000);
    const end = (): void => {
      clearInterval(keepAlive);
      resolve();
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
  return 0;
}

function writeConfiguration(folder: string, world: World): Settings {
  const file = path.join(folder, "letterlock.yaml");
  writeFileSync(path.join(folder, "lab-ca.pem"), world.authority.certificatePem);
  writeFileSync(path.join(folder, "relay.crt"), world.client.chainPem);
  writeFileSync(path.join(folder, "relay.key"), world.client.privateKeyPem, { mode: 0o600 });
  writeFileSync(file, configuration(world));
  const { settings, problems } = loadSettings({ path: file });
  if (settings === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return settings;
}

function configuration({ dns, port, pinnedKeySha256 }: World): string {
  return `hostname: relay.example
data: data
workers: 1
listeners:
  - { name: demo, address: "127.0.0.1:0", tls: starttls, certificate: relay }
certificates:
  relay: { certificate: relay.crt, key: relay.key }
dns: { servers: ["${dns.address}:${dns.port}"] }
outbound: { port: ${port}, allow-addresses: [127.0.0.0/8], ipv6: false }
metrics: "off"
tls:
  level: may
  ca: lab-ca.pem
  domains:
    good.example: { level: verify }
    selfsigned.example: { level: encrypt }
    wrongname.example: { level: verify }
    expired.example: { level: verify, mode: monitor }
    cleartext.example: { level: encrypt }
    broken.example: { fallback: at once }
    tls12.example: { level: secure, min-cipher-bits: 128 }
    mutual.example: { level: verify, client-certificate: relay }
    pinned.example: { level: fingerprint, pins: "spki-sha256:${pinnedKeySha256}" }
${inboundRules}`;
}

/** One session into the relay, one message per partner. */
async function sendOneToEach(relay: Relay, { outbound }: Settings, { partners }: World): Promise<void> {
  const session = await openSession(relay, outbound.timeouts, { inTls: true, credential: undefined });
  for (const { domain } of partners) {
    const result = await sendMail(session, ourselves, `someone@${domain}`);
    if (result?.kind !== "delivered")
      throw new Error(`the relay did not take the mail: ${JSON.stringify(result ?? reply(0, undefined))}`);
  }
  session.quit();
}

type Found = readonly Readonly<{ partner: World["partners"][number]; record: AttemptRecord | undefined }>[];

const colours = { delivered: "green", deferred: "yellow", failed: "red", expired: "red" } as const;

/** A section of the configuration with its line numbers, as the tables name them. */
function section(lines: readonly string[], key: string): string {
  const first = lines.indexOf(key);
  const length = lines.slice(first + 1).findIndex((line) => !line.startsWith(" "));
  return lines
    .slice(first, length < 0 ? undefined : first + 1 + length)
    .map(
      (line, index) =>
        `${styleText("dim", String(first + index + 1).padStart(4), { stream: process.stdout })}  ${line}\n`,
    )
    .join("");
}

function report(found: Found): string {
  const rows = found.map(({ partner, record }) => {
    const { tls, rule, event } = record ?? {};
    return [
      partner.domain,
      partner.about,
      tls == null ? "-" : `${tls.required}${tls.monitor === null ? "" : " (monitor)"}`,
      tls?.achieved ?? "-",
      tls?.protocol ?? "-",
      event === undefined ? "-" : styleText(colours[event], event, { stream: process.stdout }),
      rule?.line == null ? "-" : String(rule.line),
      whyOf(record),
    ];
  });
  return table(["PARTNER", "HAS", "REQUIRED", "ACHIEVED", "PROTOCOL", "OUTCOME", "LINE", "WHY"], rows);
}

/** What a postmaster would ask about first: what went wrong, and where nothing did, what the proof was. */
const telling: readonly ReasonCode[] = [
  "handshake-failed",
  "not-offered",
  "certificate-expired",
  "pin-matched",
  "pin-mismatch",
  "cipher-too-weak",
  "chain-untrusted",
  "name-mismatch",
  "name-matched",
];

function whyOf(record: AttemptRecord | undefined): string {
  const code = telling.find((one) => record?.reasons.some((reason) => reason.code === one));
  return code === undefined ? (record?.error ?? "") : reasonTable[code].text;
}

function invitation(relay: Relay, folder: string): string {
  const [listener] = relay.listeners;
  return `
The world stays up until you interrupt it (Ctrl-C). Meanwhile:
  swaks --server 127.0.0.1:${listener?.port ?? 0} --tls --from ${ourselves} --to someone@wrongname.example
  ${howToCall()} explain --config ${folder}/letterlock.yaml someone@tls12.example
  ${howToCall()} explain --config ${folder}/letterlock.yaml --client 127.0.0.1 --from anna@bank.example
`;
}
