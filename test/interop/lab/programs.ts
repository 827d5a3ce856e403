/**
 * Which of the outside programs are on this machine. A test that needs a missing one is skipped by its name;
 * `.ci/install-peers` brings them all, and `.ci/run` fails when anything was skipped.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";

/** The mail servers with a root folder of their own, and `base`, which holds unbound. */
export const peerRoots = ["base", "postfix", "exim", "sendmail", "opensmtpd"] as const;
export type PeerRoot = (typeof peerRoots)[number];

const peersDirectory = process.env.LETTERLOCK_PEERS ?? "/var/cache/letterlock-ci/peers";

/** What the namespace itself stands on. */
const groundwork = ["unshare", "nsenter", "setpriv", "ip", "mount", "chroot", "openssl", "bash"];

export function rootOf(peer: PeerRoot): string {
  return path.join(peersDirectory, peer);
}

/** The version of a package in a root folder. */
export function packageVersion(peer: PeerRoot, name: string): string {
  const status = execFileSync("dpkg-query", ["--root", rootOf(peer), "--status", name], { encoding: "utf8" });
  return /^Version: (.*)$/m.exec(status)?.[1] ?? "unknown";
}

/**
 * The reason to skip a test, or false. Every test needs root, the groundwork and all peers.
 * @param commands further programs that the test calls
 */
export function missing(...commands: readonly string[]): string | false {
  const lacking = [...groundwork, ...commands].filter((command) => !isInstalled(command));
  if (process.getuid?.() !== 0) lacking.push("root");
  else if (lacking.length === 0 && !mayMakeNamespaces()) lacking.push("the right to make namespaces");
  if (!existsSync(path.join(peersDirectory, "edition"))) lacking.push("Postfix, Exim, Sendmail, OpenSMTPD, unbound");
  return lacking.length > 0 && `needs ${lacking.join(", ")} (.ci/install-peers)`;
}

/** Root in a container may lack it. */
function mayMakeNamespaces(): boolean {
  return spawnSync("unshare", ["--net", "--mount", "--pid", "--fork", "true"]).status === 0;
}

function isInstalled(command: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && isExecutable(path.join(folder, command)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
