/**
 * The state of one walk over the hosts of a job: who is still without an end, and what went wrong so far; and how it
 * takes what came of a host.
 */
import type { Binding } from "../config/settings.ts";
import { domainOf } from "../mail/address.ts";
import { formatReply } from "../mail/reply.ts";
import type { QueuedRecipient } from "../queue/queue.ts";
import type { RecipientResult } from "../smtp/client/sender.ts";
import {
  afterSending,
  concludeFailures,
  type Failure,
  type HostContact,
  ourMistake,
  outcomeOf,
  type RecipientOutcome,
  statusOf,
} from "./attempt-result.ts";
import type { DeliveryJob } from "./delivery-job.ts";

export type Walk = {
  readonly job: DeliveryJob;
  readonly binding: Binding;
  pending: QueuedRecipient[];
  readonly outcomes: RecipientOutcome[];
  readonly failures: Failure[];
};

export function beginWalk(job: DeliveryJob, binding: Binding): Walk {
  return { job, binding: asSaid(binding, job), pending: [...job.recipients], outcomes: [], failures: [] };
}

/** The EHLO name of a binding may be the sender's domain (Momentum's `__message__`). */
function asSaid(binding: Binding, { mail }: DeliveryJob): Binding {
  const sender = mail.sender.mailbox;
  const ehlo = binding.ehloFrom === "sender-domain" && sender !== undefined ? domainOf(sender) : undefined;
  return ehlo === undefined ? binding : { ...binding, ehlo };
}

/** What went wrong for everybody, and for this recipient alone. */
function failuresOf(recipient: QueuedRecipient, { failures }: Walk): readonly Failure[] {
  return failures.filter(({ of }) => of === undefined || of === recipient);
}

/** Everybody has an end, or a rule says that no other host may be tried. */
export function isOver({ pending, failures }: Walk): boolean {
  return pending.length === 0 || failures.at(-1)?.final === "now";
}

/** No host is left: what went wrong on the way is the end of those who have none. */
export function endOfHosts(walk: Walk): void {
  for (const recipient of walk.pending) {
    walk.outcomes.push(ended(recipient, concludeFailures(failuresOf(recipient, walk)), walk));
  }
}

/** A bug ended it: whether a message left before it happened is unknown. */
export function endByMistake(walk: Walk): void {
  const settled = new Set(walk.outcomes.map(({ recipient }) => recipient));
  for (const recipient of walk.pending) {
    if (!settled.has(recipient)) walk.outcomes.push(ended(recipient, { ...ourMistake, uncertain: true }, walk));
  }
}

/**
 * @param results in the order of `pending`
 * @returns true when the connection broke before the end of the message was certain: nobody was settled by it
 */
export function takeResults(results: readonly RecipientResult[], contact: HostContact, walk: Walk): boolean {
  const sent = walk.pending;
  const still: QueuedRecipient[] = [];
  let broken = false;
  sent.forEach((recipient, index) => {
    const result = results[index];
    if (result === undefined) throw new Error("a recipient without a result");
    const next = afterSending(result, contact);
    if (next.kind === "delivered") {
      const { reply, dsnPassedOn } = next;
      walk.outcomes.push({
        recipient,
        outcome: { kind: "delivered", status: statusOf(reply), text: formatReply(reply) },
        contact,
        reply,
        uncertain: recipient.uncertain,
        dsnPassedOn,
        failure: undefined,
        earlier: earlierHosts(recipient, walk),
      });
    } else if (next.kind === "final") walk.outcomes.push(ended(recipient, next.failure, walk));
    else {
      still.push(recipient);
      walk.failures.push({ ...next.failure, of: recipient });
      broken ||= next.failure.kind === "broken";
    }
  });
  walk.pending = still;
  return broken && still.length === sent.length;
}

function ended(recipient: QueuedRecipient, failure: Failure, walk: Walk): RecipientOutcome {
  return {
    recipient,
    outcome: outcomeOf(failure),
    contact: failure.contact,
    reply: failure.reply,
    uncertain: failure.uncertain === true || recipient.uncertain,
    dsnPassedOn: false,
    failure,
    earlier: earlierHosts(recipient, walk, failure),
  };
}

/** Hosts that were met in vain, but for the one whose failure is the end. */
function earlierHosts(recipient: QueuedRecipient, walk: Walk, end?: Failure): readonly Failure[] {
  if (walk.failures.length === 0) return [];
  const others = failuresOf(recipient, walk).filter(({ contact }) => contact !== undefined);
  return others.filter(({ contact, text }) => contact !== end?.contact || text !== end?.text);
}
