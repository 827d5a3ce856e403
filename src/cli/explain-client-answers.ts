/**
 * What one client is offered and answered at one listener, as a value ready for JSON: the published shape of
 * `letterlock explain --client --json`. Nothing is decided here: a made-up session is put to the functions that lead real
 * ones, once in clear and once inside TLS without a client certificate.
 */

import type { Settings } from "../config/settings.ts";
import type { Mailbox } from "../mail/address.ts";
import { verifiedName } from "../mail/client-name.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import { escapeText } from "../mail/escape.ts";
import { formatReply, type Reply } from "../mail/reply.ts";
import type { InboundRule } from "../policy/rules.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { Conduct } from "../smtp/server/conduct.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import { replies, tlsReplies } from "../smtp/server/replies.ts";
import { type ClientQuestion, type Door, formatDoor } from "./explain-client.ts";
import { consideredSettings, type DemandLine, demandsOn, type SettingLine } from "./explain-client-lines.ts";
import { asked, sessionOf, type Tools, toolsOf, usualHandshake } from "./explain-client-session.ts";
import { settingInWords } from "./explain-client-values.ts";

/** `reply` null: taken. */
type Answer = Readonly<{ mail: string | null; rcpt: string | null }>;

/** In one of the two situations. */
type Situation = Readonly<{
  mechanisms: readonly string[];
  answer: Answer;
  /** By what right it may send to anywhere: `network`, `user`, `certificate`; null: only to relay-domains. */
  relay: string | null;
}>;

export type ClientExplanation = Readonly<{
  client: string;
  /** Verified; null: none, or not known (`clientNameUnknown`). */
  clientName: string | null;
  clientNameUnknown: boolean;
  user: string | null;
  listener: string | null;
  local: string | null;
  sender: string;
  recipient: string | null;
  offered: Readonly<{
    implicitTls: boolean;
    starttls: Conduct["starttls"];
    /** For which names each is shown, the default one first. */
    certificates: readonly Readonly<{ certificates: readonly string[]; names: readonly string[] }>[];
    clientCertificate: "not-asked" | "asked" | "required" | "required-trusted";
    protocols: string | null;
    /** Where the rule allows AUTH, whether or not anybody could use it. */
    auth: "always" | "only-in-tls" | "plain-only-in-tls" | "never";
    authRequired: boolean;
  }>;
  /** Null where TLS begins with the first octet. */
  inClear: Situation | null;
  /** Without a client certificate; null where there is no TLS. */
  insideTls: Situation | null;
  /** What a certificate would give a right to; null: nothing. */
  relayByCertificate: string | null;
  /** Those that apply to this sender, and to this recipient. `atRecipient`: some cannot be told before it is named. */
  demands: readonly DemandLine[];
  atRecipient: boolean;
  /** Every setting that anybody has a word on, and who was passed over. */
  settings: readonly SettingLine[];
}>;

export function explainClientTo(question: ClientQuestion, door: Door, settings: Settings): ClientExplanation {
  const tools = toolsOf(settings);
  const rule = tools.policy.rule(asked(question, door));
  const implicitTls = door.listener?.implicitTls ?? rule.implicitTls?.value ?? false;
  const clear = sessionOf(question, door, undefined);
  const conduct = tools.conduct(clear);
  const secure = sessionOf(question, door, usualHandshake(conduct));
  const hasTls =
    conduct.profile !== undefined && (implicitTls || conduct.starttls === "offer" || conduct.starttls === "require");
  return {
    ...whoAndWhere(question, door),
    offered: offered(conduct, rule, implicitTls),
    inClear: implicitTls ? null : situation(clear, question, tools),
    insideTls: hasTls ? situation(secure, question, tools) : null,
    relayByCertificate:
      rule.relayByCertificate === undefined
        ? null
        : settingInWords("relayByCertificate", rule.relayByCertificate.value),
    ...demandsOn(asked(question, door), question, tools.policy),
    settings: consideredSettings(asked(question, door), tools.policy),
  };
}

function whoAndWhere({ client, clientName, user, sender, recipient }: ClientQuestion, door: Door) {
  return {
    client,
    clientName: verifiedName(clientName) ?? null,
    clientNameUnknown: clientName.kind === "unknown",
    user: user ?? null,
    listener: door.listener?.name ?? null,
    local: formatDoor(door),
    sender: escapeText(`<${sender?.text ?? ""}>`),
    recipient: recipient === undefined ? null : escapeText(`<${recipient.text}>`),
  };
}

function offered(conduct: Conduct, rule: InboundRule, implicitTls: boolean): ClientExplanation["offered"] {
  const { profile, starttls, authRequired } = conduct;
  const versions = profile && [...new Set([profile.minVersion, profile.maxVersion])];
  return {
    implicitTls,
    starttls,
    certificates: [...(profile === undefined ? [] : [profile.default, ...profile.others])].map(
      ({ credentials, names }) => ({
        certificates: credentials.map(({ name }) => name),
        names,
      }),
    ),
    clientCertificate: clientCertificateOf(conduct, rule),
    protocols: versions?.join(" to ") ?? null,
    auth: rule.auth?.value ?? "never",
    authRequired,
  };
}

function clientCertificateOf(
  { profile, cutWithoutCertificate }: Conduct,
  { clientCertificate }: InboundRule,
): ClientExplanation["offered"]["clientCertificate"] {
  if (profile?.clientAnchors === undefined) return "not-asked";
  if (cutWithoutCertificate) return "required";
  return clientCertificate?.value === "require-trusted" ? "required-trusted" : "asked";
}

function situation(session: SessionFacts, question: ClientQuestion, tools: Tools): Situation {
  const conduct = tools.conduct(session);
  const mail =
    conduct.cutWithoutCertificate && session.tls !== undefined
      ? cut
      : mailAnswer(session, conduct, question.sender, tools);
  const { recipient, sender } = question;
  const rcpt = recipient && tools.check.checkRecipient(session, senderOf(sender), recipient);
  const anywhere = tools.check.relayAnswer(tools.check.caseOf(session), stranger());
  return {
    mechanisms: conduct.mechanisms,
    answer: { mail: mail ?? null, rcpt: mail ?? inReply(rcpt) },
    relay: anywhere.kind === "by-right" ? anywhere.right : null,
  };
}

const cut = "the connection is cut off after the handshake: a client certificate is needed";

/** In the order in which a session looks at them. */
function mailAnswer(
  session: SessionFacts,
  conduct: Conduct,
  sender: Mailbox | undefined,
  { check }: Tools,
): string | undefined {
  const { barred, starttls, wording, authRequired, user } = conduct;
  if (barred !== undefined) return formatReply(barred.reply);
  if (session.tls === undefined && starttls === "require") return formatReply(tlsReplies[wording].tlsFirst);
  if (authRequired && session.login === undefined && user === undefined) return formatReply(replies.authFirst);
  return inReply(check.checkSender(session, senderOf(sender))) ?? undefined;
}

function senderOf(mailbox: Mailbox | undefined): EnvelopeSender {
  return { mailbox, body: "7bit", smtputf8: false, ret: undefined, envid: undefined };
}

/** A domain that is nobody's. */
function stranger(): Mailbox {
  const mailbox = parseMailbox("anybody@elsewhere.invalid");
  if (mailbox === undefined) throw new Error("a mailbox that is none");
  return mailbox;
}

function inReply(reply: Reply | undefined): string | null {
  return reply === undefined ? null : formatReply(reply);
}
