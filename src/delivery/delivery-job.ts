/**
 * The unit of delivery: one message, one nexthop, one binding, the recipients that share them.
 */
import type { Mailbox } from "../mail/address.ts";
import { formatNexthop, type Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { QueuedMail, QueuedRecipient } from "../queue/queue.ts";
import type { NexthopChoice } from "../route/transport.ts";

export type DeliveryJob = Readonly<{
  mail: QueuedMail;
  recipients: readonly QueuedRecipient[];
  nexthop: Nexthop;
  /** Tried in this order where the nexthop did not take the mail. */
  alternates: readonly Nexthop[];
  /** `binding|nexthop`: jobs with equal keys share one destination's limits and back-off. */
  destination: string;
  /** `destination|recipient domain`: jobs with equal keys also stand under the same TLS rules. */
  rulesKey: string;
  /** The TLS question is asked for this recipient; all of the job share its domain. */
  lead: QueuedRecipient;
}>;

/** A recipient whose route is already an end: no job, only an outcome. */
export type Undeliverable = Readonly<{
  recipient: QueuedRecipient;
  permanent: boolean;
  status: EnhancedStatus;
  text: string;
}>;

/**
 * Splits a message by recipient domain and nexthop: rules may differ by domain also where the nexthop is shared.
 *
 * @param ruleKey tells recipients of one domain apart that may stand under different rules
 */
export function splitIntoJobs(
  mail: QueuedMail,
  nexthopFor: (recipient: Mailbox) => NexthopChoice,
  ruleKey: (recipient: Mailbox) => string = () => "",
): Readonly<{ jobs: readonly DeliveryJob[]; undeliverable: readonly Undeliverable[] }> {
  const groups = new Map<string, Group>();
  const undeliverable: Undeliverable[] = [];
  for (const recipient of mail.recipients) {
    const { mailbox } = recipient.recipient;
    const routing = nexthopFor(mailbox);
    if (routing.kind !== "nexthops") {
      const { kind, status, text } = routing;
      undeliverable.push({ recipient, permanent: kind === "fail", status, text });
      continue;
    }
    const domain = `${recipientHost(mailbox)} ${ruleKey(mailbox)}`;
    const destination = routing.nexthops.map(destinationName).join(", ");
    const key = `${domain}|${destination}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { domain, destination, routing, recipients: [recipient] });
    else group.recipients.push(recipient);
  }
  const jobs: DeliveryJob[] = [];
  for (const { domain, destination: name, routing, recipients } of groups.values()) {
    const [lead] = recipients;
    if (lead === undefined) continue;
    const [nexthop, ...alternates] = routing.nexthops;
    const destination = `${mail.binding}|${name}`;
    jobs.push({ mail, recipients, nexthop, alternates, lead, destination, rulesKey: `${destination}|${domain}` });
  }
  return { jobs, undeliverable };
}

type Group = Readonly<{
  domain: string;
  destination: string;
  routing: Extract<NexthopChoice, { kind: "nexthops" }>;
  recipients: QueuedRecipient[];
}>;

/** Two spellings of one nexthop, or two services, may stand under different rules. */
function destinationName(nexthop: Nexthop): string {
  const { written, service, implicitTls } = { implicitTls: false, ...nexthop };
  const name = written ?? formatNexthop(nexthop);
  return `${service === undefined ? "" : `${service}:`}${name}${implicitTls ? " (implicit TLS)" : ""}`;
}

function recipientHost({ host }: Mailbox): string {
  if (host === undefined) return "";
  return host.kind === "domain" ? host.domain : host.ip;
}
