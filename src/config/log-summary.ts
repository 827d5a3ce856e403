/**
 * In words for `letterlock check`: which logs would be written, in whose format, where to, and which line asks for each;
 * and those of other mail servers' configurations that are left to them.
 */
import type { LogDefinition, LogFormat, LogTarget } from "../mail/log-definition.ts";
import { areWritten } from "./logs.ts";
import { nameOf } from "./policy-sources.ts";
import type { Dialect, Settings } from "./settings.ts";

/** One line each. */
export function summarizeLogs({ logs, dialects }: Settings): readonly string[] {
  return [
    ...logs.map(
      ({ name, from, format, target }) =>
        `log ${ownName(name)}: ${formatWords(format)} to ${targetWords(target)} (${from})`,
    ),
    ...dialects.filter((dialect) => !areWritten(dialect)).flatMap(notWritten),
  ];
}

/** As it is called where it is written: `maillog` of `logs.maillog`. */
export function ownName(name: string): string {
  return name.replace(/^logs\./, "");
}

function notWritten(dialect: Dialect): readonly string[] {
  const why = dialect.logs === "beside" ? "it runs beside" : "logs: false";
  const { logs = [] } = dialect.compiled.settings;
  return logs.map(
    ({ name, from }: LogDefinition) => `log ${name}: not written, left to ${nameOf(dialect)}: ${why} (${from})`,
  );
}

function formatWords(format: LogFormat): string {
  switch (format.kind) {
    case "json":
      return `JSON of ${format.of}`;
    case "postfix":
      return "Postfix lines";
    case "sendmail":
      return "Sendmail lines";
    case "momentum-main":
      return "Momentum's mainlog";
    case "momentum-reject":
      return "Momentum's rejectlog";
    case "momentum-bounce":
      return "Momentum's bouncelog";
    case "template":
      return `templates for ${Object.keys(format.templates).join(", ")}`;
    case "accounting":
      return `PowerMTA's accounting records ${format.types.join(", ")}`;
  }
}

function targetWords(target: LogTarget): string {
  switch (target.kind) {
    case "file":
      return target.path === "-" ? "standard output" : target.path;
    case "numbered-files": {
      const moved = target.moveTo === undefined ? "" : `, finished ones moved to ${target.moveTo}`;
      return `${numbered(target.path)}${moved}`;
    }
    case "program":
      return `the program ${target.command}`;
    case "syslog":
      return `syslog ${syslogWords(target)}`;
  }
}

/** `/var/log/pmta/acct-DATE-NNNN.csv`. */
function numbered(path: string): string {
  return path.replace(/(\.[^./]*)?$/, (extension) => `-DATE-NNNN${extension}`);
}

function syslogWords({ to, facility, protocol }: Extract<LogTarget, { kind: "syslog" }>): string {
  const kind = `${facility}, ${protocol}`;
  if (to.kind === "socket") return `${to.path} as ${kind}`;
  const host = to.host.includes(":") ? `[${to.host}]` : to.host;
  return `${to.kind}://${host}:${to.port} as ${kind}`;
}
