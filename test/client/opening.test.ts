/**
 * From a TCP connection to the end of the handshake, against hosts that do it right, wrong, or with intent.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type PartnerHost, startPartnerHost } from "../../src/lab/partner-host.ts";
import type { PartnerHandshake, PartnerOptions, PartnerTls } from "../../src/lab/partner-script.ts";
import type { Timer } from "../../src/mail/clock.ts";
import { defaultTimeouts, type OpenResult, type StarttlsAsk } from "../../src/smtp/client/sender.ts";
import { authority, certificate, handClock, handshake, message, openTo, readyAt, summary } from "./peer.ts";

const offered: PartnerTls = { mode: "starttls", certificate };

async function hostFor(context: TestContext, options: PartnerOptions): Promise<PartnerHost> {
  const host = await startPartnerHost(options);
  context.after(() => host[Symbol.asyncDispose]());
  return host;
}

function handshakeBy(kind: PartnerHandshake): PartnerTls {
  return { mode: "starttls", certificate, handshake: kind };
}

/** How far it went, in a few words. */
function outcome(result: OpenResult): string {
  switch (result.kind) {
    case "open":
    case "tls-broken":
      return `${result.kind} ${result.facts.offered ? "offered " : ""}${result.facts.tls.kind}`;
    case "refused":
      return `refused ${result.stage} ${result.reply.code}`;
    case "unreachable":
      return `unreachable ${result.stage} ${result.status}`;
  }
}

type Row = Readonly<{ name: string; host: PartnerOptions; ask?: StarttlsAsk; want: string; heard?: RegExp }>;

const rows: readonly Row[] = [
  { name: "ST-10 TLS when offered", host: { tls: offered }, want: "open offered done" },
  { name: "ST-14 TLS when required", host: { tls: offered }, ask: "always", want: "open offered done" },
  { name: "OUT-17 never: STARTTLS is not said", host: { tls: offered }, ask: "never", want: "open offered skipped" },
  { name: "AT-1 not offered", host: { tls: { mode: "none" } }, want: "open not-offered" },
  { name: "AT-1 not offered, required", host: { tls: { mode: "none" } }, ask: "always", want: "open not-offered" },
  {
    name: "AT-1 the keyword masked",
    host: { tls: { mode: "none" }, keywords: ["XXXXXXXA", "SIZE"] },
    want: "open not-offered",
  },
  {
    name: "CL-2 EHLO refused for good: HELO",
    host: { tls: offered, answers: { EHLO: "502 5.5.1 no" } },
    want: "open not-offered",
    heard: /^EHLO [^\r]*\r\nHELO [^\r]*\r\n$/,
  },
  {
    name: "AT-3 EHLO refused for good where TLS is required: no HELO",
    host: { tls: offered, answers: { EHLO: "502 5.5.1 no" } },
    ask: "always",
    want: "tls-broken not-offered",
    heard: /^EHLO [^\r]*\r\n(?:QUIT\r\n)?$/,
  },
  {
    name: "CL-2 EHLO refused for now: no HELO",
    host: { tls: offered, answers: { EHLO: "451 later" } },
    want: "refused ehlo 451",
  },
  { name: "CL-14 EHLO: 421", host: { tls: offered, answers: { EHLO: "421 busy" } }, want: "refused ehlo 421" },
  { name: "CL-15 greeting 554", host: { tls: offered, answers: { greeting: "554 no" } }, want: "refused greeting 554" },
  { name: "CL-15 greeting 521", host: { tls: offered, answers: { greeting: "521 no" } }, want: "refused greeting 521" },
  { name: "CL-14 greeting 421", host: { tls: offered, answers: { greeting: "421 no" } }, want: "refused greeting 421" },
  {
    name: "ST-18 greeting 354",
    host: { tls: offered, answers: { greeting: "354 go" } },
    want: "unreachable greeting 4.5.0",
  },
  {
    name: "ST-18 greeting 221",
    host: { tls: offered, answers: { greeting: "221 bye" } },
    want: "unreachable greeting 4.5.0",
  },
  {
    name: "no SMTP host",
    host: { tls: offered, answers: { greeting: "SSH-2.0-x" } },
    want: "unreachable greeting 4.5.0",
  },
  {
    name: "CL-7 dropped at the greeting",
    host: { tls: offered, answers: { greeting: "drop" } },
    want: "unreachable greeting 4.4.2",
  },
  { name: "CL-7 dropped at EHLO", host: { tls: offered, answers: { EHLO: "drop" } }, want: "unreachable ehlo 4.4.2" },
  {
    name: "EX-22 a reply before EHLO was said",
    host: { tls: offered, answers: { greeting: "220 a\r\n250-b\r\n250 STARTTLS" } },
    want: "unreachable greeting 4.5.0",
  },
  {
    name: "AT-20 an EHLO reply of 10,000 lines",
    host: { tls: offered, answers: { EHLO: { octets: `${"250-KEYWORD\r\n".repeat(10_000)}250 END\r\n` } } },
    want: "unreachable ehlo 4.5.0",
  },
  {
    name: "AT-20 a line of 1 MB",
    host: { tls: offered, answers: { EHLO: { octets: `250-${"x".repeat(1_000_000)}` } } },
    want: "unreachable ehlo 4.5.0",
  },
  {
    name: "CL-4 the code changes within the EHLO reply",
    host: { tls: offered, answers: { EHLO: "250-a\r\n550 b" } },
    want: "unreachable ehlo 4.5.0",
  },
  ...["454 4.7.0 later", "500 what", "554 no", "250 ok", "354 go", "221 bye"].map(
    (reply): Row => ({
      name: `AT-2 ST-17 STARTTLS answered ${reply}: no handshake`,
      host: { tls: handshakeBy({ kind: "refuse", reply }) },
      want: "open offered refused",
      heard: /^EHLO [^\r]*\r\nSTARTTLS\r\n$/,
    }),
  ),
  {
    name: "CL-14 STARTTLS answered 421: the connection is over",
    host: { tls: handshakeBy({ kind: "refuse", reply: "421 busy" }) },
    want: "tls-broken offered refused",
  },
  {
    name: "OUT-4 dropped behind STARTTLS",
    host: { tls: handshakeBy({ kind: "drop-before-reply" }) },
    want: "tls-broken offered lost",
  },
  {
    name: "AT-7 dropped behind the ClientHello",
    host: { tls: handshakeBy({ kind: "drop" }) },
    want: "tls-broken offered failed",
  },
  {
    name: "AT-7 no TLS behind the 220",
    host: { tls: handshakeBy({ kind: "garbage" }) },
    want: "tls-broken offered failed",
  },
  {
    name: "AT-7 TL-1 TLS 1.0 only",
    host: { tls: { ...offered, minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" } },
    want: "tls-broken offered failed",
  },
  {
    name: "AT-5 ST-11 an EHLO reply in the segment of the 220",
    host: { tls: handshakeBy({ kind: "inject", lines: "250-evil\r\n250 AUTH PLAIN\r\n", segment: "same" }) },
    want: "tls-broken offered injected",
  },
  {
    name: "AT-5 ST-11 half a line in the segment of the 220",
    host: { tls: handshakeBy({ kind: "inject", lines: "250-ev", segment: "same" }) },
    want: "tls-broken offered injected",
  },
  {
    name: "AT-5 ST-11 one octet in the segment of the 220",
    host: { tls: handshakeBy({ kind: "inject", lines: "\n", segment: "same" }) },
    want: "tls-broken offered injected",
  },
  {
    name: "AT-5 ST-11 an EHLO reply in a later segment",
    host: { tls: handshakeBy({ kind: "inject", lines: "250-evil\r\n250 AUTH PLAIN\r\n", segment: "later" }) },
    want: "tls-broken offered failed",
  },
];

for (const { name, host: options, ask = "if-offered", want, heard } of rows) {
  test(`opening: ${name}`, async (context) => {
    const host = await hostFor(context, options);
    const opened = await openTo(host, { starttls: ask });
    assert.equal(outcome(opened), want);
    if (opened.kind === "open") opened.connection.quit();
    if (heard === undefined) return;
    host.dropConnections();
    await host.settled();
    const clear = host.connections[0]?.clear.toString("latin1") ?? "";
    assert.match(clear.replace(/QUIT\r\n$/, ""), heard);
  });
}

test("opening: AT-1 to AT-8 no octet of a message in clear, whatever the attack, before the verdict", async (context) => {
  for (const { host: options } of rows) {
    const host = await hostFor(context, options);
    const opened = await openTo(host, { starttls: "always" });
    if (opened.kind === "open") opened.connection.quit();
    host.dropConnections();
    await host.settled();
    const clear = Buffer.concat(host.connections.map((connection) => connection.clear)).toString("latin1");
    assert.doesNotMatch(clear, /MAIL|RCPT|DATA|alice|hello/i);
  }
});

test("opening: ST-12 what the host said in clear is forgotten; EHLO is said again inside TLS", async (context) => {
  const answers = {
    EHLO: (_: string, inTls: boolean) =>
      inTls ? "250-inner\r\n250 SIZE 10" : "250-outer\r\n250-STARTTLS\r\n250 SIZE 99999",
  };
  const host = await hostFor(context, { tls: offered, answers });
  const connection = await readyAt(host);
  assert.deepEqual((await connection.send(message())).map(summary), ["unsuitable 5.3.4"]);
  connection.quit();
  await host.settled();
  assert.equal(host.connections[0]?.clear.toString(), "EHLO relay.example.com\r\nSTARTTLS\r\n");
  assert.equal(host.connections[0]?.decrypted.toString(), "EHLO relay.example.com\r\nQUIT\r\n");
});

test("opening: ST-13 STARTTLS offered inside TLS is not taken up", async (context) => {
  const host = await hostFor(context, { tls: offered, keywords: ["STARTTLS", "SIZE"] });
  const connection = await readyAt(host);
  assert.deepEqual((await connection.send(message())).map(summary), ["delivered 250"]);
  connection.quit();
  await host.settled();
  assert.doesNotMatch(host.connections[0]?.decrypted.toString() ?? "", /STARTTLS/);
});

test("opening: ST-5 ST-18 an unasked greeting inside TLS is no reply to EHLO", async (context) => {
  const answers = { EHLO: (_: string, inTls: boolean) => (inTls ? "220 again\r\n250 x" : undefined) };
  const opened = await openTo(await hostFor(context, { tls: offered, answers }));
  assert.ok(opened.kind === "open");
  const unready = await opened.connection.prepare();
  assert.equal(unready && outcome(unready), "unreachable ehlo 4.5.0");
});

test("opening: RFC 8314 implicit TLS: the greeting is read inside", async (context) => {
  const host = await hostFor(context, { tls: { mode: "implicit", certificate } });
  const connection = await readyAt(host, { implicitTls: true, starttls: "always" });
  assert.equal(connection.facts.tls.kind, "done");
  assert.deepEqual((await connection.send(message())).map(summary), ["delivered 250"]);
  connection.quit();
  await host.settled();
  assert.equal(host.connections[0]?.clear.length, 0);
});

test("opening: implicit TLS against a host that speaks first in clear", async (context) => {
  const host = await hostFor(context, { tls: offered });
  assert.equal(outcome(await openTo(host, { implicitTls: true })), "tls-broken offered failed");
});

test("opening: prepare: EHLO refused inside TLS", async (context) => {
  const answers = { EHLO: (_: string, inTls: boolean) => (inTls ? "451 later" : undefined) };
  const opened = await openTo(await hostFor(context, { tls: offered, answers }));
  assert.ok(opened.kind === "open");
  const unready = await opened.connection.prepare();
  assert.equal(unready && outcome(unready), "refused ehlo 451");
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`opening: TL-17 a client certificate is demanded and not given: ${version}`, async (context) => {
    const clientCertificate = { wanted: "required", anchors: [authority.certificatePem] } as const;
    const tls: PartnerTls = { ...offered, minVersion: version, maxVersion: version, clientCertificate };
    const opened = await openTo(await hostFor(context, { tls }), { starttls: "always" });
    // TLS 1.3 servers say so only behind their Finished.
    const result = opened.kind === "open" ? await opened.connection.prepare() : opened;
    assert.ok(result !== undefined);
    assert.match(outcome(result), /^tls-broken offered failed$|^unreachable ehlo/);
  });
}

test("opening: CL-6 nobody listens", async () => {
  const host = await startPartnerHost({ tls: offered });
  await host[Symbol.asyncDispose]();
  const opened = await openTo(host);
  assert.equal(outcome(opened), "unreachable connect 4.4.1");
  assert.ok(opened.kind === "unreachable");
  assert.equal(opened.text, "connection refused");
});

test("opening: a source address that is not ours", async (context) => {
  const host = await hostFor(context, { tls: offered });
  const opened = await openTo(host, { localAddress: "192.0.2.1" as never });
  assert.equal(outcome(opened), "unreachable connect 4.4.1");
});

test("opening: the source address is used", async (context) => {
  const host = await hostFor(context, { tls: offered });
  const connection = await readyAt(host, { localAddress: "127.0.0.9" as never });
  connection.quit();
});

type Stall = Readonly<{ stage: string; host: PartnerOptions; waitMs: number; want: string }>;

const stalls: readonly Stall[] = [
  {
    stage: "greeting",
    host: { tls: offered, answers: { greeting: "stall" } },
    waitMs: defaultTimeouts.greetingMs,
    want: "unreachable greeting 4.4.2",
  },
  {
    stage: "starttls",
    host: { tls: offered, answers: { STARTTLS: "stall" } },
    waitMs: defaultTimeouts.starttlsMs,
    want: "tls-broken offered lost",
  },
  {
    stage: "handshake",
    host: { tls: handshakeBy({ kind: "stall" }) },
    waitMs: defaultTimeouts.handshakeMs,
    want: "tls-broken offered failed",
  },
];

/** A clock that tells when somebody begins to wait for exactly `ms`. */
function watchedClock(ms: number): { clock: ReturnType<typeof handClock>; waiting: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const clock = handClock();
  const after = (span: number, run: () => void): Timer => {
    if (span === ms) resolve();
    return clock.after(span, run);
  };
  return { clock: { ...clock, after }, waiting: promise };
}

for (const { stage, host: options, waitMs, want } of stalls) {
  test(`opening: CL-5 CL-6 silence at ${stage} ends after its own time, not sooner`, async (context) => {
    const { clock, waiting } = watchedClock(waitMs);
    const opening = openTo(await hostFor(context, options), { clock });
    let done = false;
    void opening.then(() => {
      done = true;
    });
    await waiting;
    clock.advance(waitMs - 1);
    await new Promise(setImmediate);
    assert.equal(done, false);
    clock.advance(1);
    assert.equal(outcome(await opening), want);
  });

  test(`opening: an abort ends it at ${stage}`, async (context) => {
    const { clock, waiting } = watchedClock(waitMs);
    const controller = new AbortController();
    const opening = openTo(await hostFor(context, options), { clock, signal: controller.signal });
    await waiting;
    controller.abort();
    assert.match(outcome(await opening), stage === "greeting" ? /^unreachable greeting 4.3.0/ : /^tls-broken/);
  });
}

test("opening: AT-20 CL-6 a peer that drips is ended by the total limit", async (context) => {
  const { clock, waiting } = watchedClock(10_000);
  const host = await hostFor(context, { tls: offered, answers: { greeting: { octets: "220-" } } });
  const opening = openTo(host, { clock, timeouts: { ...defaultTimeouts, totalMs: 10_000 } });
  await waiting;
  clock.advance(10_000);
  assert.equal(outcome(await opening), "unreachable greeting 4.4.2");
});

test("opening: TL-8 SNI is what the settings say, and never an address", async (context) => {
  const host = await hostFor(context, { tls: offered });
  for (const serverName of ["mx.example.net", undefined, "192.0.2.1"]) {
    const connection = await readyAt(host, { handshake: { ...handshake, serverName } });
    connection.quit();
    await host.settled();
  }
  assert.deepEqual(
    host.connections.map(({ serverName }) => serverName),
    ["mx.example.net", undefined, undefined],
  );
});
