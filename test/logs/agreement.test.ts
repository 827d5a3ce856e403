/**
 * Random mail through a whole relay, to hosts of every kind under rules of every kind: what each log says of a delivery is
 * what its record says. What a record is held against is written here anew, not taken from the renderers.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { makeAuthority, makeSelfSigned } from "../../src/lab/certificates.ts";
import type { PartnerOptions } from "../../src/lab/partner-script.ts";
import { createRenderer } from "../../src/logs/create-renderer.ts";
import type { AttemptRecord, EarlierHost } from "../../src/mail/attempt.ts";
import { startRelayLab } from "../relay/relay-lab.ts";

type Host = Omit<PartnerOptions, "address" | "port">;

const authority = await makeAuthority("Lab CA");
const stranger = await makeAuthority("Nobody's CA");
const names = ["fine", "greylists", "full", "drops"].map((kind) => `mx.${kind}.test`);
const good = { mode: "starttls", certificate: await authority.issue({ dnsNames: names }) } as const;
const misnamed = await authority.issue({ dnsNames: ["elsewhere.test"] });
const unknown = await stranger.issue({ dnsNames: ["mx.unknown.test"] });
const selfSigned = await makeSelfSigned({ dnsNames: ["mx.alone.test"] });

const hosts: Readonly<Record<string, Host>> = {
  "fine.test": { tls: good },
  "misnamed.test": { tls: { mode: "starttls", certificate: misnamed } },
  "unknown.test": { tls: { mode: "starttls", certificate: unknown, maxVersion: "TLSv1.2" } },
  "alone.test": { tls: { mode: "starttls", certificate: selfSigned } },
  "clear.test": { tls: { mode: "none" } },
  "refuses.test": { tls: { ...good, handshake: { kind: "refuse", reply: "454 4.7.0 no TLS now" } } },
  "garbage.test": { tls: { ...good, handshake: { kind: "garbage" } } },
  "drops.test": { tls: good, answers: { DATA: "drop" } },
  "greylists.test": { tls: good, answers: { RCPT: (line) => (/a@/.test(line) ? "450 4.2.0 not now" : undefined) } },
  "full.test": { tls: good, answers: { RCPT: (line) => (/b@/.test(line) ? "552 5.2.2 full" : undefined) } },
  "busy.test": { tls: { mode: "none" }, answers: { greeting: "421 4.3.2 busy" } },
};
const kinds = Object.keys(hosts);
const levels = ["none", "may", "encrypt", "verify", "secure"] as const;

/** Domains of several hosts each, first to last. */
const mixed: Readonly<Record<string, readonly string[]>> = {
  "m1.test": ["garbage.test", "fine.test"],
  "m2.test": ["busy.test", "greylists.test", "clear.test"],
  "m3.test": ["alone.test", "misnamed.test", "unknown.test"],
  "m4.test": ["refuses.test", "drops.test", "full.test"],
  "m5.test": ["greylists.test", "busy.test"],
};
const domains = [...kinds, ...Object.keys(mixed), "nowhere.test"];

const own = ["required", "achieved", "rule", "verify", "protocol", "cipher", "group", "monitor"];
const template = [
  ...own.map((name) => `%letterlock_tls_${name}`),
  ...["mx", "port", "status", "attempt", "error", "from", "to"].map((name) => `%letterlock_${name}`),
  "%{outbound_tls}|%{outbound_tls_verified}|%H|%OC",
].join("|");

const columns = "*,dlvTlsProtocol,dlvTlsRequired,dlvTlsAchieved,dlvTlsVerify,dlvTlsGroup,dlvTlsRule";
const logs = `logs:
  pf: { format: postfix, file: a, tls-field: true }
  sm: { format: sendmail, file: b, level: 14 }
  mm: { format: momentum-main, file: c }
  tp: { format: template, file: d, delivery: "${template}", transient-failure: "${template}", permanent-failure: "${template}" }
  ac: { format: powermta, file: e.csv, records: [d, b, t, tq], record-fields: { ${["d", "b", "t", "tq"].map((type) => `${type}: ["${columns}"]`).join(", ")} } }
`;

const met = (record: AttemptRecord): readonly EarlierHost[] => [...record.earlier, record];
const provesName = (level: string): boolean => level === "verify" || level === "secure";
const one = (lines: readonly string[], start: string): string => {
  const found = lines.filter((line) => line.startsWith(start));
  assert.equal(found.length, 1, `${start}: ${lines.join("\n")}`);
  return found[0] ?? "";
};

function checkPostfix(lines: readonly string[], record: AttemptRecord): void {
  const { messageId, to, event, connection, tls, failure, status } = record;
  const line = one(lines, `${messageId}: to=<${to}>`);
  const [, relay, use, field, dsn, word] =
    / relay=(\S+),(?: conn_use=(\d+),)? delay=\S+ delays=\S+,(?: tls=(\S+),)? dsn=([\d.]+), status=(\w+) \(/.exec(
      line,
    ) ?? [];
  assert.equal(relay, connection === null ? "none" : `${record.mx}[${record.address}]:${record.port}`, line);
  assert.equal(use ?? "1", `${Math.max(1, connection?.use ?? 1)}`, line);
  assert.equal(dsn, status, line);
  assert.equal(word, { delivered: "sent", deferred: "deferred", failed: "bounced", expired: "deferred" }[event], line);
  assert.equal(field === undefined, tls === null, line);
  const isProven = tls !== null && (!provesName(tls.required) || tls.achieved === "verified");
  const isMet =
    tls !== null && (tls.required === "none" || tls.required === "may" ? true : isProven && tls.protocol !== null);
  if (tls !== null && field === tls.required) assert.ok(isMet && (field !== "may" || tls.protocol !== null), line);
  if (event === "delivered" && !isMet) assert.equal(field, `${tls?.required}:${tls?.protocol ? "encrypt" : "none"}`);
  if (failure?.kind === "tls") assert.match(field ?? "", /^!|\?$/, line);
  for (const summary of lines) checkHandshake(summary, record);
}

function checkHandshake(line: string, record: AttemptRecord): void {
  const [, trust, peer, protocol] = /^(\w+) TLS connection \w+ to (\S+): (\S+) with/.exec(line) ?? [];
  if (trust === undefined) return;
  const fits = met(record).some(({ mx, address, port, tls }) => {
    if (`${mx}[${address}]:${port}` !== peer || tls?.protocol !== protocol) return false;
    if (trust === "Verified") return tls?.achieved === "verified" && provesName(tls.required);
    return trust === "Trusted" ? tls?.verify.chain === "trusted" : tls?.verify.chain !== "trusted";
  });
  assert.ok(fits, `${line}\n${JSON.stringify(record)}`);
}

function checkSendmail(lines: readonly string[], record: AttemptRecord): void {
  const line = one(lines, `${record.messageId}: to=<${record.to}>`);
  assert.equal(/, stat=Sent(?: |$)/.test(line), record.event === "delivered", line);
  if (record.event === "deferred") assert.match(line, /stat=Deferred/);
  if (record.address !== null) assert.ok(line.includes(` [${record.address}], dsn=`), line);
  for (const told of lines) {
    const [, relay, version, verify] = /^STARTTLS=client, relay=(\S+)\., version=(\S+), verify=(\w+)/.exec(told) ?? [];
    if (relay === undefined) continue;
    const fits = met(record).some(
      ({ mx, tls }) =>
        mx === relay && tls?.protocol === version && (verify === "OK") === (tls?.verify.chain === "trusted"),
    );
    assert.ok(fits, `${told}\n${JSON.stringify(record)}`);
  }
}

function checkMomentum(lines: readonly string[], record: AttemptRecord): void {
  assert.equal(lines.length, 1);
  const [, , batch, connection, letter, domain, ...rest] = (lines[0] ?? "").split(/(?<!\\)@/);
  assert.equal(batch, record.messageId);
  assert.equal(connection, record.connection?.id ?? "00/00-00000-00000000");
  assert.equal(letter, { delivered: "D", deferred: "T", failed: "P", expired: "P" }[record.event]);
  assert.equal(domain, record.to.split("@")[1]);
  assert.equal(rest[letter === "D" ? 3 : 4], `${record.attempt - 1}`);
  assert.ok(rest.includes(record.address ?? ""), lines[0]);
}

function checkTemplate(lines: readonly string[], record: AttemptRecord): void {
  const { tls, rule, connection } = record;
  const checks = Object.entries(tls?.verify ?? {}).filter(
    ([name, result]) => name !== "matchedName" && result !== null,
  );
  const withTls = tls?.protocol == null ? "" : "TLS";
  const line = lines[0]?.split("|") ?? [];
  const verified = line.at(-3);
  assert.deepEqual(line.toSpliced(-3, 1), [
    tls?.required ?? "",
    tls?.achieved ?? "",
    rule === null ? "" : rule.file === null ? rule.source : `${rule.file}:${rule.line}`,
    checks.map(([name, result]) => `${name}=${result}`).join(","),
    ...[tls?.protocol, tls?.cipher, tls?.group, tls?.monitor].map((value) => value ?? ""),
    ...[record.mx, record.port, record.status, record.attempt, record.error, record.from, record.to].map(
      (value) => `${value ?? ""}`,
    ),
    withTls || (connection === null ? "unknown" : "SMTP"),
    record.address ?? "",
    connection?.id ?? "00/00-00000-00000000",
  ]);
  if (verified === "verified") assert.equal(tls?.achieved, "verified");
  if (tls?.achieved === "verified" && provesName(tls.required)) assert.equal(verified, "verified");
}

type Row = Readonly<Record<string, string>>;

const ends = { delivered: ["d"], failed: ["b"], expired: ["b"], deferred: [] } as const;

/** A host that had a word on this recipient; of the others all recipients of the attempt are told once. */
const isOfRecipient = ({ failure }: EarlierHost): boolean =>
  failure?.kind === "refused" || failure?.kind === "unsuitable" || failure?.tls === "recipient-requirement";

function checkRows(rows: readonly Row[], record: AttemptRecord): void {
  const { tls, event } = record;
  const inVain = event === "delivered" || event === "failed" ? record.earlier : met(record);
  const types = rows.map(({ type }) => type).filter((type) => type !== "tq");
  assert.deepEqual(types.toSorted(), [...ends[event], ...inVain.filter(isOfRecipient).map(() => "t")].toSorted());
  const last = rows.find(({ type }) => type === "d" || type === "b");
  if (last !== undefined) {
    assert.deepEqual(
      [
        last.rcpt,
        last.dlvTlsProtocol,
        last.dlvTlsRequired,
        last.dlvTlsAchieved,
        last.dlvTlsGroup,
        last.dsnStatus?.split(" ")[0],
      ],
      [
        record.to,
        ...[tls?.protocol, tls?.required, tls?.achieved, tls?.group].map((value) => value ?? ""),
        record.status,
      ],
    );
  }
  for (const row of rows) {
    const fits = met(record).some(
      (host) =>
        row.dsnMta === (host.address === null ? (host.mx ?? "") : `${host.mx} (${host.address})`) &&
        row.dlvTlsAchieved === (host.tls?.achieved ?? "") &&
        row.dlvTlsProtocol === (host.tls?.protocol ?? "") &&
        row.dlvTlsRule === (host.rule === null ? "" : `${host.rule.file}:${host.rule.line}`),
    );
    assert.ok(fits, `${JSON.stringify(row)}\n${JSON.stringify(record)}`);
  }
}

/** Of all records that one attempt wrote together. */
function checkQueueRows(rows: readonly Row[], records: readonly AttemptRecord[]): void {
  const hosts = records.flatMap((record) =>
    (record.event === "delivered" || record.event === "failed" ? record.earlier : met(record)).filter(
      (host) => !isOfRecipient(host) && host.failure?.kind !== "suspended",
    ),
  );
  const wanted = new Set(hosts.map(({ mx, address, error }) => `${mx} ${address} ${error}`));
  assert.equal(rows.filter(({ type }) => type === "tq").length, wanted.size, [...wanted].join("\n"));
}

test("logs agree with the records", { timeout: 60_000 }, async () => {
  const zone = Object.fromEntries(
    Object.entries(mixed).map(([name, list]) => [
      name,
      { mx: list.map((kind, index): [number, string] => [index, `mx.${kind}`]) },
    ]),
  );
  const rules = domains.map((name, index) => {
    const monitor = index % 3 === 0 ? ", mode: monitor" : "";
    return `${name}: { level: ${levels[index % levels.length]}, ca: "{folder}/ca.pem"${monitor} }`;
  });
  const yaml = `tls: { domains: { ${rules.join(", ")} } }\n${logs}`;
  await using lab = await startRelayLab({ hosts, zone, yaml, files: { "ca.pem": authority.certificatePem } });
  const recipient = fc
    .tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom(...domains))
    .map((parts) => parts.join("@"));
  const mails = fc.sample(fc.uniqueArray(recipient, { minLength: 1, maxLength: 6 }), 60);
  for (const to of mails) assert.match(await lab.send({ from: "", to }), /^250/);
  await lab.until(() => lab.records().length === mails.flat().length);

  const tools = { hostname: "relay.test", pid: 1 };
  const renderers = new Map(
    lab.settings(yaml).logs.map(({ name, format }) => [name, createRenderer(format, tools)] as const),
  );
  const head = renderers.get("logs.ac")?.head ?? "";
  let attempt: { records: AttemptRecord[]; rows: Row[] } = { records: [], rows: [] };
  for (const event of lab.events) {
    const told = new Map([...renderers].map(([name, { lines }]) => [name, lines(event, 0).map(({ text }) => text)]));
    const of = (name: string): readonly string[] => told.get(`logs.${name}`) ?? assert.fail(name);
    if (event.kind !== "attempt") continue;
    const { record } = event;
    checkPostfix(of("pf"), record);
    checkSendmail(of("sm"), record);
    checkMomentum(of("mm"), record);
    checkTemplate(of("tp"), record);
    const rows = parse([head, ...of("ac")].join("\r\n"), { columns: true, record_delimiter: "\r\n" }) as Row[];
    checkRows(rows, record);
    if (record.leads) {
      checkQueueRows(attempt.rows, attempt.records);
      attempt = { records: [], rows: [] };
    }
    attempt.records.push(record);
    attempt.rows.push(...rows);
  }
  checkQueueRows(attempt.rows, attempt.records);
});
