/**
 * Damaged Postfix configurations: each is an error, or the mail that it was about is not sent; never sent with less than
 * was meant.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { domain } from "../../../src/mail/domain.ts";
import { parseIp } from "../../../src/mail/ip.ts";
import { compile, deliver, notesOf, question, type WorldOptions } from "./world.ts";

const refused = "deferred 4.7.5 client TLS configuration problem";
const engine = "deferred 4.7.5 TLS is required, but our TLS engine is unavailable";

const rows: readonly [title: string, world: WorldOptions, want: string, to?: string][] = [
  ["a typing error in the global level", { main: "smtp_tls_security_level = verfy" }, refused],
  ["a global level that is no input", { main: "smtp_tls_security_level = halfdane" }, refused],
  ["two words as a global level", { main: "smtp_tls_security_level = encrypt # always" }, refused],
  ["a typing error in a line's level", { policy: "good.test secrue" }, refused],
  ["an unknown attribute", { policy: "good.test verify cafile=/x" }, refused],
  ["an attribute without its value", { policy: "good.test verify match" }, refused],
  ["a brace that is never closed", { policy: "good.test verify { match = x" }, refused],
  ["an unreadable CA file at verify", { main: "smtp_tls_CAfile = /nowhere", policy: "good.test verify" }, engine],
  ["an unreadable CA file at encrypt", { main: "smtp_tls_CAfile = /nowhere", policy: "good.test encrypt" }, engine],
  [
    "a CA file without certificates",
    { main: "smtp_tls_CAfile = /empty", files: { "/empty": "" }, policy: "good.test verify" },
    engine,
  ],
  ["no such CA folder", { main: "smtp_tls_CApath = /nowhere", policy: "good.test verify" }, engine],
  ["an unreadable client certificate", { main: "smtp_tls_cert_file = /nowhere", policy: "good.test encrypt" }, engine],
  [
    "a missing trust anchor file for all",
    { main: "smtp_tls_trust_anchor_file = /nowhere", policy: "good.test verify" },
    refused,
  ],
  ["a missing table", { main: "smtp_tls_policy_maps = hash:/etc/postfix/gone" }, refused],
  ["a table type that nobody knows", { main: "smtp_tls_policy_maps = hsh:/etc/postfix/tls_policy" }, refused],
  ["a table without a type", { main: "smtp_tls_policy_maps = /etc/postfix/tls_policy" }, refused],
  ["a database that cannot be asked", { main: "smtp_tls_policy_maps = ldap:/etc/postfix/ldap.cf" }, refused],
  ["a table that always fails", { main: "smtp_tls_policy_maps = fail:maintenance, static:none" }, refused],
  ["an empty inline value", { main: "smtp_tls_policy_maps = inline:{ {good.test = } }" }, refused],
  ...[
    ["a wrong pattern", "/(good/ none\n"],
    ["a wrong pattern behind one that does not match", "/^bad\\.test$/ none\n/(good/ verify\n/./ may\n"],
    ["a pattern without its delimiter", "/good verify\n/./ may\n"],
    ["a flag that does not exist", "/good/q verify\n/./ may\n"],
    ["a group that does not exist", "/good/ verify match=$1\n/./ may\n"],
    ["a wrong condition", "if /(good/\n/./ none\nendif\n"],
    ["a condition without a pattern", "if\n/./ none\nendif\n"],
    ["a byte order mark before a pattern", "\ufeff/^good\\.test$/ verify\n"],
  ].map(([title = "", text = ""]): (typeof rows)[number] => [
    `${title}: Postfix does without it`,
    { main: "smtp_tls_policy_maps = pcre:/re", files: { "/re": text } },
    refused,
  ]),
  [
    "protocol names that do not exist",
    { main: "smtp_tls_mandatory_protocols = TLS1.2", policy: "good.test encrypt" },
    refused,
  ],
  ["protocol names that do not exist, at may", { main: "smtp_tls_protocols = TLS1.2" }, refused],
  ["a grade that does not exist", { main: "smtp_tls_ciphers = hgih" }, refused],
  ["a cipher list that OpenSSL does not take", { main: "tls_medium_cipherlist = NOSUCH" }, refused],
  [
    "a digest that we cannot make",
    { main: "smtp_tls_fingerprint_digest = crc32", policy: "good.test fingerprint match=00" },
    refused,
  ],
  ["SNI that is no name", { main: "smtp_tls_servername = -bad-" }, refused],
  ["obsolete: an unknown value per site", { main: "smtp_tls_per_site = inline:{good.test=MSUT}" }, refused],
  [
    "a transport that does not exist",
    { transport: "good.test smpt:[mx.good.test]" },
    'deferred 4.3.0 mail transport unavailable: there is no service "smpt"',
  ],
  [
    "a transport table that is missing",
    { main: "transport_maps = hash:/gone" },
    "deferred 4.3.0 address resolver failure: transport_maps cannot be asked",
  ],
  [
    "a transport without its colon",
    { transport: "good.test [mx.good.test]" },
    'deferred 4.3.0 mail transport unavailable: there is no service "[mx.good.test]"',
  ],
  [
    "a next-hop that is none",
    { transport: "good.test smtp:[mx.good.test" },
    "deferred 4.3.0 unusable next-hop: [mx.good.test: no host name",
  ],
];

for (const [title, world, want, to = "u@good.test"] of rows) {
  test(`postfix damaged: ${title}`, () => {
    const compiled = compile(world);
    assert.equal(deliver(compiled, to, 1000), want);
    const said = [...notesOf(compiled, "warning"), ...notesOf(compiled, "error")];
    assert.ok(said.length > 0, "check says nothing");
  });
}

const errors: readonly [title: string, world: WorldOptions, text: RegExp][] = [
  ["no such main.cf", { wholeMain: "x" }, /missing '='/],
  ["a line without =", { main: "smtp_tls_security_level" }, /missing '=' after attribute name/],
  ["a global level that does not exist", { main: "smtp_tls_security_level = verfy" }, /Invalid TLS level "verfy"/],
  ["neither yes nor no", { main: "smtp_tls_wrappermode = on" }, /bad boolean configuration: smtp_tls_wrappermode = on/],
  ["a time that is none", { main: "minimal_backoff_time = soon" }, /bad time: minimal_backoff_time = soon/],
  ["half a service", { master: "smtp unix - -\n" }, /bad entry/],
  ["a compatibility level that is none", { main: "compatibility_level = 9999" }, /malformed compatibility level/],
  ["a value that names itself", { main: "smtp_tls_policy_maps = $smtp_tls_policy_maps" }, /unreasonable macro call/],
  ["a value that nobody defines", { main: "smtp_tls_CAfile = $ca_dir/ca.pem" }, /smtp_tls_CAfile uses \$ca_dir/],
  ["a brace within a value", { main: "smtp_tls_CAfile = ${config_directory" }, /smtp_tls_CAfile: /],
];

for (const [title, world, text] of errors) {
  test(`postfix damaged, an error: ${title}`, () => {
    const compiled = compile(world);
    assert.match(notesOf(compiled, "error").join("\n"), text);
    assert.equal(deliver(compiled, "u@good.test", 1000), refused);
  });
}

test("postfix damaged: a pattern that is reached by nobody holds up nobody; in a transport map Postfix's way is ours", () => {
  const files = { "/re": "/^good\\.test$/ encrypt\n/(/ verify\n", "/tr": "/(/ smtp:[mx.self.test]\n" };
  const compiled = compile({ main: "smtp_tls_policy_maps = regexp:/re\ntransport_maps = regexp:/tr", files });
  assert.equal(deliver(compiled, "u@good.test"), "sent Trusted encrypt mx.good.test");
  assert.equal(deliver(compiled, "u@self.test"), refused);
  const said = notesOf(compiled, "warning").join("\n");
  assert.match(said, /re:2: .*Postfix leaves this rule out, here mail waits whose look-up comes as far/);
  assert.match(said, /tr:1: .*Postfix leaves this rule out: /);
});

for (const [title, override, service = ""] of [
  ["no value", "-o smtp_tls_security_level"],
  ["blanks without braces", "-o smtp_tls_security_level = verify"],
  ["a brace left open", "-o {smtp_tls_security_level = verify"],
  ["a word before it", "x -o smtp_tls_security_level=verify"],
  ["another dash", "\u2013o smtp_tls_security_level=verify"],
  ["a level that does not exist", "-o smtp_tls_security_level=verfy", refused],
  ["a name that nobody defines", "-o smtp_tls_security_level=$level"],
  ["a name that means itself", "-o smtp_tls_security_level=$smtp_tls_security_level"],
  ["neither yes nor no", "-o smtp_tls_wrappermode=on"],
  ["a table that is missing", "-o smtp_tls_policy_maps=hash:/gone", refused],
] as const) {
  test(`postfix damaged: an option of one service, ${title}: its mail waits, all other mail flows`, () => {
    const compiled = compile({
      transport: "s.test strict:[mx.good.test]\n",
      master: `smtp unix - - n - - smtp\nstrict unix - - n - - smtp ${override}\n`,
    });
    const waits = 'deferred 4.3.0 mail transport unavailable: "strict" does not start: ';
    assert.ok(deliver(compiled, "u@s.test", 1000).startsWith(service === "" ? waits : service));
    assert.equal(deliver(compiled, "u@good.test"), "sent Trusted may mx.good.test");
    assert.deepEqual(notesOf(compiled, "error"), []);
    assert.match(notesOf(compiled, "warning").join("\n"), /master\.cf:2: /);
  });
}

test("postfix damaged: a broken smtp service holds up the mail that goes to its own MX; its rules refuse", () => {
  const compiled = compile({ master: "smtp unix - - n - - smtp -o smtp_tls_security_level\n" });
  assert.match(deliver(compiled, "u@good.test", 1000), /^deferred 4\.3\.0 mail transport unavailable/);
  const mx = { kind: "mx", domain: domain("good.test"), port: 25 } as const;
  const rule = compiled.source.outbound(question(mx));
  assert.equal(rule?.refuse?.value, "client TLS configuration problem");
  assert.deepEqual(compiled.source.candidates(question(mx))[0]?.settings, ["refuse: client TLS configuration problem"]);
});

test("postfix damaged: a broken smtpd service refuses its clients, and no others", () => {
  const master = "25 inet n - n - - smtpd\n587 inet n - n - - smtpd -o smtpd_tls_security_level\n";
  const { source, notes } = compile({ main: "smtpd_tls_security_level = may", master });
  const client = parseIp("192.0.2.9") ?? assert.fail();
  const ask = (localPort: number) =>
    source.inbound?.({
      listener: "in",
      localAddress: undefined,
      localPort,
      client,
      clientName: undefined,
      user: undefined,
      now: 0,
    });
  assert.match(String(ask(587)?.refuse?.value), /service 587 does not start/);
  assert.equal(ask(25)?.refuse, undefined);
  assert.ok(notes.every(({ kind }) => kind !== "error"));
});

test("postfix damaged: a next-hop list ends at the one that cannot be read, as in Postfix", () => {
  const waits = "deferred 4.3.0 unusable next-hop: [a.test: no host name";
  assert.equal(deliver(compile({ transport: "good.test smtp:[a.test, [mx.good.test]" }), "u@good.test"), waits);
  const second = compile({ transport: "good.test smtp:[mx.good.test], [a.test" });
  assert.equal(deliver(second, "u@good.test"), "sent Trusted may mx.good.test");
});

for (const [title, world] of [
  ["main.cf", { wholeMain: "\ufeffsmtp_tls_security_level = encrypt\n" }],
  ["a policy table", { policy: "\ufeffgood.test encrypt\n" }],
] as const) {
  test(`postfix damaged: check names the byte order mark that ${title} begins with`, () => {
    assert.match(notesOf(compile(world), "warning").join("\n"), /:1: the file begins with a byte order mark/);
  });
}

test("postfix damaged: the release of a Postfix is assumed, and check says so", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
  const level = "${{$mail_version} >=level {3.4} ? {encrypt} : {may}}";
  const world = { main: `smtp_tls_security_level = ${level}` };
  const compiled = compile(world);
  assert.equal(deliver(compiled, "u@self.test"), "sent Untrusted encrypt mx.self.test");
  assert.match(notesOf(compiled, "warning").join("\n"), /uses \$mail_version.*; 3\.10\.13 is assumed here/);
  const older = compile({ ...world, defines: { mail_version: "3.3.1" } });
  assert.equal(deliver(older, "u@self.test"), "sent Untrusted may mx.self.test");
  assert.doesNotMatch(notesOf(older, "warning").join("\n"), /mail_version/);
});

test("postfix damaged: an unreadable main.cf or master.cf sends nothing", () => {
  const compiled = compile({ wholeMain: "smtp_tls_security_level\n" });
  assert.equal(deliver(compiled, "u@good.test", 1000), refused);
  assert.match(notesOf(compiled, "error").join("\n"), /main\.cf:1: missing '='/);
});

const whole = `smtp_tls_security_level = encrypt
smtp_tls_CAfile = /etc/postfix/lab-ca.pem
smtp_tls_policy_maps = inline:{ {good.test = verify match=mx.good.test} }
smtp_tls_mandatory_protocols = >=TLSv1.2
`;

test("postfix damaged: half a file, cut at every octet: an error, no mail, or at least as good as what is still written", () => {
  for (let end = whole.indexOf("\n") + 1; end < whole.length; end += 1) {
    const compiled = compile({ wholeMain: whole.slice(0, end) });
    const sent = deliver(compiled, "u@wrong.test", 1000);
    // What is still there asks for encryption: mail is encrypted, or waits.
    assert.doesNotMatch(sent, /in clear/, `cut at ${end}: ${sent}`);
  }
});

const wholeMaster = `smtp unix - - n - - smtp
strict unix - - n - - smtp
  -o smtp_tls_security_level=verify
  -o smtp_tls_CAfile=/etc/postfix/lab-ca.pem
`;

test("postfix damaged: half a master.cf, cut at every octet: the transport is missing, in error, or as strict as written", () => {
  for (let end = 0; end < wholeMaster.length; end += 1) {
    const master = wholeMaster.slice(0, end);
    const compiled = compile({
      main: "smtp_tls_security_level = encrypt",
      master,
      transport: "w.test strict:[mx.wrong.test]",
    });
    const sent = deliver(compiled, "u@w.test", 1000);
    // "-o smtp_tls_security_level=" is what people write to switch TLS off: it does, and check says so.
    const told = notesOf(compiled, "warning").some((text) => text.includes("smtp_tls_security_level is empty"));
    if (!told) assert.doesNotMatch(sent, /in clear/, `cut at ${end}`);
  }
});

for (const [name, value] of [
  ["relayhost", "smtp:[relay.test]:26"],
  ["smtp_fallback_relay", "smtp:[relay.test]:26"],
  ["default_transport", "[relay.test]:26"],
  ["relay_transport", "smtp:[relay.test"],
] as const) {
  test(`postfix damaged: check says that ${name} leads nowhere`, () => {
    const said = notesOf(compile({ main: `${name} = ${value}` }), "warning").join("\n");
    assert.match(said, new RegExp(`main\\.cf:6: ${name}: .*(?:unusable next-hop|there is no transport)`));
  });
}

for (const [key, remedy] of [
  ["*", /smtp_tls_security_level/],
  ["*.good.test", /write "\.good\.test encrypt"/],
  ["u@good.test", /write "good\.test encrypt"/],
] as const) {
  test(`postfix damaged: check says what to write in place of the key ${key}`, () => {
    const [note] = compile({ policy: `${key} encrypt\n` }).notes.filter(({ text }) => text.includes("is no next-hop"));
    assert.match(note?.remedy ?? "", remedy);
  });
}

const levelAt = (world: WorldOptions, port: number, address?: string): string | undefined => {
  const client = parseIp("192.0.2.9") ?? assert.fail();
  const localAddress = address === undefined ? undefined : parseIp(address);
  const question = {
    listener: "in",
    localAddress,
    localPort: port,
    client,
    clientName: undefined,
    user: undefined,
    now: 0,
  };
  return compile(world).source.inbound?.(question)?.starttls?.value;
};

test("postfix damaged: a service of another address or port never weakens what clients are asked for", () => {
  const main = "smtpd_tls_security_level = encrypt";
  const inside = "127.0.0.1:25 inet n - n - - smtpd -o smtpd_tls_security_level=none\n";
  const both = { main, master: `${inside}25 inet n - n - - smtpd\n` };
  assert.deepEqual([levelAt(both, 25, "127.0.0.1"), levelAt(both, 25, "192.0.2.1")], ["never", "require"]);
  assert.deepEqual([levelAt(both, 25), levelAt(both, 2525)], ["require", "require"]);
  assert.deepEqual(
    [levelAt({ main, master: inside }, 25, "192.0.2.1"), levelAt({ main, master: inside }, 10)],
    ["require", "require"],
  );
});

test("postfix damaged: postscreen hands on to the smtpd behind it, whose options count", () => {
  const master = `smtp inet n - n - 1 postscreen
smtpd pass - - n - - smtpd -o smtpd_tls_security_level=encrypt
submission inet n - n - - smtpd -o smtpd_tls_security_level=may
`;
  const world = { main: "smtpd_tls_security_level = none", master };
  assert.deepEqual([levelAt(world, 25), levelAt(world, 587)], ["require", "offer"]);
});
