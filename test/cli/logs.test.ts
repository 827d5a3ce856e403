/**
 * Every kind of log at once, written by the program as an operator runs it, and each line held against the delivery
 * records: all of them tell of the same attempts, with the same TLS.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "csv-parse/sync";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { startDnsServer } from "../../src/lab/dns-server.ts";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import { until } from "../relay/relay-lab.ts";
import { TestClient } from "../smtp-client.ts";
import { folderFor, RunningRelay } from "./command.ts";

/** Word for word as the vendor's article has it. */
const published = `<acct-file logacct.csv>
records d, b
record-fields d *, dlvTlsProtocol, dlvTlsCipher
record-fields b *, dlvTlsProtocol, dlvTlsCipher
</acct-file>
`;
const defaultColumns =
  "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType," +
  "dlvSourceIp,dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool";

const logs = `logs:
  maillog: {format: postfix, file: mail.log, tls-field: true}
  sendmail: {format: sendmail, file: sendmail.log}
  main: {format: momentum-main, file: mainlog}
  reject: {format: momentum-reject, file: rejectlog}
  bounce: {format: momentum-bounce, file: bouncelog}
  proof:
    format: template
    file: proof.log
    delivery: "D|%i|%outbound_tls|%outbound_tls_protocol|%outbound_tls_verified|%letterlock_tls_required|%letterlock_tls_achieved"
    permanent-failure: "P|%i|%outbound_tls|%n"
    transient-failure: "T|%i|%outbound_tls|%n"
`;

const resources = new AsyncDisposableStack();
let outbound = "";

describe("logs of every kind, in a running program", () => {
  before(async () => {
    const authority = await makeAuthority("Lab CA");
    const certificate = await authority.issue({ dnsNames: ["mx.good.test"] });
    const answer = (line: string): string | undefined =>
      /nobody@/.test(line) ? "550 5.1.1 nobody here" : /later@/.test(line) ? "451 4.2.1 not now" : undefined;
    const tls = { mode: "starttls", certificate } as const;
    const good = resources.use(await startPartnerHost({ address: "127.0.3.1", tls, answers: { RCPT: answer } }));
    const clear = { address: "127.0.3.2", port: good.port, tls: { mode: "none" } } as const;
    resources.use(await startPartnerHost(clear));
    const dns = resources.use(
      await startDnsServer({
        "good.test": { mx: [[10, "mx.good.test"]] },
        "mx.good.test": { a: ["127.0.3.1"] },
        "clear.test": { mx: [[10, "mx.clear.test"]] },
        "mx.clear.test": { a: ["127.0.3.2"] },
      }),
    );
    outbound = `dns: {servers: ["${dns.address}:${dns.port}"]}
outbound: {port: ${good.port}, allow-addresses: [127.0.0.0/8], ipv6: false}
relay-networks: [127.0.0.0/8]
`;
  });
  after(() => resources.disposeAsync());

  test("each tells of every attempt, and of its TLS what the record tells", { timeout: 30_000 }, async (t) => {
    const folder = folderFor(t);
    const relay = await RunningRelay.start(folder, `${outbound}${logs}tls: {level: encrypt}`);
    await send(relay.port, "bob@good.test", "nobody@good.test", "later@good.test");
    await send(relay.port, "carol@clear.test");
    await until(() => records(folder).length >= 4);
    relay.signal("SIGTERM");
    assert.equal(await relay.ended, 0, relay.printed);
    const attempts = records(folder).filter(({ origin }) => origin.protocol !== "local");
    assert.deepEqual(attempts.map(({ to, event }) => `${to} ${event}`).sort(), [
      "bob@good.test delivered",
      "carol@clear.test deferred",
      "later@good.test deferred",
      "nobody@good.test failed",
    ]);
    for (const record of attempts) tellsInEach(folder, record);
    assert.match(read(folder, "bouncelog"), /@nobody@good\.test@/);
    assert.match(
      read(folder, "mail.log"),
      /Untrusted TLS connection established to mx\.good\.test\[127\.0\.3\.1\]:\d+: TLSv1\.3/,
    );
    assert.match(
      read(folder, "sendmail.log"),
      /STARTTLS=client, relay=mx\.good\.test\., version=TLSv1\.3, verify=FAIL/,
    );
  });

  test("the accounting file of the published page, beside the CSV that it promises", { timeout: 30_000 }, async (t) => {
    const folder = folderFor(t);
    const config = path.join(folder, "config");
    const directives = `postmaster pm@relay.test\nhost-name relay.test\nlog-file ${folder}/pmta.log\n`;
    writeFileSync(config, `${directives}<domain *>\nuse-starttls yes\n</domain>\n${published}`);
    const relay = await RunningRelay.start(folder, `${outbound}policy: [{powermta: {file: ${config}}}]`);
    await send(relay.port, "bob@good.test", "nobody@good.test");
    await send(relay.port, "carol@clear.test");
    await until(() => records(folder).length >= 3);
    relay.signal("SIGTERM");
    assert.equal(await relay.ended, 0, relay.printed);
    const names = readdirSync(folder).filter((name) => name.endsWith(".csv"));
    assert.equal(names.length, 1);
    assert.match(names[0] ?? "", /^logacct-\d{4}-\d\d-\d\d-0000\.csv$/);
    const text = read(folder, `../${names[0]}`);
    assert.equal(text.split("\r\n", 1)[0], `${defaultColumns},dlvTlsProtocol,dlvTlsCipher`);
    const rows = parse(text, { columns: true, record_delimiter: "\r\n" }) as Record<string, string>[];
    const told = rows
      .filter(({ orig }) => orig !== "")
      .map((row) => tlsOfRow(row))
      .sort();
    assert.deepEqual(told, [
      "b nobody@good.test 5.1.1 (bad destination mailbox address) bad-mailbox TLSv1.3 TLS_AES_256_GCM_SHA384",
      "d bob@good.test 2.0.0 (success) success TLSv1.3 TLS_AES_256_GCM_SHA384",
      "d carol@clear.test 2.0.0 (success) success  ",
    ]);
  });

  test("a worker killed at once: after the restart every log has every attempt", { timeout: 60_000 }, async (t) => {
    const folder = folderFor(t);
    await using relay = await RunningRelay.start(folder, `${outbound}${logs}workers: 1`);
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(Array.from({ length: 5 }, (_, number) => send(relay.port, `u${round}${number}@good.test`)));
      const [worker = 0] = await relay.workers();
      process.kill(worker, "SIGKILL");
      await relay.says(/"event":"worker-started"/, round + 2);
      await until(() => everybody(round).every((to) => records(folder).some((record) => record.to === to)));
      for (const name of ["mail.log", "sendmail.log", "proof.log", "mainlog"]) {
        await until(() => records(folder).every((record) => tellsOf(name, read(folder, name), record)));
      }
    }
  });

  test("a log that is moved away with its folder: SIGUSR1 makes it anew, and mail goes on there", {
    timeout: 60_000,
  }, async (t) => {
    const folder = folderFor(t);
    const yaml = `${outbound}logs: {maillog: {format: postfix, file: mail/log}}`;
    await using relay = await RunningRelay.start(folder, yaml);
    await send(relay.port, "one@good.test");
    await until(() => read(folder, "mail/log").includes("to=<one@"));
    renameSync(path.join(folder, "data", "mail"), path.join(folder, "data", "old"));
    relay.signal("SIGUSR1");
    await until(() => existsSync(path.join(folder, "data", "mail", "log")));
    await send(relay.port, "two@good.test");
    await until(() => read(folder, "mail/log").includes("to=<two@"));
    assert.doesNotMatch(read(folder, "mail/log"), /to=<one@/);
  });
});

function everybody(round: number): string[] {
  return Array.from({ length: 5 }, (_, number) => `u${round}${number}@good.test`);
}

/** In the data folder; an empty text where there is no file yet. */
function read(folder: string, name: string): string {
  const file = path.join(folder, "data", name);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function records(folder: string): readonly AttemptRecord[] {
  const lines = read(folder, "deliveries.jsonl").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AttemptRecord);
}

async function send(port: number, ...to: string[]): Promise<void> {
  using client = new TestClient(port);
  await client.reply();
  await client.say("EHLO client.test");
  await client.say("MAIL FROM:<s@sender.test>");
  for (const one of to) await client.say(`RCPT TO:<${one}>`);
  await client.say("DATA");
  assert.match(await client.say("Subject: x\r\n\r\nx\r\n."), /^250 /);
}

function tellsInEach(folder: string, record: AttemptRecord): void {
  for (const name of ["mail.log", "sendmail.log", "mainlog", "proof.log"]) {
    assert.ok(tellsOf(name, read(folder, name), record), `${name} of ${record.to}:\n${read(folder, name)}`);
  }
}

const words: Readonly<Record<AttemptRecord["event"], Readonly<{ postfix: string; sendmail: string; letter: string }>>> =
  {
    delivered: { postfix: "status=sent", sendmail: "stat=Sent", letter: "D" },
    deferred: { postfix: "status=deferred", sendmail: "stat=Deferred", letter: "T" },
    failed: { postfix: "status=bounced", sendmail: "stat=User unknown", letter: "P" },
    expired: { postfix: "status=deferred", sendmail: "stat=", letter: "P" },
  };

/** Whether one of the lines is about this attempt, and says the same of it. */
function tellsOf(name: string, text: string, record: AttemptRecord): boolean {
  const { messageId, to, event, tls } = record;
  const { postfix, sendmail, letter } = words[event];
  const number = record.id.split(".")[1];
  const kind = tls?.protocol == null ? "SMTP" : "TLS";
  const pattern: Record<string, string> = {
    "mail.log": `postfix/smtp\\[\\d+\\]: ${messageId}: to=<${to}>, relay=\\S+, .*${postfix}`,
    "sendmail.log": `${messageId}: to=<${to}>, .*dsn=${record.status}, .*${sendmail}`,
    mainlog: `@${messageId}\\.${number}@${messageId}@[^@]+@${letter}@`,
    "proof.log": `^${letter}\\|${messageId}\\.${number}\\|${kind}\\|${event === "delivered" ? `${tls?.protocol}\\|` : ""}`,
  };
  return new RegExp(pattern[name] ?? "^$", "m").test(text);
}

function tlsOfRow({ type, rcpt, dsnStatus, bounceCat, dlvTlsProtocol, dlvTlsCipher }: Record<string, string>): string {
  return [type, rcpt, dsnStatus, bounceCat, dlvTlsProtocol, dlvTlsCipher].join(" ");
}
