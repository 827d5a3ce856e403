import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mailbox } from "../mail/address.ts";
import { sampleAttempt } from "../mail/attempt-sample.ts";
import { domain } from "../mail/domain.ts";
import type { EnvelopeSender, Notify } from "../mail/envelope.ts";
import { type NoticeCandidate, noticesFor } from "./notices.ts";

function mailbox(text: string): Mailbox {
  return { text, localPart: text.split("@")[0] ?? "", host: { kind: "domain", domain: domain("example.com") } };
}

const sender: EnvelopeSender = {
  mailbox: mailbox("alice@example.com"),
  body: "7bit",
  smtputf8: false,
  ret: undefined,
  envid: undefined,
};

function candidate(
  event: NoticeCandidate["record"]["event"],
  notify: Notify | undefined,
  change: Partial<NoticeCandidate> = {},
): NoticeCandidate {
  const recipient = { mailbox: mailbox("bob@example.net"), notify, orcpt: undefined };
  return { recipient, record: { ...sampleAttempt, event }, dsnPassedOn: false, delayDue: false, ...change };
}

const rows: readonly [name: string, candidate: NoticeCandidate, want: string | undefined][] = [
  ["DS-4 failed, nothing asked", candidate("failed", undefined), "failed"],
  ["DS-4 failed, failure asked", candidate("failed", ["failure"]), "failed"],
  ["DS-4 failed, only success asked", candidate("failed", ["success"]), undefined],
  ["DS-3 failed, never", candidate("failed", "never"), undefined],
  ["expired is a failure", candidate("expired", undefined), "failed"],
  ["DS-5 delayed, nothing asked", candidate("deferred", undefined, { delayDue: true }), "delayed"],
  ["DS-5 delayed, only failure asked", candidate("deferred", ["failure"], { delayDue: true }), undefined],
  ["DS-5 deferred, not long enough", candidate("deferred", ["delay"]), undefined],
  ["DS-3 delivered to a host without DSN, success asked", candidate("delivered", ["success"]), "relayed"],
  ["DS-2 delivered, the next hop reports", candidate("delivered", ["success"], { dsnPassedOn: true }), undefined],
  ["delivered, nothing asked", candidate("delivered", undefined), undefined],
  ["delivered, never", candidate("delivered", "never"), undefined],
];

for (const [name, settled, want] of rows) {
  test(`notices: ${name}`, () => {
    assert.deepEqual(
      noticesFor(sender, [settled]).map((plan) => plan.action),
      want === undefined ? [] : [want],
    );
  });
}

test("BO-2 notices: a null reverse-path never gets one", () => {
  const all = rows.map(([, settled]) => settled);
  assert.deepEqual(noticesFor({ ...sender, mailbox: undefined }, all), []);
});

test("BO-4 notices: all that failed together are in one, those delayed in another", () => {
  const plans = noticesFor(sender, [
    candidate("failed", undefined),
    candidate("deferred", undefined, { delayDue: true }),
    candidate("expired", undefined),
    candidate("failed", "never"),
  ]);
  assert.deepEqual(
    plans.map(({ action, recipients }) => [action, recipients.length]),
    [
      ["failed", 2],
      ["delayed", 1],
    ],
  );
});
