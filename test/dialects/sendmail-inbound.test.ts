/**
 * What `source.inbound` says of a client: settings of TLS, AUTH and relaying, by access map, ports and options. What
 * the client is told then is `sendmail-sessions.test.ts`'s.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { formatDomainPattern } from "../../src/mail/domain-pattern.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import type { InboundRule } from "../../src/policy/rules.ts";
import { compileTexts, errors, inboundQuestion, warnings } from "./sendmail/lab.ts";

const laptop = "pc.laptop.example";
const address = "198.51.100.7";

function ruleFor(compiled: Compiled, name: string | undefined = laptop, port = 25): InboundRule {
  const rule = compiled.source.inbound?.(inboundQuestion(address, name, port));
  assert.ok(rule);
  return rule;
}

const authority = await makeAuthority();
const issued = await authority.issue({ dnsNames: ["mail.laptop.example"] });
const files = {
  "/server.pem": issued.chainPem,
  "/server.key": issued.privateKeyPem,
  "/ca.pem": authority.certificatePem,
  "/certs/01234567.0": authority.certificatePem,
};
const server = [
  "define(`confSERVER_CERT',`/server.pem')define(`confSERVER_KEY',`/server.key')dnl",
  "define(`confCACERT',`/ca.pem')define(`confCACERT_PATH',`/certs')dnl\n",
].join("\n");

test("STARTTLS is offered where certificate, key, CA file and CA folder are there, and clients are asked", () => {
  const rule = ruleFor(compileTexts("", server, files));
  assert.equal(rule.starttls?.value, "offer");
  assert.equal(rule.clientCertificate?.value, "ask");
  assert.equal(rule.certificates?.value.default.credentials[0].name, "sendmail server");
});

for (const missing of Object.keys(files)) {
  test(`sendmail 77: without ${missing} STARTTLS is not offered, and check says why`, () => {
    const { [missing as keyof typeof files]: _, ...rest } = files;
    const compiled = compileTexts("", server, rest);
    assert.equal(ruleFor(compiled).starttls?.value, missing.startsWith("/server") ? "unavailable" : "offer");
    assert.match(warnings(compiled).join("\n"), /STARTTLS is not offered|nobody is trusted/);
  });
}

test("sendmail 77: one of the four not set", () => {
  const three = server.replace("define(`confCACERT_PATH',`/certs')", "");
  assert.equal(ruleFor(compileTexts("", three, files)).starttls?.value, "unavailable");
});

test("sendmail 77: a key that does not fit (modes of files are not looked at: differs)", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const compiled = compileTexts("", server, { ...files, "/server.key": other });
  assert.equal(ruleFor(compiled).starttls?.value, "unavailable");
});

test("sendmail 76: Srv_Features S takes STARTTLS away, s gives it back where the port has none", () => {
  const compiled = compileTexts("Srv_Features:laptop.example S\n", server, files);
  assert.equal(ruleFor(compiled).starttls?.value, "never");
  assert.equal(ruleFor(compiled, "other.example").starttls?.value, "offer");
  const port = `${server}DAEMON_OPTIONS(\`Port=2525, Name=X, M=S')dnl\n`;
  assert.equal(ruleFor(compileTexts("", port, files), laptop, 2525).starttls?.value, "never");
  assert.equal(ruleFor(compileTexts("Srv_Features: s\n", port, files), laptop, 2525).starttls?.value, "offer");
  assert.equal(ruleFor(compileTexts("", port, files), laptop, 25).starttls?.value, "offer");
});

test("DAEMON_OPTIONS: M=s is TLS from the first octet", () => {
  const compiled = compileTexts("", `${server}DAEMON_OPTIONS(\`Port=smtps, Name=TLS, M=s')dnl\n`, files);
  assert.equal(ruleFor(compiled, laptop, 465).implicitTls?.value, true);
  assert.equal(ruleFor(compiled, laptop, 25).implicitTls, undefined);
});

test("sendmail 68, 69: TLSSrvOptions V asks nobody, Srv_Features v asks again, V does not", () => {
  const quiet = `${server}define(\`confTLS_SRV_OPTIONS',\`V')dnl\n`;
  const compiled = compileTexts("TLS_Clt: VERIFY\nSrv_Features:laptop.example v\n", quiet, files);
  assert.equal(ruleFor(compiled).clientCertificate?.value, "ask");
  assert.equal(ruleFor(compiled, "other.example").clientCertificate?.value, "do-not-ask");
  assert.equal(ruleFor(compileTexts("Srv_Features: V\n", server, files)).clientCertificate?.value, "do-not-ask");
  const never = warnings(compileTexts("TLS_Clt: VERIFY\n", quiet, files));
  assert.ok(
    never.some((text) => text.includes("clients are not asked for a certificate")),
    never.join("\n"),
  );
});

test("only the first letter of a word counts", () => {
  assert.equal(ruleFor(compileTexts("Srv_Features: AS\n", server, files)).starttls?.value, "offer");
  assert.equal(ruleFor(compileTexts("Srv_Features: AS\n", server, files)).auth?.value, "never");
  const { code, status, text } = ruleFor(compileTexts("Srv_Features: temporarily\n")).rejected?.value ?? {};
  assert.equal(`${code} ${status} ${text}`, "450 4.3.0 Please try again later.");
});

test("sendmail 78, 79: who may relay by certificate", () => {
  const access =
    "CertIssuer:/C=US/CN=Root RELAY\nCERTIssuer:/C=US/CN=Other+20CA SUBJECT\nCertSubject:/CN=one RELAY\nCertSubject:/CN=two OK\n";
  const relay = ruleFor(compileTexts(access)).relayByCertificate?.value;
  assert.ok(relay?.kind === "names");
  assert.deepEqual(
    [...relay.issuers],
    [
      ["/c=us/cn=root", "relay"],
      ["/c=us/cn=other+20ca", "subject"],
    ],
  );
  assert.deepEqual([...relay.subjects], ["/cn=one"]);
  const cut = compileTexts(access, "define(`_CERT_REGEX_ISSUER_',`-b -s1 x')dnl\n");
  assert.equal(ruleFor(cut).relayByCertificate, undefined);
});

test("a revocation list is not read: VERIFY makes the client come back later, and nobody relays by certificate", () => {
  const compiled = compileTexts(
    "TLS_Clt:laptop.example VERIFY\nCertIssuer:/CN=x RELAY\n",
    `${server}define(\`confCRL',\`/crl.pem')dnl\n`,
    files,
  );
  assert.match(ruleFor(compiled).refuse?.value ?? "", /revocation list/);
  assert.equal(ruleFor(compiled, "other.example").refuse, undefined);
  assert.equal(ruleFor(compiled).relayByCertificate, undefined);
  assert.deepEqual(errors(compiled), []);
});

const session = `${server}FEATURE(\`tls_session_features')dnl\n`;

test("TLS_Srv_features: with an error in it STARTTLS is not to be had; a flag that is not carried out refuses", () => {
  const wrong = ruleFor(compileTexts("TLS_Srv_features:laptop.example CertFile=/x;\n", session, files));
  assert.equal(wrong.starttls?.value, "unavailable");
  assert.equal(wrong.refuse, undefined);
  const flagged = ruleFor(compileTexts("TLS_Srv_features:laptop.example Flags=R;\n", session, files));
  assert.match(flagged.refuse?.value ?? "", /revocation list/);
});

test("ServerSSLOptions and CipherList are handed on", () => {
  const compiled = compileTexts(
    "",
    `${server}define(\`confSERVER_SSL_OPTIONS',\`SSL_OP_NO_TLSv1_2')define(\`confCIPHER_LIST',\`HIGH')dnl\n`,
    files,
  );
  const rule = ruleFor(compiled);
  assert.deepEqual(rule.protocols?.value, { min: "TLSv1.3", max: "TLSv1.3" });
  assert.match(rule.ciphers?.value ?? "", /:HIGH$/);
});

test("two pairs of certificate and key are served side by side", async () => {
  const second = await authority.issue({ dnsNames: ["mail.laptop.example"], keyKind: "rsa-2048" });
  const two = server.replace("/server.pem'", "/server.pem,/rsa.pem'").replace("/server.key'", "/server.key,/rsa.key'");
  const both = { ...files, "/rsa.pem": second.chainPem, "/rsa.key": second.privateKeyPem };
  assert.equal(ruleFor(compileTexts("", two, both)).certificates?.value.default.credentials.length, 2);
  const uneven = two.replace(",/rsa.key'", "'");
  assert.match(warnings(compileTexts("", uneven, both)).join("\n"), /not as many keys as certificates/);
});

test("an access map alone leaves STARTTLS, certificates and AUTH to our own settings", () => {
  const rule = ruleFor(compileTexts("TLS_Clt: VERIFY\n"));
  assert.deepEqual(Object.keys(rule).toSorted(), ["requirements", "wording"]);
  assert.equal(compileTexts("TLS_Clt: VERIFY\n").settings.listeners, undefined);
});

test("a configuration without any certificate leaves STARTTLS to our own settings", () => {
  assert.equal(ruleFor(compileTexts("", "dnl\n")).starttls, undefined);
});

function listenersOf(mc: string): readonly string[] {
  const { listeners = [] } = compileTexts("", mc).settings;
  return listeners.map(
    ({ name, address, port, implicitTls }) => `${name} ${address} ${port}${implicitTls ? " s" : ""}`,
  );
}

test("listeners: port 25 of both families and the MSA, where nothing is said; they have no line, so none is opened", () => {
  const { listeners = [] } = compileTexts("", "dnl\n").settings;
  assert.deepEqual([...new Set(listeners.map(({ from }) => from.line))], [undefined]);
  assert.deepEqual(listenersOf("dnl\n"), ["MTA-v4 0.0.0.0 25", "MTA-v6 :: 25", "MSA 0.0.0.0 587"]);
  assert.deepEqual(listenersOf("FEATURE(`no_default_msa')dnl\n"), ["MTA-v4 0.0.0.0 25", "MTA-v6 :: 25"]);
});

test("listeners: ports by name, addresses, families, two of one name", () => {
  const mc = `FEATURE(\`no_default_msa')dnl
DAEMON_OPTIONS(\`Port=smtps, Name=TLS, M=s')dnl
DAEMON_OPTIONS(\`Family=inet6, Name=X, Addr=IPv6:2001:db8::1, Port=submission')dnl
DAEMON_OPTIONS(\`Addr=[192.0.2.1], Name=X')dnl
DAEMON_OPTIONS(\`Family=local, Name=S, Addr=/run/s')dnl
`;
  assert.deepEqual(listenersOf(mc), ["TLS 0.0.0.0 465 s", "X 2001:db8::1 587", "X-2 192.0.2.1 25"]);
  assert.match(errors(compileTexts("", "DAEMON_OPTIONS(`Addr=mx.example')dnl\n")).join(), /address is no IP address/);
  assert.match(errors(compileTexts("", "DAEMON_OPTIONS(`Port=none')dnl\n")).join(), /port is not known/);
});

test("AUTH: the port's modifiers, and the letters that go before them", () => {
  const mc = "DAEMON_OPTIONS(`Port=587, M=a')dnl\nDAEMON_OPTIONS(`Port=26, M=A')dnl\n";
  const plain = compileTexts("", mc);
  assert.equal(ruleFor(plain, laptop, 587).authRequired?.value, true);
  assert.equal(ruleFor(plain, laptop, 26).auth?.value, "never");
  assert.equal(ruleFor(plain, laptop, 25).auth?.value, "plain-only-in-tls");
  assert.equal(ruleFor(compileTexts("Srv_Features: L\n", mc), laptop, 587).authRequired?.value, false);
  assert.equal(ruleFor(compileTexts("Srv_Features: a\n", mc), laptop, 26).auth?.value, "plain-only-in-tls");
  assert.equal(ruleFor(compileTexts("Srv_Features: C\n", mc), laptop, 587).auth?.value, "always");
});

const mechanismRows: readonly (readonly [mc: string, want: readonly string[]])[] = [
  ["dnl\n", ["CRAM-MD5", "EXTERNAL"]],
  ["define(`confAUTH_MECHANISMS',`PLAIN LOGIN GSSAPI scram-sha-256')dnl\n", ["SCRAM-SHA-256", "PLAIN", "LOGIN"]],
  [
    "define(`confAUTH_MECHANISMS',`PLAIN SCRAM-SHA-256 EXTERNAL')define(`confAUTH_OPTIONS',`a')dnl\n",
    ["SCRAM-SHA-256"],
  ],
  ["define(`confAUTH_MECHANISMS',`PLAIN CRAM-MD5 EXTERNAL')define(`confAUTH_OPTIONS',`p,d')dnl\n", ["EXTERNAL"]],
  ["define(`confAUTH_OPTIONS',`f')dnl\n", []],
  ["define(`confAUTH_OPTIONS',`c')dnl\n", []],
];

for (const [mc, want] of mechanismRows) {
  test(`AUTH mechanisms: ${mc.trim()}`, () => assert.deepEqual(ruleFor(compileTexts("", mc)).mechanisms?.value, want));
}

test("the same entries make the same object", () => {
  const compiled = compileTexts("TLS_Clt:laptop.example VERIFY\nConnect:198.51.100 RELAY\n", server, files);
  assert.equal(ruleFor(compiled), ruleFor(compiled));
  assert.equal(ruleFor(compiled), ruleFor(compiled, "pc2.laptop.example"));
  assert.notEqual(ruleFor(compiled), ruleFor(compiled, "other.example"));
});

const nameRows: readonly (readonly [access: string, mc: string, want: boolean])[] = [
  ["TLS_Clt:laptop.example VERIFY", "", true],
  ["TLS_Clt:192.0.2 VERIFY\nTLS_Clt:IPv6:2001:db8 VERIFY", "", false],
  // Only a client without a name is called by its address in brackets.
  ["TLS_Clt:[198.51.100.7] VERIFY", "", true],
  ["TLS_Clt: VERIFY+CN", "", true],
  ["TLS_Clt: VERIFY+CN:a.example", "", false],
  ["Srv_Features:a.example S", "", true],
  ["Connect:a.example REJECT", "", true],
  ["a.example RELAY", "", true],
  ["Connect:a.example OK", "", false],
  ["From:a.example REJECT\nTo:b.example RELAY\n192.0.2 RELAY", "", false],
  ["", "RELAY_DOMAIN(`a.example')dnl\n", true],
];

for (const [access, mc, want] of nameRows) {
  test(`clients' names are ${want ? "" : "not "}needed: ${JSON.stringify(access + mc)}`, () => {
    assert.equal(compileTexts(`${access}\n`, `dnl\n${mc}`).settings.needsClientNames ?? false, want);
  });
}

const relayMc = (more: string): string => `define(\`confDOMAIN_NAME',\`mx.sendmail.test')dnl\n${more}`;

type RelayRow = readonly [
  title: string,
  access: string,
  mc: string,
  client: readonly [address: string, name?: string],
  want: boolean,
];

const relayRows: readonly RelayRow[] = [
  ["nobody by default", "", "", ["198.51.100.7", "pc.laptop.example"], false],
  ["the machine itself", "", "", ["127.0.0.1"], true],
  ["a network", "Connect:198.51.100 RELAY", "", ["198.51.100.7"], true],
  ["another network", "Connect:198.51.10 RELAY", "", ["198.51.100.7"], false],
  ["a key without a tag", "198.51.100.7 RELAY", "", ["198.51.100.7"], true],
  ["the tag goes before none", "198.51.100 RELAY\nConnect:198.51.100 OK", "", ["198.51.100.7"], false],
  ["a longer key goes before a shorter one", "Connect:198.51 RELAY\n198.51.100 OK", "", ["198.51.100.7"], false],
  ["a name", "Connect:laptop.example RELAY", "", ["198.51.100.7", "pc.laptop.example"], true],
  ["a name that is not verified", "Connect:laptop.example RELAY", "", ["198.51.100.7"], false],
  ["class R, a beginning of addresses", "", "RELAY_DOMAIN(`198.51.100')dnl\n", ["198.51.100.7"], true],
  ["class R, not in the middle of a number", "", "RELAY_DOMAIN(`198.51.10')dnl\n", ["198.51.100.7"], false],
  ["class R, a name above", "", "RELAY_DOMAIN(`laptop.example')dnl\n", ["198.51.100.7", "pc.laptop.example"], true],
  [
    "relay_hosts_only",
    "Connect:laptop.example RELAY",
    "RELAY_DOMAIN(`laptop.example')dnl\nFEATURE(`relay_hosts_only')dnl\n",
    ["198.51.100.7", "pc.laptop.example"],
    false,
  ],
  ["our own domain", "", "FEATURE(`relay_entire_domain')dnl\n", ["198.51.100.7", "a.b.sendmail.test"], true],
  ["our own domain, not asked for", "", "", ["198.51.100.7", "a.b.sendmail.test"], false],
  ["anybody", "", "FEATURE(`promiscuous_relay')dnl\n", ["198.51.100.7"], true],
];

for (const [title, access, mc, [client, name], want] of relayRows) {
  test(`relaying by client: ${title}`, () => {
    const { source } = compileTexts(`${access}\n`, relayMc(mc));
    assert.equal(source.inbound?.(inboundQuestion(client, name))?.relay?.value ?? false, want);
  });
}

test("an open relay is warned of", () => {
  assert.match(warnings(compileTexts("", "FEATURE(`promiscuous_relay')dnl\n")).join(), /may send to anywhere/);
  assert.doesNotMatch(warnings(compileTexts("", "dnl\n")).join(), /may send to anywhere/);
});

const domainRows: readonly (readonly [title: string, access: string, mc: string, want: readonly string[]])[] = [
  [
    "To: and keys without a tag",
    "To:a.example RELAY\nb.example RELAY\nTo:c.example OK\n10.1 RELAY",
    "",
    ["b.example", ".b.example", "a.example", ".a.example"],
  ],
  [
    "an exception below stands in the way of what is below",
    "To:a.example RELAY\nTo:x.a.example REJECT",
    "",
    ["a.example"],
  ],
  [
    "relay_hosts_only",
    "To:a.example RELAY",
    "FEATURE(`relay_hosts_only')dnl\nRELAY_DOMAIN(`r.example')dnl\n",
    ["r.example", "a.example"],
  ],
  ["our own domain", "", "FEATURE(`relay_entire_domain')dnl\n", ["sendmail.test", ".sendmail.test"]],
  ["anything", "", "FEATURE(`promiscuous_relay')dnl\n", ["*"]],
  ["relay-domains", "", "define(`confCR_FILE',`-o /relay-domains %[^\\#]')dnl\n", ["f.example", ".f.example"]],
];

for (const [title, access, mc, want] of domainRows) {
  test(`relaying by recipient: ${title}`, () => {
    const texts = { "/relay-domains": "# mine\nf.example # and no more\n10.1\n" };
    const { relayDomains = [] } = compileTexts(`${access}\n`, relayMc(mc), texts).settings;
    assert.deepEqual(relayDomains.map(formatDomainPattern), want);
  });
}

const turnedAwayRows: readonly (readonly [value: string, want: string | undefined])[] = [
  ["REJECT", "550 5.7.1 Access denied"],
  ["reject", "550 5.7.1 Access denied"],
  ["ERROR:550 go away", "550 5.0.0 go away"],
  ["ERROR:5.7.1:550 go away", "550 5.7.1 go away"],
  ["ERROR:5.7.1:go away", "553 5.3.0 go away"],
  ['ERROR:"550 5.7.9 go away"', "550 5.7.9 go away"],
  ["ERROR:4.2.1:450 later", "450 4.2.1 later"],
  ["ERROR:D.S.N:550 x", "550 5.0.0 x"],
  ["ERROR:4.2.1:550 x", "550 5.0.0 x"],
  ["550 go away", "550 5.0.0 go away"],
  ["go away", "553 5.3.0 go away"],
  ["SKIP", "553 5.3.0 SKIP"],
  ["OK", undefined],
  ["RELAY", undefined],
  ["DISCARD", undefined],
  ["QUARANTINE:why", undefined],
];

for (const [value, want] of turnedAwayRows) {
  test(`turned away: ${value}`, () => {
    const { rejected } = ruleFor(compileTexts(`Connect:198.51.100.7 ${value}\n`, "dnl\n"));
    const told = rejected && `${rejected.value.code} ${rejected.value.status} ${rejected.value.text}`;
    assert.equal(told, want);
    assert.equal(rejected?.value.at, want === undefined ? undefined : "session");
  });
}

test("PrivacyOptions: needmailhelo and goaway want EHLO before MAIL", () => {
  const said = (flags: string): unknown =>
    ruleFor(compileTexts("", `define(\`confPRIVACY_FLAGS',\`${flags}')dnl\n`)).mailWithoutHello?.value;
  assert.deepEqual(["authwarnings", "authwarnings,needmailhelo", "goaway"].map(said), [true, false, false]);
});
