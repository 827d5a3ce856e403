/**
 * `dsn=`, `reply=` and `stat=` of a delivery line: Sendmail's own texts by what happened, and the words of the peer or
 * of the rule where Sendmail prints those.
 */
import type { AttemptFailure, AttemptRecord, EarlierHost, RecordedReply } from "../../mail/attempt.ts";
import { replyText, replyWords } from "../words/reply-text.ts";
import { domainOf, fieldless, type MetHost, maxField, rootedName, shortened } from "./words.ts";

export type DeliveryStatus = Readonly<{ dsn: string; reply: string | undefined; stat: string }>;

export function deliveryStatus(record: AttemptRecord): DeliveryStatus {
  const { event, failure, reply } = record;
  if (event === "delivered" || failure === null) return sent(record);
  const { dsn, stat } = event === "failed" ? returned(record, failure) : waiting(record, failure);
  const said = reply ?? refusalThatCounts(record, failure);
  return { dsn, reply: said && shortened(replyField(said), maxField), stat: shortened(stat, maxField) };
}

/** `550 5.1.1 nobody here` */
export function replyField(reply: RecordedReply): string {
  return replyText({ ...reply, text: fieldless(reply.text) });
}

/** What a rule answers for a host that does not meet it: its own reply where it has one, else one of its status and text. */
export function ruleReply({ error, status }: Pick<EarlierHost, "error" | "status">): string {
  const text = fieldless(error ?? "");
  if (/^[45]\d\d [45]\.\d+\.\d+ /.test(text)) return text;
  return `${status.startsWith("5") ? 503 : 454} ${status} ${text}`;
}

type Ended = Readonly<{ dsn: string; stat: string }>;

/** Of a host that does not promise enhanced status codes, what looks like one is text. */
function sent({ reply, connection }: AttemptRecord): DeliveryStatus {
  const promised = connection?.keywords.some((keyword) => keyword.toUpperCase() === "ENHANCEDSTATUSCODES");
  const text = reply === null || promised || reply.enhanced === null ? reply?.text : replyWords(reply);
  return { dsn: "2.0.0", reply: undefined, stat: shortened(`Sent${text ? ` (${fieldless(text)})` : ""}`, maxField) };
}

function refusalThatCounts({ tls }: AttemptRecord, { kind }: AttemptFailure): RecordedReply | undefined {
  const refusal = kind === "tls" ? tls?.refusal : undefined;
  return refusal && refusal.code >= 400 ? refusal : undefined;
}

function waiting(record: AttemptRecord, failure: AttemptFailure): Ended {
  const { reply, status } = record;
  const deferred = (dsn: string, why: string): Ended => ({ dsn, stat: why === "" ? "Deferred" : `Deferred: ${why}` });
  if (reply !== null) return deferred(replyStatus(reply, failure), replyField(reply));
  switch (failure.kind) {
    case "tls":
    case "rule":
      return failure.tls === "lost" && !/^[45]\d\d /.test(record.error ?? "")
        ? deferred("4.0.0", "")
        : deferred(status, ruleReply(record));
    case "route":
      return failure.code === "dns-error"
        ? deferred("4.0.0", `Name server: ${rootedDomain(record)}: host name lookup failure`)
        : deferred(status, fieldless(failure.cause));
    case "unreachable":
      return deferred(failure.stage === "connect" ? "4.4.1" : "4.4.2", whyUnreachable(record, failure));
    case "broken":
      return deferred("4.4.2", failure.stage === "final-dot" ? "" : whyUnreachable(record, failure));
    default:
      return deferred(status, fieldless(failure.cause));
  }
}

/** Sendmail's words for a system's errors, with the host's name where it puts it. */
export function whyUnreachable(host: MetHost, { code, cause }: AttemptFailure): string {
  const name = rootedName(host);
  switch (code) {
    case "ECONNREFUSED":
      return `Connection refused by ${name}`;
    case "ETIMEDOUT":
    case "TIMEOUT":
      return `Connection timed out with ${name}`;
    case "EHOSTUNREACH":
      return `${name}: No route to host`;
    case "ENETUNREACH":
      return `${name}: Network is unreachable`;
    case "ECONNRESET":
    case "EPIPE":
    case "CLOSED":
      return `Connection reset by ${name}`;
    default:
      return fieldless(cause);
  }
}

function returned(record: AttemptRecord, failure: AttemptFailure): Ended {
  const { reply, status } = record;
  if (reply !== null) {
    const dsn = replyStatus(reply, failure);
    return { dsn, stat: statOfReply(reply, failure) };
  }
  if (failure.kind === "route" && (failure.code === "no-such-domain" || failure.code === "no-usable-host")) {
    return { dsn: "5.1.2", stat: `Host unknown (Name server: ${rootedDomain(record)}: host not found)` };
  }
  if (failure.kind === "tls" || failure.kind === "rule") return { dsn: status, stat: unavailable };
  return { dsn: status, stat: statOfStatus(status) };
}

const unavailable = "Service unavailable";
const unknownUser = "User unknown";
const badData = "Data format error";

function statOfReply({ code }: RecordedReply, { stage }: AttemptFailure): string {
  if (stage === "rcpt" && (code === 550 || code === 551 || code === 553)) return unknownUser;
  if (stage === "mail" && (code === 501 || code === 553)) return badData;
  return unavailable;
}

/** By subject and detail (RFC 3463), as Sendmail translates a status into its own ends. */
function statOfStatus(status: string): string {
  const [, subject = "", detail = ""] = status.split(".");
  return byDetail[`${subject}.${detail}`] ?? bySubject[subject] ?? unavailable;
}

const byDetail: Readonly<Record<string, string>> = {
  "1.0": badData,
  "1.1": unknownUser,
  "1.6": unknownUser,
  "1.2": "Host unknown",
  "1.8": "Host unknown",
  "1.3": "Bad usage",
  "1.7": "Bad usage",
  "2.3": badData,
  "4.4": "Remote protocol error",
  "4.6": "Local configuration error",
  "6.3": badData,
};
const bySubject: Readonly<Record<string, string>> = { 5: "Remote protocol error" };

/** The peer's own status, else what Sendmail takes the code to mean at that place. */
function replyStatus({ code, enhanced }: RecordedReply, { stage }: AttemptFailure): string {
  if (stage === "greeting" || stage === "ehlo") return code < 500 ? "4.5.0" : "5.5.0";
  if (stage === "data" && code >= 500) return "5.0.0";
  if (enhanced !== null) return enhanced;
  return (stage === null ? undefined : byStage[stage]?.[code]) ?? byCode[code] ?? (code < 500 ? "4.0.0" : "5.0.0");
}

const byStage: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  mail: {
    500: "5.0.0",
    501: "5.5.2",
    502: "5.0.0",
    503: "5.0.0",
    504: "5.0.0",
    550: "5.0.0",
    551: "5.0.0",
    552: "5.3.4",
  },
  rcpt: { 550: "5.1.1" },
};

const byCode: Readonly<Record<number, string>> = {
  450: "4.2.0",
  451: "4.3.0",
  452: "4.3.1",
  500: "5.5.2",
  501: "5.5.4",
  502: "5.5.1",
  503: "5.5.1",
  504: "5.5.4",
  550: "5.2.0",
  551: "5.1.6",
  552: "5.2.2",
  553: "5.1.3",
};

function rootedDomain({ mx, nexthop }: AttemptRecord): string {
  return `${mx ?? domainOf(nexthop)}.`;
}
