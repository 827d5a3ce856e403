/**
 * The same dialogues with both: the real Sendmail in one namespace and Letterlock in another, each at the addresses that
 * the configurations name, with the same files below `/mnt` and the same names in DNS.
 */
import assert from "node:assert/strict";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { makeSelfSigned } from "../../../src/lab/certificates.ts";
import { inRoot, Namespace } from "../lab/namespace.ts";
import { CertificateMaker, type Made } from "../sendmail-differential/certificates.ts";
import { asShown, makeCertificates } from "./clients.ts";
import { type Dialogue, dialoguesFor } from "./dialogues.ts";
import { configure, startDaemon } from "./real-daemon.ts";
import type { Play, Transcript } from "./run-dialogues.ts";
import type { Listen } from "./run-listeners.ts";
import { type Setup, setupsFor } from "./setups.ts";

export type Pair = Readonly<{ setup: Setup; dialogue: Dialogue; sendmail: Transcript; letterlock: Transcript }>;

export async function playBoth(seed: number): Promise<readonly Pair[]> {
  const setups = setupsFor(seed);
  const dialogues = dialoguesFor(seed, setups);
  await using theirs = await Namespace.create();
  await using ours = await Namespace.create();
  const certificates = await furnish(theirs);
  await mapSome(setups, (setup) => configure(theirs, setup));
  const shown = Object.entries(certificates).map(([name, made]) => [name, asShown(made)]);
  const play: Play = { dialogues, certificates: Object.fromEntries(shown) };
  const [sendmail, letterlock] = await Promise.all([
    playSendmail(theirs, setups, play),
    playLetterlock(ours, theirs.folder, setups, play),
  ]);
  return dialogues.flatMap((dialogue, at) => {
    const setup = setups.find(({ name }) => name === dialogue.setup);
    const [one, other] = [sendmail[at], letterlock[at]];
    assert.ok(setup && one && other);
    return [{ setup, dialogue, sendmail: one, letterlock: other }];
  });
}

/** Keys and certificates, and the users who may log in by them. */
async function furnish({ folder }: Namespace): Promise<Readonly<Record<string, Made>>> {
  const maker = await CertificateMaker.create();
  const certificates = await makeCertificates(maker);
  mkdirSync(path.join(folder, "tls"));
  const put = (name: string, text: string): void => {
    writeFileSync(path.join(folder, "tls", name), text, { mode: name.endsWith(".key") ? 0o600 : 0o644 });
  };
  put("ca.pem", maker.authorityPem);
  put("01234567.0", maker.authorityPem);
  const server = { cn: "mx.sendmail.test", subject: "/CN=mx.sendmail.test" };
  const ec = await maker.make({ attributes: [["CN", server.cn]], macros: server, names: [server.cn] });
  const rsa = await makeSelfSigned({ dnsNames: [server.cn], keyKind: "rsa-2048" });
  for (const [name, { chainPem, privateKeyPem }] of Object.entries({ ec, rsa })) {
    put(`${name}.pem`, chainPem);
    put(`${name}.key`, privateKeyPem);
  }
  const digest = createHash("sha256")
    .update(certificates.pc?.der ?? "")
    .digest("hex");
  put("users", `users:\n  pc:\n    certificates: ["sha256:${digest}"]\n    may-relay: yes\n`);
  return certificates;
}

async function playSendmail(namespace: Namespace, setups: readonly Setup[], play: Play): Promise<Transcript[]> {
  await using _dns = await running(namespace, "run-dns.ts");
  await Promise.all(setups.map((setup) => startDaemon(namespace, setup)));
  return await runDialogues(namespace, play);
}

/** @param files where Sendmail's are */
async function playLetterlock(
  namespace: Namespace,
  files: string,
  setups: readonly Setup[],
  play: Play,
): Promise<Transcript[]> {
  const { code, stderr } = await namespace.run("mount", ["--bind", files, inRoot]);
  assert.equal(code, 0, stderr);
  const listen: Listen = {
    setups: setups.map(({ name, as }) => ({ as, folder: `${inRoot}/${name}` })),
    usersFile: `${inRoot}/tls/users`,
  };
  await using _listeners = await running(namespace, "run-listeners.ts", listen);
  return await runDialogues(namespace, play);
}

/** Starts a program of this folder, which says when it is ready and ends with its input. */
async function running(namespace: Namespace, program: string, input?: unknown): Promise<AsyncDisposable> {
  const options: SpawnOptions = { stdio: ["pipe", "pipe", "inherit"] };
  const child: ChildProcess = namespace.spawn(process.execPath, [path.join(import.meta.dirname, program)], options);
  const exited = once(child, "exit");
  assert.ok(child.stdout);
  if (input !== undefined) child.stdin?.write(`${JSON.stringify(input)}\n`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "ready", program);
  return {
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      await exited;
    },
  };
}

async function runDialogues(namespace: Namespace, play: Play): Promise<Transcript[]> {
  const program = path.join(import.meta.dirname, "run-dialogues.ts");
  const { code, stdout, stderr } = await namespace.run(process.execPath, [program], JSON.stringify(play));
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Transcript[];
}

/** A few at a time. */
async function mapSome<T>(items: readonly T[], make: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (const item of queue) await make(item);
    }),
  );
}
