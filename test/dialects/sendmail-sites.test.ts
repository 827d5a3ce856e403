/**
 * Three sites as one finds them: an appliance of which only the access map is known, a Debian system with the include
 * that turns TLS on, and a sendmail.cf of 2014. Each is checked, taken over, and compared with what it was.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { EquivalenceReport } from "../../src/cli/equivalence.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { folderFor, run } from "../cli/command.ts";

const authority = await makeAuthority("Sites CA");
const server = await authority.issue({ dnsNames: ["mail.ours.example"] });

/** A copy of the site's files, with `@DIR@` filled in and certificates made. */
function siteIn(t: TestContext, name: string): string {
  const folder = folderFor(t);
  cpSync(path.join(import.meta.dirname, "sendmail/sites", name), folder, { recursive: true });
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const place = path.join(file.parentPath, file.name);
    writeFileSync(place, readFileSync(place, "utf8").replaceAll("@DIR@", folder));
  }
  for (const under of ["certs", "tls"]) mkdirSync(path.join(folder, under), { recursive: true });
  writeFileSync(path.join(folder, "ca.pem"), authority.certificatePem);
  writeFileSync(path.join(folder, "tls/sendmail-server.crt"), server.chainPem);
  writeFileSync(path.join(folder, "tls/sendmail-common.key"), server.privateKeyPem);
  return folder;
}

type Moved = Readonly<{ yaml: string; left: readonly string[]; report: EquivalenceReport }>;

async function move(folder: string): Promise<Moved> {
  const imported = await run(["import", "--from", "sendmail", folder]);
  const compared = await run(["import", "--from", "sendmail", folder, "--report", "json"]);
  assert.notEqual(compared.code, 2, compared.stderr);
  const left = imported.stderr.split("\n").flatMap((line) => /not taken over: (\S+)/.exec(line)?.[1] ?? []);
  return { yaml: imported.stdout, left, report: JSON.parse(compared.stdout) as EquivalenceReport };
}

/** Who is asked about where something is different. */
function different({ report }: Moved): readonly string[] {
  const found = report.comparisons.filter(({ differences }) => differences.length > 0);
  return [...new Set(found.map(({ recipient, host }) => `${recipient} at ${host ?? "any host"}`))];
}

test("an appliance's access map alone: both halves are read, the marker is a comment, nothing is different", async (t) => {
  const folder = siteIn(t, "appliance");
  const checked = await run(["check", "--sendmail", folder]);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const said = checked.stdout + checked.stderr;
  assert.match(said, /3 entries of other tags: not our subject/);
  assert.match(said, /access:\d+.*TLS_Srv:partner\.example ENCR:168 is looked up by the name of the MX host/);
  const moved = await move(folder);
  assert.deepEqual(different(moved), []);
  assert.ok(moved.report.questions > 10);
  assert.deepEqual(moved.left, [
    "TLS_Clt:partner.example",
    "TLS_Clt:bank.example",
    "Srv_Features:gateway.old-partner.example",
    "Connect:localhost",
    "Connect:127.0.0.1",
    "Connect:192.0.2",
    "Connect:203.0.113.9",
  ]);
  assert.match(
    moved.yaml,
    / bank\.example:\n\s+#.*access:\d+: TLS_Srv:bank\.example.*\n\s+demand-of-host: PERM\+VERIFY:168\+CN\n/,
  );
  assert.match(moved.yaml, / newsletter\.clinic\.example:\n\s+#.*\n\s+demand-of-recipient: none\n/);
});

test("explain: a demand with its own line and reply, and the line that decides is the demand's", async (t) => {
  const folder = siteIn(t, "appliance");
  const { stdout } = await run(["explain", "--sendmail", folder, "u@bank.example", "--mx", "mx.bank.example"]);
  assert.match(stdout, /^level +encrypt$/m);
  assert.match(stdout, /^rule +\S+access:9, TLS_Srv:bank\.example$/m);
  assert.match(stdout, /^demand +of the host: PERM\+VERIFY:168\+CN, else 503 5\.7\.0 \(\S+access:9\)$/m);
  assert.match(stdout, /^clear text +never$/m);
  const other = await run(["explain", "--sendmail", folder, "u@other.example", "--mx", "mx.other.example", "--json"]);
  const { decision } = JSON.parse(other.stdout) as { decision: Record<string, unknown> };
  assert.deepEqual([decision.demands, decision.whenRefused, decision.wording], [[], "clear", "sendmail"]);
});

test("a Debian system with the include: its certificate is shown, its routes are ours, nothing is different", async (t) => {
  const folder = siteIn(t, "debian");
  const checked = await run(["check", "--sendmail", folder]);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const said = checked.stdout + checked.stderr;
  assert.match(said, /starttls\.m4:\d+.*TLSSrvOptions V/);
  assert.match(said, /sendmail\.mc:\d+.*who sends mail must log in/);
  const moved = await move(folder);
  assert.deepEqual(different(moved), []);
  assert.deepEqual(moved.left, ["TLS_Clt:branch.example", "listener", "listener"]);
  assert.match(moved.yaml, /demand-of-host: ENCR:112\n/);
  assert.match(moved.yaml, / mx\.legacy\.example:\n\s+#.*SKIP\n\s+demand-of-host: ENCR:112\n/);
  assert.match(moved.yaml, /sendmail-server\.crt/);
  assert.match(moved.yaml, / \.branch\.example:\s+to:/);
});

test("a sendmail.cf of 2014: codes are those of its time, and only what is named is different", async (t) => {
  const folder = siteIn(t, "generated");
  const checked = await run(["check", "--sendmail", folder]);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const moved = await move(folder);
  assert.deepEqual(moved.left, [
    "TLS_Srv:192.0.2.25",
    "TLS_Rcpt:ceo@clinic.example",
    "TLS_Clt:",
    "CertIssuer:/C=CH/O=Ours/CN=Staff+20CA",
    "listener",
    "listener",
    "listener",
  ]);
  assert.match(moved.yaml, /demand-of-recipient: TEMP\+VERIFY:128\+CN\n/);
  assert.match(moved.yaml, /wording: sendmail-403\n/);
  // The mailbox, and whoever is met at the address.
  assert.deepEqual(different(moved), [
    "ceo@clinic.example at mx.clinic.example",
    "postmaster@stranger.invalid at mx.stranger.invalid",
  ]);
});
