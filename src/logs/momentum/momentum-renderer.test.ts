/** The lines of ec_logger and bounce_logger, held against the fields that the Momentum 4 manual lists. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AttemptRecord } from "../../mail/attempt.ts";
import { sampleOrigin, sampleRefusal } from "../../mail/attempt-sample.ts";
import type { InboundRecord } from "../../mail/inbound-record.ts";
import { attempt, refused, taken } from "../../observe/event-sample.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import { createMomentumRenderer } from "./momentum-renderer.ts";

type Kind = Parameters<typeof createMomentumRenderer>[0]["kind"];

function linesOf(kind: Kind, event: LetterlockEvent): string[] {
  return createMomentumRenderer({ kind })
    .lines(event, 1_795_262_400_999)
    .map(({ text }) => text);
}

const unknownUser = {
  event: "failed",
  status: "5.1.1",
  reply: { code: 550, enhanced: "5.1.1", text: "<bob@example.net>: User unknown" },
  failure: {
    kind: "refused",
    stage: "rcpt",
    tls: null,
    unproven: [],
    code: null,
    cause: "RCPT was refused",
  },
} as const satisfies Partial<AttemptRecord>;

test("mainlog: a reception is one line for each recipient, of 14 fields", () => {
  const lines = linesOf("momentum-main", taken({ to: ["alice@example.com", "carol@example.org"] }));
  assert.deepEqual(lines, [
    "1795262400@01KD8W7F3N.0@01KD8W7F3N@01KD8W7F2Q@R@alice@example.com@bob@example.net@192.0.2.7@5120@esmtp@default@default",
    "1795262400@01KD8W7F3N.1@01KD8W7F3N@01KD8W7F2Q@R@carol@example.org@bob@example.net@192.0.2.7@5120@esmtp@default@default",
  ]);
});

test("mainlog: a notice of our own comes in as internal", () => {
  const notice = {
    kind: "notice-queued",
    messageId: "01KD",
    about: "01KA",
    to: "a@b.example",
    action: "failed",
    headerId: "<01KD@relay.example>",
    sizeBytes: 900,
    binding: "binding-a",
  } as const;
  assert.deepEqual(linesOf("momentum-main", notice), [
    "1795262400@01KD.0@01KD@00/00-00000-00000000@R@a@b.example@@@unknown@900@internal@default@binding-a",
  ]);
});

test("mainlog: a delivery has 12 fields", () => {
  assert.deepEqual(linesOf("momentum-main", attempt({ bindingGroup: "group-a", binding: "binding-a", ageMs: 393 })), [
    "1795262400@01KD8W7F3N.0@01KD8W7F3N@01KD8W7F3P@D@example.net@5120@group-a@binding-a@0@0.393@192.0.2.7",
  ]);
});

test("mainlog: failures have 14 fields, the reply last", () => {
  const again = { attempt: 3, ageMs: 18_530 };
  assert.deepEqual(linesOf("momentum-main", attempt({ ...sampleRefusal, ...again })), [
    "1795262400@01KD8W7F3N.0@01KD8W7F3N@01KD8W7F3P@T@example.net@0@default@default@17@2@18.53@192.0.2.7@" +
      "451 4.7.5 [internal] remote node SSL certificate not signed by a valid CA",
  ]);
  assert.deepEqual(linesOf("momentum-main", attempt(unknownUser)), [
    "1795262400@01KD8W7F3N.0@01KD8W7F3N@01KD8W7F3P@P@example.net@0@default@default@5@0@0.25@192.0.2.7@" +
      "550 5.1.1 <bob\\@example.net>: User unknown",
  ]);
});

test("mainlog: octets that went over are those of a message refused at its end", () => {
  const failure = { ...unknownUser.failure, stage: "final-dot" } as const;
  const [line] = linesOf("momentum-main", attempt({ ...unknownUser, failure }));
  assert.deepEqual(line?.split("@").slice(5, 10), ["example.net", "5120", "default", "default", "9"]);
});

test("mainlog: without a connection the id of none, and no address", () => {
  const [line] = linesOf("momentum-main", attempt({ ...sampleRefusal, connection: null, address: null }));
  assert.equal(line?.split("@")[3], "00/00-00000-00000000");
  assert.equal(line?.split("@")[12], "");
});

test("momentum 36: the domain is the gateway's, and of a route the recipient's", () => {
  const domainOf = (nexthop: string | null) => linesOf("momentum-main", attempt({ nexthop }))[0]?.split("@")[5];
  assert.equal(domainOf("relay.example"), "relay.example");
  assert.equal(domainOf("relay.example:587"), "relay.example");
  assert.equal(domainOf("[192.0.2.1]:587"), "example.net");
  assert.equal(domainOf(null), "example.net");
});

test("rejectlog: the fields of the manual, the contexts of connection and message", () => {
  assert.deepEqual(linesOf("momentum-reject", refused()), [
    '1795262400: R="192.0.2.7:41234" L="192.0.2.1:25" C="01KD8W7F2Q" PATH="default" PATH_GRP="default" ' +
      'P="awaiting mailfrom" E=550 M=policy ' +
      'CTXCONN=[ehlo_domain=mail.example.net,ehlo_string="EHLO mail.example.net",message_rcpt_count=0,pathway=default] ' +
      'CTXMESS=[mailfrom_domain=example.net,mailfrom_localpart=bob,mailfrom_string="MAIL FROM:<bob@example.net>"] ' +
      "5.7.10 TLS is required for this mail: issue STARTTLS first",
  ]);
});

const phases: readonly [InboundRecord["stage"], string][] = [
  ["client", "just connected"],
  ["starttls", "awaiting mailfrom"],
  ["auth", "awaiting mailfrom"],
  ["rcpt", "awaiting rcptto"],
  ["data", "data phase"],
  [null, "unknown"],
];

for (const [stage, phase] of phases) {
  test(`rejectlog: refused at ${stage}, the phase is "${phase}"`, () => {
    assert.match(
      linesOf("momentum-reject", refused({ stage, from: null }))[0] ?? "",
      new RegExp(`P="${phase}".*CTXMESS=\\[\\]`),
    );
  });
}

test("momentum 47: who speaks before the handshake is in the rejectlog", () => {
  const reply = { code: 554, enhanced: "5.5.1", text: "no commands behind STARTTLS" };
  const [line] = linesOf("momentum-reject", refused({ stage: "starttls", reason: "permanent", from: null, reply }));
  assert.match(line ?? "", /P="awaiting mailfrom" E=554 M=permanent .* 5\.5\.1 no commands behind STARTTLS$/);
});

test("bouncelog: 16 fields, B for what is final, T for what is not; nothing of deliveries", () => {
  assert.deepEqual(linesOf("momentum-bounce", attempt(unknownUser)), [
    "1795262400@01KD8W7F3N.0@01KD8W7F3N@01KD8W7F3P@B@bob@example.net@alice@example.com@default@default@5@10@5120@192.0.2.7@" +
      "550 5.1.1 <bob\\@example.net>: User unknown",
  ]);
  assert.deepEqual(linesOf("momentum-bounce", attempt({ ...unknownUser, event: "deferred" }))[0]?.split("@")[4], "T");
  assert.deepEqual(linesOf("momentum-bounce", attempt()), []);
});

test("momentum 11: mail that waited too long is said in its words, and classed as timed out", () => {
  const expired = attempt({ ...sampleRefusal, event: "expired" });
  const fields = linesOf("momentum-bounce", expired)[0]?.split("@") ?? [];
  assert.deepEqual([fields[12], fields.at(-1)], ["24", "554 5.4.7 [internal] exceeded max time without delivery"]);
});

test("ec_logger: only the stages that are switched on", () => {
  const main = createMomentumRenderer({ kind: "momentum-main", stages: ["delivery"] });
  assert.equal(main.lines(attempt(), 0).length, 1);
  for (const event of [attempt(unknownUser), attempt({ event: "deferred" }), taken()])
    assert.deepEqual(main.lines(event, 0), []);
  const reject = createMomentumRenderer({ kind: "momentum-reject", stages: [] });
  assert.deepEqual(reject.lines(refused(), 0), []);
  const bounce = createMomentumRenderer({ kind: "momentum-bounce", stages: ["permanent-failure"] });
  assert.deepEqual(bounce.lines(attempt({ ...unknownUser, event: "deferred" }), 0), []);
});

test("ec_logger: events of other kinds are none of its business", () => {
  for (const kind of ["momentum-main", "momentum-reject", "momentum-bounce"] as const)
    assert.deepEqual(linesOf(kind, { kind: "stopping", reason: "signal" }), []);
  assert.deepEqual(linesOf("momentum-main", refused()), []);
  assert.deepEqual(linesOf("momentum-reject", taken()), []);
});

test("AT-28: @, backslashes and quotes of others do not move a field, and lines stay whole", () => {
  const local = '"a@b\\c"';
  const [line = ""] = linesOf("momentum-main", taken({ from: `${local}@example.net`, ehlo: "x" }));
  assert.equal(line.split(/(?<!\\)@/)[7], '"a\\@b\\\\c"');
  const [reject = ""] = linesOf("momentum-reject", refused({ ehlo: 'x"] E=250 \r\n\\x0a\\' }));
  assert.ok(reject.includes('ehlo_domain="x\\"] E=250 \\x0d\\x0a\\x0a\\\\"'), reject);
});

test("ec_logger: no record makes a control character or another number of fields", () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const changes = fc.record({
    from: text,
    to: text,
    id: text,
    messageId: text,
    binding: text,
    nexthop: fc.option(text),
  });
  fc.assert(
    fc.property(changes, text, (change, words) => {
      const reply = { code: 550, enhanced: null, text: words };
      const failed = attempt({ ...unknownUser, ...change, reply });
      const events = [failed, attempt({ ...change }), taken({ ...change, to: [change.to], ehlo: words })];
      const counts = events.map((event) => {
        const [line = ""] = linesOf("momentum-main", event);
        assert.match(line, /^[\x20-\x7e]*$/);
        return line.replaceAll(/\\./g, "").split("@").length;
      });
      assert.deepEqual(counts, [14, 12, 14]);
      const [bounce = ""] = linesOf("momentum-bounce", failed);
      assert.equal(bounce.replaceAll(/\\./g, "").split("@").length, 16);
      const origin = { ...sampleOrigin, ehlo: words };
      assert.match(linesOf("momentum-bounce", attempt({ ...unknownUser, origin }))[0] ?? "", /^[\x20-\x7e]*$/);
      assert.match(linesOf("momentum-reject", refused({ ehlo: words, from: change.from }))[0] ?? "", /^[\x20-\x7e]*$/);
    }),
  );
});
