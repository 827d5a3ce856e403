/**
 * What letterlock.yaml says of mail that comes in: read right, and every contradiction told with its line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { createInboundPolicy } from "../policy/inbound.ts";
import type { InboundQuestion, InboundRule } from "../policy/rules.ts";
import { loadSettings } from "./load.ts";
import { formatProblem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { textFiles } from "./text-files.ts";

const now = Date.parse("2026-06-01T00:00:00Z");
const machine = { hostname: "mx.example.com", processors: 1 };
const digest = "ab".repeat(32);

const usersFile = `users:
  ann:
    certificates: [sha256:${digest}]
`;

function load(text: string, users = usersFile) {
  const reader = { ...textFiles({ "/c/users.yaml": users }), modeOf: () => 0o600 };
  return loadSettings({ path: "/c/x.yaml", text, reader, now, machine });
}

function problemsOf(text: string, users?: string): string[] {
  return load(text, users).problems.map((problem) => formatProblem(problem).replace("/c/x.yaml:", ""));
}

function settingsOf(text: string): Settings {
  const { settings, problems } = load(text);
  assert.ok(settings !== undefined, problems.map(formatProblem).join("\n"));
  return settings;
}

function words(rule: InboundRule | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(rule ?? {}).map(([key, each]) => [key, "value" in each ? (each.value as unknown) : each]),
  );
}

function question(change: Partial<InboundQuestion> = {}): InboundQuestion {
  return {
    listener: "in",
    localAddress: undefined,
    localPort: 25,
    client: "198.51.100.7" as IpAddress,
    clientName: undefined,
    user: undefined,
    now,
    ...change,
  };
}

/** One listener on loopback, so that nothing is an open relay or without a certificate by the way. */
function listener(settings: string): string {
  return `listeners: [{ name: in, address: 127.0.0.1:25, ${settings} }]\n`;
}

function rules(...lines: string[]): string {
  return `${listener("client-certificate: ask, client-ca: system")}inbound-rules:\n${lines.map((line) => `  - { ${line} }\n`).join("")}`;
}

test("listeners: what is written stands in the rule with its line, what is only a default does not", () => {
  const { listeners, inboundDefaults } = settingsOf(
    "tls-profile: { ciphers: ECDHE+AESGCM }\nlisteners:\n  - { name: a, address: 127.0.0.1:1 }\n" +
      "  - name: b\n    address: 127.0.0.1:2\n    require-tls: true\n    protocols: TLSv1.3\n    ciphers: ECDHE+AESGCM+AES256\n" +
      "  - { name: c, address: 127.0.0.1:3, tls: none }\n  - { name: d, address: 127.0.0.1:4, tls: implicit, require-tls: false }\n" +
      "  - { name: e, address: 127.0.0.1:5, tls: starttls, pipelined: discard, mail-without-hello: true, wording: postfix }\n",
  );
  const [a, b, c, d, e] = listeners.map(({ rule }) => words(rule));
  assert.deepEqual(a, { ciphers: "ECDHE+AESGCM" });
  assert.deepEqual(b, {
    ciphers: "ECDHE+AESGCM+AES256",
    starttls: "require",
    protocols: { min: "TLSv1.3", max: "TLSv1.3" },
  });
  assert.deepEqual(c, { ciphers: "ECDHE+AESGCM", starttls: "never" });
  assert.deepEqual(d, { ciphers: "ECDHE+AESGCM" });
  assert.deepEqual(e, {
    ciphers: "ECDHE+AESGCM",
    starttls: "offer",
    pipelined: "discard",
    mailWithoutHello: true,
    wording: "postfix",
  });
  assert.deepEqual(words(inboundDefaults), {
    starttls: "offer",
    protocols: { min: "TLSv1.2", max: "TLSv1.3" },
    ciphers: "ECDHE+AESGCM",
  });
  assert.deepEqual(
    listeners.map(({ implicitTls, from }) => [implicitTls, from.line]),
    [
      [false, 3],
      [false, 5],
      [false, 9],
      [true, 10],
      [false, 11],
    ],
  );
  assert.deepEqual(listeners[1]?.rule.starttls?.from, {
    source: "letterlock",
    file: "/c/x.yaml",
    line: 6,
    column: 5,
    scope: "listener b",
  });
});

test("listeners: certificates, AUTH and relaying of clients", () => {
  const text = `users-file: users.yaml
listeners:
  - name: in
    address: 192.0.2.1:25
    tls: starttls
    client-certificate: require-any
    client-ca: none
    auth: plain-only-in-tls
    auth-required: true
    mechanisms: [EXTERNAL, SCRAM-SHA-256]
    relay: true
    relay-by-certificate:
      fingerprints: spki-sha256:${digest}
      names: [a.example, .b.example]
      issuers: ["CN=Example CA,O=Example"]
    user-by-certificate: [{ fingerprint: sha256:${digest}, user: ann }]
    demand-of-client: PERM+VERIFY:128
    demand-at: rcpt
    barred: false
    refuse: not now
`;
  const rule = settingsOf(text).listeners[0]?.rule;
  const { requirements, ...others } = words(rule);
  assert.deepEqual(others, {
    starttls: "offer",
    clientCertificate: "require",
    clientAnchors: rule?.clientAnchors?.value,
    auth: "plain-only-in-tls",
    authRequired: true,
    mechanisms: ["EXTERNAL", "SCRAM-SHA-256"],
    relay: true,
    relayByCertificate: {
      kind: "match",
      pins: [{ of: "spki", algorithm: "sha256", digest }],
      names: [
        { kind: "name", name: "a.example" },
        { kind: "below", name: "b.example" },
      ],
      issuers: ["CN=Example CA,O=Example"],
    },
    userByCertificate: [{ pin: { of: "either", algorithm: "sha256", digest }, user: "ann" }],
    requirementsAt: "rcpt",
    barred: false,
    refuse: "not now",
  });
  assert.equal(rule?.clientAnchors?.value.kind, "bundle");
  assert.deepEqual(
    rule?.requirements?.map(({ of, verify, bits, reply }) => [of, verify, bits?.atLeast, reply]),
    [["client", true, 128, { code: 503, status: "5.7.0" }]],
  );
  assert.equal((requirements as unknown[]).length, 1);
});

test("listeners: require asks for a trusted certificate, trusted and none relay by certificate", () => {
  const { listeners } = settingsOf(
    "listeners:\n  - { name: a, address: 127.0.0.1:1, client-certificate: require, client-ca: system }\n" +
      "  - { name: b, address: 127.0.0.1:2, client-certificate: do-not-ask, relay-by-certificate: none, demand-of-client: none }\n",
  );
  const [a, b] = listeners.map(({ rule }) => words(rule));
  assert.deepEqual(a, { clientCertificate: "require-trusted", clientAnchors: { kind: "system" } });
  assert.deepEqual(b, {
    clientCertificate: "do-not-ask",
    relayByCertificate: { kind: "match", pins: [] },
    requirements: [],
  });
});

test("inbound rules: conditions, demand and answer", () => {
  const { inboundRules, clientNames } = settingsOf(
    rules(
      "listeners: in, clients: [192.0.2.0/24, '::1'], client-names: .a.example, users: '*', sender-domains: b.example, recipient-domains: '*', require-tls: encrypted, min-cipher-bits: 128, answer: permanent, reply-text: use TLS, mode: monitor, expires: 2027-01-01, owner: ann, reason: old",
      `clients: 192.0.2.1, require-tls: matching, fingerprints: 'certificate-sha256:${digest}'`,
      "clients: 192.0.2.2, require-tls: trusted, client-ca: system, answer: permanent",
      "clients: 192.0.2.3, require-tls: encrypted, answer: permanent",
      "clients: 192.0.2.4, require-tls: encrypted",
      "clients: 192.0.2.5, require-tls: matching, certificate-names: .a.example, certificate-issuers: 'CN=x'",
      "clients: 192.0.2.6, require-tls: none",
    ),
  );
  assert.equal(clientNames, true);
  const [first, ...others] = inboundRules;
  assert.deepEqual(first?.conditions, {
    listeners: ["in"],
    clients: [
      { address: "192.0.2.0", prefix: 24 },
      { address: "::1", prefix: 128 },
    ],
    clientNames: [{ kind: "below", domain: "a.example" }],
    users: ["*"],
    senderDomains: [{ kind: "exact", domain: "b.example" }],
    recipientDomains: [{ kind: "any" }],
  });
  const expiresAt = Date.parse("2027-01-02T00:00:00Z");
  assert.deepEqual(
    { ...first?.demand, from: first?.demand?.from.line },
    {
      from: 3,
      text: "require-tls: encrypted, min-cipher-bits: 128 (listeners in; clients 192.0.2.0/24, ::1/128; client-names .a.example; users *; sender-domains b.example; recipient-domains *)",
      level: "encrypted",
      minCipherBits: 128,
      mode: "monitor",
      answer: { code: 550, status: "5.7.10", text: "use TLS" },
      exception: { expiresAt, owner: "ann", reason: "old" },
    },
  );
  assert.equal(first?.expiresAt, expiresAt);
  assert.deepEqual(
    others.map(({ demand }) => [demand?.level, demand?.answer.code, demand?.answer.status, demand?.mode]),
    [
      ["matching", 451, "4.7.1", "enforce"],
      ["trusted", 550, "5.7.1", "enforce"],
      ["encrypted", 530, "5.7.10", "enforce"],
      ["encrypted", 451, "4.7.10", "enforce"],
      ["matching", 451, "4.7.1", "enforce"],
      ["none", 451, "4.7.1", "enforce"],
    ],
  );
  assert.deepEqual(others[0]?.demand?.pins, [{ of: "certificate", algorithm: "sha256", digest }]);
  assert.deepEqual(others[1]?.demand?.anchors, { kind: "system" });
  assert.deepEqual(others[4]?.demand?.names, [{ kind: "below", name: "a.example" }]);
  assert.deepEqual(others[4]?.demand?.issuers, ["CN=x"]);
});

test("inbound rules: settings for some clients come before the listener's own, and those before the defaults", () => {
  const settings = settingsOf(
    "listeners: [{ name: in, address: 127.0.0.1:25, tls: starttls, pipelined: discard }]\ninbound-rules:\n" +
      "  - { clients: 198.51.100.0/24, starttls: never, relay: true }\n  - { starttls: require, auth: never }\n",
  );
  const own = (name: string) => settings.listeners.find((each) => each.name === name)?.rule;
  const policy = createInboundPolicy(settings.policySources, own, settings.inboundDefaults);
  assert.deepEqual(words(policy.rule(question())), {
    starttls: "never",
    relay: true,
    auth: "never",
    pipelined: "discard",
    protocols: { min: "TLSv1.2", max: "TLSv1.3" },
  });
  assert.equal(words(policy.rule(question({ client: "::1" as IpAddress }))).starttls, "require");
  assert.equal(words(policy.rule(question({ listener: "other", client: "::1" as IpAddress }))).starttls, "require");
});

test("inbound rules: client names are looked up only where something hangs on them", () => {
  assert.equal(settingsOf(rules("clients: 192.0.2.1, require-tls: encrypted")).clientNames, false);
  const named = settingsOf(rules("client-names: .a.example, require-tls: encrypted"));
  assert.equal(named.clientNames, true);
  const [source] = named.policySources;
  const envelope = { sender: undefined, recipient: undefined };
  const [answer] = source?.demands?.({ ...question({ clientName: domain("mx.a.example") }), ...envelope }) ?? [];
  assert.equal(answer?.kind, "demand");
});

test("users file: its users, its problems in its own lines, its place among the files that are watched", () => {
  const { users, files } = settingsOf("users-file: users.yaml\n");
  assert.equal(users.byCertificate(digest, "")?.name, "ann");
  assert.ok(files.includes("/c/users.yaml"));
  assert.deepEqual(problemsOf("users-file: none.yaml\n"), [
    "1:1: error: cannot read the users file none.yaml: there is no such file (check its path and that this user may read it)",
  ]);
  const [problem, ...others] = problemsOf("users-file: users.yaml\n", "users:\n  ann: {}\n");
  assert.match(problem ?? "", /^\/c\/users\.yaml:2:\d+: error: this user has no way to log in/);
  assert.deepEqual(others, []);
});

test("auth and records: what is written, and what is not", () => {
  const { auth, records } = settingsOf(
    "auth: { failure-delay: 2s, failures: 5, window: 1m, lock: 1h, failures-per-session: 2 }\n",
  );
  assert.deepEqual(auth, {
    failureDelayMs: 2000,
    maxFailures: 5,
    windowMs: 60_000,
    lockMs: 3_600_000,
    maxFailuresPerSession: 2,
  });
  assert.equal(records.inboundFile, "/c/data/inbound.jsonl");
  assert.equal(settingsOf("records: { inbound-file: off }\n").records.inboundFile, undefined);
  assert.equal(settingsOf("records: { inbound-file: '-' }\n").records.inboundFile, "-");
});

/** Each is told with its line, and what is an error never makes anything weaker: the configuration is not used. */
const damaged: readonly (readonly [name: string, text: string, want: readonly RegExp[]])[] = [
  ["an unknown key", rules("client: 192.0.2.1, require-tls: encrypted"), [/^3:7: error: unknown key "client"/]],
  ["a rule that says nothing", rules("clients: 192.0.2.1"), [/^3:5: error: this rule says nothing/]],
  ["no rule at all", rules(""), [/^3:5: error: this rule says nothing/]],
  [
    "an unknown listener",
    rules("listeners: on, require-tls: encrypted"),
    [/^3:18: error: there is no listener "on" \(did you mean "in"\?\)/],
  ],
  ["a user that is not there", rules("users: bob, require-tls: encrypted"), [/^3:14: warning: there is no user "bob"/]],
  [
    "an empty list",
    rules("clients: [], require-tls: encrypted"),
    [/^3:7: error: clients is empty: the rule would hold for nobody/],
  ],
  [
    "no network",
    rules("clients: 192.0.2.1/24, require-tls: encrypted"),
    [/^3:16: error: "192.0.2.1\/24" has bits set/],
  ],
  [
    "no pattern",
    rules("sender-domains: '*.example.com', require-tls: encrypted"),
    [/^3:23: error: "\*\.example\.com" is no domain pattern/],
  ],
  [
    "an unknown level",
    rules("require-tls: encrypt"),
    [/^3:20: error: "encrypt" is not known here \(did you mean "encrypted"\?\)/],
  ],
  [
    "bits without level",
    rules("min-cipher-bits: 128"),
    [
      /^3:7: error: min-cipher-bits belongs to require-tls: encrypted or trusted or matching \(add require-tls: encrypted\)/,
      /says nothing/,
    ],
  ],
  [
    "names at a level that looks at none",
    rules("require-tls: trusted, client-ca: system, certificate-names: a.example"),
    [
      /^3:48: error: certificate-names belongs to require-tls: matching \(write require-tls: matching, or remove certificate-names\)/,
    ],
  ],
  [
    "an answer without demand",
    rules("require-tls: none, answer: permanent"),
    [/^3:26: error: answer belongs to require-tls/],
  ],
  [
    "nothing to match",
    rules("require-tls: matching"),
    [/^3:7: error: require-tls: matching without anything to match takes no mail at all/],
  ],
  ["an empty list to match", rules("require-tls: matching, fingerprints: []"), [/without anything to match/]],
  [
    "a CA for fingerprints",
    rules(`require-tls: matching, fingerprints: 'sha256:${digest}', client-ca: system`),
    [/^3:\d+: error: client-ca counts for names and issuers alone/],
  ],
  [
    "a short fingerprint",
    rules("require-tls: matching, fingerprints: sha256:abcd"),
    [/^3:44: error: the digest after sha256: is not complete/],
  ],
  ["an MD5 fingerprint", rules("require-tls: matching, fingerprints: md5:00"), [/can be forged/]],
  [
    "no issuer",
    rules("require-tls: matching, certificate-issuers: Example"),
    [/^3:51: error: "Example" is no distinguished name/],
  ],
  ["no name", rules("require-tls: matching, certificate-names: '*.a.example'"), [/is no name/]],
  [
    "a reply of two lines",
    rules('require-tls: encrypted, reply-text: "a\\r\\n250 b"'),
    [/^3:43: error: a reply is one line of ASCII/],
  ],
  ["a reply that is not ASCII", rules("require-tls: encrypted, reply-text: für"), [/a reply is one line of ASCII/]],
  [
    "an expired rule",
    rules("require-tls: encrypted, expires: 2026-05-30"),
    [/^3:31: warning: this rule ended on 2026-05-31T00:00:00.000Z and does not apply/],
  ],
  [
    "an owner of a rule without end",
    rules("require-tls: encrypted, owner: ann"),
    [/^3:31: warning: owner and reason belong to a rule that ends/],
  ],
  [
    "a rule behind one that covers it",
    rules("sender-domains: .example, require-tls: none", "sender-domains: a.example, require-tls: encrypted"),
    [/^4:5: warning: this rule never decides anything: the one on line 3 covers all of it/],
  ],
  [
    "settings where the sender counts",
    rules("sender-domains: a.example, auth: never, require-tls: none"),
    [/^3:34: error: auth is needed before sender and recipient are known/],
  ],
  [
    "CAs of a client where the sender counts",
    rules("sender-domains: a.example, client-ca: system, relay: false"),
    [/^3:\d+: error: relay is needed before/],
  ],
  [
    "a demand that nobody is asked for",
    `${listener("client-certificate: do-not-ask")}inbound-rules:\n  - { require-tls: trusted, client-ca: system }\n`,
    [/^3:7: error: the listener in asks for no certificate: this mail is never taken there/],
  ],
  [
    "a demand without any CA",
    `${listener("client-certificate: ask")}inbound-rules:\n  - { require-tls: trusted }\n`,
    [/^3:7: warning: no CA is named for this rule, nor at the listener in: nobody satisfies it there/],
  ],
  [
    "a CA file that is not there",
    rules("require-tls: trusted, client-ca: ca.pem"),
    [/^3:40: error: cannot read the CA file ca\.pem/],
  ],
  [
    "everybody relays",
    "listeners: [{ name: in, address: 192.0.2.1:25, tls: none }]\ninbound-rules: [{ relay: true }]\n",
    [/^2:19: error: relay: true for everybody: this is an open relay/],
  ],
  [
    "everybody with a name relays",
    "listeners: [{ name: in, address: 192.0.2.1:25, tls: none }]\ninbound-rules: [{ client-names: '*', relay: true }]\n",
    [/open relay/],
  ],
  [
    "every address relays",
    "listeners: [{ name: in, address: 192.0.2.1:25, tls: none }]\ninbound-rules: [{ clients: 0.0.0.0/0, relay: true }]\n",
    [/^2:28: error: relay: true for 0\.0\.0\.0\/0: this is an open relay/],
  ],
  [
    "a listener where everybody relays",
    "listeners: [{ name: in, address: 192.0.2.1:25, tls: none, relay: true }]\n",
    [/^1:\d+: error: relay: true at the listener in, which is not on loopback: this is an open relay/],
  ],
  [
    "relaying by any certificate",
    listener("client-certificate: ask, client-ca: system, relay-by-certificate: trusted"),
    [/^1:\d+: error: relay-by-certificate: trusted with the system's CAs/],
  ],
  [
    "relaying by certificate without asking",
    listener("client-certificate: do-not-ask, relay-by-certificate: trusted"),
    [/clients that are not asked for a certificate cannot relay by it/],
  ],
  [
    "relaying by a certificate that is turned away",
    listener(
      `client-certificate: require, client-ca: system, relay-by-certificate: { fingerprints: 'sha256:${digest}' }`,
    ),
    [/^1:\d+: warning: client-certificate: require turns away/],
  ],
  ["relaying by nobody's certificate", listener("relay-by-certificate: {}"), [/relay-by-certificate names nobody/]],
  ["relaying by a word", listener("relay-by-certificate: all"), [/^1:\d+: error: "all" is not known here/]],
  [
    "passwords in clear",
    `users-file: users.yaml\n${listener("auth: also-in-clear")}`,
    [/^2:\d+: warning: AUTH is offered in clear text: whoever listens on the way reads the passwords/],
  ],
  ["nobody who could log in", listener("auth: in-tls"), [/^1:\d+: warning: nobody can log in: there is no user/]],
  [
    "a mechanism that nobody can use",
    `users-file: users.yaml\n${listener("auth: in-tls, mechanisms: CRAM-MD5")}`,
    [/^2:\d+: warning: no user can log in by CRAM-MD5/],
  ],
  ["an unknown mechanism", listener("mechanisms: [PLAIN, DIGEST-MD5]"), [/"DIGEST-MD5" is not known here/]],
  [
    "no mechanism",
    listener("auth: in-tls, mechanisms: []"),
    [/nobody can log in: there is no user/, /without a mechanism nobody can log in/],
  ],
  [
    "AUTH required and never offered",
    listener("auth-required: true"),
    [/^1:\d+: error: auth-required without AUTH takes no mail at all/],
  ],
  [
    "a certificate required without TLS",
    listener("tls: none, client-certificate: require"),
    [/^1:\d+: error: a listener with tls: none never sees a client certificate: it takes no mail at all/],
  ],
  [
    "a certificate asked for without TLS",
    listener("tls: none, client-certificate: ask"),
    [/^1:\d+: warning: a listener with tls: none never sees a client certificate \(/],
  ],
  [
    "AUTH in TLS without TLS",
    `users-file: users.yaml\n${listener("tls: none, auth: in-tls")}`,
    [/^2:\d+: warning: a listener with tls: none never offers this AUTH/],
  ],
  ["old protocols", listener("protocols: [TLSv1, TLSv1.2]"), [/TLSv1 is not safe and never used/]],
  ["no protocol", listener("protocols: []"), [/no TLS version is left/]],
  ["ciphers of nobody", listener("ciphers: NOPE"), [/OpenSSL does not take the cipher list "NOPE"/]],
  ["groups of nobody", listener("groups: nope"), [/OpenSSL does not take the list of groups "nope"/]],
  ["ciphers in a rule", rules("ciphers: NOPE"), [/^3:\d+: error: OpenSSL does not take the cipher list/]],
  [
    "certificates that are not there",
    listener("certificate: [a, b]"),
    [/there is no certificate "a"/, /there is no certificate "b"/],
  ],
  ["no certificate named", listener("certificate: []"), [/no certificate is named/]],
  ["a demand that is none", rules("demand-of-client: VERFY"), [/"VERFY" is no demand/]],
  ["a demand of a map", rules("demand-of-client: 'VERIFY+CITag:x'"), [/CITag needs Sendmail's access map/]],
  ["lock-out without end", "auth: { lock: 0s }\n", [/^1:15: error: 0s is out of range/]],
  ["a number for a name", rules("listeners: [in, [a]], require-tls: encrypted"), [/a name is needed here/]],
];

for (const [name, text, want] of damaged) {
  test(`inbound settings: ${name}`, () => {
    const problems = problemsOf(text);
    for (const each of want)
      assert.ok(
        problems.some((problem) => each.test(problem)),
        `${each}: ${problems.join("\n")}`,
      );
    assert.ok(problems.length <= want.length, problems.join("\n"));
  });
}

test("inbound settings: whatever is written, the answer is settings or errors", () => {
  const keys = ["listeners", "clients", "client-names", "users", "sender-domains", "recipient-domains", "require-tls"];
  const more = ["client-ca", "fingerprints", "certificate-names", "auth", "relay", "relay-by-certificate", "expires"];
  const values = [
    "in",
    "'*'",
    ".a.example",
    "192.0.2.0/24",
    "none",
    "trusted",
    "matching",
    "true",
    "[]",
    "{}",
    "~",
    "[[a]]",
  ];
  const entry = fc.tuple(fc.constantFrom(...keys, ...more), fc.oneof(fc.constantFrom(...values), fc.string()));
  const rule = fc.array(entry, { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), (written) => {
      const lines = written.map(
        (entries) => `  - { ${entries.map(([key, value]) => `${key}: ${value}`).join(", ")} }\n`,
      );
      const { settings, problems } = load(`${listener("client-certificate: ask")}inbound-rules:\n${lines.join("")}`);
      assert.ok(settings !== undefined || problems.some(({ severity }) => severity === "error"));
      for (const source of settings?.policySources ?? []) {
        source.demands?.({ ...question(), sender: undefined, recipient: undefined });
        source.inbound?.(question());
      }
    }),
    { numRuns: 300 },
  );
});
