/**
 * Makes the inbound record of one message that was taken, or of one refusal. Pure. Whatever a client wrote is escaped
 * and capped here, once (standards.md AT-28): readings print it as it is.
 */
import type { Mailbox } from "../mail/address.ts";
import type { MessageOrigin } from "../mail/attempt.ts";
import { verifiedName } from "../mail/client-name.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import { escapeText } from "../mail/escape.ts";
import type { InboundRecord, InboundTls } from "../mail/inbound-record.ts";
import { isoTime } from "../mail/iso-time.ts";
import type { Reply } from "../mail/reply.ts";
import { recordedEnvid, recordedOrcpt } from "../record/envelope-parameters.ts";
import { withKeyword } from "../smtp/server/received-field.ts";
import type { Refusal, SessionFacts } from "../smtp/server/receiver.ts";
import { describeCertificate, describeChain, maxAddress, maxReply, maxText } from "../tls/certificate-record.ts";
import type { Account } from "./account.ts";

/** So many recipients are named; more are counted by the delivery records. */
const maxRecipients = 1000;

export type InboundInput = Readonly<{
  id: string;
  /** ms since 1970. */
  now: number;
  session: SessionFacts;
  account: Account;
  sender: EnvelopeSender | undefined;
  recipients: readonly Mailbox[];
  reply: Reply;
  outcome:
    | Readonly<{ event: "accepted"; origin: MessageOrigin; orcpts: readonly (string | undefined)[] } & StoredMail>
    | Readonly<{ event: "refused"; stage: Refusal["stage"]; triedUser: string | undefined }>;
}>;

export type StoredMail = Readonly<{ binding: string; bindingGroup: string | undefined; sizeBytes: number }>;

export function buildInboundRecord(input: InboundInput): InboundRecord {
  const { id, session, account, sender, recipients, reply, outcome } = input;
  const { clientName, login } = session;
  const accepted = outcome.event === "accepted" ? outcome : undefined;
  const triedUser = outcome.event === "refused" ? outcome.triedUser : undefined;
  return {
    id,
    time: isoTime(input.now),
    event: outcome.event,
    stage: outcome.event === "refused" ? outcome.stage : null,
    reason: outcome.event === "refused" ? reasonFor(outcome.stage, account, reply) : null,
    session: session.id,
    messageId: accepted === undefined ? null : id,
    listener: escapeText(session.listener, maxText),
    client: session.clientAddress,
    clientPort: session.clientPort,
    localAddress: session.localAddress ?? null,
    localPort: session.localPort,
    clientName: verifiedName(clientName) ?? null,
    ehlo: escapeText(session.ehlo, maxText),
    protocol: withKeyword(session, sender?.smtputf8 ?? false),
    from: sender === undefined ? null : escapeText(sender.mailbox?.text ?? "", maxAddress),
    envid: recordedEnvid(sender?.envid),
    to: recipients.slice(0, maxRecipients).map(({ text }) => escapeText(text, maxAddress)),
    orcpts: recordedOrcpts(accepted?.orcpts),
    binding: accepted === undefined ? null : escapeText(accepted.binding, maxText),
    bindingGroup: escapeOrNull(accepted?.bindingGroup),
    headers: accepted?.origin.headers ?? {},
    tls: describeTls(session.tls, account),
    rule: describeRule(account.rule),
    user: escapeOrNull(triedUser ?? login?.user),
    by: triedUser === undefined ? (login?.by ?? null) : null,
    relay: account.relay ?? null,
    reply: {
      code: reply.code,
      enhanced: reply.enhanced ?? null,
      text: escapeText(reply.lines.join(" "), maxReply),
    },
    sizeBytes: accepted?.sizeBytes ?? null,
  };
}

function reasonFor(stage: Refusal["stage"], { rule, relayDenied }: Account, { code }: Reply): InboundRecord["reason"] {
  if (stage === "auth") return "log-in";
  if (rule?.unmet === true && stage !== "starttls") return "policy";
  if (relayDenied) return "relay";
  return code < 500 ? "temporary" : "permanent";
}

function describeTls(tls: SessionFacts["tls"], { required, achieved, monitor }: Account): InboundTls {
  const handshake = tls?.handshake;
  const certificate = handshake?.certificate;
  return {
    required,
    achieved,
    protocol: handshake?.protocol ?? null,
    cipher: handshake?.cipher ?? null,
    bits: handshake?.bits ?? null,
    group: handshake?.group ?? null,
    serverName: escapeOrNull(tls?.serverName),
    resumed: handshake?.resumed ?? false,
    chain: handshake === undefined ? null : describeChain(handshake),
    client: certificate === undefined ? null : describeCertificate(certificate),
    monitor,
  };
}

function describeRule(rule: Account["rule"]): InboundRecord["rule"] {
  if (rule === undefined) return null;
  const { source, file, line } = rule.from;
  return { source, file: escapeOrNull(file), line: line ?? null, text: escapeText(rule.text, maxText) };
}

function recordedOrcpts(orcpts: readonly (string | undefined)[] = []): InboundRecord["orcpts"] {
  return orcpts.some((orcpt) => orcpt !== undefined) ? orcpts.slice(0, maxRecipients).map(recordedOrcpt) : [];
}

function escapeOrNull(text: string | undefined): string | null {
  return text === undefined ? null : escapeText(text, maxText);
}
