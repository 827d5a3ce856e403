/**
 * The process inside a namespace (`node ground.ts JOB-FILE RESULT-FILE`): DNS, scripted hosts, Letterlock where it is its
 * turn, and every session with the server that listens there, one after the other. It compares nothing.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { startDnsServer } from "../../../src/lab/dns-server.ts";
import { startPartnerHost } from "../../../src/lab/partner-host.ts";
import { type Destinations, partnerOptions } from "../differential/destinations.ts";
import { play } from "../postfix-inbound-differential/client.ts";
import type { ClientKeys } from "../postfix-inbound-differential/files.ts";
import { answerLogIns } from "../postfix-inbound-differential/log-ins.ts";
import { clientAddresses, serverAddress } from "../postfix-inbound-differential/variants.ts";
import type { Happened } from "./letterlock-side.ts";
import { furtherNames, type Session, sessions } from "./situations.ts";

export type Job = Readonly<{
  folder: string;
  server: "postfix" | "letterlock";
  destinations: Destinations;
  keys: ClientKeys;
}>;

/** Lines `program[pid]: text`, in the order of the log; `happened` is of Letterlock alone. */
export type Logged = Readonly<{
  sessions: Readonly<Record<string, readonly string[]>>;
  lines: readonly string[];
  happened: Happened;
}>;

/** A log that stays as it is for so long tells no more. */
const silenceMs = 10_000;

const [jobFile = "", resultFile = ""] = process.argv.slice(2);
const job = JSON.parse(readFileSync(jobFile, "utf8")) as Job;
const logFile = path.join(job.folder, "log", job.server);

const happened: Happened = { attempts: [], inbound: [] };
await using resources = new AsyncDisposableStack();
resources.use(await startDnsServer({ ...job.destinations.zone, ...furtherNames }, { port: 53 }));
for (const plan of job.destinations.hosts) resources.use(await startPartnerHost(partnerOptions(plan)));
if (job.server === "postfix") {
  const logIns = await answerLogIns(path.join(job.folder, "spool/private/auth"));
  resources.defer(() => void logIns.close());
} else {
  const { startLetterlock } = await import("./letterlock-side.ts");
  resources.use(await startLetterlock(job.folder, logFile, happened));
}

const sessionLines: Record<string, readonly string[]> = {};
for (const session of sessions) sessionLines[session.id] = await linesOf(session);
const logged: Logged = { sessions: sessionLines, lines: readLog(), happened };
writeFileSync(resultFile, JSON.stringify(logged));
process.exit(0);

/** Plays it, and waits until nothing more is to come of it. */
async function linesOf(session: Session): Promise<readonly string[]> {
  const before = readLog().length;
  const localAddress = clientAddresses[session.from];
  const target = { address: serverAddress, port: session.port, implicitTls: session.port === 465, localAddress };
  await play(session, target, job.keys);
  let [known, since] = [0, Date.now()];
  for (;;) {
    const lines = readLog().slice(before);
    if (lines.length > known) [known, since] = [lines.length, Date.now()];
    if (isOver(lines)) return lines;
    if (Date.now() > since + silenceMs) throw new Error(`${session.id}: nothing more after\n${lines.join("\n")}`);
    await wait(5);
  }
}

function readLog(): readonly string[] {
  if (!existsSync(logFile)) return [];
  const lines = readFileSync(logFile, "latin1").split("\n").slice(0, -1);
  return lines.flatMap(
    (line) => /(postfix\/(?:smtpd?|cleanup|qmgr|bounce|error|retry)\[\d+\]: .*)$/.exec(line)?.[1] ?? [],
  );
}

/** The client is gone, and all mail has left or was put off. */
function isOver(lines: readonly string[]): boolean {
  if (!lines.some((line) => line.includes(": disconnect from "))) return false;
  const ids = lines.flatMap(
    (line) => /\]: (\w+): (?:client|message-id)=|notification: (\w+)$/.exec(line)?.slice(1) ?? [],
  );
  return ids.every(
    (id) =>
      id === undefined ||
      lines.some(
        (line) =>
          line.includes(`: ${id}: removed`) || (line.includes(`: ${id}: to=`) && line.includes("status=deferred")),
      ),
  );
}
