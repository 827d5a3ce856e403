import assert from "node:assert/strict";
import { test } from "node:test";
import { domain } from "../mail/domain.ts";
import type { QueuedMail } from "../queue/queue.ts";
import { parseMailbox } from "../smtp/path.ts";
import { splitIntoJobs } from "./delivery-job.ts";

const relay = { kind: "mx", domain: domain("relay.test"), port: 25 } as const;

/** Local parts of each job, under one relay for everybody. */
function jobsOf(addresses: readonly string[], key: (localPart: string) => string): readonly string[] {
  const recipients = addresses.map((text) => ({ recipient: { mailbox: parseMailbox(text) } }));
  const { jobs } = splitIntoJobs(
    { binding: "default", recipients } as unknown as QueuedMail,
    () => ({ kind: "nexthops", nexthops: [relay] }),
    ({ localPart }) => key(localPart),
  );
  return jobs.map((job) => job.recipients.map(({ recipient }) => recipient.mailbox.text).join(" "));
}

test("recipients of one domain share a job unless their rules may differ", () => {
  assert.deepEqual(
    jobsOf(["a@x.test", "b@x.test", "c@x.test", "d@y.test"], (local) => (local === "b" ? "7" : "")),
    ["a@x.test c@x.test", "b@x.test", "d@y.test"],
  );
});

test("a domain and a key are never taken for another domain and another key", () => {
  const jobs = jobsOf(["a@x.co", "b@x.com"], (local) => (local === "a" ? "m" : ""));
  assert.deepEqual(jobs, ["a@x.co", "b@x.com"]);
});
