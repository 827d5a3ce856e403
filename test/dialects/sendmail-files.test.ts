/**
 * Sendmail's files as they are: the access text, sendmail.mc and sendmail.cf, what `check` says of them, and what becomes
 * of damaged ones: an error, or a rule that refuses, never less than was meant.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { parseAccess } from "../../src/policy/dialects/sendmail/access-text.ts";
import { compileSendmail } from "../../src/policy/dialects/sendmail/compile.ts";
import { optionTable } from "../../src/policy/dialects/sendmail/options.ts";
import { compileTexts, deliver, errors, filesOf, noTls, question, tls, warnings } from "./sendmail/lab.ts";

const peer = "mx.peer.example";

function fixture(name: string): string {
  return readFileSync(path.join(import.meta.dirname, "sendmail", name), "utf8");
}

function kinds({ notes }: Compiled, kind: string): readonly string[] {
  return notes.filter((note) => note.kind === kind).map(({ text }) => text);
}

test("sendmail 81: the same key twice: the first holds, the second is reported", () => {
  const compiled = compileTexts(`TLS_Srv:${peer} ENCR:112\nTLS_SRV:MX.peer.example OK\n`);
  assert.match(deliver(compiled, "u@peer.example", [peer, noTls]), /^queued: 454/);
  assert.match(
    warnings(compiled).join("\n"),
    /^2: TLS_SRV:MX\.peer\.example stands here a second time: the entry of line 1 holds$/m,
  );
});

test("sendmail 82: a blank in front, a key without a value: left out and reported, the rest is read", () => {
  const { entries, faults } = parseAccess(
    "  TLS_Srv:a.example ENCR:112\nTLS_Srv:b.example\nTLS_Srv:c.example ENCR:112\n",
  );
  assert.deepEqual(
    [...entries.values()].map(({ key, line }) => [key, line]),
    [["TLS_Srv:c.example", 3]],
  );
  assert.deepEqual(
    faults.map(({ kind, line }) => [kind, line]),
    [
      ["leading-blank", 1],
      ["no-value", 2],
    ],
  );
  // For an entry about TLS that would be less than was meant: an error, as makemap's exit status is one.
  assert.equal(errors(compileTexts("TLS_Srv:b.example\n")).length, 1);
  assert.equal(errors(compileTexts("  Connect:b.example OK\nSpam:x\n")).length, 0);
});

for (const value of ["ENCR:112   ", "ENCR: 112", "perm+Verify:112+cn"]) {
  test(`sendmail 83: ${JSON.stringify(value)} is a requirement`, () => {
    const compiled = compileTexts(`TLS_Srv:${peer} ${value}\n`);
    assert.notEqual(deliver(compiled, "u@peer.example", [peer, noTls]), `clear via ${peer}`);
    assert.deepEqual(errors(compiled), []);
  });
}

test("entries of other tags are counted", () => {
  const compiled = compileTexts("Spam:a FRIEND\nFrom:b@example.com OK\nTLS_Srv: ENCR:1\n");
  assert.ok(kinds(compiled, "no-effect").includes("2 entries of other tags: not our subject"));
});

test("entries by which clients relay or are turned away are counted", () => {
  const compiled = compileTexts(
    "Connect:127 RELAY\nTo:good.example RELAY\nConnect:bad.example REJECT\nworse.example 550 no\nx@y.example REJECT\n",
  );
  assert.ok(kinds(compiled, "applied").includes("2 entries with RELAY: who may relay, and to where"));
  assert.ok(kinds(compiled, "applied").includes("2 entries by which clients that connect are turned away"));
  assert.ok(
    kinds(compiled, "no-effect").includes("2 entries by which senders or recipients are refused: not our subject"),
  );
});

const traps: readonly (readonly [title: string, access: string, mc: string, said: RegExp])[] = [
  ["a domain under TLS_Srv", "TLS_Srv:hosted.example ENCR:112", "", /looked up by the name of the MX host/],
  ["a dot in front", "TLS_Srv:.partner.example ENCR:112", "", /never matches: keys with a dot in front/],
  ["a dot at the end", "TLS_Srv:mx.peer.example. ENCR:112", "", /never matches: names are looked up without the dot/],
  ["an address block", "TLS_Srv:192.0.2.0/24 ENCR:112", "", /never matches: there are no address blocks/],
  ["IPv6 with ::", "TLS_Srv:IPv6:2001:db8::1 ENCR:112", "", /never matches: addresses are looked up with all eight/],
  ["an address under TLS_Srv", "TLS_Srv:u@peer.example ENCR:112", "", /never matches: this tag is looked up by host/],
  ["TLS_Clt by name", "TLS_Clt:partner.example ENCR:112", "", /address and name do not lead to each other/],
  [
    "SKIP",
    "TLS_Srv:a.partner.example SKIP",
    "FEATURE(`access_db',,`skip')dnl",
    /no exemption: entries for the address/,
  ],
  [
    "SKIP without skip",
    "TLS_Srv:a.partner.example SKIP",
    "FEATURE(`access_db')dnl",
    /an exemption like any other word/,
  ],
  ["VERIFY without a name", "TLS_Srv:a.partner.example VERIFY", "", /no name is compared/],
  [
    "VERIFY without CAs",
    "TLS_Srv:a.partner.example VERIFY",
    "define(`confCACERT',`/ca.pem')dnl",
    /can never be met: nobody is trusted/,
  ],
  ["ENCR alone", "TLS_Srv:a.partner.example ENCR:112", "", /asks nothing of the certificate/],
  [
    "CITag that is not there",
    "TLS_Srv:a.partner.example VERIFY+CITag:T",
    "",
    /can never be met: nothing stands under T:/,
  ],
  ["CITag with another value", "TLS_Srv:a.partner.example VERIFY+CITag:T\nT:/CN=x REJECT", "", /lets this issuer pass/],
  ["Try_TLS with a word", "Try_TLS:a.partner.example never", "", /does not turn TLS off: only NO does/],
  [
    "TLS_Clt_features without its feature",
    "TLS_Clt_features:a.partner.example Flags=C",
    "",
    /never looked up without FEATURE/,
  ],
  ["octal bits", "TLS_Srv:a.partner.example ENCR:0200", "", /another strength than it says \(128\)/],
];
for (const [title, access, mc, said] of traps) {
  test(`sendmail 84, section 12: ${title} is a warning`, () => {
    const compiled = compileTexts(`${access}\n`, `dnl\n${mc}\n`);
    assert.match(warnings(compiled).join("\n"), said);
    assert.deepEqual(errors(compiled), []);
  });
}

test("sendmail 84, section 12: 168 bits and aliases are understood differently", () => {
  const said = kinds(compileTexts("TLS_Rcpt:hosted.example ENCR:168\n"), "differs").join("\n");
  assert.match(said, /triple DES counts 112 bits/);
  assert.match(said, /alias \(CNAME\)/);
});

test("the CanIt page: its two lines, with the keys that were lost put back, and its marker", () => {
  const text = fixture("canit-access.txt");
  const compiled = compileTexts(text);
  assert.deepEqual(errors(compiled), []);
  assert.equal(parseAccess(text).canItMarker, text.split("\n").findIndex((line) => line.includes("DO NOT EDIT")) + 1);
  assert.equal(
    deliver(compiled, "u@partner.example", ["mx.partner.example", noTls]),
    "queued: 454 4.7.0 encryption too weak 0 less than 168",
  );
  assert.equal(deliver(compiled, "u@partner.example", ["mx.partner.example", tls()]), "TLS via mx.partner.example");
  // Its own second log sample would fail what the page recommends.
  assert.equal(
    deliver(compiled, "u@partner.example", ["mx.partner.example", tls({ bits: 128 })]),
    "queued: 454 4.7.0 encryption too weak 128 less than 168",
  );
  assert.equal(deliver(compiled, "u@partner.example", ["mx.hoster.example", noTls]), "clear via mx.hoster.example");
  assert.match(warnings(compiled).join("\n"), /looked up by the name of the MX host/);
  const in2014 = compileTexts(text, undefined, {}, "8.14");
  assert.equal(
    deliver(in2014, "u@partner.example", ["mx.partner.example", noTls]),
    "queued: 403 4.7.0 encryption too weak 0 less than 168",
  );
});

const starttls = "include(`/etc/mail/tls/starttls.m4')dnl\n";

test("Debian's starttls.m4 is read where it is, and an error where it is not", () => {
  const missing = compileTexts("", starttls);
  assert.match(errors(missing).join(), /include\(\/etc\/mail\/tls\/starttls\.m4\): no such file/);
  const there = compileTexts("TLS_Clt:a.example VERIFY\n", starttls, {
    "/etc/mail/tls/starttls.m4": fixture("starttls.m4"),
    "/usr/share/sendmail/cf/debian/autoconf.m4": fixture("autoconf.m4"),
  });
  assert.equal(errors(there).length, 1); // CAs are needed for VERIFY, and are not there
  assert.match(errors(there).join(), /CAs cannot be read: \/etc\/mail\/tls\/sendmail-server\.crt/);
  const note = there.notes.find(({ text }) => text.startsWith("CACertPath /etc/ssl/certs"));
  assert.deepEqual([note?.file, note?.line, note?.kind], ["/etc/mail/tls/starttls.m4", 6, "applied"]);
});

test("the page's warning: an apostrophe in place of the backquote is an error, where m4 says nothing useful", () => {
  assert.match(errors(compileTexts("", "include('/etc/mail/tls/starttls.m4')dnl\n")).join(), /include\('\/etc/);
  assert.match(errors(compileTexts("", "define('confCACERT', '/x')dnl\n")).join(), /apostrophe/);
  assert.match(errors(compileTexts("", "FEATURE('access_db')dnl\n")).join(), /there is no FEATURE/);
});

const mcRows: readonly (readonly [title: string, mc: string, option: string, want: string])[] = [
  ["quotes that nest", "define(`confCACERT', ``/a'')dnl", "CACertFile", "/a"],
  ["a macro in a value", "define(`DIR',`/certs')define(`confCACERT',`DIR/ca.pem')dnl", "CACertFile", "/certs/ca.pem"],
  ["the last definition", "define(`confCACERT',`/a')define(`confCACERT',`/b')", "CACertFile", "/b"],
  ["ifdef", "ifdef(`nothing',`define(`confCACERT',`/a')',`define(`confCACERT',`/b')')", "CACertFile", "/b"],
  ["ifelse with eval", "ifelse(eval(3 > 2 && !(1 == 2)),`1',`define(`confCACERT',`/a')')", "CACertFile", "/a"],
  ["defn", "define(`confCACERT',`/a')define(`confCACERT',defn(`confCACERT')`b')", "CACertFile", "/ab"],
  ["arguments", "define(`ca',`define(`confCACERT',`/$1/$2')')ca(`x', y)", "CACertFile", "/x/y"],
  ["changequote", "changequote([,])define([confCACERT],[/a'b])", "CACertFile", "/a'b"],
  ["LOCAL_CONFIG", "LOCAL_CONFIG\nO CACertFile=/a", "CACertFile", "/a"],
  ["text that is diverted away", "divert(-1)\nO CACertFile=/x\ndivert(0)dnl\nO CACertFile=/a", "CACertFile", "/a"],
  ["undefine", "define(`confCACERT',`/a')undefine(`confCACERT')define(`confCRL',`/c')", "CRLFile", "/c"],
];
for (const [title, mc, option, want] of mcRows) {
  test(`sendmail.mc: ${title}`, () => {
    const compiled = compileTexts("", `${mc}\n`);
    assert.deepEqual(errors(compiled), []);
    const notes = compiled.notes.filter(({ text }) => text.startsWith(`${option} ${want}: `));
    assert.equal(notes.length, 1, compiled.notes.map(({ text }) => text).join("\n"));
  });
}

test("sendmail.mc: what is undefined again is not set, comments and dnl hide", () => {
  const compiled = compileTexts(
    "",
    "define(`confCACERT',`/a')undefine(`confCACERT')dnl\ndnl define(`confCRL',`/c')\n# define(`confCRL',`/c')\n",
  );
  assert.equal(
    compiled.notes.some(({ text }) => /^(?:CACertFile|CRLFile)/.test(text)),
    false,
  );
});

const damagedMc: readonly (readonly [title: string, mc: string, said: RegExp])[] = [
  ["a missing include", "include(`/nowhere.m4')", /include\(\/nowhere\.m4\)/],
  ["a missing domain file", "DOMAIN(`ours')", /domain\/ours\.m4/],
  ["an unknown FEATURE", "FEATURE(`acces_db')", /there is no FEATURE\(acces_db\)/],
  ["a mistyped setting", "define(`confTLS_SRV_OPTION',`V')", /there is no setting confTLS_SRV_OPTION/],
  ["a mistyped macro", "DEAMON_OPTIONS(`M=S')", /there is no macro DEAMON_OPTIONS|unknown/],
  ["a quotation that does not end", "define(`confCACERT',`/a)", /a quotation does not end/],
  ["a call that does not end", "define(`confCACERT',`/a'\n", /arguments do not end/],
  ["a program", "syscmd(`echo')", /syscmd\(\) is not carried out/],
  ["endless macros", "define(`a',`a a')a", /do not come to an end/],
  ["endless nesting", "define(`a',`a(a)')a", /come to an end|too deeply/],
  ["hand-written rules for hosts", "LOCAL_TLS_SERVER\nR$* $: $1", /hand-written rules in local_tls_server/],
  ["hand-written rules for recipients", "LOCAL_TLS_RCPT\nR$* $: $1", /hand-written rules in local_tls_rcpt/],
  ["hand-written rules for clients", "LOCAL_TLS_CLIENT\nR$* $: $1", /hand-written rules in local_tls_client/],
  ["a cipher list that OpenSSL does not take", "define(`confCIPHER_LIST',`HIHG')", /CipherList cannot be used/],
  [
    "a client certificate that cannot be read",
    "define(`confCLIENT_CERT',`/x')define(`confCLIENT_KEY',`/y')",
    /our certificate as a client: \/x/,
  ],
  ["a client certificate without its key", "define(`confCLIENT_CERT',`/x')", /only one of certificate and key/],
  [
    "a smart host through a mailer of another kind",
    "define(`SMART_HOST',`uucp:host')",
    /mailer uucp is not one of SMTP/,
  ],
];
for (const [title, mc, said] of damagedMc) {
  test(`damaged sendmail.mc: ${title} is an error`, () =>
    assert.match(errors(compileTexts("", `${mc}\n`)).join("\n"), said));
}

test("hand-written rules that can only turn TLS off are understood differently", () => {
  const compiled = compileTexts("", "LOCAL_TRY_TLS\nR$* $: $1\n");
  assert.deepEqual(errors(compiled), []);
  assert.match(kinds(compiled, "differs").join(), /hand-written rules in local_try_tls/);
});

test("CAs that cannot be read are an error where something is to be verified", () => {
  const mc = "define(`confCACERT',`/no.pem')define(`confCACERT_PATH',`/certs')dnl\n";
  assert.match(errors(compileTexts(`TLS_Srv:${peer} VERIFY\n`, mc)).join(), /CAs cannot be read: \/no\.pem/);
  assert.deepEqual(errors(compileTexts(`TLS_Srv:${peer} ENCR:112\n`, mc)), []);
});

test("CAs count only where file and folder are set, and the folder's names are hashes", async () => {
  const [one, two, three] = await Promise.all([makeAuthority("one"), makeAuthority("two"), makeAuthority("three")]);
  const files = {
    "/ca.pem": `text\n${one.certificatePem}`,
    "/certs/0123abcd.0": two.certificatePem,
    "/certs/three.pem": three.certificatePem,
  };
  const both = compileTexts("", "define(`confCACERT',`/ca.pem')define(`confCACERT_PATH',`/certs')dnl\n", files);
  const anchors = both.source.outbound(question(peer, "u@peer.example"))?.anchors?.value;
  assert.ok(anchors?.kind === "bundle");
  assert.equal(anchors.pem.length, 2);
  const alone = compileTexts("", "define(`confCACERT',`/ca.pem')dnl\n", files).source;
  const none = alone.outbound(question(peer, "u@peer.example"))?.anchors?.value;
  assert.ok(none?.kind === "bundle");
  assert.equal(none.pem.length, 0);
});

test("a revocation list is not read: mail that VERIFY applies to waits, other mail goes", () => {
  const compiled = compileTexts(`TLS_Srv:${peer} PERM+VERIFY\n`, "define(`confCRL',`/crl.pem')dnl\n");
  assert.match(deliver(compiled, "u@peer.example", [peer, tls()]), /^queued: 454 4\.7\.0 .*revocation list/);
  assert.equal(deliver(compiled, "u@peer.example", ["mx.other.example", tls()]), "TLS via mx.other.example");
});

test("FEATURE(sts): no mail leaves until MTA-STS can be checked", () => {
  const compiled = compileTexts("", "FEATURE(`sts')dnl\n");
  assert.match(deliver(compiled, "u@peer.example", [peer, tls()]), /^queued: 454 4\.7\.0 MTA-STS/);
});

test("versions and ciphers of the client: only weak ones leave TLS 1.3 alone, none of 1.2 and 1.3 leave nothing", () => {
  const rule = (mc: string) => compileTexts("", `${mc}dnl\n`).source.outbound(question(peer, "u@peer.example"));
  assert.deepEqual(rule("define(`confCIPHER_LIST',`RC4-SHA:DES-CBC3-SHA')")?.protocols?.value, {
    min: "TLSv1.3",
    max: "TLSv1.3",
  });
  const none = rule("define(`confCLIENT_SSL_OPTIONS',`SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3')");
  assert.deepEqual(none?.protocols?.value, { min: "TLSv1.3", max: "TLSv1.2" });
  const again = rule("define(`confCLIENT_SSL_OPTIONS',`+SSL_OP_NO_TLSv1_2 -SSL_OP_NO_TLSv1_2')");
  assert.equal(again?.protocols, undefined);
  assert.match(
    warnings(compileTexts("", "define(`confCLIENT_SSL_OPTIONS',`SSL_OP_NO_TSLv1')dnl\n")).join(),
    /SSL_OP_NO_TSLv1/,
  );
});

test("CLIENT_OPTIONS with M=S: never STARTTLS, and demands fail as where it is not offered", () => {
  const compiled = compileTexts(`TLS_Srv:${peer} VERIFY\n`, "CLIENT_OPTIONS(`Family=inet, M=S')dnl\n");
  assert.equal(
    deliver(compiled, "u@peer.example", [peer, tls()]),
    "queued: 454 4.7.0 other side does not support STARTTLS",
  );
  assert.equal(deliver(compiled, "u@peer.example", ["mx.other.example", tls()]), "clear via mx.other.example");
});

const realCf = fixture("sendmail.cf");

test("a sendmail.cf as m4 of 8.18.1 wrote it: features are read from its rules", () => {
  const compiled = compileSendmail(
    { cf: "/etc/mail/sendmail.cf" },
    filesOf({
      "/etc/mail/sendmail.cf": realCf,
      "/mnt/access": "TLS_Srv:.peer.example ENCR:112\nTLS_Srv:x.example SKIP\nTLS_Srv: VERIFY\n",
      "/etc/mail/mailertable": "",
    }),
  );
  assert.match(errors(compiled).join(), /hand-written rules in local_tls_server/);
  assert.equal(errors(compiled).length, 1);
  const scope = (host: string) => compiled.source.requirements?.(question(host, "u@x.example"))?.[0]?.from.scope;
  assert.equal(scope("mx.peer.example"), "TLS_Srv:.peer.example");
  assert.equal(scope("x.example"), "TLS_Srv:");
  // TLS_PERM_ERR: it stands in the file as 554.
  assert.equal(
    deliver(compiled, "u@peer.example", [peer, noTls]),
    "bounce: 554 5.7.0 encryption too weak 0 less than 112",
  );
});

const damagedCf: readonly (readonly [title: string, change: (text: string) => string, said: RegExp])[] = [
  ["an unknown option", (text) => `${text}\nO TLSServOptions=V\n`, /unknown option TLSServOptions/],
  ["an ambiguous option", (text) => `${text}\nO CRL=x\n`, /ambiguous option CRL/],
  ["a line of no kind", (text) => `${text}\n?what\n`, /unknown kind of line/],
  ["half a file", (text) => text.slice(0, text.length / 3), /no rulesets for TLS/],
];
for (const [title, change, said] of damagedCf) {
  test(`damaged sendmail.cf: ${title} is an error`, () => {
    const files = filesOf({ "/cf": change(realCf), "/a": "" });
    assert.match(errors(compileSendmail({ cf: "/cf", access: "/a" }, files)).join("\n"), said);
  });
}

test("an option's beginning is taken for it, with a warning", () => {
  const compiled = compileSendmail(
    { cf: "/cf", access: "/a" },
    filesOf({ "/cf": `${realCf}\nO TLSSrv=V\n`, "/a": "" }),
  );
  assert.match(warnings(compiled).join(), /option TLSSrv is taken for tlssrvoptions/);
  assert.equal(
    compiled.source.inbound?.({
      listener: "x",
      localAddress: undefined,
      localPort: 25,
      client: question(undefined, "u@x.example", "192.0.2.1").address ?? assert.fail(),
      clientName: undefined,
      user: undefined,
      now: 0,
    })?.clientCertificate?.value,
    "do-not-ask",
  );
});

test("sendmail.mc and sendmail.cf: the second runs, and where they disagree there is a warning", () => {
  const cf = realCf.replace(/^SLocal_tls_server\n.*$/m, "");
  const files = filesOf({
    "/mc": "FEATURE(`access_db',`hash /mnt/access')define(`confCACERT',`/other')dnl\n",
    "/cf": cf,
    "/mnt/access": "",
    "/etc/mail/mailertable": "",
  });
  const compiled = compileSendmail({ mc: "/mc", cf: "/cf" }, files);
  assert.deepEqual(errors(compiled), []);
  assert.match(warnings(compiled).join("\n"), /confCACERT is \/other in sendmail\.mc and \/x\/y in sendmail\.cf/);
});

test("half an access file, cut at every line: each entry that is left holds as before", () => {
  const lines = ["TLS_Srv:a.example PERM+ENCR:112", "TLS_Srv:b.example VERIFY:128+CN", "TLS_Rcpt:c.example ENCR:256"];
  for (let cut = 0; cut <= lines.length; cut += 1) {
    const { source } = compileTexts(lines.slice(0, cut).join("\n"));
    const scopes = ["mx.a.example", "mx.b.example"].map((host) =>
      source.requirements?.(question(host, "u@c.example")).map(({ from }) => from.line),
    );
    assert.deepEqual(
      scopes.map((found) => found?.every((line) => (line ?? 0) <= cut)),
      [true, true],
    );
    assert.equal(scopes[0]?.includes(1), cut >= 1);
  }
  // Cut in the middle of a line: no value is an error; a value that is cut is reported.
  assert.equal(errors(compileTexts("TLS_Srv:a.example")).length, 1);
  for (const value of ["PERM+ENC", "PERM+", "PERM+ENCR:", "VERIFY:128+", "VERIFY:"]) {
    assert.ok(
      warnings(compileTexts(`TLS_Srv:a.partner.example ${value}`)).some((text) => text.startsWith("1: ")),
      value,
    );
  }
});

test("a compiled map older than its text is reported", () => {
  const files = filesOf({ "/a": "", "/a.db": "x" });
  const aged = { ...files, modifiedAt: (name: string) => (name === "/a" ? 2 : 1) };
  assert.match(warnings(compileSendmail({ access: "/a" }, aged)).join(), /newer than the map made of it/);
});

test("access without FEATURE(access_db) is never looked at, and that is said", () => {
  const files = filesOf({ "/a": `TLS_Srv:${peer} ENCR:112\n`, "/mc": "MAILER(`smtp')dnl\n" });
  const compiled = compileSendmail({ access: "/a", mc: "/mc" }, files);
  assert.equal(deliver(compiled, "u@peer.example", [peer, noTls]), `clear via ${peer}`);
  assert.match(warnings(compiled).join(), /never looked at/);
});

test("routing: mailer table, then smart host", () => {
  const mc = "FEATURE(`mailertable',`hash /etc/mail/mailertable')define(`SMART_HOST',`relay.example')dnl\n";
  const table =
    "a.example\tesmtp:[mx.partner.example]\n.b.example\tsmtp:one.example:[192.0.2.9]\nc.example error:5.7.1:550 not here\nd.example error:tempfail later\n.e.example esmtp:%1.hub.example\nf.example local:\n";
  const compiled = compileTexts("", mc, { "/etc/mail/mailertable": table });
  const route = (recipient: string) => {
    const answer = compiled.settings.routing?.route({
      recipient: question(undefined, recipient).recipient,
      sender: undefined,
      binding: "default",
      bindingGroup: undefined,
    });
    if (answer === undefined) return "MX";
    return answer.kind === "nexthops"
      ? answer.nexthops.map(({ written }) => written).join(" ")
      : `${answer.kind} ${answer.status} ${answer.text}`;
  };
  assert.equal(route("u@a.example"), "[mx.partner.example]");
  assert.equal(route("u@x.a.example"), "relay.example");
  assert.equal(route("u@x.b.example"), "one.example [192.0.2.9]");
  assert.equal(route("u@c.example"), "fail 5.7.1 550 not here");
  assert.equal(route("u@d.example"), "defer 4.3.0 later");
  assert.equal(route("u@x.e.example"), "x.hub.example");
  assert.match(route("u@f.example"), /^defer 4\.3\.5/);
  assert.match(kinds(compiled, "differs").join(), /f\.example local:: mailer local/);
  const exported = compiled.export().filter(({ kind }) => kind !== "rule");
  assert.deepEqual(
    exported.map(({ kind, written }) => `${kind} ${written}`),
    [
      "route a.example esmtp:[mx.partner.example]",
      "route .b.example smtp:one.example:[192.0.2.9]",
      "cannot c.example error:5.7.1:550 not here",
      "cannot d.example error:tempfail later",
      "cannot .e.example esmtp:%1.hub.example",
      "cannot f.example local:",
      "route relay.example",
    ],
  );
});

test("our name is taken from confDOMAIN_NAME", () => {
  assert.equal(
    compileTexts("", "define(`confDOMAIN_NAME',`mail.example')dnl\n").settings.hostname?.value,
    "mail.example",
  );
  assert.equal(compileTexts("", "define(`confDOMAIN_NAME',`$w.example')dnl\n").settings.hostname, undefined);
});

test("named: everything that the map mentions, names below included", () => {
  const { named } = compileTexts(
    "TLS_Srv:partner.example VERIFY\nTLS_Srv:203.0.113 ENCR:1\nTLS_Srv:IPv6:2001:db8 ENCR:1\nTLS_Rcpt:a@b.example VERIFY\nTLS_Rcpt:c.example VERIFY\nTLS_Rcpt:d@ VERIFY\n",
    "define(`SMART_HOST',`[relay.example]')dnl\n",
  );
  assert.deepEqual(named.hosts, ["partner.example", "mx.partner.example"]);
  assert.deepEqual(named.addresses, ["203.0.113.0", "2001:db8::1"]);
  assert.deepEqual(
    named.recipients.map(({ text }) => text),
    ["a@b.example", "d@example.com"],
  );
  assert.deepEqual(named.domains, ["c.example", "mx.c.example"]);
  assert.equal(named.nexthops.length, 1);
});

test("the option table names everything once, with a reason", () => {
  const names = optionTable.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(optionTable.every(({ reason, scopes }) => reason !== "" && scopes !== ""));
});

test("what becomes of each port, check says", () => {
  const compiled = compileTexts(
    "",
    "DAEMON_OPTIONS(`Port=587, Name=MSA, M=Ea')dnl\nDAEMON_OPTIONS(`Port=465, M=s')dnl\nCLIENT_OPTIONS(`M=S')dnl\n",
  );
  const applied = kinds(compiled, "applied").join("\n");
  assert.match(applied, /DAEMON_OPTIONS Port=587, Name=MSA, M=Ea: who sends mail must log in/);
  assert.match(applied, /DAEMON_OPTIONS Port=465, M=s: TLS from the first octet/);
  assert.match(applied, /CLIENT_OPTIONS M=S: no STARTTLS to others/);
});

test("an access map alone: a demand under a key with a dot may count or not, so it is an error; SKIP is no exemption", () => {
  const alone = compileTexts("TLS_Srv:.a.example VERIFY\nTLS_Srv:.b.example OK\nTLS_Srv:c.example SKIP\n");
  assert.match(errors(alone).join("\n"), /^1: whether TLS_Srv:\.a\.example is ever looked up[^\n]*$/);
  assert.match(warnings(alone).join("\n"), /2: TLS_Srv:\.b\.example never matches/);
  assert.match(warnings(alone).join("\n"), /3: TLS_Srv:c\.example SKIP: no exemption.*as Debian sets/);
  assert.deepEqual(errors(compileTexts("TLS_Srv:.a.example VERIFY\n", "dnl\n")), []);
});

test("8.14 and 8.15 know no CITag: the check ends there, and check says so", () => {
  const access = "TLS_Srv:mx.peer.example VERIFY+CITag:T++CN:nobody.example\n";
  for (const version of ["8.14", "8.15"] as const) {
    const compiled = compileTexts(access, undefined, {}, version);
    assert.equal(deliver(compiled, "u@peer.example", [peer, tls()]), `TLS via ${peer}`);
    assert.match(warnings(compiled).join("\n"), /is held without its extensions/);
  }
  const newer = compileTexts(access, undefined, {}, "8.16");
  assert.match(deliver(newer, "u@peer.example", [peer, tls()]), /not acceptable/);
});

test("CLIENT_OPTIONS with M=S is for one family of addresses: the other still uses STARTTLS", () => {
  const compiled = compileTexts("", "CLIENT_OPTIONS(`Family=inet6, M=S')dnl\n");
  const level = (address: string) => compiled.source.outbound(question(peer, "u@peer.example", address))?.level.value;
  assert.equal(level("192.0.2.1"), "may");
  assert.equal(level("2001:db8::1"), "none");
  const exported = compiled.export();
  assert.ok(exported.some((rule) => rule.kind === "rule" && rule.settings.level?.value === "may"));
  assert.ok(exported.some((rule) => rule.kind === "cannot" && /IPv6 alone/.test(rule.why)));
});

const mistagged: readonly string[] = [
  "TLS_Serv:partner.example VERIFY",
  "TLSSrv:partner.example ENCR:112",
  "\uFEFFTLS_Srv:partner.example ENCR:112",
  "partner.example PERM+ENCR:112",
  "Outbound:partner.example verify:128",
];
for (const line of mistagged) {
  test(`damaged access map: a demand that nothing looks up is an error: ${line}`, () => {
    assert.match(errors(compileTexts(`${line}\n`)).join(), /^1: .*nothing in Sendmail looks up such a key$/);
  });
}

test("other entries are none of ours: messages, tags that CITag names", () => {
  const access =
    'Connect:192.0.2.1 ERROR:"550 verify first"\nbulk.example REJECT\nTLS_Srv:a.example VERIFY+CITag:MyTls\nMyTls:/CN=A OK\n';
  assert.deepEqual(errors(compileTexts(access)), []);
});
