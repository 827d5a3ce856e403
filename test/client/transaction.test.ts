/**
 * Messages over an open connection: every reply in every place, and the octets that left.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { type PartnerHost, startPartnerHost } from "../../src/lab/partner-host.ts";
import type { PartnerOptions } from "../../src/lab/partner-script.ts";
import { usualKeywords } from "../../src/lab/partner-script.ts";
import type { OutboundMessage } from "../../src/smtp/client/sender.ts";
import { certificate, handClock, inMemory, type MessageChange, mailbox, message, readyAt, summary } from "./peer.ts";

const tls = { mode: "starttls", certificate } as const;
const noPipelining = usualKeywords.filter((keyword) => keyword !== "PIPELINING");

async function hostFor(context: TestContext, options: Partial<PartnerOptions>): Promise<PartnerHost> {
  const host = await startPartnerHost({ tls, ...options });
  context.after(() => host[Symbol.asyncDispose]());
  return host;
}

/** What was said inside TLS, without the second EHLO. */
async function heardBy(host: PartnerHost): Promise<string> {
  await host.settled();
  const said = host.connections.map(({ decrypted }) => decrypted.toString("latin1")).join("");
  return said.replace(/^EHLO [^\r]*\r\n/, "");
}

const two = ["bob@example.net", "carol@example.net"] as const;
const refuseBob = (line: string): string | undefined => (line.includes("bob@") ? "550 5.1.1 no bob" : undefined);

type Row = Readonly<{
  name: string;
  answers?: PartnerOptions["answers"];
  keywords?: readonly string[];
  message?: MessageChange;
  want: readonly string[];
  /** Where it differs without PIPELINING. */
  oneByOne?: readonly string[];
  reusable?: boolean;
}>;

const rows: readonly Row[] = [
  { name: "two recipients", message: { to: two }, want: ["delivered 250", "delivered 250"] },
  {
    name: "MAIL 550",
    answers: { MAIL: "550 no" },
    message: { to: two },
    want: ["refused mail 550", "refused mail 550"],
  },
  { name: "MAIL 451", answers: { MAIL: "451 no" }, want: ["refused mail 451"] },
  {
    name: "CL-12 one of two",
    answers: { RCPT: refuseBob },
    message: { to: two },
    want: ["refused rcpt 550", "delivered 250"],
  },
  {
    name: "EX-22 none of two, DATA accepted",
    answers: { RCPT: "550 no" },
    message: { to: two },
    want: ["refused rcpt 550", "refused rcpt 550"],
  },
  { name: "none, DATA refused", answers: { RCPT: "450 no", DATA: "554 none" }, want: ["refused rcpt 450"] },
  { name: "CL-17 251 is a yes", answers: { RCPT: "251 forwarded" }, want: ["delivered 250"] },
  { name: "CL-17 551 is a no", answers: { RCPT: "551 go there <x@example.org>" }, want: ["refused rcpt 551"] },
  {
    name: "CL-3 unknown codes by their first digit",
    answers: { MAIL: "299 x", RCPT: "259 x", DATA: "399 x", message: "288 x" },
    want: ["delivered 288"],
  },
  { name: "CL-3 no text", answers: { MAIL: "250", RCPT: "250", DATA: "354", message: "250" }, want: ["delivered 250"] },
  {
    name: "CL-4 replies of many lines",
    answers: { MAIL: "250-a\r\n250 b", RCPT: "250-a\r\n250 b", message: "250-a\r\n250-b\r\n250 c" },
    want: ["delivered 250"],
  },
  {
    name: "CL-4 the code changes in the final reply: uncertain",
    answers: { message: "250-a\r\n550 b" },
    want: ["broken final-dot 4.5.0 uncertain"],
    reusable: false,
  },
  { name: "DATA 554", answers: { DATA: "554 no" }, want: ["refused data 554"] },
  { name: "DATA 250 is no go-ahead", answers: { DATA: "250 ok" }, want: ["broken data 4.5.0"], reusable: false },
  {
    name: "RCPT 354 fits nothing",
    answers: { RCPT: "354 what", DATA: "503 no" },
    want: ["broken data 4.5.0"],
    oneByOne: ["broken rcpt 4.5.0"],
    reusable: false,
  },
  { name: "final dot 550", answers: { message: "550 spam" }, want: ["refused final-dot 550"] },
  { name: "final dot 452", answers: { message: "452 full" }, want: ["refused final-dot 452"] },
  {
    name: "final dot 354 fits nothing",
    answers: { message: "354 more" },
    want: ["broken final-dot 4.5.0 uncertain"],
    reusable: false,
  },
  { name: "CL-7 dropped at MAIL", answers: { MAIL: "drop" }, want: ["broken mail 4.4.2"], reusable: false },
  { name: "CL-7 dropped at RCPT", answers: { RCPT: "drop" }, want: ["broken rcpt 4.4.2"], reusable: false },
  { name: "CL-7 dropped at DATA", answers: { DATA: "drop" }, want: ["broken data 4.4.2"], reusable: false },
  {
    name: "CL-8 dropped behind the final dot: uncertain",
    answers: { message: "drop" },
    want: ["broken final-dot 4.4.2 uncertain"],
    reusable: false,
  },
  {
    name: "CL-14 421 to MAIL",
    answers: { MAIL: "421 busy" },
    message: { to: two },
    want: ["refused mail 421", "refused mail 421"],
    reusable: false,
  },
  {
    name: "CL-14 421 to the second RCPT",
    answers: { RCPT: (line) => (line.includes("carol") ? "421 busy" : undefined) },
    message: { to: two },
    want: ["refused rcpt 421", "refused rcpt 421"],
    reusable: false,
  },
  { name: "CL-14 421 to DATA", answers: { DATA: "421 busy" }, want: ["refused data 421"], reusable: false },
  {
    name: "CL-14 421 to the final dot",
    answers: { message: "421 busy" },
    want: ["refused final-dot 421"],
    reusable: false,
  },
  {
    name: "a refusal before the drop stands",
    answers: { RCPT: (line) => (line.includes("bob") ? "550 no" : "drop") },
    message: { to: two },
    want: ["refused rcpt 550", "broken rcpt 4.4.2"],
    reusable: false,
  },
  { name: "CL-11 552 to the first recipient is itself", answers: { RCPT: "552 full" }, want: ["refused rcpt 552"] },
  { name: "EX-6 too big", keywords: ["SIZE 10"], want: ["unsuitable 5.3.4"] },
  { name: "EX-6 SIZE 0 is no limit", keywords: ["SIZE 0"], want: ["delivered 250"] },
  {
    name: "EX-8 8-bit content without 8BITMIME",
    keywords: ["SIZE"],
    message: { facts: { has8bit: true } },
    want: ["unsuitable 5.6.3"],
  },
  {
    name: "EX-12 a UTF-8 header without SMTPUTF8",
    keywords: ["8BITMIME"],
    message: { from: { smtputf8: true }, facts: { hasUtf8Header: true, has8bit: true } },
    want: ["unsuitable 5.6.9"],
  },
  {
    name: "EX-12 a raw 8-bit header of a message that is no SMTPUTF8 one",
    keywords: ["8BITMIME"],
    message: { facts: { hasUtf8Header: true, has8bit: true } },
    want: ["delivered 250"],
  },
  {
    name: "EX-12 the sender without SMTPUTF8",
    keywords: [],
    message: { from: { mailbox: mailbox("ä@example.com") } },
    want: ["unsuitable 5.6.7"],
  },
  {
    name: "EX-12 one recipient without SMTPUTF8, the other goes",
    keywords: [],
    message: { to: ["ö@example.net", "bob@example.net"] },
    want: ["unsuitable 5.6.7", "delivered 250"],
  },
  {
    name: "AT-29 an address with a command in it",
    message: {
      to: [
        {
          mailbox: { ...mailbox("a@example.net"), text: "a>\r\nRCPT TO:<b@example.net" },
          notify: undefined,
          orcpt: undefined,
        },
      ],
    },
    want: ["unsuitable 5.1.3"],
  },
];

for (const pipelining of [true, false]) {
  for (const { name, answers = {}, keywords, message: change, want, oneByOne = want, reusable = true } of rows) {
    test(`transaction${pipelining ? "" : " step by step"}: ${name}`, async (context) => {
      const offers = keywords ?? usualKeywords;
      const host = await hostFor(context, {
        answers,
        keywords: pipelining ? ["PIPELINING", ...offers] : offers.filter((keyword) => keyword !== "PIPELINING"),
      });
      const connection = await readyAt(host);
      const results = (await connection.send(message(change))).map(summary);
      assert.deepEqual(results, pipelining ? want : oneByOne);
      assert.equal(connection.reusable, reusable);
      connection.quit();
    });
  }
}

test("transaction: EX-22 envelope and DATA in one group, DATA last; nothing is in clear", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  await connection.send(message({ to: two }));
  connection.quit();
  const envelope =
    "MAIL FROM:<alice@example.com> SIZE=25\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<carol@example.net>\r\nDATA\r\n";
  assert.equal(await heardBy(host), `${envelope}Subject: hello\r\n\r\nhello\r\n.\r\nQUIT\r\n`);
  assert.doesNotMatch(host.connections[0]?.clear.toString() ?? "", /MAIL|hello/);
});

test("transaction: EX-22 all recipients refused and DATA accepted: a lone dot, and it reaches nobody", async (context) => {
  const host = await hostFor(context, { answers: { RCPT: "550 no" } });
  const connection = await readyAt(host);
  await connection.send(message());
  connection.quit();
  assert.match(await heardBy(host), /DATA\r\n\.\r\nQUIT\r\n$/);
  assert.equal(host.messages.length, 0);
});

test("transaction: a transaction left half-way is reset together with the next one", async (context) => {
  let times = 0;
  const host = await hostFor(context, { answers: { DATA: () => (times++ === 0 ? "451 later" : undefined) } });
  const connection = await readyAt(host);
  assert.deepEqual((await connection.send(message())).map(summary), ["refused data 451"]);
  assert.deepEqual((await connection.send(message())).map(summary), ["delivered 250"]);
  assert.deepEqual((await connection.send(message())).map(summary), ["delivered 250"]);
  connection.quit();
  assert.equal((await heardBy(host)).match(/RSET/g)?.length, 1);
  assert.equal(connection.messages, 3);
});

test("transaction: a RSET that is refused ends the connection", async (context) => {
  const host = await hostFor(context, { answers: { DATA: "451 later", RSET: "500 what" } });
  const connection = await readyAt(host);
  await connection.send(message());
  const [result] = await connection.send(message());
  assert.equal(result?.kind, "broken");
  assert.equal(connection.reusable, false);
});

test("transaction: EX-6 to EX-13, DS-2 every parameter that was received goes on", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  const change: MessageChange = {
    from: { body: "8bitmime", smtputf8: true, ret: "hdrs", envid: "QQ+2B314" },
    to: [
      { mailbox: mailbox("ö@example.net"), notify: ["success", "delay"], orcpt: "rfc822;bob@example.org" },
      { mailbox: mailbox("carol@example.net"), notify: "never", orcpt: undefined },
    ],
  };
  const results = await connection.send(message(change));
  connection.quit();
  await heardBy(host);
  assert.ok(results.every((result) => result.kind === "delivered" && result.dsnPassedOn));
  assert.equal(
    host.messages[0]?.mail,
    "MAIL FROM:<alice@example.com> SIZE=25 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B314",
  );
  assert.deepEqual(host.messages[0]?.rcpt, [
    "RCPT TO:<ö@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.org",
    "RCPT TO:<carol@example.net> NOTIFY=NEVER",
  ]);
});

test("transaction: DS-3 a host without any extension is given no parameter", async (context) => {
  const host = await hostFor(context, { keywords: [] });
  const connection = await readyAt(host);
  const to = [{ mailbox: mailbox("bob@example.net"), notify: "never" as const, orcpt: "rfc822;b@example.org" }];
  const from = { body: "8bitmime", smtputf8: true, ret: "full", envid: "x" } as const;
  const [result] = await connection.send(message({ from, to }));
  connection.quit();
  assert.match(await heardBy(host), /^MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n/);
  assert.ok(result?.kind === "delivered" && !result.dsnPassedOn);
});

test("transaction: EX-13 without SMTPUTF8 a U-label domain goes out as A-labels; the null sender as <>", async (context) => {
  const host = await hostFor(context, { keywords: [] });
  const connection = await readyAt(host);
  await connection.send(message({ from: { mailbox: undefined }, to: ["bob@bücher.example"] }));
  connection.quit();
  assert.match(await heardBy(host), /^MAIL FROM:<>\r\nRCPT TO:<bob@xn--bcher-kva.example>\r\n/);
});

test("transaction: CL-10 230 recipients go in groups of 100", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  const to = Array.from({ length: 230 }, (_, at) => `r${at}@example.net`);
  const results = await connection.send(message({ to }));
  assert.ok(results.every(({ kind }) => kind === "delivered"));
  assert.deepEqual(
    host.messages.map(({ rcpt }) => rcpt.length),
    [100, 100, 30],
  );
  connection.quit();
});

for (const code of [452, 552]) {
  test(`transaction: CL-10 CL-11 those refused with ${code} for their number get a transaction of their own`, async (context) => {
    let taken = 0;
    const answers = {
      MAIL: () => {
        taken = 0;
        return undefined;
      },
      RCPT: () => (taken++ < 3 ? undefined : `${code} 4.5.3 too many`),
    };
    const host = await hostFor(context, { answers });
    const connection = await readyAt(host);
    const to = Array.from({ length: 8 }, (_, at) => `r${at}@example.net`);
    assert.deepEqual((await connection.send(message({ to }))).map(summary), Array(8).fill("delivered 250"));
    assert.deepEqual(
      host.messages.map(({ rcpt }) => rcpt.length),
      [3, 3, 2],
    );
    connection.quit();
  });
}

test("transaction: CL-11 552 behind accepted recipients is a 452 where nothing was delivered", async (context) => {
  const answers = {
    RCPT: (line: string) => (line.includes("carol") ? "552 5.2.2 too many" : undefined),
    message: "451 no",
  };
  const connection = await readyAt(await hostFor(context, { answers }));
  assert.deepEqual((await connection.send(message({ to: two }))).map(summary), [
    "refused final-dot 451",
    "refused rcpt 452",
  ]);
  connection.quit();
});

test("transaction: RFC 9422 LIMITS are kept", async (context) => {
  const host = await hostFor(context, { keywords: ["PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=3"] });
  const connection = await readyAt(host);
  await connection.send(message({ to: [...two, "dave@example.net"] }));
  assert.deepEqual(
    host.messages.map(({ rcpt }) => rcpt.length),
    [2, 1],
  );
  assert.equal(connection.reusable, true);
  await connection.send(message());
  assert.equal(connection.reusable, false);
  connection.quit();
});

test("transaction: CL-13 delivered is known before QUIT is answered", async (context) => {
  const host = await hostFor(context, { answers: { QUIT: "stall" } });
  const connection = await readyAt(host);
  assert.deepEqual((await connection.send(message())).map(summary), ["delivered 250"]);
  connection.quit();
});

test("transaction: QUIT and close_notify end the connection in order", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  const closed = new Promise<void>((resolve) => connection.onClose(resolve));
  connection.quit();
  await closed;
  await host.settled();
  assert.equal(host.connections[0]?.endedInOrder, true);
});

test("transaction: the peer closes an idle connection: no longer reusable, and the next message is broken at once", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  const closed = new Promise<void>((resolve) => connection.onClose(resolve));
  host.dropConnections();
  await closed;
  assert.equal(connection.reusable, false);
  const [result] = await connection.send(message());
  assert.ok(result?.kind === "broken" && !result.uncertain);
  connection.quit();
  await new Promise<void>((resolve) => connection.onClose(resolve));
});

const bodies: readonly [name: string, body: string][] = [
  ["empty", ""],
  ["only a line end", "\r\n"],
  ["dots at line starts", ".\r\n..\r\n.a\r\na.\r\n\r\n.\r\n"],
  ["no header", "just text\r\n"],
  ["8-bit octets and NUL", "a: b\r\n\r\n\xff\xfe\0\r\n"],
  ["LN-12 a line of 100,000 octets", `a: b\r\n\r\n${"x".repeat(100_000)}\r\n`],
];

for (const [name, body] of bodies) {
  test(`transaction: LN-7 byte for byte: ${name}`, async (context) => {
    const host = await hostFor(context, {});
    const connection = await readyAt(host);
    assert.deepEqual((await connection.send(message({ body }))).map(summary), ["delivered 250"]);
    assert.equal(host.messages[0]?.body.toString("latin1"), body);
    connection.quit();
  });
}

test("transaction: LN-9 a body without a last line end: whole by BDAT, completed by DATA", async (context) => {
  for (const [keywords, by, want] of [
    [usualKeywords, "BDAT", "a: b\r\n\r\n.end"],
    [["PIPELINING"], "DATA", "a: b\r\n\r\n.end\r\n"],
  ] as const) {
    const host = await hostFor(context, { keywords });
    const connection = await readyAt(host);
    const body = inMemory("a: b\r\n", "\r\n.end");
    assert.deepEqual((await connection.send(message({ body, facts: { endsWithCrlf: false } }))).map(summary), [
      "delivered 250",
    ]);
    assert.deepEqual([host.messages[0]?.by, host.messages[0]?.body.toString()], [by, want]);
    connection.quit();
  }
});

test("transaction: a BDAT whose recipients were all refused is not sent", async (context) => {
  const host = await hostFor(context, { answers: { RCPT: "550 no" } });
  const connection = await readyAt(host);
  await connection.send(message({ body: "a: b\r\n\r\nend", facts: { endsWithCrlf: false } }));
  connection.quit();
  assert.doesNotMatch(await heardBy(host), /BDAT|end/);
});

async function inFile(
  context: TestContext,
  octets: Buffer,
): Promise<Extract<OutboundMessage["body"], { kind: "file" }>> {
  const folder = await mkdtemp(path.join(tmpdir(), "letterlock-client-"));
  context.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "body");
  await writeFile(file, octets);
  return { kind: "file", path: file, sizeBytes: octets.length };
}

const large = Buffer.from(`a: b\r\n\r\n${".a line that begins with a dot\r\n".repeat(200_000)}`);

test("transaction: a large file arrives byte for byte", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  const body = await inFile(context, large);
  assert.deepEqual((await connection.send(message({ body }))).map(summary), ["delivered 250"]);
  assert.ok(host.messages[0]?.body.equals(large));
  connection.quit();
});

test("transaction: a large body in memory arrives byte for byte", async (context) => {
  const host = await hostFor(context, {});
  const connection = await readyAt(host);
  const chunks = [large.subarray(0, 1_000_001), large.subarray(1_000_001, 1_000_002), large.subarray(1_000_002)];
  const body = { kind: "memory", sizeBytes: large.length, chunks } as const;
  assert.deepEqual((await connection.send(message({ body }))).map(summary), ["delivered 250"]);
  assert.ok(host.messages[0]?.body.equals(large));
  connection.quit();
});

test("transaction: a file that is shorter than promised, or gone, is never ended", async (context) => {
  const host = await hostFor(context, {});
  const body = await inFile(context, Buffer.from("a: b\r\n\r\nhalf\r\n"));
  for (const bad of [
    { ...body, sizeBytes: body.sizeBytes + 1 },
    { ...body, path: `${body.path}-gone` },
  ]) {
    const connection = await readyAt(host);
    const [result] = await connection.send(message({ body: bad }));
    assert.equal(summary(result), "broken body 4.3.0");
    assert.equal(connection.reusable, false);
  }
  assert.doesNotMatch(await heardBy(host), /\r\n\.\r\n/);
  assert.equal(host.messages.length, 0);
});

test("transaction: CL-8 dropped in the middle of a large body: certain, since its end was not sent", async (context) => {
  const data = (): undefined => void setImmediate(() => host.dropConnections());
  const host = await hostFor(context, { answers: { DATA: data } });
  const connection = await readyAt(host);
  const sending = connection.send(message({ body: await inFile(context, large) }));
  const [result] = await sending;
  assert.ok(result?.kind === "broken" && !result.uncertain, summary(result));
});

const silences: readonly [moment: "MAIL" | "RCPT" | "DATA" | "message", afterMs: number, want: string][] = [
  ["MAIL", 300_000, "broken mail 4.4.2"],
  ["RCPT", 300_000, "broken rcpt 4.4.2"],
  ["DATA", 120_000, "broken data 4.4.2"],
  ["message", 600_000, "broken final-dot 4.4.2 uncertain"],
];

for (const [moment, afterMs, want] of silences) {
  test(`transaction: CL-5 silence at ${moment} ends after its own time, not sooner`, async (context) => {
    const heard = Promise.withResolvers<void>();
    const silent = (): "stall" => {
      heard.resolve();
      return "stall";
    };
    const clock = handClock();
    const host = await hostFor(context, { keywords: noPipelining, answers: { [moment]: silent } });
    const connection = await readyAt(host, { clock });
    let done = false;
    const sending = connection.send(message()).finally(() => {
      done = true;
    });
    await heard.promise;
    clock.advance(afterMs - 1);
    await new Promise(setImmediate);
    assert.equal(done, false);
    clock.advance(1);
    assert.deepEqual((await sending).map(summary), [want]);
  });
}

test("transaction: an idle connection is not timed", async (context) => {
  const clock = handClock();
  const connection = await readyAt(await hostFor(context, {}), { clock });
  await connection.send(message());
  clock.advance(86_400_000);
  assert.deepEqual((await connection.send(message())).map(summary), ["delivered 250"]);
  connection.quit();
});

test("transaction: AT-8 half a final reply and the end of the connection: uncertain", async (context) => {
  const half = { octets: "250 o" };
  const host = await hostFor(context, {
    answers: {
      message: () => {
        setImmediate(() => host.dropConnections());
        return half;
      },
    },
  });
  const connection = await readyAt(host);
  assert.deepEqual((await connection.send(message())).map(summary), ["broken final-dot 4.4.2 uncertain"]);
});
