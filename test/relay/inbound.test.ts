/**
 * Who is let in by TLS, through a whole relay: one handshake under rules with CAs of their own, what the client hears,
 * and what is on record of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Authority, type IssuedCertificate, makeAuthority } from "../../src/lab/certificates.ts";
import type { InboundRecord } from "../../src/mail/inbound-record.ts";
import type { TestClient } from "../smtp-client.ts";
import { type RelayLab, sendOver, startRelayLab } from "./relay-lab.ts";

const timeout = 20_000;
const listeners = '[{name: in, address: "127.0.0.1:0", tls: starttls}]';
const certificates = "certificates: {own: {certificate: own.pem, key: own.key}}";
const rules = `${certificates}
relay-networks: []
relay-domains: [example.test]
inbound-rules:
  - sender-domains: [clinic.test]
    require-tls: matching
    certificate-names: [mail.clinic.test]
    client-ca: clinic.pem
    answer: permanent
  - sender-domains: [branch.test]
    require-tls: trusted
    client-ca: branch.pem
  - sender-domains: [watched.test]
    require-tls: trusted
    client-ca: branch.pem
    mode: monitor
  - sender-domains: [bank.test]
    require-tls: encrypted
    answer: permanent`;

const clinic = await makeAuthority("Clinic CA");
const branch = await makeAuthority("Branch CA");
const strangers = await makeAuthority("Clinic CA");
const own = await clinic.issue({ dnsNames: ["relay.test"] });
const files = {
  "clinic.pem": clinic.certificatePem,
  "branch.pem": branch.certificatePem,
  "own.pem": own.chainPem,
  "own.key": own.privateKeyPem,
};
const named = (by: Authority, name = "mail.clinic.test"): Promise<IssuedCertificate> => by.issue({ dnsNames: [name] });

async function inside(lab: RelayLab, shown?: IssuedCertificate): Promise<TestClient> {
  const client = await lab.client();
  await client.say("STARTTLS");
  const identity = shown === undefined ? {} : { cert: shown.chainPem, key: shown.privateKeyPem };
  await client.startTls({ rejectUnauthorized: false, ...identity });
  await client.say("EHLO client.test");
  return client;
}

function recorded({ events }: RelayLab): readonly InboundRecord[] {
  return events.flatMap((event) => (event.kind === "inbound" ? [event.record] : []));
}

function summary({ event, stage, reason, tls, rule }: InboundRecord): string {
  const line = rule === null ? "-" : `${rule.source}:${rule.line ?? ""}`;
  const monitor = tls.monitor === null ? "" : ` ${tls.monitor}`;
  return `${event} ${stage} ${reason} ${tls.required} ${tls.achieved}${monitor} ${line}`;
}

const rows: readonly [
  name: string,
  from: string,
  show: (() => Promise<IssuedCertificate>) | "none" | "clear",
  heard: RegExp,
  record: RegExp,
][] = [
  [
    "in clear where TLS is required",
    "bank.test",
    "clear",
    /^530 5\.7\.10 TLS is/,
    /^refused mail policy encrypted none l/,
  ],
  ["the same inside TLS", "bank.test", "none", /^250 /, /^accepted null null encrypted encrypted letterlock:\d+$/],
  ["no demand, in clear", "else.test", "clear", /^250 /, /^accepted null null none none -$/],
  ["a partner", "clinic.test", () => named(clinic), /^250 /, /^accepted null null matching matched letterlock/],
  [
    "a partner without a certificate",
    "clinic.test",
    "none",
    /^550 5\.7\.1 .*none was shown/,
    /^refused mail policy matching enc/,
  ],
  [
    "another name",
    "clinic.test",
    () => named(clinic, "x.clinic.test"),
    /^550 5\.7\.1 .*not among/,
    /^refused mail policy/,
  ],
  [
    "a CA that calls itself so",
    "clinic.test",
    () => named(strangers),
    /^550 5\.7\.1 .*not trusted/,
    /^refused mail policy/,
  ],
  [
    "a client of another rule's CA",
    "clinic.test",
    () => named(branch),
    /^550 5\.7\.1 .*not trusted/,
    /^refused mail policy/,
  ],
  [
    "a client of that rule",
    "branch.test",
    () => named(branch),
    /^250 /,
    /^accepted null null trusted trusted letterlock/,
  ],
  [
    "and not of another's",
    "branch.test",
    () => named(clinic),
    /^451 4\.7\.1 /,
    /^refused mail policy trusted encrypted/,
  ],
  ["watched, and would pass", "watched.test", () => named(branch), /^250 /, /^accepted .* trusted trusted would-pass/],
  ["watched, and would fail", "watched.test", "clear", /^250 /, /^accepted null null trusted none would-fail/],
];

test("rules of one listener, in one relay", { timeout }, async (t) => {
  await using lab = await startRelayLab({ yaml: rules, listeners, files });
  for (const [name, domain, show, heard, record] of rows) {
    await t.test(name, async () => {
      const before = recorded(lab).length;
      const shown = typeof show === "function" ? await show() : undefined;
      using client = show === "clear" ? await lab.client() : await inside(lab, shown);
      assert.match(await sendOver(client, { from: `a@${domain}`, to: ["b@example.test"] }), heard);
      const [first, ...more] = recorded(lab).slice(before);
      assert.ok(first && more.length === 0);
      assert.match(summary(first), record);
      assert.equal(first.tls.client?.sha256.length, shown && 64);
    });
  }
});

test("a client that was refused in clear starts TLS and goes on", { timeout }, async () => {
  await using lab = await startRelayLab({ yaml: rules, listeners, files });
  using client = await lab.client();
  assert.match(await sendOver(client, { from: "a@bank.test", to: ["b@example.test"] }), /^530 5\.7\.10 /);
  await client.say("STARTTLS");
  await client.startTls({ rejectUnauthorized: false });
  await client.say("EHLO client.test");
  assert.match(await sendOver(client, { from: "a@bank.test", to: ["b@example.test"] }), /^250 /);
  assert.deepEqual(
    recorded(lab).map(({ session, event }) => `${session === recorded(lab)[0]?.session} ${event}`),
    ["true refused", "true accepted"],
  );
});

test("SR-14 relaying by a certificate: granted to whom it names, and on record", { timeout }, async () => {
  const shown = await named(strangers);
  const listener = `[{name: in, address: "127.0.0.1:0", tls: starttls, client-ca: clinic.pem, relay-by-certificate: trusted}]`;
  await using lab = await startRelayLab({
    yaml: `${certificates}\nrelay-networks: []`,
    listeners: listener,
    files,
    hosts: { "else.test": { tls: { mode: "none" } } },
  });
  const tries = [
    ["nobody", await inside(lab), /^550 5\.7\.1 relaying denied/, "refused rcpt relay null"],
    ["a stranger", await inside(lab, shown), /^550 5\.7\.1 relaying denied/, "refused rcpt relay null"],
    ["ours", await inside(lab, await named(clinic)), /^250 /, "accepted null null certificate"],
  ] as const;
  for (const [name, client, heard, want] of tries) {
    using _ = client;
    assert.match(await sendOver(client, { to: ["b@else.test"] }), heard, name);
    const last = recorded(lab).at(-1);
    assert.equal(`${last?.event} ${last?.stage} ${last?.reason} ${last?.relay}`, want, name);
  }
});
