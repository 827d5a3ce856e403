/**
 * Mail and attempt records by the million, for the queue's benches.
 */

import type { AttemptRecord } from "../src/mail/attempt.ts";
import { sampleAttempt, sampleOrigin, sampleRefusal } from "../src/mail/attempt-sample.ts";
import { domain } from "../src/mail/domain.ts";
import type { NewMail, Queue } from "../src/queue/queue.ts";

const bytes = new Uint8Array(5 * 1024).fill(97);
let made = 0;

/** An identity of its own each time. */
function nextId(): string {
  made += 1;
  return `${Date.now().toString(36)}${made.toString(36).padStart(6, "0")}`;
}

/** 5 KB for one recipient. */
export function smallMail(): NewMail {
  const host = domain(`d${made % 1000}.example.com`);
  return {
    id: nextId(),
    sender: { mailbox: undefined, body: "8bitmime", smtputf8: false, ret: undefined, envid: undefined },
    recipients: [
      {
        mailbox: { text: `user@${host}`, localPart: "user", host: { kind: "domain", domain: host } },
        notify: undefined,
        orcpt: undefined,
      },
    ],
    body: { kind: "memory", sizeBytes: bytes.length, chunks: [bytes] },
    facts: { has8bit: false, hasUtf8Header: false, receivedCount: 1, endsWithCrlf: true },
    binding: "default",
    arrival: {
      at: Date.now(),
      origin: sampleOrigin,
    },
    expiresAt: Date.now() + 432_000_000,
  };
}

/** One record in a hundred says that a host proved too little; recipients spread over `domains` domains. */
export function recordOf(messageId: string, at: number, domains: number): AttemptRecord {
  const host = `d${made % domains}.example.com`;
  return {
    ...(made % 100 === 0 ? sampleRefusal : sampleAttempt),
    id: `${messageId}.0.1`,
    time: new Date(at).toISOString(),
    messageId,
    to: `user@${host}`,
    nexthop: host,
    mx: `mx1.${host}`,
  };
}

/** Settles records whose mail is gone, spread evenly over `spanMs` from `from` on (ms since 1970). */
export async function fillRecords(
  queue: Queue,
  count: number,
  from: number,
  spanMs: number,
  domains = 1000,
): Promise<void> {
  for (let done = 0; done < count; done += 1000) {
    const settlements = Array.from({ length: Math.min(1000, count - done) }, (_, index) => {
      const id = nextId();
      const record = recordOf(id, Math.round(from + (spanMs * (done + index)) / count), domains);
      return { messageId: id, number: 0, record, next: { kind: "done" } } as const;
    });
    await queue.settle(settlements, []);
    queue.markProjected(settlements.map(({ record }) => record.id));
  }
}
