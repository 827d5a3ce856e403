/**
 * Every event as one line in a postmaster's words: pure, one line each, everything raw escaped (standards.md AT-28).
 * Records are escaped when they are built; other events carry peers' text raw.
 */
import path from "node:path";
import type { AttemptRecord, AttemptTls } from "../mail/attempt.ts";
import { escapeText } from "../mail/escape.ts";
import type { InboundRecord, InboundTls } from "../mail/inbound-record.ts";
import type { EventOf, LetterlockEvent } from "../observe/events.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** The level at which an event is logged; undefined: only counted, never logged. */
export function levelOf(event: LetterlockEvent): LogLevel | undefined {
  switch (event.kind) {
    case "commit":
    case "session-started":
      return undefined;
    case "inbound-handshake":
    case "outbound-handshake":
      return "debug";
    // A log-in that failed is told with its refusal.
    case "log-in":
      return event.result === "ok" ? "info" : undefined;
    case "attempt":
      return event.record.event === "failed" || event.record.event === "expired" ? "warn" : "info";
    case "worker-ended":
    case "log-lines-lost":
      return "warn";
    case "store-trouble":
    case "configuration-rejected":
    case "log-trouble":
    case "trouble":
      return "error";
    default:
      return "info";
  }
}

/** The line, without time and level. Never contains a control character. */
export function describeEvent(event: LetterlockEvent): string {
  switch (event.kind) {
    case "attempt":
      return describeAttempt(event.record);
    case "inbound":
      return describeInbound(event.record);
    case "session-started":
      return `session started client=${escapeText(event.client)} listener=${event.listener}`;
    case "session-ended":
      return (
        `session ended client=${escapeText(event.client)} ehlo=${quote(event.ehlo)} listener=${event.listener} ` +
        `tls=${escapeText(event.tls ?? "none")} messages=${event.messages} refusals=${event.refusals} ` +
        `reason=${quote(event.reason)} duration=${event.durationMs}ms`
      );
    case "log-in":
      return (
        `log-in ${event.result} client=${escapeText(event.client)} listener=${event.listener} by=${event.mechanism}` +
        `${event.user === null ? "" : ` user=${quote(event.user)}`}`
      );
    case "connection-refused":
      return `connection refused client=${escapeText(event.client)} listener=${event.listener} reason=${quote(event.reason)}`;
    case "inbound-handshake":
      return (
        `TLS established from client=${escapeText(event.client)} listener=${event.listener}: ${event.protocol} ` +
        `${event.cipher} ${event.group ?? ""}${event.resumed ? " resumed" : ""}`
      );
    case "inbound-handshake-failed":
      return (
        `TLS handshake failed from client=${escapeText(event.client)} listener=${event.listener} ` +
        `error=${quote(event.error)}`
      );
    case "outbound-handshake":
      return event.error === null
        ? `TLS established to ${event.host}[${event.address}]: ${event.protocol ?? ""} in ${event.durationMs}ms`
        : `TLS failed to ${event.host}[${event.address}] error=${quote(event.error)}`;
    case "notice-queued":
      return `notice queued id=${event.messageId} about=${event.about} to=<${escapeText(event.to)}> action=${event.action}`;
    case "listening":
      return `listening ${event.listener} on ${event.address}:${event.port} tls=${event.tls}`;
    case "configuration-loaded":
      return configurationLoaded(event);
    case "configuration-rejected":
      return `configuration rejected, the old one stays: ${escapeText(event.problems.join("; "), 4096)}`;
    case "certificate-swapped":
      return `certificate renewed name=${escapeText(event.name)} valid until ${event.notAfter}`;
    case "worker-started":
      return `worker ${event.worker} started pid=${event.pid}`;
    case "worker-ended":
      return `worker ${event.worker} ended pid=${event.pid} reason=${quote(event.reason)}`;
    case "recovered":
      return `worker ${event.worker} took up its queue again: ${event.trying} recipients were being tried`;
    case "stopping":
      return `stopping: ${escapeText(event.reason)}`;
    case "store-trouble":
      return `queue store: ${escapeText(event.error)}`;
    case "log-trouble":
      return `log ${event.log} cannot be written, trying again: ${escapeText(event.target)}: ${escapeText(event.error)}`;
    case "log-recovered":
      return `log ${event.log} is written again: ${escapeText(event.target)}: ${linesLost(event.lost)}`;
    case "log-lines-lost":
      return `log ${event.log}: ${linesLost(event.lines)}`;
    case "trouble":
      return `${event.where}: ${escapeText(event.error)}`;
    case "commit":
      return `commit operations=${event.operations} seconds=${event.seconds}`;
    default:
      return describeUnknown(event);
  }
}

function describeAttempt(record: AttemptRecord): string {
  return (
    `${record.event} id=${record.messageId} to=<${record.to}> from=<${record.from}> mx=${describePlace(record)} ` +
    `${describeTls(record.tls)} rule=${describeRule(record.rule)} status=${record.status} ` +
    `${describeEnd(record)} attempt=${record.attempt} binding=${record.binding} ` +
    `age=${(record.ageMs / 1000).toFixed(1)}s duration=${Math.round(record.durationMs)}ms` +
    `${record.uncertain ? " uncertain=yes" : ""}`
  );
}

/** What refused or was demanded comes before what was said. */
function describeInbound(record: InboundRecord): string {
  const { event, stage, from, to, user, relay, reply, sizeBytes, clientName, client, listener, rule } = record;
  const name = clientName === null ? client : `${clientName}[${client}]`;
  const what =
    event === "accepted" ? `accepted id=${record.id}` : `refused at ${stage ?? ""} reason=${record.reason ?? ""}`;
  return [
    what,
    from === null ? "" : ` from=<${from}>`,
    event === "accepted" || to.length > 1 ? ` recipients=${to.length}` : to.map((one) => ` to=<${one}>`).join(""),
    sizeBytes === null ? "" : ` size=${sizeBytes}`,
    ` client=${name} listener=${listener}`,
    record.binding === null ? "" : ` binding=${record.binding}`,
    ` ${describeInboundTls(record.tls)}`,
    rule === null ? "" : ` rule=${describeRule(rule)}`,
    user === null ? "" : ` user=${quote(user)}${record.by === null ? "" : ` by=${record.by}`}`,
    relay === null ? "" : ` relay=${relay}`,
    event === "accepted" ? "" : ` reply=${describeReply(reply)}`,
  ].join("");
}

function describeInboundTls({ achieved, required, monitor, protocol, cipher, group }: InboundTls): string {
  const how = protocol === null ? "" : ` ${protocol} ${cipher ?? ""}${group === null ? "" : ` ${group}`}`;
  return `tls=${achieved}${how} required=${required}${monitor === null ? "" : ` monitor=${monitor}`}`;
}

/** `mail.example.net[192.0.2.7]:25`, `[192.0.2.7]:25`, or `none` when no host was reached. */
function describePlace({ mx, address, port }: AttemptRecord): string {
  if (mx === null && address === null) return "none";
  return `${mx ?? ""}[${address ?? "none"}]:${port ?? ""}`;
}

function describeTls(tls: AttemptTls | null): string {
  if (tls === null) return "tls=none required=undecided";
  const how =
    tls.protocol === null ? "" : ` ${tls.protocol} ${tls.cipher ?? ""}${tls.group === null ? "" : ` ${tls.group}`}`;
  const monitor = tls.monitor === null ? "" : ` monitor=${tls.monitor}`;
  return `tls=${tls.achieved}${how}${tls.reusedConnection ? " reused" : ""} required=${tls.required}${monitor}`;
}

function describeRule(rule: AttemptRecord["rule"] | InboundRecord["rule"]): string {
  if (rule === null) return "none";
  if (rule.file === null) return rule.source;
  const name = path.basename(rule.file);
  return rule.line === null ? name : `${name}:${rule.line}`;
}

function describeEnd({ reply, error }: AttemptRecord): string {
  if (reply !== null) return `reply=${describeReply(reply)}`;
  return `error=${quote(error ?? "none")}`;
}

function describeReply({ code, enhanced, text }: InboundRecord["reply"]): string {
  return quote(`${code}${enhanced === null ? "" : ` ${enhanced}`} ${text}`);
}

/** In double quotes, which the text itself cannot end. */
function quote(text: string): string {
  return `"${escapeText(text).replaceAll('"', "'")}"`;
}

function linesLost(lines: number): string {
  if (lines === 0) return "no line was lost";
  return lines === 1 ? "1 line was lost" : `${lines} lines were lost`;
}

function describeUnknown(event: never): string {
  return escapeText(JSON.stringify(event));
}

/** The files at the start; afterwards what is different is what counts. */
function configurationLoaded({ files, changes }: EventOf<"configuration-loaded">): string {
  if (changes === undefined) return `configuration loaded ${files.map((file) => escapeText(file)).join(" ")}`;
  return `configuration loaded: ${changes.length === 0 ? "nothing is different" : escapeText(changes.join("; "), 4096)}`;
}
