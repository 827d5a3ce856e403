import assert from "node:assert/strict";
import { test } from "node:test";
import packet from "dns-packet";
import fc from "fast-check";
import { domain } from "../mail/domain.ts";
import { parseResponse } from "./message.ts";
import { makeQuery, type Query, type QuestionType } from "./query.ts";

function queryFor(type: QuestionType, name = "example.com"): Query {
  return makeQuery({ name: domain(name), type }, "with");
}

function answerTo(query: Query, change: packet.Packet = {}): Buffer {
  const { id, question } = query;
  const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | packet.AUTHENTIC_DATA;
  return packet.encode({ type: "response", id, flags, questions: [{ ...question, class: "IN" }], ...change });
}

function messageOf(bytes: Buffer, query: Query) {
  const response = parseResponse(bytes, query);
  assert.ok(response.kind === "message", response.kind);
  return response.message;
}

/** Header with one question as asked and `counts` for the other sections, then what follows as it is. */
function rawAnswer(query: Query, counts: readonly [number, number, number], rest: readonly number[]): Buffer {
  const head = answerTo(query);
  for (const [index, count] of counts.entries()) head.writeUInt16BE(count, 6 + 2 * index);
  return Buffer.concat([head, Buffer.from(rest)]);
}

test("makeQuery: RS-2 asks with RD, AD, DO and 1232 octets, CD clear", () => {
  const query = queryFor("MX");
  const sent = packet.decode(query.bytes);
  assert.deepEqual([sent.flag_rd, sent.flag_ad, sent.flag_cd, sent.flag_qr], [true, true, false, false]);
  assert.deepEqual(sent.questions, [{ name: "example.com", type: "MX", class: "IN" }]);
  const opt = sent.additionals?.[0];
  assert.ok(opt?.type === "OPT" && opt.flag_do && opt.udpPayloadSize === 1232);
});

test("makeQuery: RS-4 takes a new id each time", () => {
  assert.ok(new Set(Array.from({ length: 50 }, () => queryFor("A").id)).size > 40);
});

test("parseResponse reads what a server wrote", () => {
  const query = queryFor("MX");
  const base = { name: "example.com", class: "IN", ttl: 60 } as const;
  const bytes = answerTo(query, {
    answers: [
      { ...base, name: "EXAMPLE.com", type: "MX", data: { preference: 10, exchange: "MX1.Example.NET" } },
      { ...base, type: "MX", data: { preference: 0, exchange: "." } },
      { ...base, type: "MX", data: { preference: 5, exchange: "192.0.2.1" } },
      { ...base, type: "A", data: "192.0.2.1" },
      { ...base, type: "AAAA", data: "2001:db8:0:0::1" },
      { ...base, type: "AAAA", data: "::ffff:127.0.0.1" },
      { ...base, type: "TXT", data: ["v=STSv1; ", "id=1"] },
      { ...base, type: "CNAME", data: "alias.example.org" },
      { ...base, type: "NS", data: "ns.example.org" },
      { ...base, type: "A", class: "CH", data: "192.0.2.9" },
    ],
  });
  const head = { owner: "example.com", ttlSeconds: 60 };
  assert.deepEqual(messageOf(bytes, query), {
    rcode: 0,
    authentic: true,
    truncated: false,
    soa: undefined,
    extended: undefined,
    answers: [
      { ...head, type: "MX", value: { preference: 10, exchange: "mx1.example.net" } },
      { ...head, type: "MX", value: { preference: 0, exchange: undefined } },
      { ...head, type: "MX", value: { preference: 5, exchange: undefined, invalidTarget: "192.0.2.1" } },
      { ...head, type: "A", value: "192.0.2.1" },
      { ...head, type: "AAAA", value: "2001:db8::1" },
      { ...head, type: "AAAA", value: "127.0.0.1" },
      { ...head, type: "TXT", value: "v=STSv1; id=1" },
      { ...head, type: "CNAME", value: "alias.example.org" },
    ],
  });
});

test("parseResponse: RS-12 keeps the extended error, escaped, and the high RCODE bits", () => {
  const query = queryFor("A");
  const options = [{ code: 15, data: Buffer.from("\0\u0006expired\n\u001b[2J") }] as unknown as packet.PacketOpt[];
  const opt = { type: "OPT", name: ".", udpPayloadSize: 1232, extendedRcode: 1, ednsVersion: 0, flags: 0 } as const;
  const message = messageOf(answerTo(query, { additionals: [{ ...opt, flag_do: false, options }] }), query);
  assert.deepEqual([message.rcode, message.extended], [16, "6 DNSSEC bogus (expired\\x0a\\x1b[2J)"]);
});

test("parseResponse: a denial carries the smaller of the SOA's TTL and MINIMUM", () => {
  const query = queryFor("A", "www.example.com");
  const data = { mname: "ns.example.com", rname: "root.example.com", minimum: 300 };
  const soa = { type: "SOA", name: "example.com", class: "IN", ttl: 900, data } as const;
  const message = messageOf(answerTo(query, { authorities: [soa] }), query);
  assert.deepEqual(message.soa, { owner: "example.com", ttlSeconds: 300 });
});

const strangers: readonly [name: string, change: packet.Packet][] = [
  ["another id", { id: -1 }],
  ["a query", { type: "query" }],
  ["opcode 4", { flags: 4 << 11 }],
  ["another name", { questions: [{ name: "example.org", type: "MX", class: "IN" }] }],
  ["another type", { questions: [{ name: "example.com", type: "A", class: "IN" }] }],
  ["another class", { questions: [{ name: "example.com", type: "MX", class: "CH" }] }],
  ["no question", { questions: [] }],
  [
    "two questions",
    {
      questions: [
        { name: "example.com", type: "MX" },
        { name: "example.com", type: "MX" },
      ],
    },
  ],
];
for (const [name, change] of strangers) {
  test(`parseResponse: RS-3, AT-18 does not take ${name}`, () => {
    const query = queryFor("MX");
    const id = change.id === -1 ? query.id ^ 1 : query.id;
    assert.equal(parseResponse(answerTo(query, { ...change, id }), query).kind, "not-ours");
  });
}

test("parseResponse: RS-9 takes a FORMERR that has lost its question", () => {
  const query = queryFor("MX");
  assert.equal(messageOf(answerTo(query, { flags: 1, questions: [] }), query).rcode, 1);
});

test("parseResponse: RS-5 reads nothing from a truncated answer", () => {
  const query = queryFor("A");
  const whole = answerTo(query, {
    flags: packet.TRUNCATED_RESPONSE | packet.AUTHENTIC_DATA,
    answers: [{ type: "A", name: "example.com", data: "192.0.2.1" }],
  });
  const message = messageOf(whole.subarray(0, whole.length - 3), query);
  assert.deepEqual([message.truncated, message.answers], [true, []]);
});

/** In every row the question's name is at 12 (13 octets), its type and class end at 29. */
const owner = [0xc0, 12];
const fixed = (type: number, rdlength: number, ttl = [0, 0, 0, 60]): number[] => [0, type, 0, 1, ...ttl, 0, rdlength];
const mxTo = (...name: number[]): number[] => [...owner, ...fixed(15, 2 + name.length), 0, 10, ...name];
const malformed: readonly [name: string, counts: readonly [number, number, number], rest: readonly number[]][] = [
  ["a record announced and missing", [1, 0, 0], []],
  ["65535 records announced", [65535, 65535, 65535], []],
  ["octets after the end", [0, 0, 0], [0]],
  ["RDLENGTH beyond the packet", [1, 0, 0], [...owner, ...fixed(1, 4), 192, 0, 2]],
  ["an A record of three octets", [1, 0, 0], [...owner, ...fixed(1, 3), 192, 0, 2]],
  ["an A record of five octets", [1, 0, 0], [...owner, ...fixed(1, 5), 192, 0, 2, 1, 0]],
  [
    "an A record with a record inside",
    [1, 0, 1],
    [...owner, ...fixed(1, 15), 192, 0, 2, 1, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0],
  ],
  ["an MX name that runs over its RDLENGTH", [1, 0, 0], [...owner, ...fixed(15, 3), 0, 10, 1, 97, 0]],
  ["an MX name that stops before its RDLENGTH", [1, 0, 0], [...owner, ...fixed(15, 5), 0, 10, 0, 0, 0]],
  ["a TXT string over its RDLENGTH", [1, 0, 0], [...owner, ...fixed(16, 2), 5, 97]],
  ["a pointer to itself", [1, 0, 0], [0xc0, 29, ...fixed(1, 4), 192, 0, 2, 1]],
  ["a pointer forwards to a name", [2, 0, 0], [...mxTo(0xc0, 45), 1, 97, 0, ...fixed(16, 0)]],
  ["a pointer to two zeros in the header", [1, 0, 0], mxTo(0xc0, 8)],
  ["a pointer cut in half", [1, 0, 0], [0xc0]],
  ["two pointers in a circle", [1, 0, 0], mxTo(0xc0, 45, 0xc0, 43)],
  ["label type 01", [1, 0, 0], mxTo(0x41, 97, 0)],
  [
    "a name of more than 255 octets",
    [1, 0, 0],
    mxTo(
      ...Array(5)
        .fill([60, ...Array(60).fill(97)])
        .flat(),
      0,
    ),
  ],
  ["two OPT records", [0, 0, 2], [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]],
  ["an EDNS option beyond its OPT", [0, 0, 1], [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 4, 0, 15, 0, 9]],
];
for (const [name, counts, rest] of malformed) {
  test(`parseResponse: RS-6, RS-8 refuses ${name}`, () => {
    const query = queryFor("MX");
    assert.equal(parseResponse(rawAnswer(query, counts, rest), query).kind, "malformed");
  });
}

test("parseResponse: RS-8 a TTL with the top bit set is 0", () => {
  const query = queryFor("A");
  const bytes = rawAnswer(query, [1, 0, 0], [...owner, ...fixed(1, 4, [0x80, 0, 0, 60]), 192, 0, 2, 1]);
  assert.equal(messageOf(bytes, query).answers[0]?.ttlSeconds, 0);
});

test("parseResponse: a label with a dot in it does not pass for two labels", () => {
  const query = queryFor("MX");
  const bytes = rawAnswer(query, [1, 0, 0], mxTo(13, ...Buffer.from("mx.Evil\0.test"), 0));
  assert.deepEqual(messageOf(bytes, query).answers[0]?.value, {
    preference: 10,
    exchange: undefined,
    invalidTarget: "\\x6d782e4576696c002e74657374",
  });
});

test("parseResponse: a PTR name that is no host name is none", () => {
  const query = queryFor("PTR", "7.2.0.192.in-addr.arpa");
  const base = { name: "7.2.0.192.in-addr.arpa", class: "IN", type: "PTR", ttl: 60 } as const;
  const names = ["MX.example", "192.0.2.7", "mx/1.example", "m x.example", ".", "x".repeat(63)];
  const bytes = answerTo(query, { answers: names.map((data) => ({ ...base, data })) });
  const values = messageOf(bytes, query).answers.map(({ value }) => value);
  assert.deepEqual(values, ["mx.example", undefined, undefined, undefined, undefined, "x".repeat(63)]);
});

test("parseResponse: never throws on random octets", () => {
  const query = queryFor("MX");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => {
      assert.equal(parseResponse(Buffer.from(octets), query).kind, "not-ours");
    }),
  );
});

test("parseResponse: never throws on random octets after the question", () => {
  const query = queryFor("MX");
  const counts = fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4));
  fc.assert(
    fc.property(counts, fc.uint8Array({ maxLength: 300 }), (sections, rest) => {
      assert.notEqual(parseResponse(rawAnswer(query, sections, [...rest]), query).kind, "not-ours");
    }),
  );
});

test("parseResponse: never throws on a packet with octets changed, lost or added", () => {
  const query = queryFor("MX");
  const base = { name: "example.com", class: "IN", ttl: 60 } as const;
  const good = answerTo(query, {
    answers: [
      { ...base, type: "MX", data: { preference: 10, exchange: "mx.example.com" } },
      { ...base, type: "CNAME", data: "xn--exmple-cua.com" },
      { ...base, type: "TXT", data: "text" },
      { ...base, type: "AAAA", data: "2001:db8::1" },
    ],
    authorities: [{ ...base, type: "SOA", data: { mname: "a.example", rname: "b.example", minimum: 1 } }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: 1,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: true,
        options: [],
      },
    ],
  });
  const place = fc.nat(good.length - 1);
  const edit = fc.record({ at: place, lose: fc.nat(3), add: fc.uint8Array({ maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
      const bytes = edits.reduce<Buffer>(
        (now, { at, lose, add }) => Buffer.concat([now.subarray(0, at), add, now.subarray(at + lose)]),
        good,
      );
      assert.ok(["message", "malformed", "not-ours"].includes(parseResponse(bytes, query).kind));
    }),
    { numRuns: 2000 },
  );
});

test("parseResponse agrees with dns-packet on whatever dns-packet can write", () => {
  const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?$/);
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => [...labels, "test"].join("."));
  const mx = fc.tuple(fc.nat(65535), name).map(([preference, exchange]) => ({ preference, exchange }));
  const record = fc.oneof(
    fc.record({ type: fc.constant("A" as const), name, ttl: fc.nat(), data: fc.ipV4() }),
    fc.record({ type: fc.constant("CNAME" as const), name, ttl: fc.nat(), data: name }),
    fc.record({ type: fc.constant("PTR" as const), name, ttl: fc.nat(), data: name }),
    fc.record({
      type: fc.constant("MX" as const),
      name,
      ttl: fc.nat(),
      data: mx,
    }),
    fc.record({ type: fc.constant("TXT" as const), name, ttl: fc.nat(), data: fc.stringMatching(/^[ -~]{0,200}$/) }),
  );
  const query = queryFor("MX");
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      const got = messageOf(answerTo(query, { answers: records.map((one) => ({ ...one })) }), query).answers;
      const want = records.map(({ type, name: owner, ttl, data }) => ({ owner, ttlSeconds: ttl, type, value: data }));
      assert.deepEqual(got, want);
    }),
  );
});

test("parseResponse: an A-label that does not decode is still a host name", () => {
  const query = queryFor("MX");
  const bytes = rawAnswer(query, [1, 0, 0], mxTo(7, ...Buffer.from("xn--999"), 4, ...Buffer.from("test"), 0));
  assert.deepEqual(messageOf(bytes, query).answers[0]?.value, { preference: 10, exchange: "xn--999.test" });
});

/** MX records that all point at one name of 250 octets, repeated as often as `octets` hold. */
function manyMx(query: Query, label: readonly number[], octets: number): Buffer {
  const first = [
    ...Array(Math.floor(250 / label.length))
      .fill(label)
      .flat(),
    0,
    ...fixed(16, 0),
  ];
  const each = [0xc0, 29, ...fixed(15, 4), 0, 1, 0xc0, 29];
  const count = Math.floor((octets - first.length) / each.length);
  return rawAnswer(query, [count + 1, 0, 0], [...first, ...Array(count).fill(each).flat()]);
}

const slow: readonly [name: string, label: readonly number[]][] = [
  ["short labels", [1, 97]],
  ["A-labels", [8, ...Buffer.from("xn--bxa3")]],
  ["octets to escape", [1, 200]],
];
for (const [name, label] of slow) {
  test(`parseResponse: packets made to be slow with ${name} are refused or read at once`, () => {
    const query = queryFor("MX");
    assert.equal(parseResponse(manyMx(query, label, 65_000), query).kind, "malformed");
    const bytes = manyMx(query, label, 8_000);
    const started = performance.now();
    assert.ok(messageOf(bytes, query).answers.length > 450);
    assert.ok(performance.now() - started < 250);
  });
}
