/**
 * The target of a log: which file, program or server its lines go to, in this process.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import { assertNever } from "../../mail/assert-never.ts";
import type { LogTarget } from "../../mail/log-definition.ts";
import type { LineTarget, TargetTools } from "./line-target.ts";
import { NumberedFiles } from "./numbered-files.ts";
import { Program } from "./program.ts";
import { SharedFile } from "./shared-file.ts";
import { StandardOutput } from "./standard-output.ts";
import { Syslog } from "./syslog.ts";

/** Which process of the relay this is. */
export type LogPlace = Readonly<{
  worker: number;
  workers: number;
  /** Where logs keep what they must remember. */
  folder: string;
}>;

/** @param head the first line, with its end; undefined where there is none */
export function createTarget(
  target: LogTarget,
  head: string | undefined,
  place: LogPlace,
  tools: TargetTools,
): LineTarget {
  switch (target.kind) {
    case "file":
      if (target.path === "-") return new StandardOutput(place.worker === 0 ? head : undefined, tools);
      return new SharedFile({ ...target, head, headLock: lockFile(place.folder, target.path) }, tools);
    case "numbered-files":
      return new NumberedFiles(target, head ?? "", { ...place, base: target.path }, tools);
    case "program":
      return new Program({ ...target, head: head ?? "" }, tools);
    case "syslog":
      return new Syslog(target.to, tools);
    default:
      return assertNever(target);
  }
}

function lockFile(folder: string, file: string): string {
  return path.join(folder, `head-${createHash("sha256").update(file).digest("hex").slice(0, 16)}.lock`);
}

/** For messages: `/var/log/mail.log`, `| load-acct`, `tcp://logs.example:514`. */
export function targetText(target: LogTarget): string {
  switch (target.kind) {
    case "file":
      return target.path === "-" ? "standard output" : target.path;
    case "numbered-files":
      return target.path;
    case "program":
      return `| ${target.command}`;
    case "syslog":
      return target.to.kind === "socket" ? target.to.path : `${target.to.kind}://${target.to.host}:${target.to.port}`;
    default:
      return assertNever(target);
  }
}
