/**
 * Configurations as companies have them, taken over into our own language: the report finds no difference, and what was not
 * taken over is named line by line.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { compareConfigurations, type EquivalenceReport } from "../../src/cli/equivalence.ts";
import { systemFiles } from "../../src/config/file-reader.ts";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { type Left, writeConfiguration } from "../../src/config/taking-over/write-configuration.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { compileMomentum } from "../../src/policy/dialects/momentum/compile.ts";
import { compilePowerMta } from "../../src/policy/dialects/powermta/compile.ts";

const folder = mkdtempSync(path.join(tmpdir(), "letterlock-taking-over-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

const authority = await makeAuthority();
const issued = await authority.issue({ dnsNames: ["client.test"] });
const pair = issued.chainPem + issued.privateKeyPem;
const pem = {
  "ca.pem": authority.certificatePem,
  "client.key": issued.privateKeyPem,
  "client.pem": pair,
  "server.pem": pair,
};
for (const [name, text] of Object.entries(pem)) writeFileSync(path.join(folder, name), text);

/** @param as where it stands, which is not always its name here */
function place(system: "momentum" | "powermta", name: string, as = name): string {
  const text = readFileSync(path.join(import.meta.dirname, system, name), "utf8");
  const file = path.join(folder, as);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text.replaceAll("/etc/momentum", folder));
  return file;
}

function takeOver(compiled: Compiled): Readonly<{ report: EquivalenceReport; left: readonly Left[] }> {
  const { text, left } = writeConfiguration(compiled, "source");
  const { settings, problems } = loadSettings({ path: path.join(folder, "letterlock.yaml"), text });
  assert.ok(settings, `${problems.map(formatProblem).join("\n")}\n${text}`);
  return { report: compareConfigurations(compiled, settings, "source", 0), left };
}

type Row = readonly [
  name: string,
  compile: () => Compiled,
  leastQuestions: number,
  left: readonly RegExp[],
  /** Recipients whose mail is treated otherwise; `left` says why. */
  different: readonly string[],
  /** Lines that say whom it lets in. */
  clients: number,
];

function momentum(name: string, others: Readonly<Record<string, string>> = {}): () => Compiled {
  return () => {
    for (const [other, as] of Object.entries(others)) place("momentum", other, as);
    return compileMomentum({ file: place("momentum", name), searchPath: [] }, systemFiles);
  };
}

function powerMta(name: string, others: Readonly<Record<string, string>> = {}): () => Compiled {
  return () => {
    for (const [other, as] of Object.entries(others)) place("powermta", other, as);
    return compilePowerMta({ file: place("powermta", name) }, systemFiles);
  };
}

const rows: readonly Row[] = [
  ["momentum esp", momentum("esp.conf"), 60, [], [], 3],
  [
    "momentum gateway",
    momentum("gateway.conf", { "partners.conf": "partners.conf" }),
    10,
    [/domain 192\.0\.2\.50: .* address/],
    [],
    0,
  ],
  [
    "momentum engine",
    momentum("engine.conf", {
      "customer-a.conf": "customers/a.conf",
      "customer-b.conf": "customers/b.conf",
      "local.conf": "local.conf",
    }),
    15,
    [/bulk\[\.\]example.*no regular expressions/],
    ["postmaster@mx-0.bulk.example"],
    0,
  ],
  [
    "powermta sender",
    powerMta("sender.conf"),
    50,
    [/<virtual-mta-pool customers>: members that take turns/, /^acct-file \/var\/log\/pmta\/acct\.csv: .*queue-to/],
    [],
    5,
  ],
  ["powermta hub", powerMta("hub.conf"), 20, [], [], 0],
  [
    "powermta bank",
    powerMta("bank.conf", { "partner.conf": "partners/clearing.conf" }),
    20,
    [/reroute-to-virtual-mta treasury: .*source address/],
    [],
    0,
  ],
];

function words(comparisons: EquivalenceReport["comparisons"]): string {
  const lines = comparisons.map(({ recipient, binding, host, differences }) => {
    const changes = differences.map(({ what, before, after }) => `${what} ${before} -> ${after}`);
    return `${recipient} by ${binding} at ${host}: ${changes.join("; ")}`;
  });
  return lines.slice(0, 12).join("\n");
}

for (const [name, compile, leastQuestions, wanted, different, clients] of rows) {
  test(`${name}: taken over, and compared in every situation`, () => {
    const compiled = compile();
    assert.deepEqual(
      compiled.notes.filter(({ kind }) => kind === "error").map(({ line, text }) => `${line}: ${text}`),
      [],
    );
    const { report, left } = takeOver(compiled);
    assert.ok(report.questions >= leastQuestions, `${report.questions} questions`);
    const all = left.map(({ written, why }) => `${written}: ${why}`);
    const ofClients = all.filter((line) => line.includes("who is let in, and how, is yours to write"));
    assert.equal(ofClients.length, clients, ofClients.join("\n"));
    const told = all.filter((line) => !ofClients.includes(line));
    assert.equal(told.length, wanted.length, told.join("\n"));
    for (const [index, pattern] of wanted.entries()) assert.match(told[index] ?? "", pattern);
    const differing = report.comparisons.filter(({ differences }) => differences.length > 0);
    assert.deepEqual([...new Set(differing.map(({ recipient }) => recipient))], different, words(differing));
  });
}
