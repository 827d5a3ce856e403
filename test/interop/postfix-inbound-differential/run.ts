/**
 * One whole run: the same files for Postfix and for Letterlock, each in a network of its own, and the same clients.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { nodeKeyDerivation } from "../../../src/users/key-derivation.ts";
import { formatPasswordHash, hashPassword } from "../../../src/users/password-hash.ts";
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
  const [postfix, letterlock] = await Promise.all([askPostfix(first, job), askLetterlock(second, first.folder, job)]);
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
  writeFileSync(path.join(namespace.folder, "users.yaml"), await usersFile(), { mode: 0o600 });
  const log = openSync(namespace.logFile("letterlock"), "a");
  const argv = [main, "start", "--config", file, "--data", data];
  const child = namespace.spawn(process.execPath, argv, { stdio: ["ignore", log, log] });
  const ended = once(child, "exit");
  await listening(namespace).catch((error: unknown) => {
    throw new Error(readFileSync(namespace.logFile("letterlock"), "utf8"), { cause: error });
  });
  const heard = await converse(namespace, { ...job, logInSocket: undefined });
  child.kill("SIGTERM");
  await ended;
  return heard;
}

async function listening(namespace: Namespace): Promise<void> {
  for (const { port } of variants) await namespace.accepting(serverAddress, port);
}

async function converse(namespace: Namespace, job: Job): Promise<Heard> {
  const [jobFile, resultFile] = ["job.json", "result.json"].map((name) => path.join(namespace.folder, name));
  assert.ok(jobFile && resultFile);
  writeFileSync(jobFile, JSON.stringify(job));
  const { code, stderr } = await namespace.run(process.execPath, [ground, jobFile, resultFile]);
  assert.equal(code, 0, stderr);
  return JSON.parse(readFileSync(resultFile, "utf8")) as Heard;
}

const yaml = `hostname: ${hostname}
workers: 1
users-file: users.yaml
policy:
  - postfix: ${root}/etc/main.cf
`;

async function usersFile(): Promise<string> {
  const password = formatPasswordHash(await hashPassword("scrypt", users.password, nodeKeyDerivation));
  return `users:\n  ${users.name}:\n    password: ${password}\n    may-relay: false\n`;
}
