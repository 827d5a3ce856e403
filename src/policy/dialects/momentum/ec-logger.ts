/**
 * `ec_logger` (mainlog and rejectlog) and `bounce_logger` (bouncelog): logs with lines of their own, which are on
 * unless they are switched off, in files of their own where none is named.
 */
import type { LogDefinition, LogFormat, LogStage } from "../../../mail/log-definition.ts";
import { defineLog, isOn, type LoggerContext, type LoggerStanza, modeOf, optionOf } from "./logger-stanza.ts";
import { textOf } from "./model.ts";

type MomentumKind = Extract<LogFormat["kind"], `momentum-${string}`>;

type OneLog = Readonly<{
  kind: MomentumKind;
  option: string;
  path: string;
  /** The switch of each stage. */
  stages: Readonly<Partial<Record<LogStage, string>>>;
}>;

const mainlog: OneLog = {
  kind: "momentum-main",
  option: "mainlog",
  path: "/var/log/ecelerity/mainlog.ec",
  stages: {
    reception: "log_receptions",
    delivery: "log_deliveries",
    "transient-failure": "log_transient_failures",
    "permanent-failure": "log_permanent_failures",
  },
};

const rejectlog: OneLog = {
  kind: "momentum-reject",
  option: "rejectlog",
  path: "/var/log/ecelerity/rejectlog.ec",
  stages: { rejection: "log_rejections" },
};

const bouncelog: OneLog = {
  kind: "momentum-bounce",
  option: "bouncelog",
  path: "/var/log/ecelerity/bouncelog.ec",
  stages: { "transient-failure": "log_transient_failures", "permanent-failure": "log_inband_bounces" },
};

export function compileEcLogger(stanza: LoggerStanza, context: LoggerContext): LogDefinition[] {
  const logs = stanza.name === "ec_logger" ? [mainlog, rejectlog] : [bouncelog];
  return logs.flatMap((log) => compileLog(stanza, log, context) ?? []);
}

function compileLog(stanza: LoggerStanza, log: OneLog, context: LoggerContext): LogDefinition | undefined {
  const all = Object.entries(log.stages) as [LogStage, string][];
  const stages = all.filter(([, turn]) => isOn(stanza, turn, true)).map(([stage]) => stage);
  if (stages.length === 0) return undefined;
  const setting = optionOf(stanza, log.option);
  const mode = modeOf(optionOf(stanza, `${log.option}_mode`), context.notes);
  const format: LogFormat = { kind: log.kind, ...(stages.length === all.length ? {} : { stages }) };
  return defineLog({ stanza, setting, path: textOf(setting) ?? log.path, mode, format, headers: [] }, context);
}
