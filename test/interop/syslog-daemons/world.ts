/**
 * Our logs, opened as `logs:` says, and a daemon with certificates: right, for another name, of an unknown CA.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { TestContext } from "node:test";
import { loadSettings } from "../../../src/config/load.ts";
import { makeAuthority } from "../../../src/lab/certificates.ts";
import { createRenderer } from "../../../src/logs/create-renderer.ts";
import type { LogLine } from "../../../src/logs/log-renderer.ts";
import { openLogs } from "../../../src/logs/open-logs.ts";
import type { Clock } from "../../../src/mail/clock.ts";
import type { LogDefinition } from "../../../src/mail/log-definition.ts";
import { attempt, refused, taken } from "../../../src/observe/event-sample.ts";
import type { LetterlockEvent } from "../../../src/observe/events.ts";
import { quickClock, sampleFolder, toldIn } from "../../logs/sink-lab.ts";
import { type DaemonKind, ownAddress, ports, SyslogDaemon } from "./daemon.ts";

export const tools = { hostname: "relay.test", pid: process.pid };
/** JSON lines bear the time at which they are written. */
const clock: Clock = { ...quickClock, now: () => Date.UTC(2026, 10, 22, 8, 30, 47, 123) };

export async function startDaemon(
  t: TestContext,
  kind: DaemonKind,
): Promise<Readonly<{ daemon: SyslogDaemon; ca: string }>> {
  const folder = await sampleFolder(t);
  const authority = await makeAuthority("Test CA");
  const certificates = {
    tls: await authority.issue({ ipAddresses: [ownAddress] }),
    misnamed: await authority.issue({ dnsNames: ["logs.test"] }),
    unknown: await (await makeAuthority("Nobody's CA")).issue({ ipAddresses: [ownAddress] }),
  };
  const ca = path.join(folder, "ca.pem");
  writeFileSync(ca, authority.certificatePem);
  for (const [name, { chainPem, privateKeyPem }] of Object.entries(certificates)) {
    writeFileSync(path.join(folder, `${name}.pem`), chainPem);
    writeFileSync(path.join(folder, `${name}.key`), privateKeyPem);
  }
  const daemon = new SyslogDaemon(kind, folder);
  t.after(() => daemon.stop());
  await daemon.start();
  return { daemon, ca };
}

/** @param entries of `logs:`; each has a facility of its own, by which its lines are found again */
export async function openTo(t: TestContext, entries: readonly string[]) {
  const text = `data: /nowhere\nlogs:\n${entries.map((entry, at) => `  log${at}: { ${entry} }\n`).join("")}`;
  const { settings, problems } = loadSettings({ path: "letterlock.yaml", text });
  const definitions = settings?.logs ?? assert.fail(JSON.stringify(problems));
  const events: LetterlockEvent[] = [];
  const logs = await openLogs(definitions, {
    worker: 0,
    workers: 1,
    dataDirectory: "/nowhere",
    hostname: tools.hostname,
    clock,
    observe: (event) => events.push(event),
    onDone: () => {},
  });
  t.after(() => logs[Symbol.asyncDispose]());
  return { logs, definitions, told: () => toldIn(events) };
}

export type Target = Extract<LogDefinition["target"], Readonly<{ kind: "syslog" }>>;

export function targetOf({ target }: LogDefinition): Target {
  return target.kind === "syslog" ? target : assert.fail();
}

export function linesOf({ format }: LogDefinition, events: readonly LetterlockEvent[]): readonly LogLine[] {
  const renderer = createRenderer(format, tools);
  return events.flatMap((event) => [...renderer.lines(event, clock.now())]);
}

/** Ten deliveries from the first number on, with a message that was taken and one that was refused. */
export function story(first: number): readonly LetterlockEvent[] {
  const deliveries = Array.from({ length: 10 }, (_, at) => attempt({ to: `user${first + at}@example.net` }));
  return [taken(), refused(), ...deliveries];
}

export function ways(socket: string, ca: string): readonly string[] {
  const tls = `syslog: "tls://${ownAddress}", ca: "${ca}"`;
  return [
    `format: postfix, syslog: ${socket}, facility: mail`,
    `format: sendmail, syslog: ${socket}, facility: local0`,
    `format: postfix, syslog: "udp://${ownAddress}:${ports.udp3164}", facility: local1`,
    `format: postfix, syslog: "udp://${ownAddress}", protocol: rfc5424, facility: local2`,
    `format: sendmail, syslog: "tcp://${ownAddress}:${ports.tcp}", facility: local3`,
    `format: json, syslog: "tcp://${ownAddress}:${ports.tcp}", facility: local4`,
    `format: sendmail, ${tls}, protocol: rfc5424, facility: local5`,
    `format: postfix, ${tls}, facility: local6`,
  ];
}
