import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSettings } from "./compare.ts";
import { loadSettings } from "./load.ts";
import type { Settings } from "./settings.ts";
import { textFiles } from "./text-files.ts";

function settingsOf(text: string): Settings {
  const { settings, problems } = loadSettings({
    path: "/x.yaml",
    text,
    reader: textFiles({}),
    machine: { hostname: "a.example", processors: 1 },
  });
  assert.ok(settings !== undefined, JSON.stringify(problems));
  return settings;
}

const domains = (count: number, level: string): string =>
  `tls: { domains: { ${Array.from({ length: count }, (_, number) => `d${number}.example: { level: ${level} }`).join(", ")} } }`;

const rows: readonly (readonly [name: string, before: string, after: string, want: readonly string[]])[] = [
  [
    "nothing, on other lines",
    "workers: 2\ntls: { level: encrypt }",
    "# comment\ntls: { level: encrypt }\nworkers: 2",
    [],
  ],
  [
    "workers and data folder",
    "workers: 2",
    "workers: 4\ndata: /d",
    ["workers: 2 to 4 (restart)", "data folder: /data to /d (restart)"],
  ],
  [
    "records, log and metrics",
    "",
    "log: { level: debug }\nmetrics: off",
    ["log changed (restart)", "metrics changed (restart)"],
  ],
  [
    "hostname, with the binding that says it",
    "",
    "hostname: b.example",
    ["hostname: a.example to b.example", "binding default changed"],
  ],
  [
    "listeners",
    "listeners: [{name: a, address: 127.0.0.1:1}, {name: b, address: 127.0.0.1:2}]",
    "listeners: [{name: a, address: 127.0.0.1:3}, {name: c, address: 127.0.0.1:2}]",
    ["listener a changed", "listener c added", "listener b removed"],
  ],
  [
    "logs, told by name whatever they are made of",
    "logs: { a: { format: postfix, file: a }, b: { format: powermta, file: b, queue-filter: '*/*' }, c: { format: json, file: c }, d: { format: powermta, file: d } }",
    "logs: { c: { format: json, file: c2 }, d: { format: powermta, file: d }, b: { format: powermta, file: b, queue-filter: 'a.test/*' }, e: { format: json, file: e } }",
    ["log c changed", "log b changed", "log e added", "log a removed"],
  ],
  [
    "limits of the store",
    "",
    "limits: { queue-size: 2 GB, free-disk: 1 GB }",
    ["limits.queue-size (restart)", "limits.free-disk (restart)"],
  ],
  [
    "limits of the store, and another",
    "",
    "limits: { free-disk: 1 GB, recipients: 200 }",
    ["limits changed", "limits.free-disk (restart)"],
  ],
  ["relay networks", "", "relay-networks: [192.0.2.0/24]", ["relay networks changed"]],
  [
    "rules",
    "tls: { level: may, domains: { a.example: { level: may }, b.example: { level: may } } }",
    "tls: { level: may, domains: { a.example: { level: secure } }, hosts: { mx.example: { level: may } } }",
    [
      "TLS rule for MX host mx.example added",
      "TLS rule for domain a.example changed",
      "TLS rule for domain b.example removed",
    ],
  ],
  [
    "bindings",
    "bindings: { a: {}, b: {} }",
    "bindings: { a: { ehlo: b.example }, c: {} }",
    ["binding a changed", "binding c added", "binding b removed"],
  ],
  [
    "many bindings",
    "",
    `bindings: { ${Array.from({ length: 6 }, (_, number) => `b${number}: {}`).join(", ")} }`,
    ["6 bindings added"],
  ],
  [
    "what clients are offered",
    "tls-profile: { protocols: TLSv1.3 }\nlisteners: [{name: a, address: 127.0.0.1:1}, {name: b, address: 127.0.0.1:2}]",
    "listeners: [{name: a, address: 127.0.0.1:1, require-tls: true, client-certificate: ask}, {name: b, address: 127.0.0.1:2}]",
    [
      "listener a changed: protocols, tls, client-certificate",
      "listener b changed: protocols",
      "listeners by default: protocols",
    ],
  ],
  [
    "inbound rules",
    "inbound-rules:\n  - { clients: 192.0.2.1, require-tls: none }\n  - { sender-domains: [a.example, b.example, c.example, d.example], require-tls: encrypted }\n  - { listeners: smtp, relay: true }\n",
    "\n\ninbound-rules:\n  - { sender-domains: [a.example, b.example, c.example, d.example], require-tls: encrypted, answer: permanent }\n  - { clients: 192.0.2.1, require-tls: none }\n  - { users: '*', relay: true }\n",
    [
      "inbound rule for users * added",
      "inbound rule for sender-domains a.example, b.example, c.example and 1 more changed",
      "inbound rule for listeners smtp removed",
      "order of inbound rules changed",
    ],
  ],
  ["how log-ins are slowed down", "", "auth: { failures: 5 }", ["limits of log-ins changed"]],
  ["many rules", domains(6, "may"), domains(6, "secure"), ["6 TLS rules changed"]],
];

for (const [name, before, after, want] of rows) {
  test(`compare: ${name}`, () => {
    const changes = compareSettings(settingsOf(before), settingsOf(after));
    assert.deepEqual(
      changes.map(({ text, needsRestart }) => `${text}${needsRestart ? " (restart)" : ""}`),
      want,
    );
  });
}
