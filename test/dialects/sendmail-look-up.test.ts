/**
 * Which entry holds: what Sendmail 8.18.1 found (`sendmail -bt`, `tls_server` and `tls_rcpt`) under four ways to set up
 * FEATURE(access_db), recorded in `sendmail/look-ups-8.18.1.txt`, is what is found here.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { compileTexts, question } from "./sendmail/lab.ts";

const lines = readFileSync(path.join(import.meta.dirname, "sendmail/look-ups-8.18.1.txt"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => line.split("\t"));

const access = lines
  .flatMap(([kind, key]) => (kind === "key" ? [`${key} VERIFY\n`] : kind === "skip" ? [`${key} SKIP\n`] : []))
  .join("");
const setups = ["", ",,`skip'", ",,`lookupdotdomain'", ",,`skip',`lookupdotdomain'"].map(
  (words) => compileTexts(access, `FEATURE(\`access_db'${words})dnl\n`).source,
);

test("there is a record", () => assert.ok(lines.filter(([kind]) => kind === "host" || kind === "rcpt").length > 50));

for (const [kind, name = "", address = "", ...found] of lines) {
  if (kind !== "host" && kind !== "rcpt") continue;
  test(`look-up: ${kind} ${name} ${address}`, () => {
    const asked =
      kind === "host"
        ? question(name === "-" ? undefined : name, "u@unrelated.invalid", address)
        : question("unrelated.invalid", name);
    const held = setups.map((source) => {
      const requirements = source.requirements?.(asked) ?? [];
      const of = kind === "host" ? "host" : "recipient";
      return requirements.find((requirement) => requirement.of === of)?.from.scope ?? "-";
    });
    assert.deepEqual(held, found);
  });
}

test("Try_TLS is looked up as TLS_Srv is, with SKIP", () => {
  const { source } = compileTexts(
    "Try_TLS:a.example SKIP\nTry_TLS:192.0.2 NO\nTry_TLS:b.example YES\nTry_TLS: NO\n",
    "FEATURE(`access_db',,`skip')dnl\n",
  );
  const level = (host: string, address: string): string | undefined =>
    source.outbound(question(host, "u@x.example", address))?.level.from.scope;
  assert.equal(level("a.example", "192.0.2.1"), "Try_TLS:192.0.2");
  assert.equal(level("a.example", "198.51.100.1"), "Try_TLS:");
  assert.equal(source.outbound(question("b.example", "u@x.example"))?.level.value, "may");
});

test("TLS_Clt_features has no bare tag, and needs FEATURE(tls_session_features)", () => {
  const access = "TLS_Clt_features: Flags=C;\nTLS_Clt_features:a.example Flags=C;\n";
  const { source } = compileTexts(access, "FEATURE(`tls_session_features')dnl\n");
  assert.equal(source.outbound(question("mx.a.example", "u@x.example"))?.fallback?.value.kind, "at-once");
  assert.equal(source.outbound(question("mx.b.example", "u@x.example"))?.fallback?.value.kind, "never");
  const without = compileTexts(access, "");
  assert.equal(without.source.outbound(question("mx.a.example", "u@x.example"))?.fallback?.value.kind, "never");
});

test("IPv6 keys before 8.15 are written with ::", () => {
  const { source } = compileTexts("TLS_Srv:IPv6:2001:db8::1 VERIFY\n", undefined, {}, "8.14");
  const asked = (address: string) => source.requirements?.(question("mx.example", "u@x.example", address)) ?? [];
  assert.equal(asked("2001:db8::1").length, 1);
  assert.equal(asked("2001:db8::2").length, 0);
});

test("recipientKey: equal where the same entry holds, and where none does", () => {
  const { source } = compileTexts(
    "TLS_Rcpt:a@peer.example VERIFY\nTLS_Rcpt:b@peer.example OK\nTLS_Rcpt:peer.example ENCR:112\n",
  );
  const key = (recipient: string): string | undefined =>
    source.recipientKey?.(question("x.example", recipient).recipient);
  assert.notEqual(key("a@peer.example"), key("c@peer.example"));
  assert.equal(key("c@peer.example"), key("d@peer.example"));
  assert.notEqual(key("b@peer.example"), key("c@peer.example"));
  assert.equal(key("b@peer.example"), "");
});

test("explain: every entry that was considered, as written, and which one holds", () => {
  const { source } = compileTexts("TLS_Srv:peer.example  ENCR:128\nTLS_Srv:\tPERM+VERIFY\nTry_TLS:peer.example NO\n");
  const found = source.candidates(question("mx.peer.example", "u@peer.example"));
  assert.deepEqual(
    found.map(({ written, verdict, from }) => [written, verdict, from.line]),
    [
      ["TLS_Srv:peer.example\tENCR:128", "adds", 1],
      ["TLS_Srv:\tPERM+VERIFY", "shadowed", 2],
      ["Try_TLS:peer.example\tNO", "wins", 3],
      [undefined, "shadowed", undefined],
    ],
  );
});
