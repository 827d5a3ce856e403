/**
 * Clients and hosts that write what breaks logs, over real sessions: every log keeps one line for one fact, in printable
 * ASCII, whose fields are ours.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { createRenderer } from "../../src/logs/create-renderer.ts";
import { type RelayLab, startRelayLab } from "../relay/relay-lab.ts";

const authority = await makeAuthority("Evil, CN=bank.example");
const certificate = await authority.issue({ dnsNames: ["mx.taken.test"] });

const reply = '"ok", status=sent (250 forged), stat=Sent, =1+1 @| \x1b[31m\x00\x0b\x85\xff';
const hosts = {
  "taken.test": {
    tls: { mode: "starttls", certificate },
    keywords: ["PIPELINING", `X-${reply}`, '=HYPERLINK("x")', "SIZE 1000000"],
    answers: { message: `250 2.0.0 ${reply}` },
  },
  "refused.test": {
    tls: { mode: "none" },
    answers: { RCPT: `550-5.1.1 <x>, relay=none\r\n550 5.1.1 ${reply}` },
  },
  "later.test": { tls: { mode: "none" }, answers: { greeting: `421 ${reply}` } },
} as const;

const forged = "x>, relay=none, status=sent (250 ok), reject=<y";
const recipients = Object.keys(hosts).flatMap((domain) => [
  `"${forged}"@${domain}`,
  `=1+1@${domain}`,
  `"a@b\\"c"@${domain}`,
]);
const header = `=cmd|x\x1b[2J, "q"\r\n\tfolded\x9b`;
const text = [
  ...[`Subject: ${header}`, `X-Job: @${header}`, `Message-ID: <${forged}>`, "Precedence: constructor"],
  ...["", "hello", ""],
].join("\r\n");

const all = `record-fields: { ${["d", "b", "t", "tq", "r"].map((type) => `${type}: ["*", header_Subject, header_constructor]`).join(", ")} }`;
const stages = ["reception", "delivery", "transient-failure", "permanent-failure", "rejection"];
const template = "%m|%h{subject}|%n|%letterlock_error|%vctx_conn{ehlo_string}";
const yaml = `logs:
  postfix: { format: postfix, file: a, outbound-tls-level: 2 }
  sendmail: { format: sendmail, file: b, level: 20 }
  main: { format: momentum-main, file: c }
  rejects: { format: momentum-reject, file: d }
  bounces: { format: momentum-bounce, file: e }
  template: { format: template, file: f, ${stages.map((stage) => `${stage}: "${template}"`).join(", ")} }
  accounting: { format: powermta, file: g.csv, records: [d, b, t, tq, r], ${all} }
  json: { format: json, file: h }
`;

async function speak(lab: RelayLab): Promise<void> {
  for (const hello of ["EHLO =cmd", `EHLO ${forged}`, "EHLO a\x1b[2Jb"]) {
    using client = await lab.client();
    await client.say(hello);
    await client.say(`VRFY ${forged}\x9b`);
    await client.say(`MAIL FROM:<"${forged}"@sender.test> ENVID=+3Dx+2C+0A`);
    for (const to of recipients) await client.say(`RCPT TO:<${to}> ORCPT=rfc822;+3Dx+0D+0Ay`);
    await client.say(`RCPT TO:<"${forged}">`);
    await client.say("DATA");
    await client.send(text);
    await client.say(".");
  }
}

test("AT-28: hostile clients and hosts write no line, no field and no formula into any log", {
  timeout: 30_000,
}, async () => {
  await using lab = await startRelayLab({ hosts, yaml });
  await speak(lab);
  const expected = 3 * recipients.length;
  await lab.until(() => lab.records().filter(({ from }) => from !== "").length === expected);
  const tools = { hostname: "relay.test", pid: 1 };
  const told = new Map(
    lab.settings(yaml).logs.map(({ name, format }) => {
      const { lines, head } = createRenderer(format, tools);
      const texts = lab.events.flatMap((event) => lines(event, 0).map((line) => line.text));
      return [name.replace("logs.", ""), head === undefined ? texts : [head, ...texts]] as const;
    }),
  );
  const linesOf = (name: string): readonly string[] => told.get(name) ?? assert.fail(name);

  // Reasons of ours cite sections of RFCs.
  for (const [name, lines] of told) for (const line of lines) assert.match(line, /^[ -~§]*$/, name);
  const delivery = /^\S+: to=<[^>]*>, relay=(\S+), .*?, dsn=[\d.]+, status=(\w+) \(/;
  const ends = linesOf("postfix").flatMap((line) => delivery.exec(line)?.slice(1).join(" ").replace(/:\d+/, "") ?? []);
  const records = lab.records().map(({ mx, address, event }) => {
    const relay = address === null || mx === null ? "none" : `${mx}[${address}]`;
    return `${relay} ${{ delivered: "sent", deferred: "deferred", failed: "bounced", expired: "deferred" }[event]}`;
  });
  assert.deepEqual(ends.sort(), records.sort());
  assert.ok(
    linesOf("postfix").some((line) => / subject_CN=mx\.taken\.test, issuer=Evil\\, CN=bank\.example, /.test(line)),
  );
  for (const line of linesOf("sendmail")) {
    assert.doesNotMatch(line, />, (?:relay=none|reject=<y)/);
    if (/, class=/.test(line)) assert.match(line, /, class=0, nrcpts=\d+, /);
  }
  for (const line of linesOf("main")) assert.ok([12, 13, 14, 16].includes(line.split(/(?<!\\)@/).length), line);
  const rows = parse(`${linesOf("accounting").join("\r\n")}\r\n`, { record_delimiter: "\r\n" }) as string[][];
  assert.equal(rows.length, linesOf("accounting").length);
  for (const cell of rows.flat()) assert.doesNotMatch(cell, /^[=+\-@]/);
  for (const line of linesOf("json")) assert.equal(typeof JSON.parse(line), "object");
});
