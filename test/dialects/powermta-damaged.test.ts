/**
 * Damaged configurations end in an error or in a rule that makes no connection, never in something weaker; the seed page's
 * examples word for word; and how quick it is.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { optionTable } from "../../src/policy/dialects/powermta/options.ts";
import { parsePowerMta } from "../../src/policy/dialects/powermta/parse.ts";
import { compiled, compiledWith, levelFor, lines, question, ruleFor, textsOf } from "./powermta/files.ts";

const authority = await makeAuthority("Partner CA");
const leaf = await authority.issue({ dnsNames: ["client.test"] });
const files = {
  "/etc/pmta/ca.pem": authority.certificatePem,
  "/etc/pmta/half-ca.pem": authority.certificatePem.slice(0, 200),
  "/etc/pmta/not-pem.pem": "hello",
  "/etc/pmta/bad-ca.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  "/etc/pmta/c.pem": leaf.chainPem + leaf.privateKeyPem,
  "/etc/pmta/mismatch.pem": authority.certificatePem + leaf.privateKeyPem,
};

function seed(name: string): string {
  return readFileSync(new URL(`powermta/seed-${name}.conf`, import.meta.url), "utf8");
}

test("powermta seed: outbound opportunistic encryption", () => {
  const rule = ruleFor(compiled(seed("opportunistic")), "a.test");
  assert.deepEqual([rule.level.value, rule.level.from.line], ["may", 2]);
  assert.deepEqual(rule.fallback?.value, { kind: "at-once", turn: "same-host" });
});

test("powermta seed: outbound client certificate", () => {
  const made = compiled(seed("client-certificate"), { "/path/to/certificate.pem": leaf.chainPem + leaf.privateKeyPem });
  const rule = ruleFor(made, "super-secure-server.com");
  assert.equal(rule.level.value, "encrypt");
  assert.ok(rule.clientCertificate !== undefined && rule.clientCertificate.value !== "none");
  assert.match(textsOf(compiledWith(seed("client-certificate")), "error").join(), /certificate.pem cannot be read/);
});

test("powermta seed: inbound encryption, word for word", () => {
  const made = compiled(seed("inbound"), { "/etc/pmta/smtp-cert.pem": leaf.chainPem + leaf.privateKeyPem });
  const ask = {
    listener: "1.2.3.4:465",
    localAddress: undefined,
    localPort: undefined,
    client: "192.0.2.1" as never,
    clientName: undefined,
    user: undefined,
    now: 0,
  };
  const rule = made.source.inbound?.(ask);
  assert.deepEqual(
    [rule?.implicitTls?.value, rule?.starttls?.value, rule?.auth?.value],
    [true, "never", "only-in-tls"],
  );
  assert.match(rule?.ciphers?.value ?? "", /:HIGH:MEDIUM:!ADH:@STRENGTH$/);
});

const damaged: readonly [title: string, text: string][] = [
  ["a typo in a directive", "<domain a.test>; require-startls yes; </domain>"],
  ["a typo in a value", "<domain a.test>; require-starttls ye; </domain>"],
  ["a value too many", "<domain a.test>; require-starttls yes no; </domain>"],
  ["a value that is missing", "<domain a.test>; require-starttls; </domain>"],
  ["an empty value where yes or no stands", '<domain a.test>; require-starttls ""; </domain>'],
  ["a typo in a section", "<domian a.test>; require-starttls yes; </domian>"],
  ["a section without its end", "<domain a.test>; require-starttls yes"],
  ["a section without its beginning", "require-starttls yes; </domain>"],
  ["a missing include", "<domain a.test>; include gone; </domain>"],
  ["a missing CA file", "<domain a.test>; require-starttls yes; smtp-tls-ca-file gone.pem; </domain>"],
  ["half a CA file", "<domain a.test>; require-starttls yes; smtp-tls-ca-file half-ca.pem; </domain>"],
  ["a CA file that is none", "<domain a.test>; require-starttls yes; smtp-tls-ca-file not-pem.pem; </domain>"],
  [
    "a CA file with a broken certificate",
    "<domain a.test>; require-starttls yes; smtp-tls-ca-file bad-ca.pem; </domain>",
  ],
  [
    "a client certificate that is not there",
    "<domain a.test>; require-starttls yes; smtp-client-certificate gone.pem; </domain>",
  ],
  [
    "a key that is not the certificate's",
    "<domain a.test>; require-starttls yes; smtp-client-certificate mismatch.pem; </domain>",
  ],
  ["ciphers that OpenSSL does not know", "<domain a.test>; require-starttls yes; smtp-tls-ciphers HIHG; </domain>"],
  [
    "suites that OpenSSL does not know",
    "<domain a.test>; require-starttls yes; smtp-tls-tlsv1.3-ciphersuites TLS_BOGUS; </domain>",
  ],
  ["suites of another version", "<domain a.test>; require-starttls yes; smtp-tls-tlsv1.3-ciphersuites HIGH; </domain>"],
  ["a macro that is not there", "<domain a.$t>; require-starttls yes; </domain>"],
  ["a pattern that is none", "<domain **.test>; require-starttls yes; </domain>"],
  ["a domain in the wrong section", "<source 0/0>; <domain a.test>; require-starttls yes; </domain>; </source>"],
  ["two directives on a line", "<domain a.test>; use-starttls yes require-starttls yes; </domain>"],
];
for (const [title, text] of damaged) {
  test(`powermta damaged: ${title}: an error, or no connection`, () => {
    assert.notEqual(ruleFor(compiledWith(lines(text), files), "a.test").refuse, undefined);
  });
}

test("powermta damaged: a section twice asks for the last word of each, and is told", () => {
  const made = compiled(
    lines("<domain a.test>; require-starttls yes; </domain>; <domain a.test>; use-starttls yes; </domain>"),
  );
  assert.equal(levelFor(made, "a.test"), "encrypt");
});

const whole = lines(`domain-macro t test, example; <domain *>; use-starttls yes; require-starttls no; </domain>
  <virtual-mta m1>; smtp-source-host 192.0.2.1 m1.test; <domain a.$t>; require-starttls yes; smtp-tls-ca-file ca.pem; </domain>; </virtual-mta>
  <virtual-mta-pool p>; virtual-mta m1; <domain b.test>; require-starttls yes; </domain>; </virtual-mta-pool>
  <source 0/0>; allow-starttls no; </source>`);
test("powermta damaged: cut after any line: an error, or whole sections are gone and all that is left counts", () => {
  const all = whole.split("\n");
  for (let end = 1; end < all.length; end += 1) {
    const text = all.slice(0, end).join("\n");
    const open = (text.match(/^\s*<[a-z]/gm) ?? []).length - (text.match(/^\s*<\//gm) ?? []).length;
    const made = compiledWith(text, files);
    assert.equal(textsOf(made, "error").length > 0, open > 0, `${end}: ${text}`);
    if (open > 0) assert.notEqual(ruleFor(made, "a.test").refuse, undefined);
  }
});

test("powermta damaged: cut within any line: never a weaker rule for a section that is whole", () => {
  for (let end = whole.indexOf("<virtual-mta-pool"); end < whole.length; end += 1) {
    const rule = ruleFor(compiledWith(whole.slice(0, end), files), "a.test", { binding: "m1" });
    assert.ok(rule.refuse !== undefined || rule.level.value === "encrypt", String(end));
  }
});

test("powermta damaged: a letter changed in any security directive is an error", () => {
  const directives = parsePowerMta(whole).nodes;
  assert.ok(directives.length > 4);
  for (const word of [
    "use-starttls",
    "require-starttls",
    "smtp-tls-ca-file",
    "virtual-mta",
    "domain",
    "yes",
    "ca.pem",
  ]) {
    const at = whole.indexOf(word);
    const text = `${whole.slice(0, at)}${word.slice(0, -1)}${whole.slice(at + word.length)}`;
    assert.notEqual(ruleFor(compiledWith(text, files), "a.test").refuse, undefined, word);
  }
});

test("powermta options: each is there once for each place, with all that its page prints", () => {
  const keys = optionTable.flatMap(({ name, scopes }) => scopes.map((scope) => `${scope} ${name}`));
  assert.deepEqual(
    keys.filter((key, index) => keys.indexOf(key) !== index),
    [],
  );
  for (const { name, reason, scopes } of optionTable) assert.ok(reason.endsWith(".") && scopes.length > 0, name);
  for (const [name, status] of [
    ["use-starttls", "applied"],
    ["smtp-server-tls-certificate", "applied"],
    ["tls-certificate", "applied"],
    ["immediate-tls", "applied"],
    ["allow-starttls", "applied"],
  ] as const) {
    assert.ok(
      optionTable.some((option) => option.name === name && option.status === status),
      name,
    );
  }
  assert.ok(new Set(optionTable.map(({ name }) => name)).size > 330);
});

/** Of this thread alone, in ms: other work on the machine does not count. */
function cpuTime(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

test("powermta: 100,000 domains compile in a second, and are answered in 20 microseconds", () => {
  const count = 100_000;
  const sections = Array.from({ length: count }, (_, at) => `<domain d${at}.test>\nrequire-starttls yes\n</domain>`);
  const text = [...sections, "<domain *>\nuse-starttls yes\n</domain>"].join("\n");
  const compileTimes: number[] = [];
  const answerTimes: number[] = [];
  for (let run = 0; run < 2; run += 1) {
    let made: Compiled | undefined;
    const spent = cpuTime(() => {
      made = compiled(text);
    });
    compileTimes.push(spent);
    const asked = Array.from({ length: 20_000 }, (_, at) => question(`d${(at * 37) % count}.test`));
    const all = cpuTime(() => {
      for (const each of asked) assert.equal(made?.source.outbound(each)?.level.value, "encrypt");
    });
    answerTimes.push(all / asked.length);
  }
  assert.ok(Math.min(...compileTimes) <= 1000, `${compileTimes} ms`);
  assert.ok(Math.min(...answerTimes) <= 0.02, `${answerTimes} ms`);
});

test("powermta: 5,000 sources and 2,000 virtual MTAs with domains of their own stay quick", () => {
  const sources = Array.from(
    { length: 5000 },
    (_, at) => `<source 10.${at >> 8}.${at & 255}.0/24>\nallow-starttls no\n</source>`,
  );
  const virtual = Array.from(
    { length: 2000 },
    (_, at) => `<virtual-mta v${at}>\n<domain *>\nuse-starttls no\n</domain>\n</virtual-mta>`,
  );
  const domains = Array.from({ length: 5000 }, (_, at) => `<domain d${at}.test>\nuse-starttls yes\n</domain>`);
  assert.ok(cpuTime(() => compiled([...sources, ...virtual, ...domains].join("\n"))) < 2000);
});
