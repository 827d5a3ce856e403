/**
 * What a Postfix configuration brings for clients beside the rules themselves: listeners, domains that anybody may send to,
 * names that must be looked up, and what `check` says of it. What clients meet is in `postfix-sessions.test.ts`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDomainPattern } from "../../src/mail/domain-pattern.ts";
import { parseIp } from "../../src/mail/ip.ts";
import type { InboundQuestion, InboundRule } from "../../src/policy/rules.ts";
import { compile, notesOf, type WorldOptions } from "./postfix/world.ts";

const client = parseIp("192.0.2.99");

function asked(localPort: number): InboundQuestion {
  assert.ok(client !== undefined);
  return { listener: "", localAddress: undefined, localPort, client, clientName: undefined, user: undefined, now: 0 };
}

function ruleAt(world: WorldOptions, localPort = 25): InboundRule {
  const rule = compile(world).source.inbound?.(asked(localPort));
  assert.ok(rule !== undefined);
  return rule;
}

test("postfix: each smtpd service of master.cf has its own rule, found by port", () => {
  const master = `smtp inet n - n - - smtpd
submission inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
465 inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
`;
  const at = (port: number): unknown[] => {
    const rule = ruleAt({ main: "smtpd_tls_security_level = may", master }, port);
    return [rule.starttls?.value, rule.implicitTls?.value];
  };
  assert.deepEqual([25, 587, 465, 2525].map(at), [
    ["offer", undefined],
    ["require", undefined],
    ["require", true],
    ["offer", undefined],
  ]);
});

test("postfix PT-96: smtpd_tls_received_header chooses the form of Received:", () => {
  const form = (main: string): string | undefined => ruleAt({ main }).received?.value;
  assert.equal(form("smtpd_tls_security_level = may\nsmtpd_tls_received_header = yes"), "postfix");
  assert.equal(form("smtpd_tls_security_level = may"), undefined);
});

const everywhere = ["0.0.0.0", "::"];
const listenerRows: readonly [name: string, main: string, master: string, want: readonly string[]][] = [
  ["without master.cf", "", "", everywhere.map((address) => `smtp ${address} 25`)],
  ["names of ports", "inet_protocols = ipv4", service("smtps"), ["smtps 0.0.0.0 465"]],
  [
    "submissions, in TLS",
    "inet_protocols = ipv4",
    service("submissions", "-o smtpd_tls_wrappermode=yes"),
    ["submissions 0.0.0.0 465 tls"],
  ],
  [
    "an option in braces",
    "inet_protocols = ipv4",
    service("2525", "-o { smtpd_tls_wrappermode = yes }"),
    ["2525 0.0.0.0 2525 tls"],
  ],
  ["one family", "inet_protocols = ipv6", service("587"), ["587 :: 587"]],
  ["an address of its own", "", service("192.0.2.1:25"), ["192.0.2.1:25 192.0.2.1 25"]],
  ["an IPv6 address of its own", "", service("[2001:db8::1]:25"), ["[2001:db8::1]:25 2001:db8::1 25"]],
  [
    "addresses of all services",
    "inet_interfaces = 192.0.2.1 [2001:db8::1]",
    service("25"),
    ["25 192.0.2.1 25", "25 2001:db8::1 25"],
  ],
  ["loopback", "inet_interfaces = loopback-only", service("25"), ["25 127.0.0.1 25", "25 ::1 25"]],
  ["localhost", "inet_interfaces = localhost\ninet_protocols = ipv4", service("25"), ["25 127.0.0.1 25"]],
  ["a name is not looked up", "inet_interfaces = mx.example.org", service("25"), []],
  [
    "services of other kinds",
    "",
    `${service("25", "", "unix")}${service("25", "", "pass")}25 inet n - n - - qmqpd\n`,
    [],
  ],
  ["a service that does not start", "", service("25", "-o smtpd_tls_security_level"), []],
  ["no such port", "", service("sntp"), []],
];

function service(name: string, options = "", type = "inet"): string {
  return `${name} ${type} n - n - - smtpd ${options}\n`;
}

for (const [name, main, master, want] of listenerRows) {
  test(`postfix listeners: ${name}`, () => {
    const { settings } = compile({ main, ...(master === "" ? {} : { master }) });
    const listeners = (settings.listeners ?? []).map((one) => {
      const [first] = one.name.split(" ");
      return `${first} ${one.address} ${one.port}${one.implicitTls ? " tls" : ""}`;
    });
    assert.deepEqual(listeners, want);
  });
}

test("postfix listeners: each has a name of its own, and its line", () => {
  const { settings } = compile({ master: `# first\n${service("25")}` });
  assert.deepEqual(
    settings.listeners?.map(({ name, from }) => [name, from.file, from.line]),
    [
      ["25", "/etc/postfix/master.cf", 2],
      ["25 ::", "/etc/postfix/master.cf", 2],
    ],
  );
});

test("postfix listeners: postscreen and what a filter hands mail back to are opened, and told", () => {
  const master = `25 inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n127.0.0.1:10025 inet n - n - - smtpd\n`;
  const compiled = compile({ master });
  assert.deepEqual(
    compiled.settings.listeners?.map(({ port }) => port),
    [25, 25, 10025],
  );
  const notes = notesOf(compiled, "differs").join("\n");
  assert.match(notes, /master\.cf:1: service 25: postscreen's tests of clients are not made/);
  assert.match(notes, /master\.cf:3: service 127\.0\.0\.1:10025: opened like any other/);
});

const domainRows: readonly [name: string, main: string, want: readonly string[], note?: RegExp][] = [
  ["relay_domains, with what is below them", "relay_domains = example.org", ["example.org", ".example.org"]],
  ["exact ones", "relay_domains = example.org\nparent_domain_matches_subdomains =", ["example.org"]],
  ["below alone", "relay_domains = .example.org\nparent_domain_matches_subdomains =", [".example.org"]],
  ["a table", "relay_domains = inline:{example.org=x}\nparent_domain_matches_subdomains =", ["example.org"]],
  ["everything", "relay_domains = static:all", ["*"]],
  ["a pattern", "relay_domains = regexp:/re", [], /regexp:\/re cannot be said as a pattern/],
  [
    "one taken out",
    "relay_domains = a.org !b.org c.org",
    ["a.org", ".a.org"],
    /"!" and what stands behind it cannot be said/,
  ],
  [
    "mydestination needs mailboxes",
    "mydestination = example.org",
    [],
    /mydestination: mail that would need a mailbox here is not taken/,
  ],
  [
    "mydestination that a transport takes elsewhere",
    "mydestination = example.org\ntransport_maps = inline:{{example.org=smtp:[192.0.2.1]}}",
    ["example.org"],
  ],
  [
    "virtual_mailbox_domains behind a transport by SMTP",
    "virtual_mailbox_domains = v.org\nvirtual_transport = smtp:[192.0.2.1]",
    ["v.org"],
  ],
  [
    "virtual_mailbox_domains behind LMTP",
    "virtual_mailbox_domains = v.org\nvirtual_transport = lmtp:unix:/x",
    [],
    /virtual_mailbox_domains: mail that would need/,
  ],
];

for (const [name, main, want, note] of domainRows) {
  test(`postfix relay domains: ${name}`, () => {
    const compiled = compile({ main, files: { "/re": "/./ x\n" } });
    assert.deepEqual((compiled.settings.relayDomains ?? []).map(formatDomainPattern), want);
    const notes = notesOf(compiled, "differs").join("\n");
    if (note !== undefined) assert.match(notes, note);
    else assert.doesNotMatch(notes, /not taken from clients/);
  });
}

test("postfix names of clients: looked up where a table may hold some, and not where all are addresses", () => {
  const needs = (table: string): unknown =>
    compile({
      main: `smtpd_client_restrictions = check_client_access ${table}`,
      files: { "/cidr": "192.0.2.0/24 REJECT\n" },
    }).settings.needsClientNames;
  assert.equal(needs("inline:{example.org=REJECT}"), true);
  assert.equal(needs("inline:{192.0.2=REJECT,2001:db8=REJECT}"), undefined);
  assert.equal(needs("cidr:/cidr"), undefined);
});

test("postfix names of clients: a parent's entry covers them", () => {
  const { source } = compile({ main: "smtpd_client_restrictions = check_client_access inline:{example.org=REJECT}" });
  const demands = (clientName: string | undefined): number => {
    const question = { ...asked(25), clientName: clientName as InboundQuestion["clientName"] };
    return source.demands?.({ ...question, sender: undefined, recipient: mailbox }).length ?? 0;
  };
  const mailbox = { text: "u@x.org", localPart: "u", host: undefined };
  assert.deepEqual(["mx.example.org", "mx.example.net", undefined].map(demands), [1, 0, 0]);
});

const noteRows: readonly [
  name: string,
  main: string,
  kind: "differs" | "warning" | "not-yet" | "error",
  note: RegExp,
][] = [
  [
    "checks that are not made",
    "smtpd_recipient_restrictions = reject_rbl_client rbl.test, reject_unauth_destination",
    "differs",
    /smtpd_recipient_restrictions: reject_rbl_client rbl\.test: no such check is made here/,
  ],
  [
    "who writes as whom",
    "smtpd_sender_restrictions = reject_sender_login_mismatch",
    "differs",
    /who may write as whom is said by the senders of each user/,
  ],
  [
    "a policy service",
    "smtpd_relay_restrictions = check_policy_service inet:127.0.0.1:1, reject",
    "differs",
    /what stands behind it lets nobody relay/,
  ],
  [
    "a word that nobody knows",
    "smtpd_relay_restrictions = permit_mynetwork, reject",
    "warning",
    /unknown smtpd restriction: "permit_mynetwork": whoever comes to it is refused/,
  ],
  ["an open relay", "smtpd_relay_restrictions = permit", "warning", /must hold reject_unauth_destination/],
  [
    "a table that cannot be asked",
    "smtpd_client_restrictions = check_client_access mysql:/x",
    "warning",
    /smtpd_client_restrictions: mysql:\/x: .*: whoever comes to it is refused/,
  ],
  [
    "networks that are none",
    "mynetworks = 192.0.2.1/24 gateway.example.org",
    "warning",
    /mynetworks: "192\.0\.2\.1\/24" is not taken/,
  ],
  [
    "networks that are not written",
    "smtpd_helo_required = no",
    "differs",
    /mynetworks is not written: .* loopback alone counts/,
  ],
  [
    "digests that are none",
    "smtpd_tls_ask_ccert = yes\nsmtpd_tls_security_level = may\nrelay_clientcerts = inline:{zz=x}\nsmtpd_relay_restrictions = permit_tls_clientcerts, reject",
    "warning",
    /"zz" in relay_clientcerts is no digest/,
  ],
  ["users from elsewhere", "smtpd_sasl_auth_enable = yes", "differs", /users come from Letterlock's own file/],
  [
    "passwords in clear",
    "smtpd_sasl_auth_enable = yes",
    "differs",
    /offered in clear text only where smtpd_tls_auth_only = no is written/,
  ],
  [
    "INB-23: a rate that nothing counts",
    "smtpd_client_new_tls_session_rate_limit = 10",
    "not-yet",
    /new TLS sessions of one client are not counted/,
  ],
  [
    "PT-96: Received: has Postfix's form but for the signature's algorithm",
    "smtpd_tls_received_header = yes",
    "differs",
    /smtpd_tls_received_header: Received: in Postfix's form/,
  ],
  [
    "PT-95: a level that is none here",
    "smtpd_tls_security_level = verify",
    "warning",
    /unsupported TLS level "verify", using "encrypt"/,
  ],
  ["PT-95: a level that stops Postfix", "smtpd_tls_security_level = dane", "error", /Invalid TLS level "dane"/],
  [
    "a chain for a name that cannot be read",
    "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = /etc/postfix/server.pem\ntls_server_sni_maps = inline:{one.test=/nowhere}",
    "warning",
    /one\.test: .*\/nowhere.*: the default is shown/,
  ],
];

for (const [name, main, kind, note] of noteRows) {
  test(`postfix inbound notes: ${name}`, async () => {
    const { makeSelfSigned } = await import("../../src/lab/certificates.ts");
    const { privateKeyPem, chainPem } = await makeSelfSigned({ dnsNames: ["relay.test"] });
    const files = { "/etc/postfix/server.pem": `${privateKeyPem}\n${chainPem}` };
    assert.match(notesOf(compile({ main, files }), kind).join("\n"), note);
  });
}

test("postfix inbound: clients that are treated alike get the same rule, also those with rights of their own", () => {
  const { source } = compile({ main: "mynetworks = 198.51.100.0/24\nsmtpd_tls_security_level = may" });
  const from = (address: string, user?: string): InboundRule | undefined =>
    source.inbound?.({ ...asked(25), client: parseIp(address) ?? asked(25).client, user });
  assert.equal(from("192.0.2.1"), from("192.0.2.2"));
  assert.equal(from("198.51.100.1"), from("192.0.2.2", "alice"));
  assert.equal(from("198.51.100.1")?.relay?.value, true);
  assert.equal(from("192.0.2.1")?.relay, undefined);
});

const damaged = [
  "{",
  "check_client_access",
  "check_client_access {",
  "{ { }",
  "warn_if_reject",
  "!",
  "inline:",
  "$x",
  "sleep",
  "permit,,",
  "check_ccert_access x",
];

test("postfix inbound: no restriction list makes the compiler throw, nor lets a stranger relay", () => {
  for (const words of damaged) {
    const world = {
      main: `smtpd_relay_restrictions = ${words}, reject\nsmtpd_tls_security_level = may\nmynetworks = ${words}`,
    };
    assert.equal(compile(world).source.inbound?.(asked(25))?.relay?.value, undefined, words);
  }
});
