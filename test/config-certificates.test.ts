/**
 * Certificates, CA files and self-made certificates as the configuration loads them. Stands here and not in
 * src/config, since the lab's certificates lie above that room.
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { before, test } from "node:test";
import { compareSettings } from "../src/config/compare.ts";
import { type LoadResult, loadSettings, withSelfMadeCertificate } from "../src/config/load.ts";
import { formatProblem } from "../src/config/problem.ts";
import { textFiles } from "../src/config/text-files.ts";
import { makeAuthority } from "../src/lab/certificates.ts";

const files: Record<string, string> = {};
const machine = { hostname: "mx.example.com", processors: 1 };
const dayMs = 86_400_000;

before(async () => {
  const authority = await makeAuthority();
  const pair = await authority.issue({ dnsNames: ["mx.example.com", "*.mx.example.com"] });
  const other = await authority.issue({ dnsNames: ["other.example.com"], keyKind: "rsa-2048" });
  const names = { dnsNames: ["mx.example.com", "*.mx.example.com"] };
  const rsa = await authority.issue({ ...names, keyKind: "rsa-2048" });
  const again = await authority.issue(names);
  const old = await authority.issue({
    dnsNames: ["old.example.com"],
    notBefore: Date.parse("2020-01-01T00:00:00Z"),
    notAfter: Date.parse("2020-02-01T00:00:00Z"),
  });
  const examples = await authority.issue({ dnsNames: ["*.example.com", "*.example.net"] });
  Object.assign(files, {
    "/c/examples.pem": examples.chainPem,
    "/c/examples.key": examples.privateKeyPem,
    "/c/ca.pem": authority.certificatePem,
    "/c/mx.pem": pair.chainPem,
    "/c/mx.key": pair.privateKeyPem,
    "/c/other.pem": other.chainPem,
    "/c/other.key": other.privateKeyPem,
    "/c/old.pem": old.chainPem,
    "/c/old.key": old.privateKeyPem,
    "/c/rsa.pem": rsa.chainPem,
    "/c/rsa.key": rsa.privateKeyPem,
    "/c/again.pem": again.chainPem,
    "/c/again.key": again.privateKeyPem,
    "/c/secret": "open sesame\n",
    "/c/empty.pem": "",
    "/c/locked.key": createPrivateKey(pair.privateKeyPem)
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" })
      .toString(),
    "/c/folder/0123abcd.0": authority.certificatePem,
    "/c/folder/README": "no certificate",
  });
});

function load(text: string, now = Date.now()): LoadResult {
  return loadSettings({ path: "/c/x.yaml", text, reader: textFiles(files), now, machine });
}

function problemsOf(text: string): string[] {
  return load(text).problems.map((problem) => formatProblem(problem).replace("/c/x.yaml:", ""));
}

const mx = "mx: { certificate: mx.pem, key: mx.key }";
const other = "other: { certificate: other.pem, key: other.key }";
const listener = "listeners: [{ name: a, address: 192.0.2.1:25 }]";

test("certificates: the only one serves every listener; the first of several is for clients without SNI (TL-9)", () => {
  const single = load(`${listener}\ncertificates: { ${mx} }`);
  assert.deepEqual(single.problems, []);
  assert.equal(single.needsSelfMade, false);
  const defaults = single.settings?.inboundDefaults;
  assert.deepEqual(single.settings?.listeners[0]?.rule, {});
  assert.deepEqual(defaults?.certificates?.value.default.names, ["mx.example.com", "*.mx.example.com"]);
  assert.deepEqual(defaults?.certificates?.value.others, []);
  assert.deepEqual(defaults?.protocols?.value, { min: "TLSv1.2", max: "TLSv1.3" });
  assert.deepEqual(single.settings?.files, ["/c/x.yaml", "/c/mx.pem", "/c/mx.key", "/etc/resolv.conf"]);

  const several = load(
    `hostname: mx2.example.com\ntls-profile: { protocols: TLSv1.3 }\nlisteners: [{ address: 192.0.2.1:25, certificate: [other, mx] }]\n` +
      "certificates: { mx: { certificate: mx.pem, key: mx.key, names: MX2.example.com }, " +
      `${other} }`,
  );
  assert.deepEqual(several.problems, []);
  const chosen = several.settings?.listeners[0]?.rule;
  assert.equal(chosen?.certificates?.value.default.credentials[0].name, "other");
  assert.deepEqual(
    chosen?.certificates?.value.others.map(({ names }) => names),
    [["mx2.example.com"]],
  );
  assert.equal(chosen?.protocols?.value.min, "TLSv1.3");
});

const rows: readonly (readonly [name: string, text: string, want: readonly string[]])[] = [
  [
    "a key of another certificate",
    `${listener}\ncertificates:\n  mx: { certificate: mx.pem, key: other.key }`,
    [
      '3:3: error: certificate "mx": the key does not belong to the certificate (give the key with which the certificate was requested)',
    ],
  ],
  [
    "a file that is no certificate",
    `${listener}\ncertificates:\n  mx: { certificate: empty.pem, key: mx.key }`,
    ['3:3: error: certificate "mx": the certificate is not PEM (give a file with a -----BEGIN CERTIFICATE----- block)'],
  ],
  [
    "an expired certificate is a warning",
    `hostname: old.example.com\n${listener}\ncertificates:\n  old: { certificate: old.pem, key: old.key }`,
    ['4:10: warning: certificate "old": the certificate expired on 2020-02-01T00:00:00.000Z (renew it)'],
  ],
  [
    "several, and the listener does not say which",
    `${listener}\ncertificates:\n  ${mx}\n  ${other}`,
    [
      "1:13: error: which certificate shall this listener show? (add certificate: mx, or other)",
      '3:3: warning: certificate "mx" is not used (name it at a listener or binding, or remove it)',
      '4:3: warning: certificate "other" is not used (name it at a listener or binding, or remove it)',
    ],
  ],
  [
    "one that nobody shows",
    `listeners: [{ address: 192.0.2.1:25, certificate: mx }]\ncertificates:\n  ${mx}\n  ${other}`,
    ['4:3: warning: certificate "other" is not used (name it at a listener or binding, or remove it)'],
  ],
  [
    "a binding and a rule show theirs",
    `listeners: [{ address: 192.0.2.1:25, tls: none }]\ncertificates:\n  ${mx}\n  ${other}\n` +
      "bindings: { b: { client-certificate: mx } }\ntls: { hosts: { .a.example: { client-certificate: other } } }",
    [],
  ],
];

for (const [name, text, want] of rows) {
  test(`certificates: ${name}`, () => assert.deepEqual(problemsOf(text), want));
}

test("certificates: CA files are read once, and known by their contents", () => {
  const { settings, problems } = load(
    "tls: { domains: { a.example: { level: verify, ca: ca.pem }, b.example: { level: verify, ca: /c/ca.pem }, c.example: { ca: system } } }",
  );
  assert.deepEqual(problems, []);
  const [a, b, c] = settings?.rules.map(({ settings: { anchors } }) => anchors?.value) ?? [];
  assert.ok(a?.kind === "bundle" && b?.kind === "bundle");
  assert.equal(a.pem.length, 1);
  assert.deepEqual(a.files, ["/c/ca.pem"]);
  assert.equal(a.id, b.id);
  assert.deepEqual(c, { kind: "system" });
  assert.ok(settings?.files.includes("/c/ca.pem"));
});

test("certificates: a self-made one fills in for listeners without, and for no others", () => {
  const { settings, needsSelfMade } = load(
    "listeners: [{ address: 127.0.0.1:1 }, { address: 127.0.0.1:2, tls: none }, { address: 127.0.0.1:3, tls: implicit }]",
  );
  assert.ok(settings !== undefined && needsSelfMade);
  const credential = { name: "self-made", id: "1", certificateChain: "", privateKey: "" };
  const filled = withSelfMadeCertificate(settings, credential);
  const served = filled.inboundDefaults.certificates?.value.default;
  assert.deepEqual([served?.credentials[0].name, served?.names], ["self-made", ["mx.example.com"]]);
  assert.deepEqual(filled.listeners, settings.listeners);
  assert.equal(load("listeners: [{ address: 127.0.0.1:2, tls: none }]").needsSelfMade, false);
});

test("certificates: a renewed certificate is what a reload says that changed", () => {
  const { settings } = load(`${listener}\ncertificates: { ${mx} }`);
  const renewed = load(`${listener}\ncertificates: { mx: { certificate: other.pem, key: other.key } }`).settings;
  assert.ok(settings !== undefined && renewed !== undefined);
  const changes = compareSettings(settings, renewed).map(({ text }) => text);
  assert.deepEqual(changes, ["listeners by default: certificate"]);
  const named = (certificate: string) =>
    load(
      `listeners: [{ name: a, address: 127.0.0.1:1, certificate: ${certificate} }]\ncertificates: { ${mx}, ${other} }`,
    );
  const [before, after] = [named("mx").settings, named("other").settings];
  assert.ok(before !== undefined && after !== undefined);
  assert.deepEqual(compareSettings(before, after), [{ text: "listener a changed: certificate", needsRestart: false }]);
});

const examples = path.join(import.meta.dirname, "../examples");

for (const name of readdirSync(examples)) {
  test(`examples/${name} loads without a problem`, () => {
    const text = readFileSync(path.join(examples, name), "utf8");
    const certificate = { kind: "found", text: `${files["/c/examples.pem"]}${files["/c/examples.key"]}` } as const;
    const now = Date.now() + dayMs;
    const { settings, problems } = loadSettings({
      path: name,
      text,
      reader: { ...textFiles({}), read: () => certificate },
      now,
      machine,
    });
    assert.deepEqual(problems.map(formatProblem), []);
    assert.ok(settings !== undefined);
  });
}

const page = readFileSync(path.join(import.meta.dirname, "../docs/operating/inbound.md"), "utf8");

for (const [at, [, text = ""]] of [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].entries()) {
  test(`docs/operating/inbound.md: configuration ${at + 1} loads without a problem`, () => {
    const certificate = (name: string) => `${files[`/c/${name}.pem`]}${files[`/c/${name}.key`]}`;
    const users = `users: { ann: { certificates: [sha256:${"ab".repeat(32)}] } }`;
    const { problems } = loadSettings({
      path: "/c/x.yaml",
      text,
      reader: {
        ...textFiles({}),
        read: (file) => {
          const text = file.endsWith("users.yaml") ? users : certificate(file.includes("rsa") ? "rsa" : "mx");
          return { kind: "found", text };
        },
      },
      machine,
    });
    assert.deepEqual(problems.map(formatProblem), []);
  });
}

test("certificates: an encrypted key with its passphrase, another, and none", () => {
  const locked = (more: string) => problemsOf(`certificates: { mx: { certificate: mx.pem, key: locked.key${more} } }`);
  const about = (problems: string[]) => problems.filter((problem) => problem.includes("error"));
  assert.deepEqual(about(locked(", passphrase: open sesame")), []);
  assert.match(about(locked(", passphrase: nothing")).join(), /the private key cannot be decrypted/);
  assert.match(about(locked("")).join(), /the private key is encrypted and there is no passphrase/);
});

test("certificates: a passphrase in a file of its own, which others may not read", () => {
  const locked = "certificates: { mx: { certificate: mx.pem, key: locked.key, passphrase-file: ";
  const about = (text: string, mode = 0o600) =>
    loadSettings({
      path: "/c/x.yaml",
      text: `listeners: [{ address: 127.0.0.1:1 }]\n${text}`,
      reader: { ...textFiles(files), modeOf: () => mode },
      machine,
    }).problems.map((problem) => formatProblem(problem).replace("/c/x.yaml:2:", ""));
  assert.deepEqual(about(`${locked}secret } }`), []);
  assert.match(
    about(`${locked}secret, passphrase: open sesame } }`).join(),
    /error: passphrase and passphrase-file are both written/,
  );
  assert.match(about(`${locked}empty.pem } }`).join(), /error: the passphrase file empty\.pem has no first line/);
  assert.match(about(`${locked}gone } }`).join(), /error: cannot read the passphrase gone/);
  assert.deepEqual(
    about(`${locked}secret } }`, 0o640).map((text) => text.replace(/^\d+: /, "")),
    [
      'warning: the key of certificate "mx" may be read by its whole group: locked.key (chmod 600 locked.key)',
      "warning: the passphrase may be read by its whole group: secret (chmod 600 secret)",
    ],
  );
  assert.match(about(`${locked}secret } }`, 0o644).join(), /may be read by every user of this machine/);
});

test("certificates: RSA and ECDSA side by side, and names that two of one type have (TL-9)", () => {
  const named = (list: string, more = "") =>
    load(
      `hostname: mx.example.com\nlisteners: [{ name: a, address: 192.0.2.1:25, certificate: ${list} }]\ncertificates:\n  ${mx}\n` +
        `  rsa: { certificate: rsa.pem, key: rsa.key }\n  again: { certificate: again.pem, key: again.key }\n${more}`,
    );
  const both = named("[mx, rsa]").settings?.listeners[0]?.rule.certificates?.value;
  assert.deepEqual(
    both?.default.credentials.map(({ name }) => name),
    ["mx", "rsa"],
  );
  assert.deepEqual(both?.others, []);
  const { problems } = named("[mx, rsa, again]");
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['"mx" and "again" both have the name mx.example.com and keys of one type: "mx" is served'],
  );
});

test("certificates: one that does not carry our name is told where others get to see it", () => {
  const told = (host: string, address: string) =>
    load(`hostname: ${host}\nlisteners: [{ name: a, address: "${address}" }]\ncertificates: { ${mx} }`).problems.map(
      ({ message }) => message,
    );
  const message = 'certificate "mx" does not carry our name relay.example.com: whoever checks names will refuse it';
  assert.deepEqual(told("relay.example.com", "192.0.2.1:25"), [message]);
  assert.deepEqual(told("relay.example.com", "127.0.0.1:25"), []);
  assert.deepEqual(told("b.mx.example.com", "192.0.2.1:25"), []);
});

test("certificates: one that ends within three weeks", () => {
  const soon = Date.now() + 75 * dayMs;
  const told = load(`${listener}\ncertificates: { ${mx} }`, soon).problems.map(({ message }) => message);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^certificate "mx": the certificate expires on .*, in 1[45] days$/);
});

test("ca: a folder is OpenSSL's CApath: files named by hash count, others do not", () => {
  const { settings, problems } = load("tls: { level: verify, ca: folder }");
  assert.deepEqual(problems, []);
  const anchors = settings?.rules[0]?.settings.anchors?.value;
  assert.ok(anchors?.kind === "bundle");
  assert.deepEqual([anchors.pem.length, anchors.files], [1, ["/c/folder"]]);
});
