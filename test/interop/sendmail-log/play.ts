/**
 * All stories told to both, each in a network of its own with the same files and hosts: every line of either log, story
 * by story.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { inRoot, Namespace } from "../lab/namespace.ts";
import { CertificateMaker } from "../sendmail-differential/certificates.ts";
import { type Spoken, Syslog } from "../sendmail-differential/syslog.ts";
import { makeClientCertificates } from "./clients.ts";
import { type HostPlan, planHosts } from "./hosts.ts";
import { allDelivered, configure, server, startDaemon } from "./real-sendmail.ts";
import type { Telling } from "./run-clients.ts";
import type { OurLog } from "./run-letterlock.ts";
import { byStory, type StoryLines, theirLines } from "./sort-lines.ts";
import { accessOf, stories } from "./stories.ts";

/** The level at which both tell everything that is compared. */
const level = 14;
const tag = "sm-mta";

export type Played = Readonly<{
  sendmail: ReadonlyMap<string, StoryLines>;
  letterlock: ReadonlyMap<string, StoryLines>;
  ours: OurLog;
}>;

export async function playBoth(): Promise<Played> {
  await using theirs = await Namespace.create();
  await using ours = await Namespace.create();
  const maker = await CertificateMaker.create();
  const certificates = await makeClientCertificates(maker);
  await putFiles(theirs.folder, maker, certificates.trusted.der);
  await configure(theirs, accessOf(stories), level);
  const plan = await planHosts(maker, stories);
  const shown = Object.entries(certificates).map(
    ([name, made]) => [name, { cert: made.chainPem, key: made.privateKeyPem }] as const,
  );
  const telling: Telling = { address: server.address, certificates: Object.fromEntries(shown) };
  const [spoken, log] = await Promise.all([
    playSendmail(theirs, plan, telling),
    playLetterlock(ours, theirs.folder, plan, telling),
  ]);
  return { sendmail: theirLines(spoken), letterlock: byStory(log.lines), ours: log };
}

async function playSendmail(namespace: Namespace, plan: HostPlan, telling: Telling): Promise<readonly Spoken[]> {
  await using syslog = await Syslog.open(namespace);
  await using _hosts = await started(namespace, "run-hosts.ts", plan);
  await startDaemon(namespace, tag);
  await tell(namespace, telling);
  await allDelivered(namespace);
  return syslog.spoken(tag);
}

async function playLetterlock(namespace: Namespace, files: string, plan: HostPlan, telling: Telling): Promise<OurLog> {
  const { code, stderr } = await namespace.run("mount", ["--bind", files, inRoot]);
  assert.equal(code, 0, stderr);
  await using _hosts = await started(namespace, "run-hosts.ts", plan);
  const data = path.join(namespace.folder, "data");
  const letterlock = await started(namespace, "run-letterlock.ts", { yaml: yamlText(data), level });
  await tell(namespace, telling);
  return JSON.parse(await letterlock.end()) as OurLog;
}

function yamlText(data: string): string {
  return `hostname: ${server.name}
data: ${data}
workers: 1
users-file: ${inRoot}/tls/users
policy:
  - sendmail: { access: ${inRoot}/sendmail/access, mc: ${inRoot}/sendmail/sendmail.mc, version: "8.18" }
relay-networks: []
dns: { servers: [127.0.0.1] }
outbound: { allow-addresses: [127.0.0.0/8], ipv6: false, idle-connection: 0s }
logs: { maillog: { format: sendmail, name: sm-mta, level: ${level}, file: ${data}/maillog } }
metrics: off
`;
}

async function putFiles(folder: string, maker: CertificateMaker, user: Uint8Array): Promise<void> {
  const tls = path.join(folder, "tls");
  mkdirSync(tls);
  const attributes = [["CN", server.name] as const];
  const { chainPem, privateKeyPem } = await maker.make({
    attributes,
    macros: { cn: server.name, subject: "" },
    names: [server.name],
  });
  writeFileSync(path.join(tls, "ca.pem"), maker.authorityPem);
  writeFileSync(path.join(tls, "server.pem"), chainPem);
  writeFileSync(path.join(tls, "server.key"), privateKeyPem, { mode: 0o600 });
  const digest = createHash("sha256").update(user).digest("hex");
  const text = `users:\n  pc:\n    certificates: ["sha256:${digest}"]\n    may-relay: yes\n`;
  writeFileSync(path.join(tls, "users"), text, { mode: 0o600 });
}

async function tell(namespace: Namespace, telling: Telling): Promise<void> {
  const program = path.join(import.meta.dirname, "run-clients.ts");
  const { code, stderr } = await namespace.run(process.execPath, [program], JSON.stringify(telling));
  assert.equal(code, 0, stderr);
}

type Started = AsyncDisposable & Readonly<{ end: () => Promise<string> }>;

/** Starts a program of this folder, which says when it is ready and ends with its input; `end` hears its last line. */
async function started(namespace: Namespace, program: string, input: unknown): Promise<Started> {
  const argv = [path.join(import.meta.dirname, program)];
  const child: ChildProcess = namespace.spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin?.write(`${JSON.stringify(input)}\n`);
  assert.equal((await lines.next()).value, "ready", program);
  const end = async (): Promise<string> => {
    child.stdin?.end();
    const { value } = await lines.next();
    await exited;
    return value ?? "";
  };
  return { end, [Symbol.asyncDispose]: async () => void (await end()) };
}
