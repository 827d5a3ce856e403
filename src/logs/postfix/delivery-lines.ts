/**
 * What Postfix's smtp and qmgr say of one recipient's attempt (postfix reference 4.1 to 4.6): hosts met in vain, the
 * handshake, the delivery line, and that the message is gone. What concerns a host is told once for all recipients that
 * met it in the same attempt.
 */
import type { AttemptFailure, AttemptRecord } from "../../mail/attempt.ts";
import { HostsTold } from "../words/hosts-told.ts";
import { MessagesLeft } from "../words/messages-left.ts";
import { angled } from "../words/printable.ts";
import { replyText } from "../words/reply-text.ts";
import { delays } from "./delays.ts";
import { failureText, type HostMet, handshakeErrors, notConnected } from "./failure-text.ts";
import { hostWithPort } from "./host-names.ts";
import { tlsField } from "./tls-field.ts";
import { certificateLines, describeHandshake, trustOf, verificationLine } from "./tls-summary.ts";

export type Speaker = "smtp" | "qmgr" | "cleanup" | "error";
export type Said = readonly [by: Speaker, text: string];

export type DeliverySettings = Readonly<{ tlsField: boolean; outboundTlsLevel: 0 | 1 | 2 }>;

export class DeliveryLines {
  readonly #settings: DeliverySettings;
  readonly #left = new MessagesLeft();
  readonly #hosts = new HostsTold();

  constructor(settings: DeliverySettings) {
    this.#settings = settings;
  }

  of(record: AttemptRecord): readonly Said[] {
    this.#hosts.begin(record);
    const { messageId, failure, nexthop } = record;
    const said: Said[] = record.leads ? activeLines(record) : [];
    for (const host of record.earlier) {
      const met = { ...host, nexthop };
      if (!this.#hosts.isNews(met)) continue;
      for (const line of this.#hostLines(met)) said.push(["smtp", line]);
      if (host.failure !== null && !failedToConnect(host.failure)) {
        said.push(["smtp", `${messageId}: ${failureText(met, host.failure)}`]);
      }
    }
    if (this.#hosts.isNews(record)) for (const line of this.#hostLines(record)) said.push(["smtp", line]);
    said.push([failure?.kind === "suspended" ? "error" : "smtp", this.#deliveryLine(record)]);
    if (record.event === "expired") {
      said.push(["qmgr", `${messageId}: from=${angled(record.from)}, status=expired, returned to sender`]);
    }
    if (this.#left.settle(record)) said.push(["qmgr", `${messageId}: removed`]);
    return said;
  }

  #hostLines(met: HostMet): readonly string[] {
    const { failure, tls, connection } = met;
    if (failure !== null && failedToConnect(failure)) return [notConnected(met, failure)];
    if (failure?.tls === "handshake") return handshakeErrors(met, failure);
    if (tls === null || tls.protocol === null || tls.cipher === null || tls.bits === null) return [];
    const peer = hostWithPort(met);
    const level = this.#settings.outboundTlsLevel;
    const lines: string[] = [];
    const unproven = verificationLine(tls, peer);
    if (unproven !== undefined) lines.push(unproven);
    if (level === 2) lines.push(...certificateLines(tls, peer));
    if (level === 0) return lines;
    const { protocol, cipher, bits, group, resumed } = tls;
    const action = (connection?.use ?? 0) > 1 ? "reused" : "established";
    const handshake = describeHandshake({ protocol, cipher, bits, group, resumed }, "server", tls.peer);
    lines.push(`${trustOf(tls)} TLS connection ${action} to ${peer}: ${handshake}`);
    return lines;
  }

  #deliveryLine(record: AttemptRecord): string {
    const { messageId, to, connection, tls, failure, status, reply } = record;
    const relay = connection === null ? "none" : hostWithPort(record);
    const use = connection !== null && connection.use > 1 ? ` conn_use=${connection.use},` : "";
    const field = this.#settings.tlsField ? tlsField(tls, failure) : undefined;
    const features = field === undefined ? "" : ` tls=${field},`;
    const text = failure === null ? (reply === null ? "" : replyText(reply)) : failureText(record, failure);
    const end = `dsn=${status}, status=${statusWords[record.event]} (${text})`;
    return `${messageId}: to=${angled(to)}, relay=${relay},${use} ${delays(record)},${features} ${end}`;
  }
}

/** What expired was deferred once more first, in Postfix as well. */
const statusWords = { delivered: "sent", deferred: "deferred", failed: "bounced", expired: "deferred" } as const;

function failedToConnect({ kind, stage }: AttemptFailure): boolean {
  return kind === "unreachable" && stage === "connect";
}

/** The queue manager takes a message up; of one that came from a client, `client=` and its kind were told then. */
function activeLines({ attempt, messageId, from, sizeBytes, recipients, origin }: AttemptRecord): Said[] {
  if (attempt === 1 && origin.session !== null) return [];
  const active: Said = [
    "qmgr",
    `${messageId}: from=${angled(from)}, size=${sizeBytes}, nrcpt=${recipients} (queue active)`,
  ];
  // What a notice of our own says there, its record does not tell.
  const isKnown = attempt === 1 && origin.headers["message-id"] !== undefined;
  return isKnown ? [["cleanup", messageIdLine(messageId, origin.headers)], active] : [active];
}

/** @param headers by lower-case name */
export function messageIdLine(id: string, headers: Readonly<Record<string, string>>): string {
  return `${id}: message-id=${headers["message-id"] ?? "<>"}`;
}
