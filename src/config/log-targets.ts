/**
 * Where a log of `logs:` goes: exactly one target, with the settings that are for it. A target that would overwrite what
 * is somebody else's is an error; one that cannot be written now is a warning, since mail goes on without it.
 */
import path from "node:path";
import type { LogFormat, LogTarget, SyslogServer } from "../mail/log-definition.ts";
import type { Authorities } from "./authorities.ts";
import type { Loading } from "./loading.ts";
import type { WrittenSyslog } from "./log-value-types.ts";
import { targetOptions } from "./logs-table.ts";
import type { Place } from "./problem.ts";
import type { Located } from "./value-types.ts";

/** Settings of one log, of whichever format; those that it has not are not there. */
export type TargetValues = Readonly<{
  file?: Located<string>;
  program?: Located<string>;
  syslog?: Located<WrittenSyslog>;
  size?: Located<number | "never">;
  keep?: Located<number>;
  mode?: Located<number>;
  stamps?: Located<"traditional" | "iso">;
  "retry-interval"?: Located<number>;
  "write-timeout"?: Located<number>;
  facility?: Located<Extract<LogTarget, { kind: "syslog" }>["facility"]>;
  protocol?: Located<"rfc3164" | "rfc5424">;
  ca?: Located<string>;
}>;

export type TargetMaterial = Readonly<{ authorities: Authorities; loading: Loading; dataDirectory: string }>;

type Kind = keyof typeof targetOptions;

/** A log as written: where it stands, and all its keys, readable or not. */
export type LogEntry<V> = Readonly<{ at: Place; keys: readonly string[]; values: V }>;

/** The one target that a log has. @returns undefined after reporting that it has none, or several */
export function targetKind(
  { at, keys, values }: LogEntry<Pick<TargetValues, Kind>>,
  name: string,
  { problems }: Loading,
): Kind | undefined {
  const known = Object.keys(targetOptions) as Kind[];
  const [kind, second] = known.filter((one) => values[one] !== undefined);
  if (kind === undefined && !known.some((one) => keys.includes(one))) {
    problems.error(at, `the log "${name}" goes nowhere`, "add file:, program: or syslog:");
  }
  if (second === undefined) return kind;
  const place = values[second]?.at ?? at;
  problems.error(place, `the log "${name}" has both ${kind} and ${second}`, "write a second log for it");
  return undefined;
}

/**
 * @param name of the log
 * @returns undefined after reporting what is wrong
 */
export function assembleTarget(
  entry: LogEntry<TargetValues>,
  name: string,
  format: LogFormat["kind"],
  material: TargetMaterial,
): LogTarget | undefined {
  const { values } = entry;
  const kind = targetKind(entry, name, material.loading);
  if (kind === undefined) return undefined;
  reportStrange(values, kind, material.loading);
  if (values.file !== undefined) return fileTarget(values.file, values, material);
  if (values.syslog !== undefined) return syslogTarget(values.syslog, values, format, material);
  return {
    kind: "program",
    command: values.program?.value ?? "",
    retryMs: values["retry-interval"]?.value ?? 10_000,
    writeTimeoutMs: values["write-timeout"]?.value ?? 60_000,
  };
}

/** Settings of targets that this log does not have. */
function reportStrange(values: TargetValues, kind: Kind, { problems }: Loading): void {
  for (const other of Object.keys(targetOptions) as Kind[]) {
    if (other === kind) continue;
    for (const key of targetOptions[other]) {
      const written = values[key];
      if (written === undefined) continue;
      problems.error(written.at, `${key} is for ${other}:, and this log has ${kind}:`, "remove it");
    }
  }
}

/** Of the data folder; `-` is standard output. @returns undefined after reporting what is wrong */
export function logPath(
  { value, at }: Located<string>,
  { loading, dataDirectory }: Pick<TargetMaterial, "loading" | "dataDirectory">,
): string | undefined {
  if (value === "-") return value;
  if (value.startsWith("|")) {
    loading.problems.error(at, `"${value}" is a command`, `write program: ${value.slice(1).trim()}`);
    return undefined;
  }
  const file = path.resolve(dataDirectory, value);
  if (value.endsWith("/")) {
    loading.problems.error(at, `${file} is a folder`, "add the name of a file");
    return undefined;
  }
  if (belongsToQueue(file, dataDirectory)) {
    loading.problems.error(at, `${file} belongs to the queue`, "write another name, such as mail.log");
    return undefined;
  }
  reportUnwritable(file, at, loading);
  return file;
}

/** Of what the data folder holds beside records and logs (docs/operating/running.md). */
export function belongsToQueue(file: string, dataDirectory: string): boolean {
  return /^(?:logs\/files-[^/]*|queue-[^/]*\.sqlite[^/]*|spool(?:\/.*)?|self-made\.(?:crt|key)|auth-secret|control\.sock|letterlock\.pid)$/.test(
    path.relative(dataDirectory, file),
  );
}

export const cannotWriteRemedy = "mail goes on without it; give this user the right to write there, or another path";

function reportUnwritable(file: string, at: Place, loading: Loading): void {
  const why = loading.cannotWrite(file);
  if (why !== undefined) loading.problems.warning(at, `cannot write ${file}: ${why}`, cannotWriteRemedy);
}

function fileTarget(
  file: Located<string>,
  { size, keep, mode, stamps }: TargetValues,
  material: TargetMaterial,
): LogTarget | undefined {
  const at = logPath(file, material);
  if (at === undefined) return undefined;
  const wanted = size?.value ?? 100_000_000;
  if (keep !== undefined && wanted === "never") {
    const message = "keep counts the files that size: begins, and with size: never there are none";
    material.loading.problems.warning(keep.at, message, "remove one of the two");
  }
  return {
    kind: "file",
    path: at,
    mode: mode?.value ?? 0o640,
    maxBytes: wanted === "never" ? 0 : wanted,
    keepFiles: keep?.value ?? 10,
    ...(stamps?.value === "iso" ? { stamps: "iso" } : {}),
  };
}

/**
 * Of mail logs the lines shall stand in the collector's files as Postfix and Sendmail bring them there; rsyslog leaves out
 * the colon behind the program of what came by RFC 5424.
 */
export function usualProtocol(format: LogFormat["kind"], to: SyslogServer["kind"]): "rfc3164" | "rfc5424" {
  return to === "socket" || format === "postfix" || format === "sendmail" ? "rfc3164" : "rfc5424";
}

function syslogTarget(
  syslog: Located<WrittenSyslog>,
  { facility, protocol, ca }: TargetValues,
  format: LogFormat["kind"],
  material: TargetMaterial,
): LogTarget | undefined {
  const { problems } = material.loading;
  const to = syslogServer(syslog.value, ca, material);
  if (to === undefined) return undefined;
  const isLocal = to.kind === "socket";
  if (isLocal) {
    const why = material.loading.cannotWrite(to.path, "socket");
    if (why !== undefined) {
      const remedy = "mail goes on without it; start a syslog service, or write the path of its socket";
      problems.warning(syslog.at, `cannot write to ${to.path}: ${why}`, remedy);
    }
    if (protocol?.value === "rfc5424") {
      const message = "syslog services and journald read rfc3164 at the socket of their machine";
      problems.warning(protocol.at, message, "remove protocol:");
    }
  }
  return {
    kind: "syslog",
    to,
    protocol: protocol?.value ?? usualProtocol(format, to.kind),
    facility: facility?.value ?? "mail",
  };
}

function syslogServer(
  to: WrittenSyslog,
  ca: Located<string> | undefined,
  { authorities, loading }: TargetMaterial,
): SyslogServer | undefined {
  if (to.kind !== "tls") {
    if (ca === undefined) return to;
    const message = "ca is for syslog: tls://, and these lines are sent in clear text";
    loading.problems.error(ca.at, message, 'write "tls://HOST:6514", or remove ca:');
    return undefined;
  }
  if (ca === undefined || ca.value === "system") return { ...to, authorities: undefined };
  const anchors = authorities.read({ value: [ca], at: ca.at });
  if (anchors?.kind !== "bundle") return undefined;
  if (anchors.pem.length > 0) return { ...to, authorities: anchors.pem.join("\n") };
  loading.problems.error(ca.at, "without any CA no server is trusted", "write a PEM file, or remove ca:");
  return undefined;
}
