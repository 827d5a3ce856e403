/**
 * One Postfix per configuration in the namespace: an instance with `main.cf`, `master.cf`, tables, queue and log of its
 * own. Its smtpd only takes the one message with which it is asked.
 */
import assert from "node:assert/strict";
import { chownSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Namespace } from "../lab/namespace.ts";
import { rootOf } from "../lab/programs.ts";
import { mainCf, masterCf } from "./main-cf.ts";
import type { Variant } from "./situations.ts";

/** Where the smtpd of the first instance listens; each further one a port higher. */
export const firstPort = 10_025;

/** Writes the configurations, so that Postfix and Letterlock read the same files. */
export async function writeConfigurations(namespace: Namespace, variants: readonly Variant[]): Promise<void> {
  for (const [index, variant] of variants.entries()) {
    const folder = path.join(namespace.folder, variant.name);
    mkdirSync(path.join(folder, "etc"), { recursive: true });
    const put = (name: string, text: string) => writeSettled(path.join(folder, "etc", name), text);
    put("main.cf", mainCf(variant));
    put("master.cf", masterCf(variant, firstPort + index));
    for (const [name, text] of Object.entries(variant.files)) put(name, text);
    for (const name of variant.indexed) {
      const etc = `/mnt/${variant.name}/etc`;
      const { code, stderr } = await namespace.runIn("postfix", [
        "/usr/sbin/postmap",
        "-c",
        etc,
        `hash:${etc}/${name}`,
      ]);
      assert.equal(code, 0, stderr);
    }
  }
}

/** Postfix waits for a file that may be changing still: one that was written in the last second. */
function writeSettled(file: string, text: string): void {
  writeFileSync(file, text);
  const before = new Date(Date.now() - 60_000);
  utimesSync(file, before, before);
}

export function startPostfixes(namespace: Namespace, variants: readonly Variant[]): void {
  for (const { name } of variants) {
    makeQueue(path.join(namespace.folder, name));
    namespace.daemon(name, "postfix", ["/usr/sbin/postfix", "-c", `/mnt/${name}/etc`, "start-fg"]);
  }
}

/** The folders that `postfix check` would make, and the word that they are there. */
export function makeQueue(folder: string): void {
  const [postfix, postdrop] = [idOf("passwd", "postfix"), idOf("group", "postdrop")];
  const make = (name: string, mode: number, owner = postfix, group = 0) => {
    mkdirSync(path.join(folder, name), { mode });
    chownSync(path.join(folder, name), owner, group);
  };
  make("data", 0o700);
  make("spool", 0o755, 0);
  for (const name of spoolFolders) make(`spool/${name}`, 0o700);
  make("spool/maildrop", 0o730, postfix, postdrop);
  make("spool/public", 0o710, postfix, postdrop);
  make("spool/pid", 0o755, 0);
  writeFileSync(path.join(folder, "spool/quick-start"), "");
}

const spoolFolders = "active bounce corrupt defer deferred flush hold incoming private saved trace".split(" ");

function idOf(table: "passwd" | "group", name: string): number {
  const text = readFileSync(path.join(rootOf("postfix"), "etc", table), "utf8");
  const line = text.split("\n").find((each) => each.startsWith(`${name}:`));
  return Number(line?.split(":")[2]);
}
