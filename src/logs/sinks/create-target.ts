/**
 * The target of a log: which file, program or server its lines go to, in this process.
 */
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

/** @param head the first line of numbered files and of what a program reads, with its end; others have none */
export function createTarget(
  target: LogTarget,
  head: string | undefined,
  place: LogPlace,
  tools: TargetTools,
): LineTarget {
  switch (target.kind) {
    case "file":
      return target.path === "-" ? new StandardOutput(tools) : new SharedFile(target, tools);
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
