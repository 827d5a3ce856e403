/**
 * Takes responsibility for a received message: chooses its binding, stores it, says 250 when it is on disk, and hands it
 * to the conductor while its body is still in memory.
 */
import type { InboundRecorder } from "../admission/inbound-recorder.ts";
import { describeOrigin } from "../admission/message-origin.ts";
import { isOurPostmaster } from "../admission/relay-check.ts";
import type { Settings } from "../config/settings.ts";
import type { MessageOrigin } from "../mail/attempt.ts";
import type { Clock } from "../mail/clock.ts";
import type { EnvelopeRecipient } from "../mail/envelope.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Observer } from "../observe/events.ts";
import type { NewMail, Queue, QueuedMail } from "../queue/queue.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { ReceivedMail } from "../smtp/server/receiver.ts";
import { type BindingChoice, chooseBinding, type Turns } from "./choose-binding.ts";
import type { Conductor } from "./conductor.ts";

export type AcceptTools = Readonly<{
  queue: Queue;
  conductor: Conductor;
  settings: () => Settings;
  observe: Observer;
  clock: Clock;
  turns: Turns;
  /** Header fields that some log prints, lower case. */
  printedHeaders: () => ReadonlySet<string>;
  /** Told of each message that is on disk. */
  accepted: InboundRecorder["accepted"];
}>;

const noRoom = reply(451, "4.3.1", "no room in the queue, try again later");
const storeTrouble = reply(451, "4.3.0", "the queue cannot be written, try again later");

/** Never throws: whatever goes wrong, the client is told to try again and keeps the message. */
export async function acceptMail(mail: ReceivedMail, tools: AcceptTools): Promise<Reply> {
  const { queue, conductor, observe, accepted } = tools;
  const binding = bindingFor(mail, tools);
  if (binding.kind === "reject") return reply(binding.status.startsWith("4") ? 451 : 550, binding.status, binding.text);
  const settings = tools.settings();
  const origin = describeOrigin(mail, tools.printedHeaders());
  const stored = toNewMail(mail, binding.binding, origin, settings);
  const heldBytes = stored.body.kind === "memory" ? stored.body.sizeBytes : 0;
  const atOnce = conductor.hasRoom(heldBytes);
  try {
    const result = await queue.accept(stored, atOnce ? "trying" : "ready");
    if (result.kind === "full") {
      observe({ kind: "store-trouble", error: result.error });
      return noRoom;
    }
  } catch (error) {
    observe({ kind: "store-trouble", error: String(error) });
    return storeTrouble;
  }
  const answer = reply(250, "2.0.0", `Ok: queued as ${stored.id}`);
  const bindingGroup = settings.bindings.get(stored.binding)?.group;
  accepted(mail, { binding: stored.binding, bindingGroup, sizeBytes: stored.body.sizeBytes, origin }, answer);
  if (atOnce) conductor.submit(asTaken(stored));
  else conductor.wake();
  return answer;
}

function bindingFor({ id, session, envelope, headers }: ReceivedMail, tools: AcceptTools): BindingChoice {
  const settings = tools.settings();
  const choice = chooseBinding(
    {
      listener: session.listener,
      localAddress: session.localAddress,
      localPort: session.localPort,
      client: session.clientAddress,
      user: session.login?.user,
      allowed: session.login && settings.users.find(session.login.user)?.bindings,
      sender: envelope.sender.mailbox,
      recipients: envelope.recipients.map(({ mailbox }) => mailbox),
      headers,
    },
    settings,
    tools.turns,
  );
  if (choice.kind === "reject" || settings.bindings.has(choice.binding)) {
    if (choice.kind === "binding" && choice.why === "unknown-header") {
      const value = headers.get(settings.bindingHeader ?? "") ?? "";
      reportBinding(`${id} names no known binding: ${value}; ${choice.binding} is used`, tools);
    }
    return choice;
  }
  reportBinding(`${id} is for ${choice.binding}, which is no known binding; ${settings.defaultBinding} is used`, tools);
  return { ...choice, binding: settings.defaultBinding };
}

function reportBinding(error: string, { observe }: AcceptTools): void {
  observe({ kind: "trouble", where: "binding header", error });
}

function toNewMail(
  { id, receivedAt, envelope, body, facts }: ReceivedMail,
  binding: string,
  origin: MessageOrigin,
  settings: Settings,
): NewMail {
  const { lifetimeMs, bounceLifetimeMs } = settings.retry;
  return {
    id,
    sender: envelope.sender,
    recipients: envelope.recipients.map((recipient) => readdressed(recipient, settings)),
    body,
    facts,
    binding,
    arrival: {
      at: receivedAt,
      origin,
    },
    expiresAt: receivedAt + (envelope.sender.mailbox === undefined ? bounceLifetimeMs : lifetimeMs),
  };
}

/** Mail for our own postmaster goes to the mailbox that the operator named. */
function readdressed(recipient: EnvelopeRecipient, { postmaster, hostname }: Settings): EnvelopeRecipient {
  if (postmaster === undefined || !isOurPostmaster(recipient.mailbox, hostname)) return recipient;
  const mailbox = parseMailbox(postmaster);
  return mailbox === undefined ? recipient : { ...recipient, mailbox };
}

/** As `take` would hand it out. */
export function asTaken(mail: NewMail): QueuedMail {
  return {
    ...mail,
    recipients: mail.recipients.map((recipient, number) => ({
      number,
      recipient,
      attempts: 0,
      firstTriedAt: undefined,
      uncertain: false,
      lastError: undefined,
      delayNotified: false,
    })),
  };
}
