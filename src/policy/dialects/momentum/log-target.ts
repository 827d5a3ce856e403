/**
 * Where a logger of Momentum writes: a path, or one of its io wrappers (`syslog://`, `pipe://`). Its binary journals
 * (`jlog://`, `cluster://`) and wrappers that we do not have are told, and not written.
 */
import type { LogTarget, SyslogFacility } from "../../../mail/log-definition.ts";

export type ReadTarget =
  | Readonly<{ kind: "target"; target: LogTarget; differs?: string }>
  | Readonly<{ kind: "none"; text: string; remedy: string }>;

/** @param facility of `syslog_io` */
export function readTarget(text: string, mode: number, facility: string): ReadTarget {
  if (text.startsWith("/")) return fileTarget(text, mode);
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  switch (scheme.toLowerCase()) {
    case "file":
      return rest.startsWith("/") ? fileTarget(rest, mode) : notAbsolute(text);
    case "syslog":
      return syslogTarget(parameters(rest), facility);
    case "pipe":
      return pipeTarget(rest);
    case "jlog":
    case "cluster":
      return none(`${scheme}: a binary journal that other programs of Momentum read: not written`, plainPath);
    case "":
      return notAbsolute(text);
    default:
      return none(`${scheme}: no such io wrapper here: not written`, plainPath);
  }
}

const plainPath = "write the path of a file";

function none(text: string, remedy: string): ReadTarget {
  return { kind: "none", text, remedy };
}

function notAbsolute(text: string): ReadTarget {
  return none(`${text === "" ? "an empty path" : text}: not an absolute path: not written`, plainPath);
}

/** Files are never begun anew by size: `ec_rotate` does it there, and SIGUSR1 has them opened again here. */
function fileTarget(path: string, mode: number): ReadTarget {
  if (path.includes("\0") || path.endsWith("/")) return none(`${path.replaceAll("\0", "")}: no file`, plainPath);
  return { kind: "target", target: { kind: "file", path, mode, maxBytes: 0, keepFiles: 0 } };
}

/** Behind `?`, as in a URL; of each name the last value. */
function parameters(text: string): ReadonlyMap<string, string> {
  const at = text.indexOf("?");
  const pairs = at < 0 ? [] : text.slice(at + 1).split("&");
  return new Map(
    pairs.map((pair): [string, string] => {
      const equals = pair.indexOf("=");
      return equals < 0 ? [pair, ""] : [pair.slice(0, equals), decoded(pair.slice(equals + 1))];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const facilities: readonly SyslogFacility[] = [
  ...(["mail", "daemon", "user", "auth", "local0", "local1", "local2", "local3"] as const),
  ...(["local4", "local5", "local6", "local7"] as const),
];

function syslogTarget(given: ReadonlyMap<string, string>, otherwise: string): ReadTarget {
  const wanted = (given.get("facility") ?? otherwise).toLowerCase();
  const facility = facilities.find((name) => name === wanted);
  const target = {
    kind: "syslog",
    to: { kind: "socket", path: "/dev/log" },
    protocol: "rfc3164",
    facility: facility ?? "mail",
  } as const;
  if (facility === undefined) {
    return { kind: "target", target, differs: `facility ${wanted} is not known here: mail is used` };
  }
  const priority = given.get("priority");
  return priority === undefined || priority === "info"
    ? { kind: "target", target }
    : { kind: "target", target, differs: `priority ${priority}: lines are sent as info` };
}

/** The program with its parameters and environment, as a line for /bin/sh. */
function pipeTarget(rest: string): ReadTarget {
  const at = rest.indexOf("?");
  const program = at < 0 ? rest : rest.slice(0, at);
  if (!program.startsWith("/") || rest.includes("\0"))
    return none(`pipe://${program}: no program: not written`, plainPath);
  const given = parameters(rest);
  const environment = numbered(given, "env");
  const cleared = given.get("clear_env") === "1" ? ["-i"] : [];
  const env = environment.length + cleared.length === 0 ? [] : ["env", ...cleared, ...environment.map(shellWord)];
  const command = ["exec", ...env, shellWord(program), ...numbered(given, "arg").map(shellWord)].join(" ");
  return {
    kind: "target",
    target: { kind: "program", command, retryMs: 10_000, writeTimeoutMs: 60_000 },
    differs: "pipe: each worker process starts its own; if it ends it is started again, and mail goes on",
  };
}

/** `arg1`, `arg2` ..., in the order of their numbers. */
function numbered(given: ReadonlyMap<string, string>, name: string): string[] {
  return [...given]
    .flatMap(([key, value]) =>
      key.startsWith(name) && /^\d+$/.test(key.slice(3)) ? [[Number(key.slice(3)), value] as const] : [],
    )
    .sort(([left], [right]) => left - right)
    .map(([, value]) => value);
}

function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
