import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { domainOf } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import type { OutboundQuestion } from "../policy/rules.ts";
import { type LoadResult, loadSettings } from "./load.ts";
import { formatProblem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { textFiles } from "./text-files.ts";

const now = Date.parse("2026-06-01T00:00:00Z");
const machine = { hostname: "relay.example.com", processors: 3 };

function load(text: string, files: Readonly<Record<string, string>> = {}): LoadResult {
  return loadSettings({ path: "/etc/x/x.yaml", text, reader: textFiles(files), now, machine });
}

function problemsOf(text: string, files?: Readonly<Record<string, string>>): string[] {
  return load(text, files).problems.map((problem) => formatProblem(problem).replace("/etc/x/x.yaml:", ""));
}

function settingsOf(text: string, files?: Readonly<Record<string, string>>): Settings {
  const { settings, problems } = load(text, files);
  assert.deepEqual(problems, []);
  assert.ok(settings !== undefined);
  return settings;
}

const publicListener = "listeners: [{address: 192.0.2.1:25, tls: none}]\n";

const bad: readonly (readonly [name: string, text: string, problems: readonly string[]])[] = [
  [
    "unknown key, with the one that was meant",
    "hostnam: a.example\n",
    ['1:1: error: unknown key "hostnam" (did you mean "hostname"?)'],
  ],
  [
    "unknown key in a section",
    "retry:\n  liftime: 5d\n",
    ['2:3: error: unknown key "liftime" (did you mean "lifetime"?)'],
  ],
  ["unknown key, nothing near", "log: { colour: red }\n", ['1:8: error: unknown key "colour" (known: level, format)']],
  [
    "duplicate key",
    "workers: 2\nhostname: a.example\nworkers: 3\n",
    ['3:1: error: "workers" stands here for the second time (remove one of the two: the first is on line 1)'],
  ],
  [
    "one domain in two spellings",
    "tls:\n  domains:\n    example.com: { level: may }\n    EXAMPLE.com: { level: none }\n",
    ['4:5: error: "example.com" stands here for the second time (remove one of the two: the first is on line 3)'],
  ],
  [
    "YAML syntax",
    "hostname: [a\nworkers: 2\n",
    [
      "2:1: error: flow sequence in block collection must be sufficiently indented and end with a ] (correct the YAML here; a text that starts with [ { * & ! @ or % needs quotes)",
    ],
  ],
  [
    "tabs",
    "retry:\n\tlifetime: 5d\n",
    [
      "2:1: error: tabs are not allowed as indentation (correct the YAML here; a text that starts with [ { * & ! @ or % needs quotes)",
    ],
  ],
  [
    "address in brackets without quotes",
    "metrics: [::1]:2580\n",
    [
      "1:15: error: unexpected scalar at node end (correct the YAML here; a text that starts with [ { * & ! @ or % needs quotes)",
    ],
  ],
  [
    "a list where a map is needed",
    "- hostname\n",
    [
      "1:1: error: a section with hostname, data, workers, postmaster ... is needed here; there is a list (write a section with hostname, data, workers, postmaster ...)",
    ],
  ],
  [
    "a text where a section is needed",
    "retry: 5d\n",
    [
      '1:8: error: a section with schedule, jitter, lifetime, bounce-lifetime ... is needed here; there is "5d" (write a section with schedule, jitter, lifetime, bounce-lifetime ...)',
    ],
  ],
  [
    "a map where a text is needed",
    "hostname: { name: x }\n",
    ["1:11: error: a domain name is needed here; there is a map (write a domain name)"],
  ],
  [
    "nothing where a text is needed",
    "hostname:\n",
    ["1:10: error: a domain name is needed here; there is nothing (write a domain name)"],
  ],
  ["a number without unit", "retry: { lifetime: 5 }\n", ['1:20: error: "5" has no unit (write 5s, 5m, 5h or 5d)']],
  [
    "a size without unit",
    "limits:\n  message-size: 50\n",
    ['2:17: error: "50" has no unit (write 50 B, 50 KB, 50 MB, 50 KiB or 50 MiB)'],
  ],
  [
    "a duration with an unknown unit",
    "timeouts: { command: 5 minutes }\n",
    ['1:22: error: "5 minutes" is no duration (write a number with ms, s, m, h, d or w, such as 30s or 5d)'],
  ],
  ["a duration out of range", "timeouts: { command: 2d }\n", ["1:22: error: 2d is out of range (write 1s to 1d)"]],
  [
    "a size below what the standard asks for (SR-23)",
    "limits: { message-size: 1 KB }\n",
    ["1:25: error: 1 KB is out of range (write 64 KiB to 2 GB)"],
  ],
  [
    "recipients below what the standard asks for (SR-22)",
    "limits: { recipients: 99 }\n",
    ["1:23: error: 99 is out of range (write a number from 100 to 100000)"],
  ],
  ["no number", "workers: two\n", ['1:10: error: "two" is no whole number (write a number from 1 to 1024)']],
  [
    "neither true nor false",
    "outbound: { ipv6: no }\n",
    ['1:19: error: "no" is neither true nor false (write true or false)'],
  ],
  [
    "a word that is not known",
    "log: { level: warning }\n",
    ['1:15: error: "warning" is not known here (known: debug, info, warn, error)'],
  ],
  [
    "a share",
    "retry: { jitter: 1.5 }\n",
    ['1:18: error: "1.5" is no share (write a number from 0 to 1, or 0 % to 100 %)'],
  ],
  [
    "host name",
    "hostname: not a name\n",
    ['1:11: error: "not a name" is no domain name (write a name such as mx.example.com)'],
  ],
  [
    "CIDR: bits beyond the prefix",
    "relay-networks: [192.0.2.1/24, 192.0.2.0/33, lan]\n",
    [
      '1:18: error: "192.0.2.1/24" has bits set beyond its prefix (write the first address of the block)',
      '1:32: error: "192.0.2.0/33" has a prefix over 32 (write a prefix from 0 to 32)',
      '1:46: error: "lan" is no address block (write 192.0.2.0/24, 2001:db8::/32 or one address)',
    ],
  ],
  [
    "all errors at once",
    "hostname: '-'\nworkers: 0\nretry:\n  schedule: [5, 10m, x]\nlog: {}\nfoo: 1\n",
    [
      '1:11: error: "-" is no domain name (write a name such as mx.example.com)',
      "2:10: error: 0 is out of range (write a number from 1 to 1024)",
      '4:14: error: "5" has no unit (write 5s, 5m, 5h or 5d)',
      '4:22: error: "x" is no duration (write a number with ms, s, m, h, d or w, such as 30s or 5d)',
      '6:1: error: unknown key "foo" (known: hostname, data, workers, postmaster, listeners, relay-networks, relay-domains, inbound-rules, users-file, certificates, tls-profile, dns, bindings, binding-groups, binding-rules, default-binding, binding-header, transports, outbound, retry, limits, timeouts, policy, tls, auth, records, logs, log, metrics)',
    ],
  ],
  [
    "listener without address",
    "listeners:\n  - tls: none\n",
    ['2:5: error: "address" is missing (add "address:" and its value (address and port))'],
  ],
  [
    "listener address",
    "listeners: [{address: localhost:25}, {address: '*:25'}, {address: 127.0.0.1:70000}]\n",
    [
      '1:23: error: "localhost:25" is no address and port (write 127.0.0.1:2525 or [::1]:2525)',
      '1:48: error: "*:25" is no address and port (write 127.0.0.1:2525 or [::1]:2525; [::]:25 and 0.0.0.0:25 stand for every address)',
      "1:67: error: 70000 is no port (write a port from 0 to 65535)",
    ],
  ],
  [
    "listeners that want the same port",
    "listeners:\n  - {address: 127.0.0.1:25, tls: none}\n  - {address: 0.0.0.0:25, tls: none}\n",
    [
      "3:6: error: listener 0.0.0.0:25: taken by 127.0.0.1:25, the listener on line 2 (give one of the two another port or address)",
    ],
  ],
  [
    "a listener on the metrics port",
    "listeners: [{address: 127.0.0.1:2580, tls: none}]\n",
    [
      "1:1: error: metrics 127.0.0.1:2580: taken by 127.0.0.1:2580, the listener on line 1 (give one of the two another port or address)",
    ],
  ],
  [
    "listeners of one name",
    "listeners: [{name: a, address: 127.0.0.1:1, tls: none}, {name: a, address: 127.0.0.1:2, tls: none}]\n",
    ['1:67: error: listener "a" stands here for the second time (change one of the two: the first is on line 1)'],
  ],
  [
    "no listener",
    "listeners: []\n",
    ["1:1: error: there is no listener (write one, or remove listeners: for those on loopback)"],
  ],
  [
    "require-tls without TLS",
    "listeners: [{address: 127.0.0.1:25, tls: none, require-tls: true}]\n",
    ["1:48: error: require-tls without TLS takes no mail at all (set tls: starttls or implicit)"],
  ],
  [
    "open relay by domains (SR-14)",
    `${publicListener}relay-domains: [example.com, "*"]\n`,
    [
      '2:30: error: relay-domains "*": with the listener 192.0.2.1:25 this is an open relay (name the domains that you take mail for)',
    ],
  ],
  [
    "open relay by networks (SR-14)",
    `${publicListener}relay-networks: [0.0.0.0/0, '::/0', 0.0.0.0/4]\n`,
    [
      "2:18: error: relay-networks 0.0.0.0/0: with the listener 192.0.2.1:25 this is an open relay (name the networks of your own clients)",
      "2:29: error: relay-networks ::/0: with the listener 192.0.2.1:25 this is an open relay (name the networks of your own clients)",
      "2:37: warning: relay-networks 0.0.0.0/4 is a very large network (name the networks of your own clients)",
    ],
  ],
  [
    "public listener without a certificate",
    "listeners: [{address: 192.0.2.1:25}]\n",
    [
      "1:13: warning: without a certificate this listener shows a self-made one (add certificates: with the one for your host name, and certificate: here)",
    ],
  ],
  [
    "unknown certificate",
    "listeners: [{address: 127.0.0.1:25, certificate: mx}]\n",
    ['1:50: error: there is no certificate "mx" (there is none; write it under certificates:)'],
  ],
  [
    "unreadable certificate and key",
    "listeners: [{address: 127.0.0.1:25, certificate: mx}]\ncertificates:\n  mx: {certificate: mx.pem, key: /k/mx.key}\n",
    [
      "3:8: error: cannot read the certificate mx.pem: there is no such file (check its path and that this user may read it)",
      "3:29: error: cannot read the key /k/mx.key: there is no such file (check its path and that this user may read it)",
    ],
  ],
  [
    "a certificate without key",
    "certificates:\n  mx:\n    certificate: mx.pem\n",
    ['3:5: error: "key" is missing (add "key:" and its value (file))'],
  ],
  [
    "unknown binding, group and listener",
    "default-binding: main\nbindings:\n  mian: { group: bulk }\nbinding-groups: { bulc: {} }\nbinding-rules: [{listener: smpt, binding: mains}]\n",
    [
      '1:1: error: there is no binding "main" (did you mean "mian"?)',
      '3:11: error: there is no binding group "bulk" (did you mean "bulc"?; write it under binding-groups:)',
      '5:18: error: there is no listener "smpt" (did you mean "smtp"?)',
      '5:34: error: there is no binding "mains" (known: mian, default)',
    ],
  ],
  [
    "two source addresses of one kind",
    "bindings: { a: { source-address: [192.0.2.1, 192.0.2.2] } }\n",
    [
      "1:46: error: a second source address of the same kind: 192.0.2.2 (one IPv4 and one IPv6 address at most; write another binding)",
    ],
  ],
  [
    "binding header that others need",
    "binding-header: Subject\n",
    [
      "1:1: warning: the field Subject is removed from every message that carries it (use a field of your own, such as X-Binding)",
    ],
  ],
  [
    "binding header",
    "binding-header: 'X Binding'\n",
    ['1:1: error: "X Binding" is no header field name (write a name such as X-Binding)'],
  ],
  [
    "next hops",
    "transports:\n  a.example: '[mx.a.example'\n  b.example: 192.0.2.1\n  c.example: {to: c.example, tls: implicit}\n  d.example: {tls: implicit}\n  e_.: '[e.example]:0'\n  '?': x\n",
    [
      '2:14: error: "[mx.a.example" is no next hop (write "[mx.example.com]:25" for a host as it is, or example.com for its MX hosts)',
      '3:14: error: "192.0.2.1" has no MX hosts (write "[192.0.2.1]" for an address)',
      '4:19: error: there is no implicit TLS to MX hosts (RFC 8314, section 3) (write "[host]:465", or remove tls: implicit)',
      '5:3: error: a transport has either to or refuse (write to: "[mx.example.com]:25")',
      "6:8: error: 0 is no port (write a port from 1 to 65535)",
      '7:3: error: "?" is no domain pattern (write example.com, .example.com (all below it) or "*" (all))',
    ],
  ],
  [
    "fingerprint without pins",
    "tls: { domains: { a.example: { level: fingerprint } } }\n",
    ["1:32: error: level fingerprint without pins lets no mail go (add pins: here or at a scope around it)"],
  ],
  [
    "pins",
    "tls:\n  pins:\n    - sha256:abcd\n    - md5:00\n    - 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\n    - x\n",
    [
      "3:7: error: the digest after sha256: is not complete (write 64 hex digits, or the same in base64)",
      "4:7: error: MD5 and SHA-1 pins can be forged (pin the SHA-256 of the public key: spki-sha256:DIGEST)",
      "5:7: error: MD5 and SHA-1 pins can be forged (pin the SHA-256 of the public key: spki-sha256:DIGEST)",
      '6:7: error: "x" is no pin (write spki-sha256:DIGEST, certificate-sha256:DIGEST or sha256:DIGEST)',
    ],
  ],
  [
    "match without verify or secure",
    "tls: { domains: { a.example: { level: encrypt, match: nexthop } } }\n",
    ["1:48: warning: match has no effect without level verify or secure (set the level, or remove it)"],
  ],
  [
    "match where no rule asks for verify or secure",
    "tls: { match: hostname }\n",
    ["1:8: warning: match has no effect without level verify or secure (set the level, or remove it)"],
  ],
  [
    "DANE is not gathered yet",
    "tls: { level: dane }\n",
    [
      "1:8: warning: level dane needs DANE evidence, which this version does not gather: no mail goes under this rule (use secure or fingerprint until it does)",
    ],
  ],
  [
    "old TLS (TL-1)",
    "tls: { protocols: [TLSv1, TLSv1.2] }\ntls-profile: { protocols: SSLv3 }\n",
    [
      "1:20: error: TLSv1 is not safe and never used (write TLSv1.2 or TLSv1.3 (RFC 8996))",
      "2:27: error: SSLv3 is not safe and never used (write TLSv1.2 or TLSv1.3 (RFC 8996))",
    ],
  ],
  ["no protocol", "tls: { protocols: [] }\n", ["1:8: error: no TLS version is left (write TLSv1.2, TLSv1.3 or both)"]],
  [
    "cipher list and groups",
    "tls: { ciphers: NOPE, groups: nope }\ntls-profile: { ciphers: NOPE, groups: nope }\n",
    [
      '1:8: error: OpenSSL does not take the cipher list "NOPE": no cipher match (try openssl ciphers -v LIST)',
      '1:23: error: OpenSSL does not take the list of groups "nope": Failed to set ECDH curve (try openssl list -tls-groups)',
      '2:16: error: OpenSSL does not take the cipher list "NOPE": no cipher match (try openssl ciphers -v LIST)',
      '2:31: error: OpenSSL does not take the list of groups "nope": Failed to set ECDH curve (try openssl list -tls-groups)',
    ],
  ],
  [
    "unknown client certificate",
    "tls: { client-certificate: me }\n",
    ['1:8: error: there is no certificate "me" (there is none; write it under certificates:)'],
  ],
  [
    "CA file that is not there",
    "tls: { ca: ca.pem }\n",
    [
      "1:12: error: cannot read the CA file ca.pem: there is no such file (check its path and that this user may read it)",
    ],
  ],
  [
    "CA file without certificates",
    "tls: { ca: /empty.pem, level: verify }\n",
    ["1:12: error: there is no certificate in the CA file /empty.pem (give a PEM file of CA certificates)"],
  ],
  [
    "CA file with a broken certificate",
    "tls: { ca: /broken.pem, level: verify }\n",
    ["1:12: error: certificate 1 of the CA file /broken.pem cannot be read (give a PEM file of CA certificates)"],
  ],
  [
    "system and an empty file",
    "tls: { ca: [system, /empty.pem] }\n",
    ["1:21: error: there is no certificate in the CA file /empty.pem (give a PEM file of CA certificates)"],
  ],
  [
    "an exception that ended",
    "tls: { domains: { a.example: { level: none, expires: 2026-05-31 } } }\n",
    [
      "1:45: warning: this rule ended on 2026-06-01T00:00:00.000Z and does not apply (remove it, or give it a later date)",
    ],
  ],
  [
    "dates",
    "tls: { domains: { a.example: { expires: 2026-02-30 }, b.example: { expires: soon }, c.example: { expires: 2026-13-01T25:00:00Z } } }\n",
    [
      "1:41: error: 2026-02-30 is not in the calendar (write 2027-01-31, or 2027-01-31T12:00:00Z)",
      '1:77: error: "soon" is no date (write 2027-01-31, or 2027-01-31T12:00:00Z)',
      "1:107: error: 2026-13-01 is not in the calendar (write 2027-01-31, or 2027-01-31T12:00:00Z)",
    ],
  ],
  [
    "an owner without an end",
    "tls: { domains: { a.example: { level: none, owner: me } } }\n",
    ["1:45: warning: owner and reason belong to an exception that ends (add expires: with a date)"],
  ],
  [
    "an exception for everything",
    "tls: { expires: 2027-01-01 }\n",
    [
      '1:8: error: unknown key "expires" (known: level, match, ca, partial-chains, proof, common-name, pins, protocols, ciphers, groups, min-cipher-bits, client-certificate, sni, fallback, when-refused, mx-patterns, demand-of-host, demand-of-recipient, wording, refuse, on-failure, mode, nexthops, domains, hosts)',
    ],
  ],
  [
    "fallback",
    "tls: { fallback: after 5 }\nbindings: { a: { tls: { fallback: later } } }\n",
    [
      '1:18: error: "5" has no unit (write 5s, 5m, 5h or 5d)',
      '2:35: error: "later" is no fallback (write never, at once, or after 5m)',
    ],
  ],
  [
    "SNI, match, level",
    "tls: { sni: 'a b', match: ['*.a.example'], level: encryt }\n",
    [
      '1:13: error: "a b" is no server name (write hostname, nexthop, off or a name)',
      '1:28: error: "*.a.example" is no name to expect (write hostname, nexthop, dot-nexthop, a name, or .name)',
      '1:51: error: "encryt" is not known here (did you mean "encrypt"?)',
    ],
  ],
  [
    "no way out",
    "outbound: { ipv4: false, ipv6: false }\n",
    ["1:11: error: neither IPv4 nor IPv6 is left for delivery (set ipv4: true or ipv6: true)"],
  ],
  [
    "empty retry schedule",
    "retry: { schedule: [] }\n",
    ["1:10: error: the retry schedule is empty (write a list such as [5m, 30m, 1h])"],
  ],
  [
    "DNS server",
    "dns: { servers: [resolver, {trusted: true}] }\n",
    [
      '1:18: error: "resolver" is no address and port (write 127.0.0.1:2525 or [::1]:2525)',
      '1:28: error: "address" is missing (add "address:" and its value (address and port))',
    ],
  ],
  [
    "no DNS server",
    "dns: { servers: [] }\n",
    ["1:8: error: there is no DNS server (write one, or remove servers: for the system's)"],
  ],
  ["postmaster", "postmaster: me\n", ['1:1: error: "me" is no mailbox (write name@example.com)']],
  [
    "a postmaster that no path could name",
    "workers: 1\npostmaster: a..b@example.com\n",
    ['2:1: error: "a..b@example.com" is no mailbox (write name@example.com)'],
  ],
  [
    "a postmaster without domain",
    "postmaster: postmaster\n",
    ['1:1: error: "postmaster" is no mailbox (write name@example.com)'],
  ],
  [
    "an alias without anchor",
    "tls: *x\n",
    ["1:6: error: there is no anchor &x before this (write &x at the value that is meant)"],
  ],
  [
    "a bomb of aliases",
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
    ["6:5: error: aliases copy more than 100000 values (write the values out, or use fewer aliases)"],
  ],
  [
    "nested too deep",
    `${"[".repeat(40)}${"]".repeat(40)}`,
    ["1:34: error: nested more than 32 deep (no setting is nested that deep: check brackets and blanks)"],
  ],
  [
    "text from the file is escaped (AT-28)",
    '"ho\\estname": x\n',
    ['1:1: error: unknown key "ho\\x1bstname" (did you mean "hostname"?)'],
  ],
];

const files = {
  "/empty.pem": "nothing",
  "/broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

for (const [name, text, want] of bad) {
  test(`load: ${name}`, () => {
    assert.deepEqual(problemsOf(text, files), want);
    const hasError = want.some((line) => line.includes(" error: "));
    assert.equal(load(text, files).settings === undefined, hasError);
  });
}

test("load: a configuration that cannot be read is one error, at its start", () => {
  const { settings, problems } = loadSettings({ path: "/none.yaml", reader: textFiles({}), now, machine });
  assert.equal(settings, undefined);
  assert.deepEqual(problems.map(formatProblem), [
    "/none.yaml:1:1: error: cannot read the configuration /none.yaml: there is no such file (check its path and that this user may read it)",
  ]);
});

test("load: without a file, the relay is on loopback and takes mail from loopback only", () => {
  const { settings, problems, needsSelfMade } = loadSettings({ reader: textFiles({}), now, machine });
  assert.deepEqual(problems, []);
  assert.ok(settings !== undefined && needsSelfMade);
  const listeners = settings.listeners.map(({ name, address, port, implicitTls, rule }) => [
    name,
    address,
    port,
    implicitTls,
    rule,
  ]);
  assert.deepEqual(listeners, [
    ["smtp", "127.0.0.1", 2525, false, {}],
    ["smtps", "127.0.0.1", 4465, true, {}],
  ]);
  assert.deepEqual(
    settings.relayNetworks.map(({ address, prefix }) => `${address}/${prefix}`),
    ["127.0.0.0/8", "::1/128"],
  );
  assert.deepEqual(settings.relayDomains, []);
  assert.equal(settings.hostname, "relay.example.com");
  assert.equal(settings.workers, 3);
  assert.match(settings.dataDirectory, /^\/.*\/data$/);
  assert.deepEqual(settings.metrics, { address: "127.0.0.1", port: 2580 });
  assert.deepEqual(settings.dns.servers, [{ address: "127.0.0.1", port: 53, trusted: true }]);
  assert.equal(settings.policySources[0]?.outbound(questionFor("a.example")), undefined);
});

test("load: the waits of the standard are the defaults (CL-5, CL-6, SR-18, QU-2, QU-4)", () => {
  const { outbound, timeouts, retry } = settingsOf("");
  const minutes = Object.values(outbound.timeouts).map((ms) => ms / 60_000);
  assert.deepEqual(minutes, [0.5, 5, 5, 2, 1, 5, 5, 2, 3, 10, 60]);
  assert.equal(timeouts.commandMs, 5 * 60_000);
  assert.deepEqual(
    retry.scheduleMs.map((ms) => ms / 60_000),
    [5, 10, 30, 60, 120, 180],
  );
  assert.equal(retry.lifetimeMs, 5 * 86_400_000);
  assert.equal(retry.delayNoticeMs, 4 * 3_600_000);
});

function questionFor(recipientDomain: string, change: Partial<OutboundQuestion> = {}): OutboundQuestion {
  const name = domain(recipientDomain);
  const recipient = { text: `a@${name}`, localPart: "a", host: { kind: "domain", domain: name } } as const;
  return {
    sender: undefined,
    recipient,
    recipientDomain: domainOf(recipient),
    nexthop: { kind: "mx", domain: name, port: 25 },
    binding: "default",
    bindingGroup: undefined,
    host: domain(`mx.${recipientDomain}`),
    address: undefined,
    now,
    ...change,
  };
}

const policy = `tls:
  level: may
  domains:
    a.example:
      level: secure
      match: [hostname, .mx.a.example]
      hosts:
        mx.a.example: { min-cipher-bits: 256 }
  hosts:
    mx.b.example: { level: encrypt, fallback: never }
binding-groups:
  bulk: { tls: { fallback: at once } }
bindings:
  news:
    group: bulk
    tls: { domains: { c.example: { level: none, expires: 2026-06-01, owner: me, reason: old } } }
`;

test("load: the keywords of match ignore case", () => {
  const { rules } = settingsOf("tls: { level: verify, match: [HOSTNAME, NextHop, Dot-NextHop, Mx.A.example] }\n");
  assert.deepEqual(rules[0]?.settings.match?.value, [
    { kind: "hostname" },
    { kind: "nexthop" },
    { kind: "dot-nexthop" },
    { kind: "name", name: "mx.a.example" },
  ]);
});

test("load: TLS rules at every scope, each setting with its own line", () => {
  const {
    rules,
    policySources: [source],
  } = settingsOf(policy);
  const shown = rules.map(
    ({ from, settings }) => `${from.line}:${from.column} ${from.scope}: ${Object.keys(settings)}`,
  );
  assert.deepEqual(shown, [
    "1:1 everything: level",
    "4:5 domain a.example: level,match",
    "8:9 MX host mx.a.example in domain a.example: minCipherBits",
    "10:5 MX host mx.b.example: level,fallback",
    "12:11 binding group bulk: fallback",
    "16:23 domain c.example in binding news: level,exception",
  ]);
  const rule = source?.outbound(questionFor("a.example"));
  assert.deepEqual(rule?.level, {
    value: "secure",
    from: { source: "letterlock", file: "/etc/x/x.yaml", line: 5, column: 7, scope: "domain a.example" },
  });
  assert.equal(rule?.minCipherBits?.from.line, 8);
  assert.equal(source?.outbound(questionFor("b.example"))?.level.value, "encrypt");
  const news = { binding: "news", bindingGroup: "bulk" };
  assert.equal(source?.outbound(questionFor("c.example", news))?.level.value, "none");
  assert.equal(source?.outbound(questionFor("c.example", { ...news, now: now + 86_400_000 }))?.level.value, "may");
  assert.deepEqual(source?.outbound(questionFor("d.example", news))?.fallback?.value, { kind: "at-once" });
});

test("load: pins in hex and base64, of key, certificate or either", () => {
  const hex = "ab".repeat(32);
  const base64 = Buffer.from(hex, "hex").toString("base64");
  const colons = hex.toUpperCase().match(/../g)?.join(":");
  const { rules } = settingsOf(
    `tls: { level: fingerprint, pins: ["sha256:${hex}", "spki-sha256:${base64}", "certificate-SHA256:${colons}"] }`,
  );
  assert.deepEqual(
    rules[0]?.settings.pins?.value.map(({ of, algorithm, digest }) => [of, algorithm, digest === hex]),
    [
      ["either", "sha256", true],
      ["spki", "sha256", true],
      ["certificate", "sha256", true],
    ],
  );
});

test("load: pins of a scope around it serve level fingerprint", () => {
  const pins = `pins: "sha256:${"0".repeat(64)}"`;
  const inner = "tls: { domains: { a.example: { level: fingerprint } } }";
  assert.deepEqual(problemsOf(`tls: { ${pins}, domains: { a.example: { level: fingerprint } } }`), []);
  assert.deepEqual(
    problemsOf(`binding-groups: { g: { tls: { ${pins} } } }\nbindings: { b: { group: g, ${inner} } }`),
    [],
  );
  assert.equal(problemsOf(`binding-groups: { g: { tls: { ${pins} } } }\nbindings: { b: { ${inner} } }`).length, 1);
});

test("load: transports take the outbound port where they name none", () => {
  const { transports } = settingsOf(
    `outbound: { port: 2525 }\ntransports:\n  a.example: { to: ["[mx.a.example]", d.example] }\n  .b.example: c.example:26\n  "*": { to: "[2001:db8::1]:465", tls: implicit }\n`,
  );
  assert.deepEqual(
    transports.map(({ nexthops }) => nexthops),
    [
      [
        { kind: "host", host: "mx.a.example", isIp: false, port: 2525, implicitTls: false, written: "[mx.a.example]" },
        { kind: "mx", domain: "d.example", port: 2525, written: "d.example" },
      ],
      [{ kind: "mx", domain: "c.example", port: 26, written: "c.example:26" }],
      [{ kind: "host", host: "2001:db8::1", isIp: true, port: 465, implicitTls: true, written: "[2001:db8::1]:465" }],
    ],
  );
});

test("load: DNS servers are believed on loopback, others when told (RS-1)", () => {
  const written = settingsOf(
    'dns: { servers: [127.0.0.53, "[::1]:5353", 192.0.2.1, {address: 192.0.2.2, trusted: true}] }',
  );
  assert.deepEqual(
    written.dns.servers.map(({ address, port, trusted }) => [address, port, trusted]),
    [
      ["127.0.0.53", 53, true],
      ["::1", 5353, true],
      ["192.0.2.1", 53, false],
      ["192.0.2.2", 53, true],
    ],
  );
  const system = settingsOf("", {
    "/etc/resolv.conf": "search example.com\nnameserver 192.0.2.7\n#nameserver 192.0.2.8\n",
  });
  assert.deepEqual(system.dns.servers, [{ address: "192.0.2.7", port: 53, trusted: false }]);
});

test("load: anchors, aliases and << are read; what is written wins over what << brings", () => {
  const { rules } = settingsOf(`tls:
  domains:
    a.example: &a { level: encrypt, mode: monitor }
    b.example: *a
    c.example: { <<: *a, level: none }
`);
  assert.deepEqual(
    rules.map(({ settings }) => [settings.level?.value, settings.mode?.value]),
    [
      ["encrypt", "monitor"],
      ["encrypt", "monitor"],
      ["none", "monitor"],
    ],
  );
});

test("load: --data wins over the file, paths in the file start at its folder", () => {
  assert.equal(settingsOf("data: spool").dataDirectory, "/etc/x/spool");
  assert.equal(settingsOf("data: spool").records.file, "/etc/x/spool/deliveries.jsonl");
  const overridden = loadSettings({
    path: "/etc/x/x.yaml",
    text: "data: spool",
    overrides: { data: "/d" },
    reader: textFiles({}),
  });
  assert.equal(overridden.settings?.dataDirectory, "/d");
  assert.deepEqual(settingsOf("records: { file: '-' }").records.file, "-");
});

test("load: wildcard listeners of both families share a port", () => {
  const { listeners } = settingsOf("listeners: [{address: 0.0.0.0:25, tls: none}, {address: '[::]:25', tls: none}]");
  assert.deepEqual(
    listeners.map(({ name }) => name),
    ["0.0.0.0:25", "[::]:25"],
  );
});

test("load: a hundred thousand domains within the time of the design", () => {
  const lines = Array.from({ length: 100_000 }, (_, number) => `    d${number}.example.com: { level: secure }\n`);
  const text = `tls:\n  level: may\n  domains:\n${lines.join("")}`;
  const begun = process.cpuUsage();
  const {
    rules,
    policySources: [source],
  } = settingsOf(text);
  const { user, system } = process.cpuUsage(begun);
  assert.equal(rules.length, 100_001);
  assert.equal(source?.outbound(questionFor("d99999.example.com"))?.level.from.line, 100_003);
  assert.ok((user + system) / 1e6 < 2, `took ${(user + system) / 1e6} s of processor time`);
});

const words = [
  "tls:",
  "domains:",
  "a.example",
  "level:",
  "secure",
  "listeners:",
  "- ",
  "{",
  "}",
  "[",
  "]",
  "address:",
  "127.0.0.1:25",
  "&a ",
  "*a",
  "<<:",
  ": ",
  "\n",
  "\n  ",
  "\n    ",
  "\t",
  "#",
  "'",
  '"',
  "|",
  ">",
  "? ",
  "---\n",
  "!!map ",
  "~",
  "5m",
  "data:",
];

test("load: any text gives settings or problems, never a throw", () => {
  const yamlish = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 6 })), { maxLength: 40 });
  const anyText = fc.oneof(
    fc.string({ maxLength: 300, unit: "binary" }),
    yamlish.map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const { settings, problems } = load(text);
      const hasErrors = problems.some(({ severity }) => severity === "error");
      assert.equal(settings === undefined, hasErrors);
      for (const problem of problems)
        assert.match(formatProblem(problem), /^\/etc\/x\/x\.yaml:\d+:\d+: (?:error|warning): \P{Cc}+$/u);
    }),
    { numRuns: 500 },
  );
});

test("load: deep nesting and long keys cost little", () => {
  for (const text of ["[".repeat(50_000), "{a: ".repeat(5_000), "- ".repeat(5_000), `${"x".repeat(500_000)}: 1`]) {
    assert.equal(load(text).settings, undefined);
  }
});
