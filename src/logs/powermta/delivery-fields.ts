/**
 * Fields of `d`, `b`, `t` and `tq` records (reference, sections 2.6, 3.4 and 3.5), read from attempt records.
 */
import { domainPartOf } from "../../mail/address-text.ts";
import type { AccountingLog } from "../../mail/log-definition.ts";
import { placeOfRule } from "../../mail/rule-place.ts";
import { opensslCipherName } from "../words/openssl-cipher.ts";
import { replyText } from "../words/reply-text.ts";
import type { DeliveryRow, DeliveryType } from "./delivery-rows.ts";
import { esmtpKeywords } from "./esmtp-keywords.ts";
import { type Fields, fieldsOf } from "./row-writer.ts";
import {
  certificateText,
  type Hide,
  hiding,
  hostAndAddress,
  originalRecipient,
  sourceMta,
  timeWriter,
} from "./shared-fields.ts";
import { statusOfNoDomain, statusWithWords } from "./status-words.ts";

export type DeliveryFacts = DeliveryRow &
  Readonly<{
    /** The domain part of the queue's name. */
    queue: string;
    /** The recipient as the privacy policy shows it. */
    rcpt: string;
    hide: Hide;
  }>;

const { plain, ours, foreign, address } = fieldsOf<DeliveryFacts>();

const actions: Readonly<Record<DeliveryType, string>> = { d: "relayed", b: "failed", t: "delayed", tq: "" };

export function deliveryFacts(row: DeliveryRow, log: AccountingLog): DeliveryFacts {
  const { to, binding, bindingGroup } = row.record;
  const domain = domainPartOf(to).toLowerCase();
  const queue = log.queueDomain({ domain, vmta: binding, pool: bindingGroup, mx: row.host.mx });
  const rcpt = log.showRecipient(to);
  return { type: row.type, record: row.record, host: row.host, queue, rcpt, hide: hiding(to, rcpt) };
}

export function deliveryFields(log: AccountingLog): Fields<DeliveryFacts> {
  const time = timeWriter(log.isoTimes);
  return {
    timeLogged: plain(({ record }) => time(record.time)),
    timeQueued: plain(({ record }) => time(record.origin.receivedAt)),
    timeFirstAttempt: plain(({ record }) => time(record.firstTriedAt)),
    totalSecondsQueued: plain(({ record }) => String(Math.floor(record.ageMs / 1000))),
    orig: address(({ record, hide }) => hide(record.from)),
    rcpt: address(({ rcpt }) => rcpt),
    orcpt: foreign(({ record }) => originalRecipient(record.orcpt, log.showRecipient)),
    dsnAction: plain(({ type }) => actions[type]),
    dsnStatus: ours(dsnStatus),
    dsnDiag: foreign(dsnDiag),
    dsnMta: foreign(({ host }) => hostAndAddress(host.mx, host.address)),
    bounceCat: ours((facts) => bounceCategory(facts, log)),
    dlvType: plain(({ type, host }) => (type !== "b" || host.address !== null ? "smtp" : "")),
    dlvSourceIp: plain(sourceAddress),
    dlvDestinationIp: plain(({ host }) => host.address ?? ""),
    dlvEsmtpAvailable: foreign(({ host }) => (host.connection === null ? "" : esmtpKeywords(host.connection.keywords))),
    dlvSize: plain(({ type, record }) => (type === "d" ? String(record.sizeBytes) : "")),
    vmta: ours(({ record }) => record.binding),
    vmtaPool: ours(({ record }) => record.bindingGroup ?? ""),
    jobId: foreign(({ record }) => record.origin.headers["x-job"] ?? ""),
    envId: foreign(({ record }) => record.origin.envid ?? ""),
    queue: foreign(({ record, queue }) => `${queue}/${record.binding}`),
    userString: ours(() => log.userString),
    ...originFields,
    ...tlsFields,
  };
}

const originFields: Fields<DeliveryFacts> = {
  srcType: plain(({ record }) => (record.origin.client === null ? "api" : "smtp")),
  srcMta: foreign(({ record }) => sourceMta(record.origin.ehlo, record.origin.client)),
  rcvSmtpUser: foreign(({ record }) => record.origin.user ?? ""),
  rcvTlsProtocol: plain(({ record }) => record.origin.tls?.protocol ?? ""),
  rcvTlsCipher: plain(({ record }) => opensslCipherName(record.origin.tls?.cipher)),
  rcvTlsGroup: plain(({ record }) => record.origin.tls?.group ?? ""),
};

/** Empty where no decision was reached, and, but for what was required, where there was no handshake. */
const tlsFields: Fields<DeliveryFacts> = {
  dlvTlsProtocol: plain(({ host }) => host.tls?.protocol ?? ""),
  dlvTlsCipher: plain(({ host }) => opensslCipherName(host.tls?.cipher)),
  dlvTlsGroup: plain(({ host }) => host.tls?.group ?? ""),
  dlvTlsRequired: plain(({ host }) => host.tls?.required ?? ""),
  dlvTlsAchieved: plain(({ host }) => host.tls?.achieved ?? ""),
  dlvTlsVerify: plain(verification),
  dlvTlsPeer: foreign(({ host }) => certificateText(host.tls?.peer ?? null)),
  dlvTlsRule: ours(({ host }) => placeOfRule(host.rule)),
};

/** `chain=trusted name=matched pin=mismatch`, as far as each was looked at. */
function verification({ host }: DeliveryFacts): string {
  if (host.tls === null) return "";
  const { chain, name, pin } = host.tls.verify;
  const parts = [chain && `chain=${chain}`, name && `name=${name}`, pin && `pin=${pin}`];
  return parts.filter((part) => part !== null).join(" ");
}

function dsnStatus({ type, record, host }: DeliveryFacts): string {
  if (type === "b" && record.event === "expired") return statusWithWords("4.4.7");
  if (host.failure?.code === "no-such-domain") return statusOfNoDomain(host.status);
  return statusWithWords(host.status);
}

/** Kinds of failure that PowerMTA has no words for and we have: its field is empty where no host replied. */
const told: ReadonlySet<string> = new Set(["tls", "rule", "unsuitable", "local"]);

function dsnDiag({ host, hide }: DeliveryFacts): string {
  const { failure, tls } = host;
  const reply = host.reply ?? (failure?.tls === "refused" ? tls?.refusal : null) ?? null;
  if (reply !== null) return hide(`smtp;${replyText(reply)}`.trimEnd());
  return failure !== null && told.has(failure.kind) ? hide(`smtp;${host.error ?? failure.cause}`) : "";
}

function bounceCategory(facts: DeliveryFacts, log: AccountingLog): string {
  if (facts.type === "d") return "success";
  const status = facts.type === "b" && facts.record.event === "expired" ? "4.4.7" : facts.host.status;
  return log.bounceCategory(`${status};${dsnDiag(facts)}`);
}

/** Of a connection that did not come about PowerMTA names the address it was to come from, here any. */
function sourceAddress({ host }: DeliveryFacts): string {
  if (host.connection?.localAddress != null) return host.connection.localAddress;
  if (host.address === null) return "";
  return host.address.includes(":") ? "::" : "0.0.0.0";
}
