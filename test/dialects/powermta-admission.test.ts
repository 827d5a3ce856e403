/**
 * What a PowerMTA configuration opens, whom it knows and for which domains it takes mail; and what it tells of that.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDomainPattern } from "../../src/mail/domain-pattern.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { compiled, compiledWith, inboundQuestion, lines, textsOf } from "./powermta/files.ts";

const opened = ({ settings }: Compiled): string[] =>
  (settings.listeners ?? []).map(
    ({ name, address, port, implicitTls }) => `${name} = ${address} ${port}${implicitTls ? " tls" : ""}`,
  );

const listeners: readonly [title: string, text: string, want: readonly string[]][] = [
  ["none written: 0.0.0.0:25", "", ["0.0.0.0:25 = 0.0.0.0 25"]],
  ["one address", "smtp-listener 192.0.2.1:2525", ["192.0.2.1:2525 = 192.0.2.1 2525"]],
  ["a block of one", "smtp-listener 192.0.2.1/32:25", ["192.0.2.1/32:25 = 192.0.2.1 25"]],
  ["everywhere as 0/0", "smtp-listener 0/0:2525", ["0/0:2525 = 0.0.0.0 2525"]],
  ["IPv6", "smtp-listener [IPv6:2001:db8::1]:25", ["[IPv6:2001:db8::1]:25 = 2001:db8::1 25"]],
  [
    "every IPv6 address beside every IPv4 one",
    "smtp-listener 0.0.0.0:25; smtp-listener [::]:25",
    ["0.0.0.0:25 = 0.0.0.0 25", "[::]:25 = :: 25"],
  ],
  [
    "the section of version 5",
    "<smtp-listener 192.0.2.1:2525>; await-slot yes; </smtp-listener>",
    ["192.0.2.1:2525 = 192.0.2.1 2525"],
  ],
  [
    "one that another serves already",
    "smtp-listener 0.0.0.0:25; smtp-listener 192.0.2.1:25",
    ["0.0.0.0:25 = 0.0.0.0 25"],
  ],
];
for (const [title, text, want] of listeners) {
  test(`powermta listeners: ${title}`, () => assert.deepEqual(opened(compiled(lines(text))), want));
}

test("powermta listeners: a block of addresses is not opened, wider least of all, and that is told", () => {
  const made = compiled("smtp-listener 10/8:25");
  assert.deepEqual(opened(made), []);
  assert.match(
    textsOf(made, "differs").join("\n"),
    /1: smtp-listener 10\/8:25: a block of addresses is not listened on/,
  );
});

test("powermta listeners: the narrowest that holds the address says what is offered, whichever was opened", () => {
  const made = compiled(
    lines(`smtp-listener 0.0.0.0:25; smtp-listener 192.0.2.1:25 source=s; <source s>; smtp-service no; </source>`),
  );
  const at = (localAddress: string): unknown =>
    made.source.inbound?.({ ...inboundQuestion(), listener: "0.0.0.0:25", localAddress: localAddress as never })?.barred
      ?.value;
  assert.deepEqual([at("192.0.2.1"), at("192.0.2.2")], [true, undefined]);
});

const user = (inside: string): string => `<smtp-user u>\n${inside}\n</smtp-user>`;
const known: readonly [title: string, text: string, want: unknown][] = [
  ["a password, as it stands", user('password "two words"'), ["u", "two words", false]],
  [
    "his source lets him relay",
    `${user("password x\nsource s")}\n<source s>\nalways-allow-relaying yes\n</source>`,
    ["u", "x", true],
  ],
  [
    "{auth} lets those relay who have no source",
    `${user("password x")}\n<source {auth}>\nalways-allow-relaying yes\n</source>`,
    ["u", "x", true],
  ],
  ["no password", `${user("source {auth}\n")}\n<source {auth}>\n</source>`, undefined],
  ["an empty password", user('password ""'), undefined],
  ["a password that no client can send", user("password \u0007"), undefined],
  ["an account of the system", user("authentication-method system\npassword x"), undefined],
];
for (const [title, text, want] of known) {
  test(`powermta users: ${title}`, () => {
    const made = compiled(text);
    const [found] = made.settings.users ?? [];
    assert.deepEqual(found === undefined ? undefined : [found.name, found.secret, found.mayRelay], want);
    if (want === undefined) assert.match(textsOf(made, "warning", "differs").join("\n"), /cannot log in/);
    assert.doesNotMatch(made.notes.map((note) => note.text).join("\n"), /two words/);
  });
}

test("powermta users: names and passwords are kept in the form in which they log in", () => {
  const made = compiled(
    "<smtp-user \uff55ser>\npassword \u2168\nsource s\n</smtp-user>\n<source s>\nallow-auth no\n</source>",
  );
  assert.deepEqual([made.settings.users?.[0]?.name, made.settings.users?.[0]?.secret], ["user", "IX"]);
  assert.equal(made.source.inbound?.(inboundQuestion({ user: "user" }))?.auth?.value, "never");
});

test("powermta: relay-domain and every host-name are domains that anybody may send to", () => {
  const made = compiled(
    lines("host-name mx.test; host-name mx2.test; relay-domain a.test; relay-domain *.b.test; relay-domain [*.]c.test"),
  );
  const found = (made.settings.relayDomains ?? []).map(formatDomainPattern);
  assert.deepEqual(found, ["mx.test", "mx2.test", "a.test", ".b.test", "c.test", ".c.test"]);
});

test("powermta: of a configuration with errors nobody is known and no domain taken", () => {
  const { settings } = compiledWith(lines(`relay-domain a.test; ${user("password x")}; foo-bar yes`));
  assert.deepEqual([settings.users, settings.relayDomains], [undefined, undefined]);
});

const relay: readonly [title: string, text: string, want: boolean | undefined][] = [
  ["nobody says anything", "", undefined],
  ["globally", "always-allow-relaying yes", true],
  [
    "a source takes it back",
    "always-allow-relaying yes; <source 192.0.2.0/24>; always-allow-relaying no; </source>",
    false,
  ],
  ["a source", "<source 192.0.2.0/24>; always-allow-relaying yes; </source>", true],
  ["another source", "<source 198.51.100.0/24>; always-allow-relaying yes; </source>", undefined],
];
for (const [title, text, want] of relay) {
  test(`powermta: always-allow-relaying: ${title}`, () => {
    assert.equal(compiled(lines(text)).source.inbound?.(inboundQuestion())?.relay?.value, want);
  });
}

const told: readonly [title: string, text: string, kind: "warning" | "differs" | "error" | "applied", want: RegExp][] =
  [
    [
      "relaying for everybody",
      "<source 0/0>; always-allow-relaying yes; </source>",
      "warning",
      /2: .*every client may send to anywhere/,
    ],
    ["relaying for everybody, globally", "always-allow-relaying yes", "warning", /1: .*every client may send/],
    [
      "relaying for whoever reaches a listener",
      "smtp-listener 0/0:25 source=s; <source s>; always-allow-relaying yes; </source>",
      "warning",
      /3: .*every client of listener 0\/0:25/,
    ],
    ["relay-domain *", "relay-domain *", "warning", /1: relay-domain \*: every client/],
    ["a relay-domain that is none", "relay-domain a..test", "error", /"a\.\.test" is no domain/],
    ["relay-address", "relay-address a@b.test", "differs", /1: relay-address: Single recipients/],
    [
      "passwords in clear",
      "<source 0/0>; allow-unencrypted-plain-auth yes; </source>",
      "warning",
      /2: .*passwords in clear text/,
    ],
    ["an unknown way to log in", user("authentication-method kerberos"), "error", /"kerberos" is none/],
    [
      "a rate for failed log-ins",
      "<source 0/0>; smtp-max-auth-failure-rate 3/1h; </source>",
      "differs",
      /2: .*limited by `auth`/,
    ],
    [
      "what a source asks for",
      "<source 0/0>; allow-starttls yes; require-auth yes; require-starttls-before-auth yes; </source>",
      "applied",
      /1: <source 0\/0>: STARTTLS is offered, and mail is taken without it too; no mail before AUTH; AUTH only inside TLS/,
    ],
  ];
for (const [title, text, kind, want] of told) {
  test(`powermta check: ${title}`, () => assert.match(textsOf(compiledWith(lines(text)), kind).join("\n"), want));
}

for (const [title, text] of [
  ["with require-auth beside it", "<source 0/0>; always-allow-relaying yes; require-auth yes; </source>"],
  ["for a block of one's own", "<source 10/8>; always-allow-relaying yes; </source>"],
  [
    "where AUTH waits for TLS",
    "<source 10/8>; allow-unencrypted-plain-auth yes; </source>; <source 0/0>; require-starttls-before-auth yes; </source>",
  ],
] as const) {
  test(`powermta check: no warning of relaying or passwords ${title}`, () => {
    assert.doesNotMatch(textsOf(compiled(lines(text)), "warning").join("\n"), /send to anywhere|in clear text/);
  });
}

test("powermta: neither TLS 1.2 nor 1.3 towards clients: they are told to come back later", () => {
  const made = compiled(lines("smtp-server-tls-allow-tlsv1.2 no; smtp-server-tls-allow-tlsv1.3 no"));
  assert.match(made.source.inbound?.(inboundQuestion())?.refuse?.value ?? "", /neither TLS 1\.2 nor TLS 1\.3/);
});
