/**
 * The numbered cases of the Postfix reference (section 8): configuration and destination in, Postfix's outcome out.
 * Cases about DANE, REQUIRETLS and socketmap say what holds today; those about smtpd are in `postfix-sessions.test.ts`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compile,
  deliver,
  goodDigests,
  labCaFile,
  notesOf,
  routeOf,
  ruleFor,
  type WorldOptions,
} from "./postfix/world.ts";

type Row = readonly [title: string, world: WorldOptions, to: string, want: string, ageSeconds?: number];

const later = 400;
const refused = "deferred 4.7.5 client TLS configuration problem";
const notVerified = "deferred 4.7.5 Server certificate not verified";
const noHandshake = "deferred 4.7.5 Cannot start TLS: handshake failure";
const notOffered = (host: string): string => `4.7.4 TLS is required, but was not offered by host ${host}`;

function run(rows: readonly Row[]): void {
  for (const [title, world, to, want, age] of rows) {
    test(`postfix ${title}`, () => assert.equal(deliver(compile(world), to, age), want));
  }
}

const ciphermail = `[tls.example.com] verify match=alternative.com\n`;
const toTls = "other.com smtp:[tls.example.com]\n";
const manyKeys = ".good.test encrypt\ngood.test none\n.test verify\n";

run([
  ["PT-1: good.test verify", { policy: "good.test verify" }, "u@good.test", "sent Verified verify mx.good.test"],
  [
    "PT-2: good.test:25 is another key",
    { policy: "good.test:25 none" },
    "u@good.test",
    "sent Trusted may mx.good.test",
  ],
  ["PT-3: the domain itself", { policy: manyKeys }, "u@good.test", "sent in clear none mx.good.test"],
  ["PT-3: below .good.test", { policy: manyKeys }, "u@sub.good.test", "sent Trusted encrypt mx.good.test"],
  ["PT-3: below .test", { policy: manyKeys }, "u@self.test", notVerified],
  [
    "PT-3: below .test, no STARTTLS",
    { policy: manyKeys },
    "u@nostarttls.test",
    `deferred ${notOffered("mx.nostarttls.test")}`,
  ],
  ["PT-4: case is folded", { policy: "GOOD.TEST verify" }, "a@Good.Test", "sent Verified verify mx.good.test"],
  [
    "PT-5: a trailing dot is never found",
    { policy: "self.test. verify" },
    "u@self.test",
    "sent Untrusted may mx.self.test",
  ],
  [
    "PT-6: [host] by a transport",
    { policy: ciphermail, transport: toTls },
    "u@other.com",
    "sent Verified verify tls.example.com",
  ],
  [
    "PT-7: the page's two lines",
    { policy: `${ciphermail}ciphermail.com verify\n`, transport: toTls },
    "u@ciphermail.com",
    notVerified,
  ],
  [
    "PT-8: the same run together",
    { policy: "ciphermail.com verify [tls.example.com] verify match=alternative.com" },
    "u@ciphermail.com",
    refused,
  ],
  [
    "PT-9: [127.0.0.1]:10025 none",
    {
      main: "smtp_tls_security_level = encrypt",
      policy: "[127.0.0.1]:10025 none",
      transport: "a.test smtp:[127.0.0.1]:10025",
    },
    "u@a.test",
    "sent in clear none 127.0.0.1",
  ],
  [
    "PT-9: [127.0.0.1] is another key",
    {
      main: "smtp_tls_security_level = encrypt",
      policy: "[127.0.0.1]:10025 none",
      transport: "a.test smtp:[127.0.0.1]",
    },
    "u@a.test",
    `deferred ${notOffered("127.0.0.1")}`,
  ],
  ...["u@good.test", "u@nostarttls.test", "u@anything.example"].map(
    (to): Row => [
      `PT-10: a relay host is the only key, mail for ${to}`,
      { main: "relayhost = [mx.good.test]:25", policy: "good.test encrypt\n[mx.good.test]:25 verify" },
      to,
      "sent Verified verify mx.good.test",
    ],
  ),
  [
    "PT-11: a list of next-hops, each with its own key",
    {
      transport: "t.test smtp:[mx.nostarttls.test]:2525, [mx.good.test]:25",
      policy: "[mx.nostarttls.test]:2525 none\n[mx.good.test]:25 verify",
    },
    "u@t.test",
    "4.4.1 connection refused\nsent Verified verify mx.good.test",
  ],
  [
    "PT-12: parents of a bare host from a transport",
    { transport: ".t3.test smtp:sub.good.test", policy: ".good.test encrypt" },
    "u@x.t3.test",
    "sent Trusted encrypt mx.good.test",
  ],
  [
    "PT-13: without brackets",
    { transport: "t2.test smtp:mx.good.test", policy: "mx.good.test verify\n[mx.good.test] secure" },
    "u@t2.test",
    "sent Verified verify mx.good.test",
  ],
  [
    "PT-13: with brackets",
    { transport: "t2.test :[mx.good.test]", policy: "mx.good.test verify\n[mx.good.test] secure" },
    "u@t2.test",
    "sent Verified secure mx.good.test",
  ],
  [
    "PT-14: an address of its own way",
    {
      transport: "user@t5.test smtp:[mx.good.test]:2025\n* smtp:[mx.self.test]",
      policy: "[mx.good.test]:2025 verify\n[mx.self.test] encrypt",
    },
    "user@t5.test",
    "sent Verified verify mx.good.test",
  ],
  [
    "PT-14: everybody else's",
    {
      transport: "user@t5.test smtp:[mx.good.test]:2025\n* smtp:[mx.self.test]",
      policy: "[mx.good.test]:2025 verify\n[mx.self.test] encrypt",
    },
    "other@t5.test",
    "sent Untrusted encrypt mx.self.test",
  ],
]);

const threeMaps: WorldOptions = {
  main: "smtp_tls_policy_maps = inline:{ {good.test = none} }, hash:/etc/postfix/more, static:encrypt",
  files: { "/etc/postfix/more": "good.test verify\nself.test may\n", "/etc/postfix/more.db": "" },
};
const patterns: WorldOptions = {
  main: "smtp_tls_policy_maps = regexp:/etc/postfix/re, pcre:/etc/postfix/pc",
  files: {
    "/etc/postfix/re": "/^\\.test$/ encrypt\n/^good\\.test$/ none\n",
    "/etc/postfix/pc": "/(.*)\\.test$/ verify match=mx.$1.test\n",
  },
};
const brokenTable = { main: "smtp_tls_policy_maps = texthash:/etc/postfix/nowhere" };

run([
  ["PT-15: inline first", threeMaps, "u@good.test", "sent in clear none mx.good.test"],
  ["PT-15: then the file", threeMaps, "u@self.test", "sent Untrusted may mx.self.test"],
  ["PT-15: then static", threeMaps, "u@nostarttls.test", `deferred ${notOffered("mx.nostarttls.test")}`],
  ["PT-16: a pattern for the whole key", patterns, "u@good.test", "sent in clear none mx.good.test"],
  ["PT-16: the next table with the first key", patterns, "u@self.test", notVerified],
  ["PT-17: a table that cannot be opened", brokenTable, "u@good.test", refused],
  [
    "PT-18: the fallback relay under its own policy",
    { main: "smtp_fallback_relay = [mx.good.test]", policy: "nostarttls.test encrypt\n[mx.good.test] verify" },
    "u@nostarttls.test",
    `${notOffered("mx.nostarttls.test")}\nsent Verified verify mx.good.test`,
  ],
]);

test("postfix PT-2: check says which key is asked", () => {
  const [note = ""] = notesOf(compile({ policy: "good.test:25 none" }), "warning");
  assert.match(
    note,
    /^\/etc\/postfix\/tls_policy:1: this line is not used: .* the key asked for mail to good\.test is "good\.test"$/,
  );
});

test("postfix PT-8: the problem in Postfix's words, at its line", () => {
  const policy = "# CipherMail\nciphermail.com verify [tls.example.com] verify match=alternative.com";
  const notes = notesOf(compile({ policy }), "warning");
  assert.match(
    notes.join("\n"),
    /tls_policy:2: malformed attribute\/value pair "\[tls\.example\.com\]": missing '=' after attribute name/,
  );
});

test("postfix PT-19: no rule is made of a host that routing does not find; every next-hop has a rule all the same", () => {
  assert.equal(ruleFor(compile({ policy: "servfailmx.test encrypt" }), "u@servfailmx.test").level.value, "encrypt");
});

/** One line for good.test. */
function line(text: string): WorldOptions {
  return { policy: `good.test ${text}\n` };
}

const verified = "sent Verified verify mx.good.test";

run([
  ["PT-20: VERIFY", line("VERIFY"), "u@good.test", verified],
  ["PT-20: blanks and commas", line("verify   match=mx.good.test  ,  ciphers=high"), "u@good.test", verified],
  ...["halfdane", "half-dane", "must"].map((text): Row => [`PT-21: ${text}`, line(text), "u@good.test", refused]),
  ...["encrypt # note", "encrypt#note"].map((text): Row => [`PT-22: ${text}`, line(text), "u@good.test", refused]),
  ...["encrypt excludeciphers=AES", "encrypt foo=bar"].map(
    (text): Row => [`PT-23: ${text}`, line(text), "u@good.test", refused],
  ),
  ...["encrypt match=foo", "encrypt tafile=ca.pem"].map(
    (text): Row => [`PT-24: ${text}`, line(text), "u@good.test", refused],
  ),
  ...["encrypt ciphers=high ciphers=medium", "encrypt ciphers="].map(
    (text): Row => [`PT-25: ${text}`, line(text), "u@good.test", refused],
  ),
  ["PT-26: commas in protocols=", line("encrypt protocols=TLSv1.2,TLSv1.3"), "u@good.test", refused],
  ["PT-28: nothing but TLS 1.0 and 1.1", line("encrypt protocols=!TLSv1.3:!TLSv1.2"), "u@good.test", noHandshake],
  [
    "PT-28: nothing but TLS 1.0 and 1.1 at may is no way to clear text: TLS 1.2 and 1.3 in their place",
    line("may protocols=!TLSv1.3:!TLSv1.2"),
    "u@good.test",
    "sent Trusted may mx.good.test",
    later,
  ],
  [
    "PT-28: no protocol left at may",
    line("may protocols=!TLSv1.3:!TLSv1.2:!TLSv1.1:!TLSv1"),
    "u@good.test",
    "sent in clear may mx.good.test",
    later,
  ],
  ["PT-29: TLSv9, refused when it is read", line("encrypt protocols=TLSv9"), "u@good.test", refused],
  ["PT-29: ciphers=bogus, refused when it is read", line("encrypt ciphers=bogus"), "u@good.test", refused],
  [
    "PT-30: TLSv9 at may never ends in clear text (refused when it is read)",
    line("may protocols=TLSv9"),
    "u@good.test",
    refused,
    later,
  ],
  ["PT-31: attributes at none", line("none match=x"), "u@good.test", "sent in clear none mx.good.test"],
  [
    "PT-32: a value over several lines",
    { policy: "good.test verify\n# a comment\n\n   match=mx.good.test\n   ciphers=high\n" },
    "u@good.test",
    verified,
  ],
]);

for (const [level, text] of [
  ["may", /TLS 1\.2 and 1\.3 are used in their place/],
  ["encrypt", /no handshake can succeed/],
] as const) {
  test(`postfix PT-28: check says that old protocols are understood differently at ${level}`, () => {
    assert.match(notesOf(compile(line(`${level} protocols=TLSv1:TLSv1.1`)), "differs").join("\n"), text);
  });
}

test("postfix PT-27: blanks within braces (3.10)", () => {
  const { protocols } = ruleFor(compile(line("encrypt { protocols = TLSv1.2 }")), "u@good.test");
  assert.deepEqual(protocols?.value, { min: "TLSv1.2", max: "TLSv1.2" });
});

const told: readonly [id: string, text: string, problem: RegExp][] = [
  ["PT-21", "half-dane", /invalid security level "half-dane"/],
  ["PT-22", "encrypt # note", /malformed attribute\/value pair "#"/],
  ["PT-22", "encrypt#note", /invalid security level "encrypt#note"/],
  ["PT-23", "encrypt foo=bar", /invalid attribute name: "foo"/],
  ["PT-24", "encrypt match=foo", /attribute "match" invalid at security level "encrypt"/],
  ["PT-25", "encrypt ciphers=high ciphers=medium", /attribute "ciphers" is specified multiple times/],
  ["PT-26", "encrypt protocols=TLSv1.2,TLSv1.3", /malformed attribute\/value pair "TLSv1.3"/],
  ["PT-28", "encrypt protocols=!TLSv1.3:!TLSv1.2:!TLSv1.1:!TLSv1", /no handshake can succeed$/],
  ["PT-28", "may protocols=!TLSv1.3:!TLSv1.2:!TLSv1.1:!TLSv1", /leaves in clear text/],
  ["PT-29", "encrypt protocols=TLSv9", /Invalid TLS protocol list "TLSv9"/],
  ["PT-29", "encrypt ciphers=bogus", /invalid cipher grade: "bogus"/],
  ["PT-31", "none match=x", /ignoring attribute "match=x" with TLS disabled/],
  ["PT-38", "verify match=.", /match name "\." matches no certificate/],
  ["PT-44", "verify", /level "verify" can never succeed: no CA is trusted/],
  ["PT-45", "verify tafile=/nowhere", /error opening trust anchor file/],
  ["PT-48", "fingerprint", /no fingerprints to match/],
];

for (const [id, text, problem] of told) {
  test(`postfix ${id}: check says what is wrong with ${JSON.stringify(text)}`, () => {
    const world = id === "PT-44" ? { wholeMain: wholeMain(text), policy: `good.test ${text}` } : line(text);
    const notes = notesOf(compile(world), "warning");
    assert.ok(
      notes.some((note) => note.startsWith("/etc/postfix/tls_policy:1:") && problem.test(note)),
      notes.join("\n"),
    );
  });
}

function wholeMain(_line: string): string {
  return "smtp_tls_security_level = may\nsmtp_tls_policy_maps = texthash:/etc/postfix/tls_policy\n";
}

const colons = (hex: string): string => (hex.match(/../g) ?? []).join(":");
const zeros = colons("00".repeat(32));

run([
  ["PT-33: verify", line("verify"), "u@good.test", verified],
  ["PT-34: secure by .good.test", line("secure"), "u@good.test", "sent Verified secure mx.good.test"],
  ["PT-35: verify wants the MX host", { policy: "secure.test verify" }, "u@secure.test", notVerified],
  [
    "PT-35: secure wants the domain",
    { policy: "secure.test secure" },
    "u@secure.test",
    "sent Verified secure mx.secure.test",
  ],
  ["PT-36: match=.good.test", line("verify match=.good.test"), "u@good.test", verified],
  ["PT-36: match=good.test", line("verify match=good.test"), "u@good.test", notVerified],
  ["PT-36: match=*.good.test", line("verify match=*.good.test"), "u@good.test", notVerified],
  ["PT-37: two match attributes", line("verify match=a.b match=mx.good.test"), "u@good.test", verified],
  ["PT-37: match=hostname:nexthop", line("verify match=hostname:nexthop"), "u@good.test", verified],
  ["PT-37: match=HOSTNAME", line("verify match=HOSTNAME"), "u@good.test", verified],
  ["PT-38: a bar", line("verify match=mx.good.test|other"), "u@good.test", notVerified],
  ["PT-38: a dot", line("verify match=."), "u@good.test", notVerified],
  ["PT-39: dot-nexthop", { policy: "otherca.test secure match=dot-nexthop" }, "u@otherca.test", notVerified],
  [
    "PT-40: a common name alone",
    { policy: "cnonly.test verify" },
    "u@cnonly.test",
    "sent Verified verify mx.cnonly.test",
  ],
  ["PT-40: a common name beside names", { policy: "cnsan.test verify" }, "u@cnsan.test", notVerified],
  ["PT-41: a star for one label", { policy: "wild.test verify" }, "u@wild.test", "sent Verified verify mx.wild.test"],
  ["PT-41: a star for two", { policy: "wild2.test verify" }, "u@wild2.test", notVerified],
  ["PT-42: the alias is the name", { policy: "cname.test verify" }, "u@cname.test", notVerified],
  [
    "PT-43: an address in the certificate",
    { transport: "ip.test smtp:[192.0.2.1]", policy: "[192.0.2.1] verify" },
    "u@ip.test",
    "sent Verified verify 192.0.2.1",
  ],
  [
    "PT-43: no address in the certificate",
    { transport: "ip.test smtp:[192.0.2.2]", policy: "[192.0.2.2] verify" },
    "u@ip.test",
    notVerified,
  ],
  ["PT-44: no CA", { wholeMain: wholeMain("verify"), policy: "good.test verify" }, "u@good.test", notVerified],
  ["PT-45: tafile with the lab's CA", line(`verify tafile=${labCaFile}`), "u@good.test", verified],
  ["PT-45: tafile with another CA", line("verify tafile=/etc/postfix/other-ca.pem"), "u@good.test", notVerified],
  ["PT-45: no such tafile", line("verify tafile=/nowhere"), "u@good.test", refused],
  ["PT-45: tafile with the leaf itself", line("verify tafile=/etc/postfix/good-leaf.pem"), "u@good.test", verified],
  [
    "PT-45: tafile with a bare public key is refused here",
    line("verify tafile=/etc/postfix/public-key.pem"),
    "u@good.test",
    refused,
  ],
  ...[
    colons(goodDigests.certificate).toUpperCase(),
    colons(goodDigests.certificate),
    goodDigests.certificate,
    colons(goodDigests.key),
    `${zeros}|${goodDigests.key}`,
  ].map(
    (digest, at): Row => [
      `PT-46: digest, spelling ${at + 1}`,
      line(`fingerprint match=${digest}`),
      "u@good.test",
      "sent Verified fingerprint mx.good.test",
    ],
  ),
  ["PT-47: another digest", line(`fingerprint match=${zeros}`), "u@good.test", notVerified],
  ["PT-48: no digest", line("fingerprint"), "u@good.test", refused],
  ["PT-48: no digest that is one", line("fingerprint match=zz:11"), "u@good.test", refused],
]);

for (const [attribute, want] of [
  ["", { kind: "off" }],
  ["servername=hostname", { kind: "hostname" }],
  ["servername=nexthop", { kind: "nexthop" }],
  ["servername=sni.example", { kind: "name", name: "sni.example" }],
] as const) {
  test(`postfix PT-49: SNI with "${attribute}"`, () => {
    assert.deepEqual(ruleFor(compile(line(`verify ${attribute}`)), "u@good.test").sni?.value, want);
  });
}

function level(text: string, more = ""): WorldOptions {
  return { main: `smtp_tls_security_level = ${text}\n${more}` };
}

const smtps = `smtp unix - - n - - smtp
smtps unix - - n - - smtp
  -o smtp_tls_wrappermode=yes
wrapped unix - - n - - smtp
  -o { smtp_tls_wrappermode = yes }
`;

run([
  ...["nostarttls", "reject", "reject5"].map(
    (name): Row => [`PT-50: may, ${name}`, level("may"), `u@${name}.test`, `sent in clear may mx.${name}.test`],
  ),
  ["PT-51: encrypt, nostarttls", level("encrypt"), "u@nostarttls.test", `deferred ${notOffered("mx.nostarttls.test")}`],
  [
    "PT-52: encrypt, reject",
    level("encrypt"),
    "u@reject.test",
    "deferred 4.7.0 TLS is required, but host mx.reject.test refused to start TLS: 454 4.7.0 TLS not available",
  ],
  [
    "PT-53: encrypt, reject5 bounces",
    level("encrypt"),
    "u@reject5.test",
    "bounced 5.7.0 TLS is required, but host mx.reject5.test refused to start TLS: 554 5.7.0 no TLS for you",
  ],
  [
    "PT-53: the second MX host is not tried",
    level("encrypt"),
    "u@two5.test",
    "bounced 5.7.0 TLS is required, but host mx.reject5.test refused to start TLS: 554 5.7.0 no TLS for you",
  ],
  [
    "PT-53: soft_bounce (taken as: the next host, then wait)",
    level("encrypt", "soft_bounce = yes"),
    "u@reject5.test",
    "deferred 4.7.0 TLS is required, but host mx.reject5.test refused to start TLS: 554 5.7.0 no TLS for you",
  ],
  ...["may", "encrypt", "verify"].map(
    (text): Row => [
      `PT-54: ${text}, connection lost at STARTTLS`,
      level(text),
      "u@dropcmd.test",
      "deferred 4.4.2 lost connection with mx.dropcmd.test while receiving the STARTTLS response",
      later,
    ],
  ),
  ["PT-55: may, garbage, fresh", level("may"), "u@garbage.test", noHandshake],
  ["PT-55: may, garbage, later", level("may"), "u@garbage.test", "sent in clear may mx.garbage.test", later],
  ["PT-55: may, handshake dropped, later", level("may"), "u@drophs.test", "sent in clear may mx.drophs.test", later],
  [
    "PT-55: minimal_backoff_time counts",
    level("may", "minimal_backoff_time = 10m"),
    "u@garbage.test",
    noHandshake,
    later,
  ],
  ["PT-56: may, lost after the handshake, fresh", level("may"), "u@dropmail.test", "deferred 4.4.2 lost connection"],
  [
    "PT-56: may, lost after the handshake, later",
    level("may"),
    "u@dropmail.test",
    "sent in clear may mx.dropmail.test",
    later,
  ],
  [
    "PT-57: may, the second host is fine",
    level("may"),
    "u@twog.test",
    "4.7.5 Cannot start TLS: handshake failure\nsent Trusted may mx.good.test",
  ],
  ...["garbage", "drophs"].map(
    (name): Row => [`PT-58: encrypt, ${name}`, level("encrypt"), `u@${name}.test`, noHandshake, later],
  ),
  ...["self", "exp", "otherca"].flatMap((name) =>
    ["may", "encrypt"].map(
      (text): Row => [
        `PT-59: ${text}, ${name}`,
        level(text),
        `u@${name}.test`,
        `sent Untrusted ${text} ${name === "otherca" ? "mxo.good.test" : `mx.${name}.test`}`,
      ],
    ),
  ),
  ...["may", "encrypt"].map(
    (text): Row => [`PT-60: ${text}, wrong`, level(text), "u@wrong.test", `sent Trusted ${text} mx.wrong.test`],
  ),
  ...["self", "exp", "otherca", "wrong"].map(
    (name): Row => [`PT-61: verify, ${name}`, level("verify"), `u@${name}.test`, notVerified],
  ),
  [
    "PT-62: encrypt, the second host has TLS",
    level("encrypt"),
    "u@twomx.test",
    `${notOffered("mx.nostarttls.test")}\nsent Trusted encrypt mx.good.test`,
  ],
  [
    "PT-62: verify, the second host has the name",
    level("verify"),
    "u@twomx2.test",
    "4.7.5 Server certificate not verified\nsent Verified verify mx.good.test",
  ],
  [
    "PT-63: TLS from the first octet",
    { master: smtps, transport: "w.test smtps:[mx.good.test]:465", policy: "[mx.good.test]:465 verify" },
    "u@w.test",
    verified,
  ],
  [
    "PT-64: port 465 without it",
    { master: smtps, transport: "w.test smtp:[mx.good.test]:465", policy: "[mx.good.test]:465 verify" },
    "u@w.test",
    "deferred 4.4.2 timed out",
  ],
  [
    "PT-64: TLS from the first octet at may",
    { master: smtps, transport: "w.test wrapped:[mx.good.test]:465" },
    "u@w.test",
    "deferred 4.3.0 server unavailable or unable to receive mail",
  ],
  [
    "PT-65: none",
    level("none", "smtp_tls_note_starttls_offer = yes"),
    "u@good.test",
    "sent in clear none mx.good.test",
  ],
]);

const dnssec = "smtp_dns_support_level = dnssec";
const daneTitles = [
  ["PT-66", "dane", "matching records"],
  ["PT-67", "dane", "records that do not match"],
  ["PT-68", "dane", "no STARTTLS"],
  ["PT-69", "dane", "unusable records"],
  ["PT-70", "dane", "no records"],
  ["PT-71", "dane", "a look-up that fails"],
  ["PT-72", "dane", "a second host with records"],
  ["PT-73", "dane", "a second host without records"],
  ["PT-74", "dane", "an MX answer that is not secure"],
  ["PT-75", "dane-only", "no usable records"],
] as const;

for (const [id, name, situation] of daneTitles) {
  test(`postfix ${id}: ${name}, ${situation}: refuses to deliver until DANE evidence exists`, () => {
    const compiled = compile(level(name, dnssec));
    assert.equal(ruleFor(compiled, "u@good.test").level.value, name);
    assert.match(deliver(compiled, "u@good.test", later), /^deferred 4\.7\.5 /);
  });
}

test("postfix PT-76: without DNSSEC answers dane is may, with a warning", () => {
  const compiled = compile(level("dane", "smtp_dns_support_level = enabled"));
  assert.equal(deliver(compiled, "u@good.test"), "sent Trusted may mx.good.test");
  assert.match(notesOf(compiled, "warning").join("\n"), /"dane" means "may": mail may leave in clear text/);
});

const sts = "secure match=mx.good.test policy_type=sts policy_domain=good.test";
const unavailable = "deferred 4.3.0 server unavailable or unable to receive mail";

run([
  [
    "PT-76: without DNSSEC answers dane-only refuses",
    level("dane-only", "smtp_dns_support_level = enabled"),
    "u@good.test",
    refused,
  ],
  ["PT-77: no pattern fits", line(`${sts} mx_host_pattern=other.example`), "u@good.test", unavailable],
  [
    "PT-77: patterns are not enforced",
    { ...line(`${sts} mx_host_pattern=other.example`), main: "smtp_tls_enforce_sts_mx_patterns = no" },
    "u@good.test",
    "sent Verified secure mx.good.test",
  ],
  [
    "PT-78: *.good.test",
    line(`${sts} mx_host_pattern=*.good.test`),
    "u@good.test",
    "sent Verified secure mx.good.test",
  ],
  ["PT-78: *.test is one label", line(`${sts} mx_host_pattern=*.test`), "u@good.test", unavailable],
  ["PT-79: a failure at secure", line(`${sts} policy_failure=sts-webpki-invalid`), "u@good.test", notVerified],
  [
    "PT-79: a failure at may",
    line("may policy_type=sts policy_failure=sts-webpki-invalid"),
    "u@good.test",
    "sent Trusted may mx.good.test",
  ],
  ["PT-80: no policy_type", line("secure match=x mx_host_pattern=y"), "u@good.test", refused],
  [
    "PT-81: the pattern fits the second host only",
    { policy: "twomx2.test secure match=x policy_type=sts mx_host_pattern=mx.good.test" },
    "u@twomx2.test",
    "4.3.0 server unavailable or unable to receive mail\nsent Verified secure mx.good.test",
  ],
]);

test("postfix PT-82: TLS-Required: no never weakens a policy here, and check says so", () => {
  const compiled = compile({ main: "tls_required_enable = yes", policy: "good.test secure match=nope" });
  assert.equal(deliver(compiled, "u@good.test"), notVerified);
  assert.match(
    notesOf(compiled, "differs").join("\n"),
    /tls_required_enable: TLS-Required: no in a message never weakens/,
  );
});

test("postfix PT-83, PT-84: REQUIRETLS is not offered; its settings are read without effect", () => {
  const compiled = compile({ main: "requiretls_enable = yes\nsmtp_requiretls_policy = opportunistic+starttls" });
  const notes = notesOf(compiled, "no-effect").join("\n");
  assert.match(notes, /requiretls_enable: REQUIRETLS is not offered yet/);
  assert.match(notes, /smtp_requiretls_policy: REQUIRETLS is not offered yet/);
});

const socketmap = { main: "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix" };
run([
  ["PT-85: a socketmap is not asked: its mail waits", socketmap, "u@good.test", refused],
  ["PT-86: a socketmap is not asked: as when it is down", socketmap, "u@sub.good.test", refused],
  ["PT-87: a socketmap is not asked: no answer is too long", socketmap, "u@[192.0.2.1]", refused],
]);

test("postfix PT-85: a table before the socketmap still answers, with the parents after it (KEY-11)", () => {
  const compiled = compile({ main: "smtp_tls_policy_maps = inline:{good.test=may} socketmap:unix:/run/x:q" });
  assert.equal(deliver(compiled, "u@good.test"), "sent Trusted may mx.good.test");
  assert.equal(deliver(compiled, "u@other.test"), refused);
});

test("postfix: a literal's key is the literal in brackets (KEY-7)", () => {
  const compiled = compile({ policy: "[192.0.2.1] none\n[IPv6:2001:db8::1] verify" });
  assert.equal(ruleFor(compiled, "u@[192.0.2.1]").level.value, "none");
  assert.equal(ruleFor(compiled, "u@[IPv6:2001:db8::1]").level.value, "verify");
  assert.equal(routeOf(compiled, "u@[192.0.2.1]").kind, "nexthops");
});
