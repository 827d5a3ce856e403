/**
 * Sendmail's configuration taken over into our own rules: what is written reads back and means the same, except for the
 * lines that are named as not taken over. Addresses and local parts are those.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareConfigurations, type EquivalenceReport } from "../../src/cli/equivalence.ts";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { type Left, writeConfiguration } from "../../src/config/taking-over/write-configuration.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import type { SendmailOptions } from "../../src/policy/dialects/sendmail/compile.ts";
import { compileTexts } from "./sendmail/lab.ts";

type Taken = Readonly<{ text: string; left: readonly Left[]; report: EquivalenceReport }>;

function takeOver(compiled: Compiled): Taken {
  const { text, left } = writeConfiguration(compiled, "sendmail");
  const machine = { hostname: "relay.test", processors: 1 };
  const { settings, problems } = loadSettings({ path: "/etc/x/x.yaml", text, machine });
  if (settings === undefined) throw new Error(`${problems.map(formatProblem).join("\n")}\n${text}`);
  return { text, left, report: compareConfigurations(compiled, settings, "sendmail", 0) };
}

function differences({ report, text }: Taken): readonly string[] {
  return report.comparisons.flatMap(({ recipient, host, differences: found }) =>
    found.map(({ what, before, after }) => `${host} ${recipient} ${what}: ${before} -> ${after}\n${text}`),
  );
}

type Version = NonNullable<SendmailOptions["version"]>;

const taken: readonly [name: string, access: string, mc?: string | undefined, version?: Version][] = [
  ["nothing", ""],
  ["a host and all below it", "TLS_Srv:partner.example PERM+VERIFY:128\n"],
  ["an exemption under a wider demand", "TLS_Srv:partner.example ENCR:112\nTLS_Srv:old.partner.example OK\n"],
  ["an exemption from the demand on all", "TLS_Srv: VERIFY:112+CN\nTLS_Srv:old.example OK\n"],
  ["SKIP is no exemption", "TLS_Srv: ENCR:112\nTLS_Srv:partner.example VERIFY\nTLS_Srv:mx.partner.example SKIP\n"],
  ["both demands", "TLS_Srv:mx.clinic.example ENCR:128\nTLS_Rcpt:clinic.example VERIFY\n"],
  ["recipients: all, one domain not", "TLS_Rcpt: PERM+ENCR:112\nTLS_Rcpt:clinic.example NONE\n"],
  ["a host without TLS", "Try_TLS:old.example NO\nTry_TLS:new.old.example YES\n"],
  ["no TLS at all, one host with it", "Try_TLS: NO\nTry_TLS:new.example YES\nTLS_Srv:new.example ENCR:112\n"],
  ["before 8.17 the default code is 403", "TLS_Srv: ENCR:112\nTLS_Rcpt:a.example VERIFY\n", undefined, "8.16"],
  ["a tag with one issuer", "TLS_Srv:a.example VERIFY+CN++CITag:T\nT:/C=CH/CN=Root OK\n"],
  ["8.15 knows no CITag", "TLS_Srv:a.example VERIFY+CITag:T++CN\n", undefined, "8.15"],
  ["a code alone", "TLS_Srv:a.example PERM+\nTLS_Srv:b.example PERM+ENCR:\nTLS_Srv:c.example PERM+ENCR:0\n"],
  ["odd numbers", "TLS_Srv:a.example ENCR:0x70\nTLS_Srv:b.example ENCR:0112\nTLS_Srv:c.example ENCR:strong\n"],
  ["names and issuers", "TLS_Srv:a.example ENCR:1+CN:mx.b.example++CI:/C=US/O=Safe+20Mail++CS:/CN=*.x\n"],
  ["extensions that end the check", "TLS_Srv:a.example VERIFY+CN++XX:y\nTLS_Srv:b.example VERIFY+CN+CI:/x\n"],
  ["keys with a dot", "TLS_Srv:.a.example VERIFY\nTLS_Srv:a.example ENCR:1\n", "FEATURE(`lookupdotdomain')dnl\n"],
  ["clear text after a broken handshake", "TLS_Srv:a.example ENCR:1\n", "define(`confTLS_FALLBACK_TO_CLEAR',`true')\n"],
  [
    "versions of one host",
    "TLS_Clt_features:a.example Options=SSL_OP_NO_TLSv1_3; CipherList=ECDHE+AESGCM\nTLS_Clt_features:b.a.example Flags=C;\n",
    "FEATURE(`tls_session_features')dnl\n",
  ],
];

for (const [name, access, mc, version] of taken) {
  test(`taking over, nothing left and no difference: ${name}`, () => {
    const one = takeOver(compileTexts(access, mc, {}, version));
    assert.deepEqual(one.left, []);
    assert.deepEqual(differences(one), []);
  });
}

const left: readonly [name: string, access: string, why: RegExp, mc?: string][] = [
  ["an address", "TLS_Srv:192.0.2 ENCR:112\n", /by name, not by address/],
  ["a literal", "TLS_Srv:[192.0.2.1] ENCR:112\n", /by name, not by address/],
  ["a local part", "TLS_Rcpt:ceo@ VERIFY\n", /local parts/],
  ["a mailbox", "TLS_Rcpt:ceo@clinic.example VERIFY\n", /local parts/],
  ["several issuers", "TLS_Srv:a.example VERIFY+CITag:T\nT:/CN=A OK\nT:/CN=B OK\n", /stands for 2 issuers/],
  ["no issuer", "TLS_Srv:a.example VERIFY+CITag:T\n", /stands for 0 issuers/],
  ["clients", "TLS_Clt:a.example VERIFY\n", /clients/],
  ["what is offered to clients", "Srv_Features:a.example S\n", /clients/],
  ["who relays", "CertIssuer:/CN=Root RELAY\n", /clients/],
  ["a dead key", "TLS_Srv:.a.example VERIFY\n", /lookupdotdomain/],
  ["554", "", /503 in place of 554/, "define(`TLS_PERM_ERR')dnl\n"],
];

for (const [name, access, why, mc] of left) {
  test(`taking over, told as not taken over: ${name}`, () => {
    const one = takeOver(compileTexts(access, mc));
    assert.equal(one.left.length, 1, JSON.stringify(one.left));
    assert.match(one.left[0]?.why ?? "", why);
  });
}

test("taking over: where a demand cannot be written no mail goes, and hosts below that are exempt get theirs", () => {
  const { text } = takeOver(
    compileTexts("TLS_Srv:a.example VERIFY+CITag:T\nTLS_Srv:b.a.example OK\nT:/CN=A OK\nT:/CN=B OK\n"),
  );
  assert.match(text, / a\.example:\n\s+#.*\n\s+refuse: "not taken over/);
  assert.match(text, / b\.a\.example:\n\s+#.*\n\s+refuse: false/);
});

test("taking over: what holds everywhere is written once, and a demand is a demand", () => {
  const { text } = takeOver(compileTexts("TLS_Srv:partner.example PERM+ENCR:256\nTLS_Rcpt:clinic.example VERIFY\n"));
  assert.equal(text.match(/level:/g)?.length, 1);
  assert.match(text, /hosts:\n\s+partner\.example:\n\s+#.*\n\s+demand-of-host: PERM\+ENCR:256\n/);
  assert.match(text, /domains:\n\s+clinic\.example:\n\s+#.*\n\s+demand-of-recipient: VERIFY\n/);
});

const names = ["a.example", "b.a.example", "c.b.a.example", "example", "b.example", ""];
const demands = ["VERIFY", "ENCR:112", "PERM+VERIFY:128+CN", "TEMP+ENCR:256", "OK", "SKIP", "PERM+", "ENCR:0x70", "NO"];
const lines = fc.array(
  fc
    .tuple(
      fc.constantFrom("TLS_Srv", "TLS_Rcpt", "Try_TLS"),
      fc.constantFrom(...names, ...names.slice(0, -1).map((name) => `.${name}`)),
      fc.constantFrom(...demands),
    )
    .map(([tag, name, value]) => `${tag}:${name} ${value}\n`),
  { maxLength: 12 },
);

test("taking over: whatever entries by name there are, nothing is different afterwards", () => {
  const features = fc.subarray(["skip", "lookupdotdomain"]);
  fc.assert(
    fc.property(lines, features, fc.constantFrom<Version>("8.15", "8.18"), (entries, words, version) => {
      const feature = `FEATURE(\`access_db',,${words.map((word) => `\`${word}'`).join(",")})dnl\n`;
      const one = takeOver(compileTexts(entries.join(""), feature, {}, version));
      const others = one.left.filter(({ why }) => !why.includes("lookupdotdomain"));
      assert.deepEqual(others, []);
      assert.deepEqual(differences(one), []);
    }),
    { numRuns: 60 },
  );
});
