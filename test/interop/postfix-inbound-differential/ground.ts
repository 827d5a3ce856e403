/**
 * The process inside a namespace (`node ground.ts JOB-FILE RESULT-FILE`): every dialogue with the server that listens
 * there. It compares nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { play, type Step } from "./client.ts";
import type { Dialogue } from "./dialogues.ts";
import type { ClientKeys } from "./files.ts";
import { answerLogIns } from "./log-ins.ts";
import { clientAddresses, serverAddress, type Variant } from "./variants.ts";

export type Job = Readonly<{
  variants: readonly Variant[];
  dialogues: readonly Dialogue[];
  keys: ClientKeys;
  /** Where Postfix asks about log-ins. */
  logInSocket: string | undefined;
}>;

export type Heard = Readonly<Record<string, readonly Step[]>>;

/** Sessions at one time. */
const abreast = 12;

const [jobFile = "", resultFile = ""] = process.argv.slice(2);
const job = JSON.parse(readFileSync(jobFile, "utf8")) as Job;
const logIns = job.logInSocket === undefined ? undefined : await answerLogIns(job.logInSocket);
const variants = new Map(job.variants.map((variant) => [variant.name, variant]));
const heard: Record<string, readonly Step[]> = {};
const waiting = [...job.dialogues];
await Promise.all(Array.from({ length: abreast }, playOn));
writeFileSync(resultFile, JSON.stringify(heard));
logIns?.close();
process.exit(0);

async function playOn(): Promise<void> {
  for (let dialogue = waiting.shift(); dialogue !== undefined; dialogue = waiting.shift()) {
    const variant = variants.get(dialogue.variant);
    if (variant === undefined) throw new Error(dialogue.variant);
    const { port, implicitTls } = variant;
    const target = { address: serverAddress, port, implicitTls, localAddress: clientAddresses[dialogue.from] };
    heard[dialogue.id] = await play(dialogue, target, job.keys);
  }
}
