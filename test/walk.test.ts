/**
 * The walk over hosts and nexthops under attack, over real sockets: nothing is delivered twice, nothing flows under
 * another message's decision, and what ends the walk for one recipient takes nothing from another.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAuthority } from "../src/lab/certificates.ts";
import type { PartnerOptions } from "../src/lab/partner-script.ts";
import { domain } from "../src/mail/domain.ts";
import type { Nexthop } from "../src/mail/nexthop.ts";
import type { Compiled } from "../src/policy/dialects/dialect.ts";
import type { Origin, PeerRequirement, PolicySource, Sourced } from "../src/policy/rules.ts";
import { startAttemptLab } from "./lab/attempt-lab.ts";

type Host = Omit<PartnerOptions, "address" | "port">;

const from: Origin = { source: "test", file: undefined, line: undefined, column: undefined, scope: "test" };
const authority = await makeAuthority("Lab CA");
const good = await authority.issue({ dnsNames: ["mx1.example.test", "mx2.example.test"] });
const fine: Host = { tls: { mode: "starttls", certificate: good } };
const plain: Host = { tls: { mode: "none" } };
const garbage: Host = { tls: { mode: "starttls", certificate: good, handshake: { kind: "garbage" } } };
const atOnce = is({ kind: "at-once", turn: "same-host" } as const);

function is<T>(value: T): Sourced<T> {
  return { value, from };
}

function dialect(source: Omit<PolicySource, "name" | "candidates">, ...hosts: readonly string[]) {
  const nexthops = (port: number) =>
    hosts.map((host): Nexthop => ({ kind: "host", host: domain(host), isIp: false, port, implicitTls: false }));
  return (_folder: string, port: number): Compiled => {
    const [first, ...others] = nexthops(port);
    const answer =
      first === undefined ? undefined : { kind: "nexthops" as const, nexthops: [first, ...others] as const };
    return {
      source: { name: "test", candidates: () => [], ...source },
      settings: answer === undefined ? {} : { routing: { route: () => answer } },
      notes: [],
      named: { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] },
      export: () => [],
    };
  };
}

function ends(results: readonly { outcome: { kind: string; status: string } }[]): readonly string[] {
  return results.map(({ outcome: { kind, status } }) => `${kind} ${status}`);
}

test("after an end that is not certain no other nexthop is tried", { timeout: 10_000 }, async () => {
  const rules = { outbound: () => ({ level: is("may" as const), fallback: atOnce }) };
  const hosts = [{ ...fine, answers: { message: "drop" as const } }, fine];
  await using lab = await startAttemptLab({
    hosts,
    yaml: "",
    dialect: dialect(rules, "mx1.example.test", "mx2.example.test"),
  });
  const results = await lab.send();
  assert.deepEqual(ends(results), ["deferred 4.4.2"]);
  assert.equal(results[0]?.uncertain, true);
  await lab[Symbol.asyncDispose]();
  assert.equal(lab.hosts[1]?.connections.length, 0);
  assert.equal(lab.hosts[0]?.connections.length, 1);
});

test("a nexthop that cannot be found, one that takes one recipient, one that takes the rest", {
  timeout: 10_000,
}, async () => {
  const rules = { outbound: () => ({ level: is("may" as const) }) };
  const busy = (line: string): string | undefined => (/busy@/.test(line) ? "451 4.2.1 later" : undefined);
  const hosts = [{ ...fine, answers: { RCPT: busy } }, fine];
  const names = ["nowhere.example.test", "mx1.example.test", "mx2.example.test"];
  await using lab = await startAttemptLab({ hosts, yaml: "", dialect: dialect(rules, ...names) });
  const results = await lab.send({ to: ["a@example.test", "busy@example.test"] });
  assert.deepEqual(ends(results), ["delivered 2.0.0", "delivered 2.0.0"]);
  assert.deepEqual(
    results.map(({ contact }) => (contact?.nexthop.kind === "host" ? contact.nexthop.host : "")),
    ["mx1.example.test", "mx2.example.test"],
  );
  assert.deepEqual(
    lab.hosts.map(({ messages }) => messages.map(({ rcpt }) => rcpt.length)),
    [[1], [1]],
  );
});

test("what ends the walk for who is left takes nothing from who was served", { timeout: 10_000 }, async () => {
  const rules = { outbound: () => ({ level: is("encrypt" as const), whenRefused: is("bounce-5yz" as const) }) };
  const busy = (line: string): string | undefined => (/busy@/.test(line) ? "451 4.2.1 later" : undefined);
  const refuses: Host = {
    tls: { mode: "starttls", certificate: good, handshake: { kind: "refuse", reply: "554 5.7.0 no TLS" } },
  };
  const hosts = [{ ...fine, answers: { RCPT: busy } }, refuses, fine];
  await using lab = await startAttemptLab({ hosts, yaml: "", dialect: dialect(rules) });
  const results = await lab.send({ to: ["a@example.test", "busy@example.test"] });
  assert.deepEqual(
    results.map(({ recipient, outcome }) => `${recipient.recipient.mailbox.text} ${outcome.kind}`),
    ["a@example.test delivered", "busy@example.test failed"],
  );
  await lab[Symbol.asyncDispose]();
  assert.equal(lab.hosts[2]?.connections.length, 0);
});

test("a connection made in clear after TLS broke serves one message; the next tries TLS again", {
  timeout: 10_000,
}, async () => {
  const rules = { outbound: () => ({ level: is("may" as const), fallback: atOnce }) };
  await using lab = await startAttemptLab({ hosts: [garbage], yaml: "", dialect: dialect(rules) });
  assert.deepEqual(ends(await lab.send()), ["delivered 2.0.0"]);
  assert.equal(lab.pool.idleCount, 0);
  assert.deepEqual(ends(await lab.send()), ["delivered 2.0.0"]);
  await lab[Symbol.asyncDispose]();
  assert.equal(lab.hosts[0]?.connections.filter(({ clear }) => clear.includes("STARTTLS")).length, 2);
});

test("an idle connection in clear is not for who may not go in clear", { timeout: 10_000 }, async () => {
  const demand: PeerRequirement = {
    from,
    text: "ENCR:112",
    of: "recipient",
    verify: false,
    bits: { atLeast: 112, digits: "112" },
    extensions: [],
    reply: { code: 454, status: "4.7.0" },
  };
  const isStrict = (localPart: string): boolean => localPart === "strict";
  const rules = {
    outbound: () => ({ level: is("may" as const) }),
    requirements: ({ recipient }: { recipient: { localPart: string } }) =>
      isStrict(recipient.localPart) ? [demand] : [],
    recipientKey: ({ localPart }: { localPart: string }) => (isStrict(localPart) ? "strict" : ""),
  };
  await using lab = await startAttemptLab({ hosts: [plain], yaml: "", dialect: dialect(rules) });
  const to = ["a@example.test", "strict@example.test", "b@example.test"];
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(ends(await lab.send({ to })), ["delivered 2.0.0", "delivered 2.0.0", "deferred 4.7.0"]);
  }
  const rcpt = lab.hosts[0]?.messages.flatMap((message) => message.rcpt) ?? [];
  assert.equal(rcpt.length, 4);
  assert.ok(!rcpt.some((line) => line.includes("strict")));
  assert.equal(lab.pool.idleCount, 1);
});
