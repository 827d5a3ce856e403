/**
 * The numbered cases of the Postfix reference that are about smtpd, as a client meets them: main.cf and master.cf are
 * compiled, and lead a receiver. What the real smtpd says to the same and other clients is compared in
 * `test/interop/postfix-inbound-differential.test.ts`.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../../src/lab/certificates.ts";
import type { User } from "../../src/users/user.ts";
import { sampleUser } from "../../src/users/user-sample.ts";
import type { TestClient } from "../smtp-client.ts";
import { connectEncrypted, ehlo, encrypt, greet, openDialect, plain, send, type Visit } from "./inbound-lab.ts";
import { compile, notesOf, type WorldOptions } from "./postfix/world.ts";

const authority = await makeAuthority("Client CA");
const server = await makeSelfSigned({ dnsNames: ["relay.test"], commonName: "default" });
const rsa = await makeSelfSigned({ dnsNames: ["relay.test"], commonName: "rsa", keyKind: "rsa-2048" });
const sni = await makeSelfSigned({ dnsNames: ["one.test"], commonName: "one" });
const trusted = await authority.issue({ dnsNames: ["client.test"] });
const serving = await authority.issue({ dnsNames: ["client.test"], purposes: ["server"] });
const listed = await makeSelfSigned({ dnsNames: ["listed.test"] });

const chain = ({ privateKeyPem, chainPem }: IssuedCertificate): string => `${privateKeyPem}\n${chainPem}`;
const shows = ({ chainPem, privateKeyPem }: IssuedCertificate): ConnectionOptions => ({
  cert: chainPem,
  key: privateKeyPem,
});
const digest = ({ der }: IssuedCertificate): string => createHash("sha256").update(der).digest("hex").toUpperCase();

const files = {
  "/tls/server.pem": chain(server),
  "/tls/rsa.pem": chain(rsa),
  "/tls/one.pem": chain(sni),
  "/tls/clients.pem": authority.certificatePem,
  "/tls/listed": `${digest(listed)} here\n`,
};

const base = `smtpd_tls_chain_files = /tls/server.pem
smtpd_tls_CAfile = /tls/clients.pem
relay_domains = ours.test
relay_clientcerts = texthash:/tls/listed
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
`;

function open(main: string, visit: Visit = {}, more: WorldOptions = {}): ReturnType<typeof openDialect> {
  return openDialect(compile({ main: `${base}${main}`, ...more, files: { ...files, ...more.files } }), visit);
}

const may = "smtpd_tls_security_level = may\n";
const mandatory = "smtpd_tls_security_level = encrypt\n";

test("postfix INB-1: level none: STARTTLS is not offered and not implemented", async () => {
  await using receiver = await open("smtpd_tls_security_level = none");
  const { client, offered } = await greet(receiver);
  assert.ok(!offered.includes("STARTTLS"));
  assert.equal(await client.say("STARTTLS"), "502 5.5.1 Error: command not implemented");
});

test("postfix INB-25: REQUIRETLS is offered to nobody", async () => {
  await using receiver = await open(`${may}requiretls_enable = yes`);
  const { client, offered } = await greet(receiver);
  assert.ok(![...offered, ...(await encrypt(client))].includes("REQUIRETLS"));
});

test("postfix INB-2, INB-3, INB-4: offered before TLS alone, without arguments, once", async () => {
  await using receiver = await open(may);
  const { client, offered } = await greet(receiver);
  assert.ok(offered.includes("STARTTLS"));
  assert.equal(await client.say("STARTTLS foo"), "501 5.5.4 Syntax: STARTTLS");
  assert.ok(!(await encrypt(client)).includes("STARTTLS"));
  assert.equal(await client.say("STARTTLS"), "554 5.5.1 Error: TLS already active");
});

test("postfix PT-89: what stands behind STARTTLS is thrown away, INB-5; MAIL needs no second EHLO, INB-6", async () => {
  await using receiver = await open(may);
  const { client } = await greet(receiver);
  await client.send("STARTTLS\r\nMAIL FROM:<evil@elsewhere.test>\r\n");
  assert.equal(await client.reply(), "220 2.0.0 Ready to start TLS");
  await client.startTls({ rejectUnauthorized: false });
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^250 /);
});

test("postfix PT-88: encrypt: what is known waits for TLS, INB-7, AUTH too, INB-8", async () => {
  await using receiver = await open(`${mandatory}smtpd_sasl_auth_enable = yes`, { users: [alice] });
  const { client, offered } = await greet(receiver);
  const first = "530 5.7.0 Must issue a STARTTLS command first";
  assert.ok(!offered.some((keyword) => keyword.startsWith("AUTH")));
  const codes = [];
  for (const line of ["NOOP", "HELP", "HELO client.test", "XYZZY"]) codes.push((await client.say(line)).slice(0, 3));
  assert.deepEqual(codes, ["250", "214", "250", "500"]);
  for (const line of ["MAIL FROM:<a@sender.test>", "RSET", "VRFY a", `AUTH PLAIN ${plain("alice", "secret")}`]) {
    assert.equal(await client.say(line), first);
  }
  assert.ok((await encrypt(client)).some((keyword) => keyword.startsWith("AUTH")));
});

const alice: User = sampleUser({ secret: "secret", mayRelay: false });

const authRows: readonly [name: string, main: string, inClear: string, inTls: string][] = [
  ["INB-9: auth_only: hidden in clear", "smtpd_tls_auth_only = yes", "none: 503", "PLAIN LOGIN: 235"],
  ["auth_only = no written out: everywhere", "smtpd_tls_auth_only = no", "PLAIN LOGIN: 235", "PLAIN LOGIN: 235"],
  ["auth_only not written: no password in clear", "", "none: 503", "PLAIN LOGIN: 235"],
  ["noplaintext", "smtpd_sasl_security_options = noplaintext", "none: 503", "none: 503"],
  [
    "noplaintext in clear alone",
    "smtpd_tls_auth_only = no\nsmtpd_sasl_security_options = noplaintext\nsmtpd_sasl_tls_security_options =",
    "none: 503",
    "PLAIN LOGIN: 235",
  ],
  [
    "a filter of mechanisms",
    "smtpd_tls_auth_only = no\nsmtpd_sasl_mechanism_filter = plain",
    "PLAIN: 235",
    "PLAIN: 235",
  ],
  ["networks without AUTH", "smtpd_sasl_exceptions_networks = 192.0.2.0/24", "none: 503", "none: 503"],
];

for (const [name, main, inClear, inTls] of authRows) {
  test(`postfix AUTH: ${name}`, async () => {
    await using receiver = await open(`${may}smtpd_sasl_auth_enable = yes\n${main}`, { users: [alice] });
    const ask = async (client: TestClient, offered: readonly string[]): Promise<string> => {
      const named = offered.find((keyword) => keyword.startsWith("AUTH "))?.slice("AUTH ".length) ?? "none";
      return `${named}: ${(await client.say(`AUTH PLAIN ${plain("alice", "secret")}`)).slice(0, 3)}`;
    };
    const { client, offered } = await greet(receiver);
    assert.equal(await ask(client, offered), inClear);
    const { client: second } = await greet(receiver);
    assert.equal(await ask(second, await encrypt(second)), inTls);
  });
}

test("postfix AUTH: permit_sasl_authenticated lets a user relay, and nobody else", async () => {
  await using receiver = await open(`${may}smtpd_sasl_auth_enable = yes`, { users: [alice] });
  const { client } = await greet(receiver);
  await encrypt(client);
  assert.equal(await send(client, "u@elsewhere.test"), "250 2.1.0, 554 5.7.1");
  await client.say("RSET");
  await client.say(`AUTH PLAIN ${plain("alice", "secret")}`);
  assert.equal(await send(client, "u@elsewhere.test"), "250 2.1.0, 250 2.1.5");
});

test("postfix PT-90: no certificate: STARTTLS is offered and fails for now, INB-10", async () => {
  await using receiver = await open(`${may}smtpd_tls_chain_files =`);
  const { client, offered } = await greet(receiver);
  assert.ok(offered.includes("STARTTLS"));
  assert.equal(await client.say("STARTTLS"), "454 4.7.0 TLS not available due to local problem");
});

test("postfix PT-90: a certificate that cannot be read takes no mail at encrypt, with the reason for the operator", async () => {
  const main = `${mandatory}smtpd_tls_chain_files = /nowhere`;
  await using receiver = await open(main);
  const { client } = await greet(receiver);
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^(?:451 4\.3\.5|530 5\.7\.0) /);
  const notes = notesOf(compile({ main: `${base}${main}`, files }), "warning").join("\n");
  assert.match(notes, /cannot get certificate or key from file \/nowhere/);
});

const required = `${mandatory}smtpd_tls_req_ccert = yes`;

for (const [name, options, answer] of [
  ["none, INB-13", {}, /^421 4\.7\.1 relay\.test Error: No client certificate presented/],
  ["an untrusted one, INB-14", shows(listed), /^421 4\.7\.1 relay\.test Error: Client certificate not trusted/],
  ["a trusted one", shows(trusted), /^250-relay\.test/],
] as const) {
  test(`postfix PT-91: req_ccert at encrypt: ${name}`, async () => {
    await using receiver = await open(required);
    const { client } = await greet(receiver);
    await client.say("STARTTLS");
    await client.startTls({ rejectUnauthorized: false, ...options });
    assert.match(await client.say("EHLO client.test"), answer);
  });
}

test("postfix PT-92: req_ccert at may: not enforced, with a warning, INB-15", async () => {
  const main = `${may}smtpd_tls_req_ccert = yes`;
  await using receiver = await open(main);
  const { client } = await greet(receiver);
  await encrypt(client);
  assert.equal(await send(client, "u@ours.test"), "250 2.1.0, 250 2.1.5");
  const notes = notesOf(compile({ main: `${base}${main}`, files }), "warning").join("\n");
  assert.match(notes, /Can't require client certs unless TLS is required/);
});

const asking = `${may}smtpd_tls_ask_ccert = yes\nsmtpd_relay_restrictions = `;
const relayRows: readonly [name: string, restrictions: string, client: ConnectionOptions, allowed: boolean][] = [
  [
    "PT-93: its digest is listed, its chain leads nowhere, INB-16",
    "permit_tls_clientcerts, reject",
    shows(listed),
    true,
  ],
  ["PT-93: trusted, not listed", "permit_tls_clientcerts, reject_unauth_destination", shows(trusted), false],
  ["INB-17: any trusted one", "permit_tls_all_clientcerts, reject", shows(trusted), true],
  ["INB-17: without a trusted chain", "permit_tls_all_clientcerts, reject_unauth_destination", shows(listed), false],
  ["INB-18: an access table says OK", `check_ccert_access inline:{${digest(listed)}=OK}, reject`, shows(listed), true],
  [
    "INB-18: it says nothing of this one",
    `check_ccert_access inline:{${digest(listed)}=OK}, reject`,
    shows(trusted),
    false,
  ],
  ["INB-11: none shown", "permit_tls_clientcerts, reject_unauth_destination", {}, false],
  ["refused before the certificate counts", "reject_unauth_destination, permit_tls_clientcerts", shows(listed), false],
];

for (const [name, restrictions, options, allowed] of relayRows) {
  test(`postfix relaying by certificate: ${name}`, async () => {
    await using receiver = await open(`${asking}${restrictions}`);
    const { client } = await greet(receiver);
    await encrypt(client, options);
    assert.equal(await send(client, "u@elsewhere.test"), `250 2.1.0, ${allowed ? "250 2.1.5" : "554 5.7.1"}`);
  });
}

for (const [trust, allowed] of [
  ["no", false],
  ["yes", true],
] as const) {
  test(`postfix INB-12: a certificate to serve with, tls_trust_server_ccerts = ${trust}`, async () => {
    const main = `${asking}permit_tls_all_clientcerts, reject_unauth_destination\ntls_trust_server_ccerts = ${trust}`;
    await using receiver = await open(main);
    const { client } = await greet(receiver);
    await encrypt(client, shows(serving));
    assert.equal(await send(client, "u@elsewhere.test"), `250 2.1.0, ${allowed ? "250 2.1.5" : "554 5.7.1"}`);
  });
}

test("postfix INB-19: permit_tls_clientcerts without ask_ccert: no match, with a warning", async () => {
  const main = `${may}smtpd_relay_restrictions = permit_tls_clientcerts, reject_unauth_destination`;
  await using receiver = await open(main);
  const { client } = await greet(receiver);
  await encrypt(client, shows(listed));
  assert.equal(await send(client, "u@elsewhere.test"), "250 2.1.0, 554 5.7.1");
  const notes = notesOf(compile({ main: `${base}${main}`, files }), "warning").join("\n");
  assert.match(notes, /permit_tls_clientcerts is requested, but "smtpd_tls_ask_ccert = no"/);
});

const shownRows: readonly [name: string, table: string, asks: string | undefined, shown: string][] = [
  ["PT-94: the name, INB-20", "one.test /tls/one.pem", "one.test", "one"],
  ["PT-94: below .parent, at any depth", ".below.test /tls/one.pem", "a.b.below.test", "one"],
  ["PT-94: .parent is not the name itself", ".below.test /tls/one.pem", "below.test", "default"],
  ["PT-94: unknown, INB-21", "one.test /tls/one.pem", "zzz.test", "default"],
  ["PT-94: no name", "one.test /tls/one.pem", undefined, "default"],
  [
    "contents in base64, as postmap -F has them",
    `one.test ${Buffer.from(chain(sni)).toString("base64")}`,
    "one.test",
    "one",
  ],
  ["a chain that cannot be read: the default", "one.test /nowhere", "one.test", "default"],
];

for (const [name, table, servername, shown] of shownRows) {
  test(`postfix SNI: ${name}`, async () => {
    const main = `${may}tls_server_sni_maps = texthash:/etc/postfix/sni`;
    await using receiver = await open(main, {}, { files: { "/etc/postfix/sni": `${table}\n` } });
    const { client } = await greet(receiver);
    await client.say("STARTTLS");
    const secure = await client.startTls({
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
    });
    assert.equal(secure.getPeerCertificate().subject.CN, shown);
  });
}

test("postfix: RSA and ECDSA side by side, each for the clients that can check it", async () => {
  await using receiver = await open(`${may}smtpd_tls_chain_files = /tls/server.pem, /tls/rsa.pem`);
  const shown = async (sigalgs: string): Promise<unknown> => {
    const { client } = await greet(receiver);
    await client.say("STARTTLS");
    const secure = await client.startTls({ rejectUnauthorized: false, sigalgs });
    return secure.getPeerCertificate().subject.CN;
  };
  assert.equal(await shown("ECDSA+SHA256"), "default");
  assert.equal(await shown("RSA-PSS+SHA256"), "rsa");
});

test("postfix PT-95: level verify works as encrypt", async () => {
  await using receiver = await open("smtpd_tls_security_level = verify");
  const { client } = await greet(receiver);
  assert.equal(await client.say("MAIL FROM:<a@sender.test>"), "530 5.7.0 Must issue a STARTTLS command first");
});

test("postfix PT-95: level dane stops Postfix: nobody is let in", async () => {
  await using receiver = await open("smtpd_tls_security_level = dane");
  const { client } = await greet(receiver);
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^451 4\.3\.5 /);
});

test("postfix INB-22: no protocol in common: the handshake fails", async () => {
  await using receiver = await open(`${mandatory}smtpd_tls_mandatory_protocols = >=TLSv1.3`);
  const { client } = await greet(receiver);
  await client.say("STARTTLS");
  await assert.rejects(client.startTls({ rejectUnauthorized: false, maxVersion: "TLSv1.2" }));
});

test("postfix wrappermode: TLS with the first octet, whatever the level", async () => {
  const master = "465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=none\n";
  await using receiver = await open("", { localPort: 465 }, { master });
  const { client, greeting, offered } = await connectEncrypted(receiver);
  assert.match(greeting, /^220 /);
  assert.ok(!offered.includes("STARTTLS"));
  assert.equal(await send(client, "u@ours.test"), "250 2.1.0, 250 2.1.5");
});

type Row = readonly [
  name: string,
  main: string,
  envelope: readonly [sender: string, recipient: string],
  clear: string,
  tls: string,
];
const ours = "u@ours.test";
const restrictionRows: readonly Row[] = [
  [
    "INB-24: reject_plaintext_session",
    "smtpd_client_restrictions = reject_plaintext_session",
    ["a@x.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "INB-24: with a code of its own",
    "plaintext_reject_code = 554\nsmtpd_recipient_restrictions = reject_plaintext_session",
    ["a@x.test", ours],
    "554 5.7.1",
    "250 2.1.5",
  ],
  [
    "INB-24: behind permit_mynetworks, for others",
    "smtpd_client_restrictions = permit_mynetworks, reject_plaintext_session",
    ["a@x.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "INB-24: within the networks it is let through",
    "mynetworks = 192.0.2.0/24\nsmtpd_client_restrictions = permit_mynetworks, reject_plaintext_session",
    ["a@x.test", ours],
    "250 2.1.5",
    "250 2.1.5",
  ],
  [
    "INB-26: by sender domain, through a class",
    byClass("check_sender_access inline:{strict.test=needs_tls}"),
    ["a@strict.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "INB-26: subdomains with it",
    byClass("check_sender_access inline:{strict.test=needs_tls}"),
    ["a@sub.strict.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "INB-26: other senders",
    byClass("check_sender_access inline:{strict.test=needs_tls}"),
    ["a@x.test", ours],
    "250 2.1.5",
    "250 2.1.5",
  ],
  [
    "INB-26: without a class",
    byClass("check_sender_access inline:{strict.test=reject_plaintext_session}"),
    ["a@strict.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "INB-26: a pattern",
    byClass("check_sender_access regexp:/etc/postfix/senders"),
    ["a@strict.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "an address that is refused",
    byClass("check_sender_access inline:{a@strict.test=REJECT}"),
    ["a@strict.test", ours],
    "554 5.7.1",
    "554 5.7.1",
  ],
  [
    "a refusal in its own words",
    byClass("check_sender_access inline:{{a@=550 5.7.9 go away}}"),
    ["a@x.test", ours],
    "550 5.7.9",
    "550 5.7.9",
  ],
  ["the null sender", byClass("check_sender_access inline:{<>=needs_tls}"), ["", ours], "450 4.7.1", "250 2.1.5"],
  [
    "by recipient",
    "smtpd_recipient_restrictions = check_recipient_access inline:{u@ours.test=reject_plaintext_session}",
    ["a@x.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "by recipient, extension aside",
    "recipient_delimiter = +\nsmtpd_recipient_restrictions = check_recipient_access inline:{u@ours.test=reject_plaintext_session}",
    ["a@x.test", "u+x@ours.test"],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "by client network",
    "smtpd_client_restrictions = check_client_access inline:{192.0.2=reject_plaintext_session}",
    ["a@x.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "by client block",
    "smtpd_client_restrictions = check_client_access cidr:/etc/postfix/blocks",
    ["a@x.test", ours],
    "450 4.7.1",
    "250 2.1.5",
  ],
  [
    "OK ends the list",
    "smtpd_client_restrictions = check_client_access inline:{192.0.2.7=OK}, reject_plaintext_session",
    ["a@x.test", ours],
    "250 2.1.5",
    "250 2.1.5",
  ],
  [
    "a list of one service's own",
    "smtpd_client_restrictions = permit_sasl_authenticated, reject",
    ["a@x.test", ours],
    "554 5.7.1",
    "554 5.7.1",
  ],
  ["defer", "smtpd_client_restrictions = defer", ["a@x.test", ours], "450 4.3.2", "450 4.3.2"],
  [
    "a warning alone",
    "smtpd_client_restrictions = warn_if_reject reject_plaintext_session, warn_if_reject check_client_access inline:{192.0.2=REJECT}",
    ["a@x.test", ours],
    "250 2.1.5",
    "250 2.1.5",
  ],
  [
    "a word that Postfix does not know",
    "smtpd_client_restrictions = reject_plaintext_sesion",
    ["a@x.test", ours],
    "451 4.3.5",
    "451 4.3.5",
  ],
  [
    "a table that cannot be asked",
    "smtpd_client_restrictions = check_client_access hash:/nowhere",
    ["a@x.test", ours],
    "451 4.3.0",
    "451 4.3.0",
  ],
  ["a class that names itself", byClass("needs_tls", "needs_tls"), ["a@x.test", ours], "451 4.3.5", "451 4.3.5"],
  [
    "what is not done here",
    "smtpd_client_restrictions = check_client_access inline:{192.0.2=DISCARD}",
    ["a@x.test", ours],
    "451 4.3.5",
    "451 4.3.5",
  ],
  [
    "checks of other kinds",
    "smtpd_client_restrictions = reject_rbl_client rbl.test, sleep 1, reject_unknown_client_hostname",
    ["a@x.test", ours],
    "250 2.1.5",
    "250 2.1.5",
  ],
  [
    "the oldest form: a table alone",
    "smtpd_client_restrictions = inline:{192.0.2.7=REJECT}",
    ["a@x.test", ours],
    "554 5.7.1",
    "554 5.7.1",
  ],
];

function byClass(list: string, itself = "reject_plaintext_session"): string {
  return `smtpd_restriction_classes = needs_tls\nneeds_tls = ${itself}\nsmtpd_sender_restrictions = ${list}`;
}

for (const [name, main, [sender, recipient], clear, tls] of restrictionRows) {
  test(`postfix restrictions: ${name}`, async () => {
    const more = {
      files: {
        "/etc/postfix/senders": "/@strict\\.test$/ reject_plaintext_session\n",
        "/etc/postfix/blocks": "192.0.2.0/28 reject_plaintext_session\n",
      },
    };
    await using receiver = await open(`${may}${main}`, {}, more);
    const envelope = async (client: TestClient): Promise<string> => {
      assert.match(await client.say(`MAIL FROM:<${sender}>`), /^250 /);
      return (await client.say(`RCPT TO:<${recipient}>`)).slice(0, 9);
    };
    const { client } = await greet(receiver);
    assert.equal(await envelope(client), clear);
    const { client: second } = await greet(receiver);
    await encrypt(second);
    assert.equal(await envelope(second), tls);
  });
}

test("postfix restrictions: smtpd_delay_reject = no: refused at MAIL", async () => {
  await using receiver = await open(
    `${may}smtpd_delay_reject = no\nsmtpd_client_restrictions = reject_plaintext_session`,
  );
  const { client } = await greet(receiver);
  assert.equal(await client.say("MAIL FROM:<a@x.test>"), "450 4.7.1 Session encryption is required");
});

test("postfix restrictions: of two demands the first that is not met gives the answer", async () => {
  const main = `${asking}permit_tls_clientcerts, reject_plaintext_session, reject`;
  await using receiver = await open(main);
  const { client } = await greet(receiver);
  assert.equal(await send(client, ours), "250 2.1.0, 450 4.7.1");
  await encrypt(client);
  assert.equal(await send(client, ours), "250 2.1.0, 554 5.7.1");
  const { client: second } = await greet(receiver);
  await encrypt(second, shows(listed));
  assert.equal(await send(second, "u@elsewhere.test"), "250 2.1.0, 250 2.1.5");
});

const openRelay: readonly [name: string, main: string, networks: string, relays: boolean][] = [
  [
    "permit_mynetworks",
    "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
    "192.0.2.0/24",
    true,
  ],
  ["outside", "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination", "198.51.100.0/24", false],
  ["a network taken out", "smtpd_relay_restrictions = permit_mynetworks, reject", "!192.0.2.7 192.0.2.0/24", false],
  ["without the word", "smtpd_relay_restrictions = reject_unauth_destination", "192.0.2.0/24", false],
  [
    "refused before the word",
    "smtpd_relay_restrictions = reject_unauth_destination, permit_mynetworks",
    "192.0.2.0/24",
    false,
  ],
  [
    "both lists must let it through",
    "smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_recipient_restrictions = reject_unauth_destination",
    "192.0.2.0/24",
    false,
  ],
  [
    "a policy service before the word",
    "smtpd_relay_restrictions = check_policy_service inet:127.0.0.1:10023, permit_mynetworks, reject_unauth_destination",
    "192.0.2.0/24",
    false,
  ],
  [
    "a policy service behind the word",
    "smtpd_relay_restrictions = permit_mynetworks, check_policy_service inet:127.0.0.1:10023, reject_unauth_destination",
    "192.0.2.0/24",
    true,
  ],
  [
    "no word that refuses: Postfix would not work",
    "smtpd_relay_restrictions = permit_mynetworks",
    "192.0.2.0/24",
    false,
  ],
];

for (const [name, main, networks, relays] of openRelay) {
  test(`postfix relaying by network: ${name}`, async () => {
    await using receiver = await open(`${may}mynetworks = ${networks}\n${main}`);
    const { client } = await greet(receiver);
    const answer = await send(client, "u@elsewhere.test");
    assert.equal(answer === "250 2.1.0, 250 2.1.5", relays, answer);
  });
}

test("CipherMail: its gateway's main.cf offers TLS to clients; may changed to encrypt, as its page says, demands it", async () => {
  const main = readFileSync(path.join(import.meta.dirname, "postfix/ciphermail/main.cf"), "utf8");
  const answer = async (text: string): Promise<string> => {
    const wholeMain = `${text}smtpd_tls_chain_files = /tls/server.pem\n`;
    await using receiver = await openDialect(compile({ wholeMain, files, defines: { maps_d_dir: "/maps" } }));
    const { client, offered } = await greet(receiver);
    assert.ok(offered.includes("STARTTLS"));
    const inClear = await client.say("MAIL FROM:<a@sender.test>");
    await encrypt(client);
    assert.equal(await send(client, "u@example.org"), "250 2.1.0, 250 2.1.5");
    return inClear.slice(0, 9);
  };
  assert.equal(await answer(main), "250 2.1.0");
  const mandatoryMain = main.replace("smtpd_tls_security_level = may", "smtpd_tls_security_level = encrypt");
  assert.notEqual(mandatoryMain, main);
  assert.equal(await answer(mandatoryMain), "530 5.7.0");
});

test("postfix: a main.cf about mail that leaves alone bars nobody, and lets nobody relay", async () => {
  const compiled = compile({ wholeMain: "smtp_tls_security_level = encrypt\nrelay_domains = ours.test\n" });
  await using receiver = await openDialect(compiled, {});
  const { client } = await greet(receiver);
  assert.equal(await send(client, "u@ours.test"), "250 2.1.0, 250 2.1.5");
  assert.match(await client.say("RCPT TO:<u@elsewhere.test>"), /^554 5\.7\.1 /);
});

test("postfix smtpd_helo_required: MAIL waits for EHLO", async () => {
  await using receiver = await open(`${may}smtpd_helo_required = yes`);
  const { client } = await greet(receiver);
  await client.say("STARTTLS");
  await client.startTls({ rejectUnauthorized: false });
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^503 5\.5\.1 /);
  await ehlo(client);
  assert.match(await client.say("MAIL FROM:<a@sender.test>"), /^250 /);
});
