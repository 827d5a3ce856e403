/**
 * Letterlock in the process inside the namespace: a whole relay, whose events become Postfix's lines.
 */
import { appendFileSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadSettings } from "../../../src/config/load.ts";
import { createPostfixRenderer } from "../../../src/logs/postfix/postfix-renderer.ts";
import type { AttemptRecord } from "../../../src/mail/attempt.ts";
import { systemClock } from "../../../src/mail/clock.ts";
import type { InboundRecord } from "../../../src/mail/inbound-record.ts";
import { type Relay, startRelay } from "../../../src/server/relay.ts";

/** The records that the lines were made of. */
export type Happened = Readonly<{ attempts: AttemptRecord[]; inbound: InboundRecord[] }>;

/** @param folder with `letterlock.yaml` */
export async function startLetterlock(folder: string, logFile: string, happened: Happened): Promise<Relay> {
  const file = path.join(folder, "letterlock.yaml");
  const { settings, problems } = loadSettings({ path: file, text: readFileSync(file, "utf8") });
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  const renderer = createPostfixRenderer({
    kind: "postfix",
    name: "postfix",
    tlsField: false,
    outboundTlsLevel: 1,
    inboundTlsLevel: 1,
  });
  return startRelay({
    settings,
    worker: 0,
    clock: systemClock,
    random: Math.random,
    observe: (event) => {
      if (event.kind === "attempt") happened.attempts.push(event.record);
      if (event.kind === "inbound") happened.inbound.push(event.record);
      for (const { program, text } of renderer.lines(event, Date.now())) {
        appendFileSync(logFile, `${program}[${process.pid}]: ${text}\n`);
      }
    },
  });
}
