/**
 * Fields of `r` records, read from inbound records: one for each recipient of a message that was taken. PowerMTA tells
 * nothing of TLS here; the fields that begin with `rcvTls` are ours.
 */
import type { InboundRecord } from "../../mail/inbound-record.ts";
import type { AccountingLog } from "../../mail/log-definition.ts";
import { placeOfRule } from "../../mail/rule-place.ts";
import { opensslCipherName } from "../words/openssl-cipher.ts";
import { type Fields, fieldsOf } from "./row-writer.ts";
import { certificateText, type Hide, hiding, originalRecipient, sourceMta, timeWriter } from "./shared-fields.ts";

export type ReceiptFacts = Readonly<{
  record: InboundRecord;
  rcpt: string;
  orcpt: string | null;
  hide: Hide;
}>;

const { plain, ours, foreign, address } = fieldsOf<ReceiptFacts>();

export function receiptFacts(record: InboundRecord, index: number, { showRecipient }: AccountingLog): ReceiptFacts {
  const to = record.to[index] ?? "";
  const rcpt = showRecipient(to);
  return { record, rcpt, orcpt: record.orcpts[index] ?? null, hide: hiding(to, rcpt) };
}

export function receiptFields(log: AccountingLog): Fields<ReceiptFacts> {
  const time = timeWriter(log.isoTimes);
  return {
    timeLogged: plain(({ record }) => time(record.time)),
    orig: address(({ record, hide }) => hide(record.from ?? "")),
    rcpt: address(({ rcpt }) => rcpt),
    orcpt: foreign(({ orcpt }) => originalRecipient(orcpt, log.showRecipient)),
    srcType: plain(() => "smtp"),
    srcMta: foreign(({ record }) => sourceMta(record.ehlo, record.client)),
    rcvSourceIp: plain(({ record }) => record.client),
    rcvDestinationIp: plain(({ record }) => record.localAddress ?? ""),
    // The pool where one was chosen: its member may change until the message is sent (reference, section 3.4).
    vmta: ours(({ record }) => record.bindingGroup ?? record.binding ?? ""),
    vmtaPool: ours(({ record }) => record.bindingGroup ?? ""),
    jobId: foreign(({ record }) => record.headers["x-job"] ?? ""),
    envId: foreign(({ record }) => record.envid ?? ""),
    userString: ours(() => log.userString),
    rcvSmtpUser: foreign(({ record }) => record.user ?? ""),
    ...tlsFields,
  };
}

const tlsFields: Fields<ReceiptFacts> = {
  rcvTlsProtocol: plain(({ record: { tls } }) => tls.protocol ?? ""),
  rcvTlsCipher: plain(({ record: { tls } }) => opensslCipherName(tls.cipher)),
  rcvTlsGroup: plain(({ record: { tls } }) => tls.group ?? ""),
  rcvTlsRequired: plain(({ record: { tls } }) => tls.required),
  rcvTlsAchieved: plain(({ record: { tls } }) => tls.achieved),
  rcvTlsVerify: plain(({ record: { tls } }) => (tls.chain === null ? "" : `chain=${tls.chain}`)),
  rcvTlsPeer: foreign(({ record: { tls } }) => certificateText(tls.client)),
  rcvTlsRule: ours(({ record }) => placeOfRule(record.rule)),
};
