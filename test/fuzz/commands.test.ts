/**
 * The receiver's conversation under any commands at all: what a client says may be nonsense, what it hears never is
 * (SR-3, SR-4, SR-5, EX-9, EX-10, EX-14, AT-22, AT-24, AT-28, AT-29).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "../../src/mail/address.ts";
import { decodeLine } from "../../src/smtp/command.ts";
import { formatReplyLines } from "../../src/smtp/reply-wire.ts";
import { type Answer, Protocol } from "../../src/smtp/server/protocol.ts";
import { sampleConduct, sampleHandshake } from "../../src/smtp/server/session-sample.ts";

const limits = {
  maxMessageBytes: 1000,
  maxRecipients: 3,
  maxLineBytes: 1000,
  maxMemoryBytes: 1000,
  maxHeaderBytes: 1000,
  maxReceivedFields: 10,
  maxConnections: 10,
  maxConnectionsPerAddress: 10,
  maxErrors: 1_000_000,
  maxCommands: 1_000_000,
};

function startProtocol(change: Partial<typeof limits> = {}): Protocol {
  return new Protocol(
    {
      id: "s1",
      listener: "lab",
      clientAddress: "192.0.2.1" as IpAddress,
      clientPort: 1,
      localAddress: undefined,
      localPort: 25,
    },
    {
      hostname: "mx.example.org",
      implicitTls: false,
      conduct: () => sampleConduct(),
      maxAuthFailures: 3,
      limits: { ...limits, ...change },
      mayShakeHands: () => true,
      checkSender: () => undefined,
      checkRecipient: () => undefined,
    },
  );
}

const verbs = fc.constantFrom(
  "EHLO",
  "HELO",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "RSET",
  "NOOP",
  "VRFY",
  "QUIT",
  "STARTTLS",
  "AUTH",
  "helo",
  "mAiL",
  "X",
);
const word = fc.oneof(
  fc.constantFrom(
    "FROM:<a@example.com>",
    "TO:<b@example.org>",
    "FROM:<>",
    "TO:<>",
    "SIZE=1",
    "BODY=8BITMIME",
    "SMTPUTF8",
    "NOTIFY=NEVER",
    "ORCPT=rfc822;x",
    "RET=FULL",
    "ENVID=x",
    "12",
    "LAST",
    "client.example",
    "TO:<ü@example.org>",
    "<",
    ">",
    "\t",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const line = fc
  .tuple(fc.oneof(verbs, fc.string({ maxLength: 6 })), fc.array(word, { maxLength: 4 }))
  .map(([verb, words]) => [verb, ...words].join(" ").replaceAll("\r\n", ""));
const raw = fc.uint8Array({ maxLength: 60 }).map((octets) => decodeLine(Buffer.from(octets)).replaceAll("\r\n", ""));
const opening = ["EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>"];
/** From any state of a transaction. */
const lines = fc
  .tuple(fc.nat(opening.length), fc.array(fc.oneof({ weight: 4, arbitrary: line }, raw), { maxLength: 12 }))
  .map(([state, more]) => [...opening.slice(0, state), ...more]);

/** The reply as the wire has it; after BDAT that of its octets. */
function assertReply(answer: Answer, said: string): void {
  const reply = answer.reply ?? (answer.next.kind === "octets" ? answer.next.refusal : undefined);
  if (reply === undefined) {
    assert.equal(answer.next.kind, "octets", said);
    return;
  }
  const wire = formatReplyLines(reply);
  const isHello = reply.enhanced === undefined && reply.code === 250;
  const status = isHello || reply.code === 354 ? "" : `${String(reply.code)[0]}\\.\\d+\\.\\d+ `;
  const shape = new RegExp(`^(?:${reply.code}-${status}[ -~]*\\r\\n)*${reply.code} ${status}[ -~]*\\r\\n$`);
  assert.match(wire, shape, said);
  assert.match(String(reply.code), /^[2-5]\d\d$/, said);
  for (const one of wire.split("\r\n")) assert.ok(one.length <= 510, said);
}

/** What a client hears must not hold what it said: longer words of its own choosing are looked for. */
function assertNotReflected(answer: Answer, said: string): void {
  const heard = (answer.reply?.lines ?? []).join("\n").toLowerCase();
  for (const own of said.toLowerCase().match(/[^ ]*(?:example\.com|xyzzy)[^ ]*/g) ?? [])
    assert.ok(!heard.includes(own), said);
}

test("any lines: one well-formed reply each, nothing reflected, and the session can always go on", () => {
  fc.assert(
    fc.property(lines, (said) => {
      const protocol = startProtocol();
      for (const one of said) {
        const answer = protocol.obey(one);
        assertReply(answer, one);
        assertNotReflected(answer, one);
        if (answer.next.kind === "close") return;
        if (answer.next.kind === "data") protocol.endMessage(true);
        if (answer.next.kind === "starttls") {
          protocol.startTls({ handshake: sampleHandshake(), serverName: undefined });
          assert.equal(protocol.facts.ehlo, "");
          assert.equal(protocol.sender, undefined);
        }
      }
      assert.equal(protocol.obey("RSET").reply?.code, 250);
      assert.equal(protocol.obey("EHLO again.example").reply?.code, 250);
      assert.equal(protocol.obey("MAIL FROM:<a@example.com>").reply?.code, 250);
    }),
    { numRuns: 3000 },
  );
});

test("a refused command changes nothing: SR-5, SR-8", () => {
  fc.assert(
    fc.property(lines, (said) => {
      const protocol = startProtocol();
      for (const one of said) {
        const before = [protocol.facts, protocol.sender, [...protocol.recipients]];
        const { reply, next } = protocol.obey(one);
        if (next.kind === "close") return;
        if (reply !== undefined && reply.code >= 400) {
          assert.deepEqual([protocol.facts, protocol.sender, [...protocol.recipients]], before, one);
        }
        if (next.kind === "data") protocol.endMessage(false);
        if (next.kind === "starttls") return;
      }
    }),
    { numRuns: 2000 },
  );
});

test("AT-22: whatever is said, it is not said for ever without a message", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(line, raw), { minLength: 60, maxLength: 80 }), (said) => {
      const protocol = startProtocol({ maxCommands: 20, maxErrors: 10 });
      let closed = false;
      for (const one of said) {
        const { next } = protocol.obey(one);
        if (next.kind === "data") protocol.endMessage(false);
        closed ||= next.kind === "close";
      }
      assert.ok(closed);
    }),
    { numRuns: 200 },
  );
});

test("AT-29, EX-14: a mailbox that was taken is one line of printable text, ASCII without SMTPUTF8", () => {
  const odd = fc.constantFrom(...'ab.@<>"\\[]:,% \0\r\n\tü．例\u202e');
  const address = fc.oneof(
    fc.string({ unit: odd, maxLength: 30, size: "max" }),
    fc.tuple(fc.nat(13), odd).map(([at, char]) => `"a b"@c.example`.slice(0, at) + char + `"a b"@c.example`.slice(at)),
    fc.tuple(fc.nat(11), odd).map(([at, char]) => "ab@c.example".slice(0, at) + char + "ab@c.example".slice(at)),
  );
  let taken = 0;
  fc.assert(
    fc.property(address, fc.boolean(), (text, utf8) => {
      const protocol = startProtocol();
      protocol.obey("EHLO client.example");
      protocol.obey(`MAIL FROM:<a@example.com>${utf8 ? " SMTPUTF8" : ""}`);
      protocol.obey(`RCPT TO:<${text}>`);
      for (const { mailbox } of protocol.recipients) {
        taken += 1;
        assert.doesNotMatch(mailbox.text, /\p{Cc}/u);
        if (!utf8) assert.match(mailbox.text, /^[ -~]+$/);
        assert.ok(mailbox.host !== undefined || mailbox.localPart.toLowerCase() === "postmaster");
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(taken > 500, `${taken} taken`);
});
