/**
 * Reports each message that was taken and each refusal as one `inbound` event, whose record is complete and escaped.
 * Never throws: by then it is decided, and a message is on disk.
 */
import type { MessageOrigin } from "../mail/attempt.ts";
import type { Clock } from "../mail/clock.ts";
import { errorText } from "../mail/error-text.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import type { Reply } from "../mail/reply.ts";
import type { Observer } from "../observe/events.ts";
import type { ReceivedMail, Refusal, SessionFacts } from "../smtp/server/receiver.ts";
import { accountFor } from "./account.ts";
import type { EnvelopeCheck } from "./check-envelope.ts";
import { buildInboundRecord, type StoredMail } from "./inbound-record.ts";

export type InboundRecorder = Readonly<{
  /** @param stored under which binding it leaves, how big it is, and how it came as delivery records tell it */
  accepted(mail: ReceivedMail, stored: StoredMail & Readonly<{ origin: MessageOrigin }>, reply: Reply): void;
  refused(session: SessionFacts, refusal: Refusal): void;
}>;

export function createInboundRecorder(check: EnvelopeCheck, clock: Clock, observe: Observer): InboundRecorder {
  let refusals = 0;
  const report = (make: () => InboundRecord): void => {
    try {
      observe({ kind: "inbound", record: make() });
    } catch (error) {
      observe({ kind: "trouble", where: "writing an inbound record", error: errorText(error) });
    }
  };
  return {
    accepted({ id, session, envelope: { sender, recipients } }, stored, reply) {
      const mailboxes = recipients.map(({ mailbox }) => mailbox);
      const outcome = { event: "accepted", orcpts: recipients.map(({ orcpt }) => orcpt), ...stored } as const;
      const now = clock.now();
      report(() => {
        const account = accountFor(check, session, sender, mailboxes);
        return buildInboundRecord({ id, now, session, account, sender, recipients: mailboxes, reply, outcome });
      });
    },
    refused(session, { stage, sender, recipients, reply, triedUser }) {
      refusals += 1;
      const id = `${session.id}.${refusals}`;
      const outcome = { event: "refused", stage, triedUser } as const;
      const now = clock.now();
      report(() => {
        const account = accountFor(check, session, sender, recipients);
        return buildInboundRecord({ id, now, session, account, sender, recipients, reply, outcome });
      });
    },
  };
}
