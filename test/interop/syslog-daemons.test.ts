/**
 * Our logs in real syslog daemons: every way in, both protocols; what was sent is what the daemon understood, whole, once
 * and in order. Lines are those of the renderers for sample events; the logs are as `logs:` says.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { hostname as machineName } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { LogLine } from "../../src/logs/log-renderer.ts";
import { mailLogLine } from "../../src/logs/mail-log-line.ts";
import { attempt } from "../../src/observe/event-sample.ts";
import { eventually } from "../logs/sink-lab.ts";
import { missing, rootOf } from "./lab/programs.ts";
import { type DaemonKind, ownAddress, ports, type Seen, type SyslogDaemon } from "./syslog-daemons/daemon.ts";
import { rsyslog } from "./syslog-daemons/rsyslog.ts";
import { syslogNg } from "./syslog-daemons/syslog-ng.ts";
import { linesOf, openTo, startDaemon, story, type Target, targetOf, tools, ways } from "./syslog-daemons/world.ts";

const skip = missing() || lacking();

function lacking(): string | false {
  const files = [path.join(rootOf("opensmtpd"), "usr/sbin/rsyslogd"), path.join(rootOf("exim"), "usr/sbin/syslog-ng")];
  const gone = files.filter((file) => !existsSync(file)).map((file) => path.basename(file));
  return gone.length > 0 && `needs ${gone.join(", ")} (.ci/install-peers)`;
}

/** Of RFC 3164 the space after the tag is the daemon's to keep or to leave; it has no year and no fraction of a second. */
function comparable({ time, text, ...rest }: Seen, { protocol }: Target) {
  return protocol === "rfc3164" ? { ...rest, text: text.trimStart() } : { ...rest, text, at: Date.parse(time) };
}

const severities = { error: "err", warning: "warning", notice: "notice", info: "info" } as const;

function expected(
  { text, program = "letterlock", severity = "info", time }: LogLine,
  target: Target,
  kind: DaemonKind,
) {
  const { protocol, facility, to } = target;
  const shared = {
    facility,
    severity: severities[severity],
    host: to.kind === "socket" ? (machineName().split(".")[0] ?? "") : tools.hostname,
    pid: String(tools.pid),
    text,
  };
  return protocol === "rfc3164" ? { ...shared, program: kind.programOf(program) } : { ...shared, program, at: time };
}

async function seenBy(daemon: SyslogDaemon, { facility }: Target, count: number): Promise<readonly Seen[]> {
  await eventually(() => daemon.seen(facility).length >= count, `${count} lines of ${facility}`);
  return daemon.seen(facility);
}

for (const kind of [rsyslog, syslogNg]) {
  test(`${kind.name}: every way in and both protocols: each line whole, once, in order, as it was meant`, {
    skip,
  }, async (t) => {
    const { daemon, ca } = await startDaemon(t, kind);
    const { logs, definitions, told } = await openTo(t, ways(daemon.socket, ca));
    const events = [...story(0), ...story(10)];
    for (const event of events) logs.observe(event);
    for (const definition of definitions) {
      const target = targetOf(definition);
      const lines = linesOf(definition, events);
      assert.ok(lines.length >= 20);
      const seen = await seenBy(daemon, target, lines.length);
      assert.deepEqual(
        seen.map((message) => comparable(message, target)),
        lines.map((line) => expected(line, target, kind)),
      );
    }
    assert.deepEqual(told(), []);
  });

  test(`${kind.name}: at its socket RFC 5424 is text of an unknown program`, { skip }, async (t) => {
    const { daemon } = await startDaemon(t, kind);
    const { logs } = await openTo(t, [`format: json, syslog: ${daemon.socket}, protocol: rfc5424`]);
    logs.observe(attempt());
    await eventually(() => daemon.seen("mail").length === 1, "one line");
    const [{ program, text } = assert.fail()] = daemon.seen("mail");
    assert.equal(program, "1");
    assert.match(text, /^ ?2026-11-22T\S+ relay\.test letterlock \d+ - - \{/);
  });

  test(`${kind.name}: long lines are cut to what is documented, and what follows is whole`, { skip }, async (t) => {
    const { daemon, ca } = await startDaemon(t, kind);
    const { logs, definitions } = await openTo(t, ways(daemon.socket, ca));
    const long = attempt({ reply: { code: 250, enhanced: "2.0.0", text: "x".repeat(9_000) } });
    const events = [long, attempt()];
    for (const event of events) logs.observe(event);
    for (const definition of definitions) {
      const target = targetOf(definition);
      const lines = linesOf(definition, events);
      const seen = (await seenBy(daemon, target, lines.length)).map(({ text }) => text.trimStart());
      assert.equal(seen.length, lines.length);
      for (const [at, { text }] of lines.entries()) checkLength(seen[at] ?? "", text, target);
    }
  });
}

/** The head of a message has less than 150 bytes. */
function checkLength(seen: string, text: string, { to, protocol }: Target): void {
  const most = to.kind !== "udp" ? 8096 : protocol === "rfc3164" ? 1024 : 2048;
  const whole = text.length < most - 150;
  assert.equal(seen, whole ? text : `${text.slice(0, seen.length - 3)}...`);
  assert.ok(whole || (seen.length < most && seen.length > most - 150), `${seen.length} of ${most}`);
}

test("rsyslog: its mail log has the lines of our own files by RFC 3164; by RFC 5424 it leaves out the colon", {
  skip,
}, async (t) => {
  const { daemon } = await startDaemon(t, rsyslog);
  const to = `format: postfix, syslog: "tcp://${ownAddress}:${ports.tcp}"`;
  const { logs, definitions } = await openTo(t, [to, `${to}, protocol: rfc5424, facility: local0`]);
  const events = story(0);
  for (const event of events) logs.observe(event);
  const [definition] = definitions;
  assert.ok(definition);
  const want = linesOf(definition, events).map(mailLogLine(tools, "traditional"));
  await eventually(() => daemon.lines("mail.log").length === 2 * want.length, "all are written");
  const lines = [...daemon.lines("mail.log")].sort();
  assert.deepEqual(lines, [...want, ...want.map((line) => line.replace("]: ", "] "))].sort());
});

test("rsyslog: restarted in between: nothing is lost but what UDP sent into nowhere; all in order", {
  skip,
}, async (t) => {
  const { daemon, ca } = await startDaemon(t, rsyslog);
  const { logs, definitions, told } = await openTo(t, ways(daemon.socket, ca));
  const targets = definitions.map(targetOf);
  const send = (first: number): void => {
    for (const event of story(first).slice(2)) logs.observe(event);
  };
  const count = (word: string): number => told().filter((each) => each.startsWith(word)).length;
  send(10);
  for (const target of targets) await seenBy(daemon, target, 10);
  await daemon.stop();
  send(20);
  // A datagram's loss is told with the next.
  await eventually(() => count("trouble") >= targets.length - 2, "those that can know are in trouble");
  await eventually(() => {
    logs.observe(attempt({ to: "user29@example.net" }));
    return count("trouble") === targets.length;
  }, "all are in trouble");
  await daemon.start();
  await eventually(() => count("recovered") === targets.length, "all go on");
  send(30);
  for (const target of targets) {
    const numbers = (): number[] => daemon.seen(target.facility).flatMap(({ text }) => numberIn(text));
    await eventually(() => numbers().includes(39), `the last line of ${target.facility}`);
    const got = [...new Set(numbers())];
    assert.deepEqual(got, got.toSorted(), target.facility);
    const lost = Array.from({ length: 30 }, (_, at) => 10 + at).filter((each) => !got.includes(each));
    if (target.to.kind === "udp") assert.ok(lost.every((each) => each >= 20 && each < 30));
    else assert.deepEqual(lost, [], target.facility);
  }
});

test("rsyslog: restarted under load: of a connection one run of lines is lost at most, and none comes twice", {
  skip,
}, async (t) => {
  const { daemon, ca } = await startDaemon(t, rsyslog);
  const { logs, definitions } = await openTo(t, ways(daemon.socket, ca));
  const targets = definitions.map(targetOf).filter(({ to }) => to.kind !== "udp");
  const numbersOf = ({ facility }: Target): number[] => daemon.seen(facility).flatMap(({ text }) => numberIn(text));
  let next = 1_000;
  const sendUntilSeen = (number: number): Promise<void> =>
    eventually(() => {
      for (let count = 0; count < 5; count += 1) logs.observe(attempt({ to: `user${next++}@example.net` }));
      return targets.every((target) => (numbersOf(target).at(-1) ?? 0) >= number);
    }, `${number} is seen`);
  await sendUntilSeen(1_100);
  const restarted = daemon.stop().then(() => daemon.start());
  await Promise.all([restarted, sendUntilSeen(next + 200)]);
  for (const target of targets) {
    const numbers = numbersOf(target);
    const gaps = numbers.filter((number, at) => number !== (numbers[at - 1] ?? 999) + 1);
    assert.ok(gaps.length <= 1, `${target.facility}: gaps before ${gaps}`);
    assert.deepEqual(numbers, [...new Set(numbers)].toSorted(), target.facility);
    t.diagnostic(`${target.facility} ${target.to.kind}: ${next - 1000} sent, gaps before ${gaps}`);
  }
});

/** Of deliveries: Sendmail's lines of a session have none. */
function numberIn(text: string): number[] {
  return [...(/user(\d+)@example\.net/.exec(text)?.slice(1, 2) ?? [])].map(Number);
}

test("rsyslog: a certificate for another name, or of an unknown CA, is refused and told; nothing is sent", {
  skip,
}, async (t) => {
  const { daemon, ca } = await startDaemon(t, rsyslog);
  const to = (port: number) => `format: postfix, syslog: "tls://${ownAddress}:${port}", ca: "${ca}"`;
  const { logs, told } = await openTo(t, [
    `${to(ports.misnamed)}, facility: local0`,
    `${to(ports.unknown)}, facility: local1`,
    `${to(ports.tls)}, facility: local2`,
  ]);
  logs.observe(attempt());
  await eventually(() => daemon.seen("local2").length > 0 && told().length >= 2, "two are refused, one is not");
  assert.deepEqual([...daemon.seen("local0"), ...daemon.seen("local1")], []);
  const [misnamed, unknown] = told().toSorted();
  assert.match(misnamed ?? "", /^trouble: .*(altnames|IP)/);
  assert.match(unknown ?? "", /^trouble: .*(self-signed|unable to)/);
});
