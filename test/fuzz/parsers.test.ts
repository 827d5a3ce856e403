/**
 * Every reader of strangers' text, fed with anything: no throw, no hang, and what it promises of its result holds.
 * Readers that have such a test beside their file (path, DNS packets, certificate fields, YAML, xtext) are not repeated.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Mailbox } from "../../src/mail/address.ts";
import { parseDomain } from "../../src/mail/domain.ts";
import { formatDomainPattern, parseDomainPattern } from "../../src/mail/domain-pattern.ts";
import { escapeText } from "../../src/mail/escape.ts";
import { inCidr, isPublicAddress, parseCidr, parseIp } from "../../src/mail/ip.ts";
import type { Reply } from "../../src/mail/reply.ts";
import { decodeXtext, encodeXtext } from "../../src/mail/xtext.ts";
import { answer, isRequest, isResponse } from "../../src/server/ipc.ts";
import { parseCapabilities } from "../../src/smtp/client/capabilities.ts";
import { ReplyParser } from "../../src/smtp/client/reply-parser.ts";
import { hasForbiddenOctet, isForeignProtocol, splitCommand } from "../../src/smtp/command.ts";
import { parseParameters } from "../../src/smtp/parameters.ts";
import { formatReplyLines } from "../../src/smtp/reply-wire.ts";
import { parseMail, parseRcpt } from "../../src/smtp/server/envelope-commands.ts";
import { HeaderSection } from "../../src/smtp/server/header-section.ts";
import { receivedField } from "../../src/smtp/server/received-field.ts";
import { sampleSession } from "../../src/smtp/server/session-sample.ts";
import { readDer, readDerSequence } from "../../src/tls/der.ts";
import { certificateMatches } from "../../src/tls/names.ts";

const noise = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60, size: "max" }),
  fc.uint8Array({ maxLength: 60, size: "max" }).map((octets) => Buffer.from(octets).toString("latin1")),
);

function pieces(whole: string, where: readonly number[]): string[] {
  const ends = [...where.map((cut) => cut % (whole.length + 1)), whole.length].sort((one, two) => one - two);
  return ends.map((end, index) => whole.slice(ends[index - 1] ?? 0, end));
}
const cuts = fc.array(fc.nat(), { maxLength: 6 });

// --- replies and keywords -------------------------------------------------------------------------------------------

const replyLine = fc
  .tuple(
    fc.constantFrom("250", "250", "550", "421", "354"),
    fc.constantFrom(" ", "-", "-", ""),
    fc.constantFrom("ok", "2.0.0 ok", "5.1.1", "5.1.1 no", "", "ü", "\0"),
    fc.constantFrom("\r\n", "\r\n", "\n"),
  )
  .map((parts) => parts.join(""));
const replyPiece = fc.oneof({ weight: 20, arbitrary: replyLine }, fc.constantFrom("250", "-", " ", "\r\n"), noise);
const wire = fc
  .array(replyPiece, { maxLength: 12, size: "max" })
  .map((parts) => Buffer.from(parts.join("")).toString("latin1"));

function readReplies(chunks: readonly string[]): { replies: Reply[]; problem: string | undefined; idle: boolean } {
  const parser = new ReplyParser();
  const replies: Reply[] = [];
  for (const chunk of chunks) {
    const problem = parser.feed(Buffer.from(chunk, "latin1"), (reply) => replies.push(reply));
    if (problem !== undefined) return { replies, problem, idle: false };
  }
  return { replies, problem: undefined, idle: parser.idle };
}

test("replies: any octets, cut anywhere, are the same replies (CL-3, CL-4, CL-16)", () => {
  fc.assert(
    fc.property(wire, cuts, (octets, where) => {
      const whole = readReplies([octets]);
      assert.deepEqual(readReplies(pieces(octets, where)), whole);
      for (const { code, enhanced, lines } of whole.replies) {
        assert.ok(code >= 200 && code < 600 && lines.length > 0);
        if (enhanced !== undefined) assert.equal(enhanced[0], String(code)[0]);
        for (const line of lines) assert.doesNotMatch(line, /\n/);
      }
    }),
    { numRuns: 3000 },
  );
});

test("replies: ours are read back as they were meant", () => {
  const line = fc.string({ unit: fc.constantFrom(..."ab 5.-\r\n"), maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 599 }), fc.array(line, { minLength: 1, maxLength: 5 }), (code, lines) => {
      const { replies, problem, idle } = readReplies([formatReplyLines({ code, enhanced: undefined, lines })]);
      assert.deepEqual([replies.length, replies[0]?.code, replies[0]?.lines.length], [1, code, lines.length]);
      assert.deepEqual([problem, idle], [undefined, true]);
    }),
  );
});

test("EHLO keywords: any lines give limits that are numbers (CL-16, EX-1)", () => {
  const keyword = fc.oneof(
    fc.constantFrom(
      "SIZE",
      "SIZE 5",
      "SIZE x",
      "SIZE 99999999999999999999",
      "size 1 2",
      "LIMITS RCPTMAX=0 MAILMAX=x",
      "LIMITS RCPTMAX=5",
      "STARTTLS x",
      "__proto__",
      "constructor 1",
    ),
    noise,
  );
  fc.assert(
    fc.property(fc.array(keyword, { maxLength: 200 }), (lines) => {
      const peer = parseCapabilities({ code: 250, enhanced: undefined, lines });
      assert.ok(peer.maxMessageBytes >= 0 && peer.maxRecipients > 0 && peer.maxTransactions > 0);
    }),
  );
});

// --- commands -------------------------------------------------------------------------------------------------------

test("parameters: what was read stands in the text, once", () => {
  const text = fc.array(fc.oneof(fc.constantFrom("SIZE=1", "size=2", "X", "A=b=c", "=", "-a", " "), noise), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, (words) => {
      const read = parseParameters(words.join(" "));
      if (read.kind === "bad") return;
      for (const [name, value] of read.parameters) {
        assert.match(name, /^[A-Z0-9][A-Z0-9-]*$/);
        assert.doesNotMatch(value ?? "", /[\s\p{Cc}]/u);
      }
    }),
    { numRuns: 2000 },
  );
});

test("MAIL and RCPT: any argument is a value or a refusal", () => {
  fc.assert(
    fc.property(noise, fc.boolean(), fc.boolean(), (text, utf8, esmtp) => {
      for (const argument of [text, `FROM:<a@b.example> ${text}`, `FROM:<${text}>`]) {
        const mail = parseMail(argument, 100, esmtp);
        if (mail.kind === "refused") assert.ok(mail.reply.code >= 500);
        else assert.doesNotMatch(`${mail.sender.mailbox?.text}${mail.sender.envid}`, /[\r\n\0]/);
      }
      for (const argument of [text, `TO:<a@b.example> ${text}`, `TO:<${text}>`]) {
        const rcpt = parseRcpt(argument, utf8, esmtp);
        if (rcpt.kind === "refused") assert.ok(rcpt.reply.code >= 500);
        else assert.doesNotMatch(`${rcpt.recipient.mailbox.text}${rcpt.recipient.orcpt}`, /[\r\n\0]/);
      }
      const command = splitCommand(text);
      assert.equal(command.verb, command.verb.toUpperCase());
      assert.equal(typeof isForeignProtocol(command), typeof hasForbiddenOctet(text));
    }),
    { numRuns: 2000 },
  );
});

test("MAIL and RCPT: long hostile arguments take no long time", () => {
  const long = ["<", "<@a,", '<"', "<a@", " SIZE=", "\\", "a.", "=", "xn--a."].flatMap((part) => [
    part.repeat(4000 / part.length),
    `<a@b.example>${part.repeat(4000 / part.length)}`,
  ]);
  const started = performance.now();
  for (const text of long) {
    parseMail(`FROM:${text}`, 0, true);
    parseRcpt(`TO:${text}`, true, true);
  }
  assert.ok(performance.now() - started < 500);
});

// --- messages -------------------------------------------------------------------------------------------------------

const headerPiece = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      "\r\n",
      "Received: x",
      "received :",
      "X-Binding: blue",
      "x-BINDING:red",
      "Subject: hi",
      " folded",
      "\t",
      ":",
      "\r\n\r\n",
      "body",
      "\0",
      "\xfc",
    ),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 5 }).map((octets) => Buffer.from(octets).toString("latin1")) },
);
/** As it comes from the check of line ends. */
const messageText = fc
  .array(headerPiece, { maxLength: 20, size: "max" })
  .map((parts) => parts.join("").replace(/\r(?!\n)|(?<!\r)\n/g, ""));

type Seen = Readonly<{ passed: string; received: number; utf8: boolean; binding: string | undefined }>;

function readHeader(parts: readonly string[]): Seen {
  const header = new HeaderSection({ maxBytes: 100_000, wanted: new Map([["x-binding", "remove"]]) });
  const passed = parts.flatMap((part) => header.push(Buffer.from(part, "latin1")));
  passed.push(...header.end());
  const { receivedCount, hasUtf8, values } = header;
  return {
    passed: Buffer.concat(passed).toString("latin1"),
    received: receivedCount,
    utf8: hasUtf8,
    binding: values.get("x-binding"),
  };
}

/** The rule, written line by line: what is no field and no continuation ends the section. */
function plainly(text: string): Seen {
  const seen = { passed: "", received: 0, utf8: false, binding: undefined as string | undefined };
  let inBinding = false;
  let value = "";
  let rest = text;
  const note = (): void => {
    if (inBinding)
      seen.binding ??= value
        .slice(value.indexOf(":") + 1)
        .replace(/\r?\n(?=[ \t])/g, "")
        .trim();
  };
  while (rest !== "") {
    const line = rest.slice(0, rest.indexOf("\n") + 1 || rest.length + 1);
    const isFolded = /^[ \t]/.test(line);
    if (!isFolded && !/^[!-9;-~]+[ \t]*:/.test(line)) break;
    rest = rest.slice(line.length);
    if (/[\x80-\xff]/.test(line)) seen.utf8 = true;
    if (isFolded && inBinding) value += line;
    else if (!isFolded) {
      note();
      inBinding = /^x-binding[ \t]*:/i.test(line);
      value = line;
      if (/^received[ \t]*:/i.test(line)) seen.received += 1;
    }
    if (!inBinding) seen.passed += line;
  }
  note();
  return { ...seen, passed: seen.passed + rest };
}

test("header section: read at once, in pieces, and line by line it is the same (LP-1, EX-12, TR-6)", () => {
  fc.assert(
    fc.property(messageText, cuts, (text, where) => {
      const whole = readHeader([text]);
      assert.deepEqual(whole, plainly(text));
      assert.deepEqual(readHeader(pieces(text, where)), whole);
    }),
    { numRuns: 3000 },
  );
});

test("Received: nothing that a client says leaves its place (TR-8, AT-28)", () => {
  fc.assert(
    fc.property(noise, noise, fc.boolean(), (ehlo, local, smtputf8) => {
      const quoted = `"${local.replace(/["\\]|\p{Cc}/gu, "")}"@example.org`;
      const mailbox: Mailbox = { text: quoted, localPart: quoted.slice(0, -12), host: undefined };
      const field = receivedField({
        session: sampleSession({ ehlo }),
        form: "letterlock",
        isTrusted: false,
        hostname: "mx.example.org",
        messageId: "m1",
        envelope: {
          sender: { mailbox: undefined, body: "7bit", smtputf8, ret: undefined, envid: undefined },
          recipients: [{ mailbox, notify: undefined, orcpt: undefined }],
        },
        at: 0,
      }).toString("latin1");
      assert.match(field, /^Received: from [A-Za-z0-9._:[\]?-]* \(\[192\.0\.2\.1\]\)\r\n(?:\t[ -~]*\r\n)+$/);
      assert.equal(field.split("\r\n").length - 2, field.includes("\r\n\tfor <") ? 3 : 2);
    }),
    { numRuns: 2000 },
  );
});

// --- names, addresses, text -----------------------------------------------------------------------------------------

const nameNoise = fc.oneof(
  noise,
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "xn--",
          "bcher-kva",
          "ü",
          ".",
          "．",
          "\u200b",
          "\u0301",
          "A",
          "-",
          "_",
          "1",
          "ß",
          "\u202e",
          "א",
          "例",
          "😀",
        ),
        fc.string({ unit: "binary", maxLength: 2 }),
      ),
      { maxLength: 12, size: "max" },
    )
    .map((parts) => parts.join("")),
);

test("domains: what was read is in normal form, and reads as itself (AT-27)", () => {
  fc.assert(
    fc.property(nameNoise, (text) => {
      const name = parseDomain(text);
      if (name === undefined) return;
      assert.match(name, /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/);
      assert.ok(name.length <= 253 && name.split(".").every((label) => label.length > 0 && label.length < 64));
      assert.equal(parseDomain(name), name);
      assert.equal(parseDomain(`${name.toUpperCase()}.`), name);
      const pattern = parseDomainPattern(`.${name}`);
      assert.equal(pattern && formatDomainPattern(pattern), `.${name}`);
    }),
    { numRuns: 5000 },
  );
});

test("addresses and blocks: one text for each, and a block holds what it names (MX-12)", () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ unit: fc.constantFrom(..."0123456789abcdefx:.%/"), maxLength: 20, size: "max" }),
  );
  fc.assert(
    fc.property(address, fc.nat(140), (text, prefix) => {
      const ip = parseIp(text);
      if (ip !== undefined) {
        assert.equal(parseIp(ip), ip);
        assert.equal(typeof isPublicAddress(ip), "boolean");
        const alone = parseCidr(ip);
        assert.ok(alone !== undefined && inCidr(ip, alone));
      }
      const block = parseCidr(`${text}/${prefix}`);
      if (block !== undefined) assert.ok(inCidr(block.address, block));
    }),
    { numRuns: 3000 },
  );
});

test("text from strangers: escaped it is one line of printable ASCII, and bounded (AT-28)", () => {
  fc.assert(
    fc.property(noise, (text) => {
      assert.match(escapeText(text), /^[ -~]*$/);
      assert.ok(escapeText(text.repeat(100), 50).length <= 53 * 10);
      const plain = decodeXtext(text);
      if (plain !== undefined && !/[\x80-\xff]/.test(plain)) assert.equal(decodeXtext(encodeXtext(plain)), plain);
    }),
    { numRuns: 2000 },
  );
});

test("names in certificates: odd entries match nothing (NC-3, NC-6)", () => {
  const reference = parseDomain("mx.example.com") ?? assert.fail();
  const entry = fc.oneof(
    noise,
    fc
      .tuple(fc.nat(14), fc.constantFrom("*", "\0", ".", " ", "\n", "ü", ",", "\x7f"))
      .map(([at, odd]) => `${"mx.example.com".slice(0, at)}${odd}${"mx.example.com".slice(at)}`),
  );
  fc.assert(
    fc.property(entry, (text) => {
      const matched = certificateMatches({ dnsNames: [text], ipAddresses: [] }, { kind: "name", name: reference });
      assert.equal(matched !== undefined, /^(?:mx|\*)\.example\.com\.?$/i.test(text));
    }),
    { numRuns: 3000 },
  );
});

test("DER: any octets: what is read lies within them, in time proportional to them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), fc.nat(310), (octets, offset) => {
      const element = readDer(octets, offset);
      if (element !== undefined) assert.ok(offset + element.whole.length <= octets.length);
      const all = readDerSequence(octets);
      if (all !== undefined)
        assert.equal(
          all.reduce((sum, { whole }) => sum + whole.length, 0),
          octets.length,
        );
    }),
    { numRuns: 3000 },
  );
  const started = performance.now();
  assert.equal(readDerSequence(new Uint8Array(200_000))?.length, 100_000);
  assert.ok(performance.now() - started < 500);
});

// --- between our own processes --------------------------------------------------------------------------------------

test("requests: any JSON value is one or is not, and no name reaches beyond the methods", async () => {
  const methods = { list: () => [] };
  const name = fc.oneof(fc.constantFrom("list", "__proto__", "constructor", "toString", "hasOwnProperty"), fc.string());
  const value = fc.oneof(fc.jsonValue(), fc.record({ id: fc.jsonValue(), method: name, params: fc.jsonValue() }));
  await fc.assert(
    fc.asyncProperty(value, async (parsed) => {
      assert.equal(typeof isResponse(parsed), "boolean");
      if (!isRequest(parsed)) return;
      const response = await answer(parsed, methods);
      assert.equal(response.ok, parsed.method === "list");
    }),
    { numRuns: 500 },
  );
});
