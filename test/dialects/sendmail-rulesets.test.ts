/**
 * Values of the access map, well and badly formed, held against peers: what Sendmail 8.18.1 said (`sendmail -bt`,
 * `tls_server`), recorded in `sendmail/tls-server-8.18.1.txt`, is what is said here, character by character.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { type RequirementPeer, unmetRequirement } from "../../src/policy/requirements.ts";
import {
  compileTexts,
  handshakeBroken,
  lost,
  noTls,
  question,
  refused,
  selfSigned,
  tls,
  warnings,
} from "./sendmail/lab.ts";

const host = "host.example";
const names = { cn: "h.example", issuer: "/C=US/CN=root" };

const peers: Readonly<Record<string, RequirementPeer["tls"]>> = {
  "NONE/0": noTls,
  "OK/128": tls({ ...names, bits: 128 }),
  "OK/256/own": tls({ ...names, cn: host, bits: 256 }),
  "OK/100": tls({ ...names, bits: 100 }),
  "FAIL/256": tls({ ...names, ...selfSigned }),
  "NO/256": tls({ noCertificate: true }),
  "TEMP/0": refused(454),
  "SOFTWARE/0": handshakeBroken,
  "PROTOCOL/0": refused(250),
  "CLEAR/0": "disabled-locally",
  "FAILURE/0": lost,
};

type Recorded = Readonly<{ value: string; outcomes: readonly (readonly [state: string, said: string])[] }>;

function readRecord(): readonly Recorded[] {
  const file = path.join(import.meta.dirname, "sendmail/tls-server-8.18.1.txt");
  const records: { value: string; outcomes: (readonly [string, string])[] }[] = [];
  for (const line of readFileSync(file, "utf8").split("\n").slice(0, -1)) {
    const [empty = "", state = "", said = ""] = line.split("\t");
    if (empty === "" && line.startsWith("\t")) records.at(-1)?.outcomes.push([state, said]);
    else records.push({ value: line, outcomes: [] });
  }
  return records;
}

const others = "T1:/c=us/cn=root OK\nT2:/c=us/cn=root REJECT\n";
const records = readRecord();

function said(value: string, peer: RequirementPeer["tls"]): string {
  const { source } = compileTexts(`TLS_Srv:${host} ${value}\n${others}`, undefined, {}, "8.18");
  const [requirement] = source.requirements?.(question(host, "u@peer.example")) ?? [];
  if (requirement === undefined)
    return peer === handshakeBroken || peer === peers["PROTOCOL/0"] ? "by the rule" : "accept";
  const unmet = unmetRequirement(requirement, { role: "server", tls: peer, hostName: host });
  return unmet === undefined ? "accept" : `${unmet.code} ${unmet.status} ${unmet.text}`;
}

test("there is a record", () => assert.ok(records.length > 120));

/** Where we differ: never by letting pass what Sendmail does not. */
const explained: Readonly<Record<string, string>> = {
  "VERIFY+CITag:T2++CN": "an issuer whose entry is not OK ends the check in Sendmail; here the rest is checked as well",
  "VERIFY:56+CITag:T2++CI:bad": "the same",
  "VERIFY+CN:++CN:bad": "Sendmail compares with the rest of its own work space, and says so in the text",
  "VERIFY+CN:<bad>": "Sendmail loses the last angle bracket in the text; no certificate can match either",
};

for (const { value, outcomes } of records) {
  const why = explained[value];
  test(`tls_server: ${value}${why === undefined ? "" : ` (${why})`}`, () => {
    for (const [state, text] of outcomes) {
      const ours = said(value, peers[state] ?? noTls);
      // Where no requirement holds the rule itself speaks, in the same words (sendmail-outbound.test.ts, 30 and 31).
      if (ours === "by the rule") assert.match(text, /^454 4\.7\.0 (?:TLS handshake|STARTTLS) failed\.$/);
      else if (why === undefined) assert.equal(ours, text.replaceAll("HOST", host), state);
      else assert.ok(ours !== "accept" || text === "accept", state);
    }
  });
}

test("sendmail 84: whatever Sendmail accepts in clear although it has words in it is reported with its line", () => {
  const meant = new Set(["OK", "NO", "SKIP", "NONE", "RELAY", "ENCR:0", "PERM+ENCR:0", "ENCR:0+CN", "ENCR:0+CN:bad"]);
  for (const { value, outcomes } of records) {
    const accepts = outcomes.some(([state, text]) => state === "NONE/0" && text === "accept");
    if (!accepts || meant.has(value)) continue;
    const told = warnings(compileTexts(`#\nTLS_Srv:mx.peer.example ${value}\n`));
    assert.ok(
      told.some((text) => text.startsWith("2: ")),
      `${value}: ${told.join("; ")}`,
    );
  }
});

test("sendmail 84: extensions that are not checked are reported", () => {
  for (const value of [
    "VERIFY+CN+CI:/x",
    "VERIFY++CN",
    "VERIFY+XX:foo",
    "VERIFY+CN++",
    "ENCR:112+CN+bad",
    "VERIFY+CN:",
  ]) {
    const told = warnings(compileTexts(`TLS_Srv:mx.peer.example ${value}\n`));
    assert.ok(
      told.some((text) => text.includes("held without its extensions")),
      `${value}: ${told.join("; ")}`,
    );
  }
});
