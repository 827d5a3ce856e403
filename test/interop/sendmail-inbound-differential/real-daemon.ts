/**
 * The real Sendmail as a daemon of its own for each configuration: made by its own m4 and makemap.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Namespace } from "../lab/namespace.ts";
import { mcText, type Setup } from "./setups.ts";

/** Its files stay in the namespace's folder, under the configuration's name. */
export async function configure(namespace: Namespace, setup: Setup): Promise<void> {
  const folder = path.join(namespace.folder, setup.name);
  const home = namespace.asInRoot(folder);
  mkdirSync(path.join(folder, "queue"), { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, "access"), setup.access.map((line) => `${line}\n`).join(""));
  writeFileSync(path.join(folder, "sendmail.mc"), mcText(setup, home));
  const m4 = "m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /usr/share/sendmail/cf/m4/cf.m4 sendmail.mc > sendmail.cf";
  // Of two lines with one key makemap complains, and keeps the first.
  const script = `cd ${home} && ${m4} && { makemap hash access < access || test -f access.db; }`;
  const { code, stderr } = await namespace.runIn("sendmail", ["sh", "-c", script]);
  assert.equal(code, 0, stderr);
}

/** Ends with the namespace. */
export async function startDaemon(namespace: Namespace, { name, address, ports }: Setup): Promise<void> {
  const cf = `${namespace.asInRoot(path.join(namespace.folder, name))}/sendmail.cf`;
  namespace.daemon(name, "sendmail", ["/usr/sbin/sendmail-mta", "-bD", `-C${cf}`]);
  await Promise.all(Object.keys(ports).map((port) => namespace.accepting(address, Number(port))));
}
