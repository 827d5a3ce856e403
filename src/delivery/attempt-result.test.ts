import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import type { ConnectDecision } from "../policy/decide.ts";
import type { RecipientResult } from "../smtp/client/sender.ts";
import {
  afterSending,
  concludeFailures,
  type Failure,
  type HostContact,
  outcomeOf,
  statusOf,
} from "./attempt-result.ts";

const nexthop = { kind: "host", host: "192.0.2.1" as IpAddress, isIp: true, port: 25, implicitTls: false } as const;
const host = { nexthop, host: undefined, address: "192.0.2.1" as IpAddress, port: 25 };

/** A host whose rule says this of failures. */
function under(onFailure: "defer" | "bounce", more: Partial<ConnectDecision> = {}): HostContact {
  return { ...host, decision: { kind: "connect", onFailure, clearText: "never", ...more } as ConnectDecision };
}
const noConnection: HostContact = { ...host, decision: { kind: "refuse", text: "", why: [] } as never };

const policy = (contact: HostContact): Failure => ({
  status: "4.7.5",
  text: "tls",
  permanent: false,
  kind: "policy",
  contact,
});
const unreachable: Failure = { status: "4.4.1", text: "refused", permanent: false, kind: "unreachable" };
const never: Failure = { status: "5.7.1", text: "no", permanent: true, kind: "greeting" };
const later: Failure = { status: "4.3.2", text: "busy", permanent: false, kind: "greeting" };

const conclusions: readonly [name: string, failures: readonly Failure[], want: string][] = [
  ["nothing could be tried", [], "deferred 4.4.1"],
  ["the last failure speaks", [later, unreachable], "deferred 4.4.1"],
  ["QU-8 a rule that failed everywhere waits", [policy(under("defer"))], "deferred 4.7.5"],
  ["on-failure: bounce, failed everywhere", [policy(under("bounce")), policy(under("bounce"))], "failed 5.7.5"],
  ["on-failure: bounce, but another host is only down", [unreachable, policy(under("bounce"))], "deferred 4.7.5"],
  [
    "on-failure: bounce for one host, defer for another",
    [policy(under("defer")), policy(under("bounce"))],
    "deferred 4.7.5",
  ],
  [
    "on-failure: bounce, and a rule that cannot be honoured",
    [policy(noConnection), policy(under("bounce"))],
    "deferred 4.7.5",
  ],
  [
    "on-failure: bounce, but clear text has its turn on a later attempt",
    [policy(under("bounce", { clearText: "not-yet" }))],
    "deferred 4.7.5",
  ],
  [
    "on-failure: bounce in monitor mode returns nothing",
    [policy(under("bounce", { monitor: true }))],
    "deferred 4.7.5",
  ],
  [
    "a host's own last word is never",
    [later, { ...never, status: "5.7.0", kind: "policy", final: "last-word" }],
    "failed 5.7.0",
  ],
  [
    "but not against a demand of the recipient that has the mail wait",
    [
      { ...policy(under("defer")), final: "waits" },
      { ...never, kind: "policy", final: "last-word" },
    ],
    "deferred 4.7.5",
  ],
  ["CL-15 every host says never", [never, never], "failed 5.7.1"],
  ["one host says never, another may take it later", [later, never], "deferred 4.3.2"],
];
for (const [name, failures, want] of conclusions) {
  test(`concludeFailures: ${name}`, () => {
    const { kind, status } = outcomeOf(concludeFailures(failures));
    assert.equal(`${kind} ${status}`, want);
  });
}

const results: readonly [name: string, result: RecipientResult, want: string][] = [
  ["a 250", { kind: "delivered", reply: reply(250, "2.1.5", "ok"), dsnPassedOn: false }, "delivered"],
  ["a 4yz: another host may take it", { kind: "refused", stage: "rcpt", reply: reply(450, "4.2.0", "x") }, "try-next"],
  ["a 5yz is the end", { kind: "refused", stage: "rcpt", reply: reply(550, "5.1.1", "x") }, "final"],
  ["the host lacks an extension: another may have it", { kind: "unsuitable", status: "5.6.3", text: "x" }, "try-next"],
  [
    "lost before the final dot",
    { kind: "broken", stage: "body", code: "ECONNRESET", status: "4.4.2", text: "x", uncertain: false },
    "try-next",
  ],
  [
    "CL-8 lost behind it: no other host now",
    { kind: "broken", stage: "final-dot", code: "TIMEOUT", status: "4.4.2", text: "x", uncertain: true },
    "final",
  ],
];
for (const [name, result, want] of results) {
  test(`afterSending: ${name}`, () => assert.equal(afterSending(result, under("defer")).kind, want));
}

const statuses: readonly [code: number, enhanced: string | undefined, want: string][] = [
  [250, "2.1.5", "2.1.5"],
  [550, undefined, "5.0.0"],
  [450, undefined, "4.0.0"],
  [250, undefined, "2.0.0"],
  [450, "5.1.1", "4.0.0"],
];
for (const [code, enhanced, want] of statuses) {
  test(`statusOf: EX-10 ${code} ${enhanced}`, () => assert.equal(statusOf({ code, enhanced, lines: [] }), want));
}
