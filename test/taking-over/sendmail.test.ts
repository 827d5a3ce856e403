/** Sendmail configurations moved over: the access map with a configuration beside it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textFiles } from "../../src/config/text-files.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { compileSendmail } from "../../src/policy/dialects/sendmail/compile.ts";
import { move, unexplained, weakened } from "./moving.ts";

const authority = await makeAuthority("Moving CA");
const client = await authority.issue({ dnsNames: ["client.test"] });
const pems = { "/ca.pem": authority.certificatePem, "/c.pem": client.chainPem, "/k.pem": client.privateKeyPem };

const key = fc.constantFrom(
  "",
  ":",
  ":a.test",
  ":mx.a.test",
  ":b.test",
  ":.a.test",
  ":test",
  ":192.0.2.1",
  ":192.0.2",
  ":boss@a.test",
  ":mx.in.test",
);
const tag = fc.constantFrom(
  "TLS_Srv",
  "TLS_Rcpt",
  "Try_TLS",
  "TLS_Clt",
  "Srv_Features",
  "TLS_Srv_Features",
  "TLS_Clt_Features",
);
const value = fc.constantFrom(
  "VERIFY",
  "VERIFY:128",
  "ENCR:128",
  "ENCR:256",
  "PERM+VERIFY",
  "TEMP+ENCR:112",
  "PERM+VERIFY:128+CN:mx.a.test",
  "VERIFY+CN",
  "VERIFY+CI:/C=US",
  "NO",
  "YES",
  "OK",
  "ENCR",
  "VERFY:1",
  "ENCR:128++CN:mx.a.test",
  "VERIFY:112+CITag:CA",
  "Options=+SSL_OP_NO_TLSv1_2",
  "CipherList=HIGH",
  "",
);
const line = fc.tuple(tag, key, value).map(([word, where, what]) => `${word}${where}\t${what}`);
const option = fc.constantFrom(
  "define(`confCACERT', `/ca.pem')dnl",
  "define(`confCLIENT_CERT', `/c.pem')dnl\ndefine(`confCLIENT_KEY', `/k.pem')dnl",
  "define(`SMART_HOST', `[gate.test]')dnl",
  "define(`SMART_HOST', `a.test')dnl",
  "define(`confCACERT', `/missing.pem')dnl",
  "define(`confTLS_FALLBACK_TO_CLEAR', `True')dnl",
  "define(`confTLS_SRV_OPTIONS', `V')dnl",
  "LOCAL_CONFIG\nO CipherList=HIGH",
  "LOCAL_CONFIG\nO ClientSSLOptions=+SSL_OP_NO_TLSv1_2",
);
const configuration = fc.record({
  access: fc.array(line, { maxLength: 6 }),
  mc: fc.array(option, { maxLength: 3 }),
  version: fc.constantFrom("8.14" as const, "8.16" as const, "8.18" as const),
});

test("moving sendmail: nothing becomes weaker, and what differs is told", () => {
  fc.assert(
    fc.property(configuration, ({ access, mc, version }) => {
      const texts = {
        ...pems,
        "/access": `${access.join("\n")}\n`,
        "/sendmail.mc": `FEATURE(\`access_db')dnl\n${mc.join("\n")}\n`,
      };
      const compiled = compileSendmail({ access: "/access", mc: "/sendmail.mc", version }, textFiles(texts));
      if (compiled.notes.some(({ kind }) => kind === "error")) return;
      const moved = move(compiled, texts);
      const shown = () => `\n${texts["/access"]}--\n${texts["/sendmail.mc"]}---\n${moved.text}`;
      assert.deepEqual(weakened(moved, false), [], shown());
      assert.deepEqual(unexplained(moved), [], shown());
    }),
    { numRuns: 200 },
  );
});
