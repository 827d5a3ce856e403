/**
 * One whole run: the same files for Postfix and for Letterlock, each in a network of its own, and the same clients.
 */
import assert from "node:assert/strict";
import { randomBytes, scryptSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { makeQueue } from "../differential/postfixes.ts";
import { Namespace } from "../lab/namespace.ts";
import { type Dialogue, drawDialogues } from "./dialogues.ts";
import { writeFiles } from "./files.ts";
import type { Heard, Job } from "./ground.ts";
import { hostname, root, serverAddress, users, variants } from "./variants.ts";

const ground = path.join(import.meta.dirname, "ground.ts");
const main = path.join(import.meta.dirname, "../../../src/main.ts");

export type Run = Readonly<{ dialogues: readonly Dialogue[]; postfix: Heard; letterlock: Heard }>;

export async function runInboundDifferential(seed: number, count: number): Promise<Run> {
  await using first = await Namespace.create();
  await using second = await Namespace.create();
  const keys = await writeFiles(first.folder, variants);
  const dialogues = drawDialogues(seed, count, variants);
  const job = { variants, dialogues, keys };
  const asked = [askPostfix(first, job), askLetterlock(second, first.folder, job)] as const;
  await Promise.allSettled(asked);
  const [postfix, letterlock] = await Promise.all(asked);
  return { dialogues, postfix, letterlock };
}

async function askPostfix(namespace: Namespace, job: Omit<Job, "logInSocket">): Promise<Heard> {
  makeQueue(namespace.folder);
  namespace.daemon("postfix", "postfix", ["/usr/sbin/postfix", "-c", `${root}/etc`, "start-fg"]);
  await listening(namespace);
  return converse(namespace, { ...job, logInSocket: path.join(namespace.folder, "spool/private/auth") });
}

/** @param folder with the files of Postfix */
async function askLetterlock(namespace: Namespace, folder: string, job: Omit<Job, "logInSocket">): Promise<Heard> {
  const { code, stderr } = await namespace.run("mount", ["--bind", folder, root]);
  assert.equal(code, 0, stderr);
  const file = path.join(namespace.folder, "letterlock.yaml");
  const data = path.join(namespace.folder, "letterlock");
  mkdirSync(data);
  writeFileSync(file, yaml);
  writeFileSync(path.join(namespace.folder, "users.yaml"), usersFile(), { mode: 0o600 });
  const log = openSync(namespace.logFile("letterlock"), "a");
  const argv = [main, "start", "--config", file, "--data", data];
  const child = namespace.spawn(process.execPath, argv, { stdio: ["ignore", log, log] });
  const ended = once(child, "exit");
  try {
    await listening(namespace);
    return await converse(namespace, { ...job, logInSocket: undefined });
  } catch (error) {
    throw new Error(readFileSync(namespace.logFile("letterlock"), "utf8"), { cause: error });
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** Both open their services in the order of master.cf. */
async function listening(namespace: Namespace): Promise<void> {
  await namespace.accepting(serverAddress, variants.at(-1)?.port ?? 0);
}

async function converse(namespace: Namespace, job: Job): Promise<Heard> {
  const [jobFile, resultFile] = ["job.json", "result.json"].map((name) => path.join(namespace.folder, name));
  assert.ok(jobFile && resultFile);
  writeFileSync(jobFile, JSON.stringify(job));
  const { code, stderr } = await namespace.run(process.execPath, [ground, jobFile, resultFile]);
  assert.equal(code, 0, stderr);
  return JSON.parse(readFileSync(resultFile, "utf8")) as Heard;
}

/** Nobody guesses here, however many times he is wrong. */
const yaml = `hostname: ${hostname}
workers: 1
users-file: users.yaml
auth:
  failure-delay: 0s
  failures: 1000000
limits:
  connections-per-address: 500
policy:
  - postfix: { main: ${root}/etc/main.cf }
`;

/** The cheapest hash that is taken: what is asked here is what is answered. */
export function usersFile(): string {
  const salt = randomBytes(16);
  const hash = scryptSync(users.password, salt, 32, { N: 1024, r: 8, p: 1 });
  const [saltText, hashText] = [salt, hash].map((octets) => octets.toString("base64").replaceAll("=", ""));
  return `users:\n  ${users.name}:\n    password: $scrypt$ln=10,r=8,p=1$${saltText}$${hashText}\n    may-relay: false\n`;
}
