/**
 * The unit of delivery: one message, one nexthop, one binding, the recipients that share them.
 */
import type { Mailbox } from "../mail/address.ts";
import { formatNexthop, type Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { QueuedMail, QueuedRecipient } from "../queue/queue.ts";

export type DeliveryJob = Readonly<{
  mail: QueuedMail;
  recipients: readonly QueuedRecipient[];
  nexthop: Nexthop;
  /** `binding|nexthop`: jobs with equal keys share one destination's limits and back-off. */
  destination: string;
  /** `destination|recipient domain`: jobs with equal keys also stand under the same TLS rules. */
  rulesKey: string;
  /** The TLS question is asked for this recipient; all of the job share its domain. */
  lead: QueuedRecipient;
}>;

/** A recipient whose route is already an end: no job, only an outcome. */
export type Undeliverable = Readonly<{ recipient: QueuedRecipient; status: EnhancedStatus; text: string }>;

type Routing =
  | Readonly<{ kind: "nexthop"; nexthop: Nexthop }>
  | Readonly<{ kind: "fail"; status: EnhancedStatus; text: string }>;

/** Splits a message by recipient domain and nexthop: rules may differ by domain also where the nexthop is shared. */
export function splitIntoJobs(
  mail: QueuedMail,
  nexthopFor: (recipient: Mailbox) => Routing,
): Readonly<{ jobs: readonly DeliveryJob[]; undeliverable: readonly Undeliverable[] }> {
  const groups = new Map<string, { domain: string; nexthop: Nexthop; recipients: QueuedRecipient[] }>();
  const undeliverable: Undeliverable[] = [];
  for (const recipient of mail.recipients) {
    const { mailbox } = recipient.recipient;
    const routing = nexthopFor(mailbox);
    if (routing.kind === "fail") {
      undeliverable.push({ recipient, status: routing.status, text: routing.text });
      continue;
    }
    const domain = recipientHost(mailbox);
    const key = `${domain}|${formatNexthop(routing.nexthop)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { domain, nexthop: routing.nexthop, recipients: [recipient] });
    else group.recipients.push(recipient);
  }
  const jobs: DeliveryJob[] = [];
  for (const { domain, nexthop, recipients } of groups.values()) {
    const [lead] = recipients;
    if (lead === undefined) continue;
    const destination = `${mail.binding}|${formatNexthop(nexthop)}`;
    jobs.push({ mail, recipients, nexthop, lead, destination, rulesKey: `${destination}|${domain}` });
  }
  return { jobs, undeliverable };
}

function recipientHost({ host }: Mailbox): string {
  if (host === undefined) return "";
  return host.kind === "domain" ? host.domain : host.ip;
}
