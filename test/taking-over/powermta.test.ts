/** PowerMTA configurations moved over: virtual MTAs, pools, domains, macros and MX roll-ups. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textFiles } from "../../src/config/text-files.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { compilePowerMta } from "../../src/policy/dialects/powermta/compile.ts";
import { move, unexplained, weakened } from "./moving.ts";

const authority = await makeAuthority("Moving CA");
const client = await authority.issue({ dnsNames: ["client.test"] });
const pems = { "/ca.pem": authority.certificatePem, "/pair.pem": client.chainPem + client.privateKeyPem };

const statement = fc.constantFrom(
  "use-starttls yes",
  "use-starttls no",
  "require-starttls yes",
  "require-starttls no",
  "smtp-tls-ca-file /ca.pem",
  "smtp-tls-ca-file /missing.pem",
  "smtp-client-certificate /pair.pem",
  "smtp-tls-allow-tlsv1.2 no",
  "smtp-tls-allow-tlsv1.3 no",
  "smtp-tls-ciphers ECDHE",
  'smtp-tls-ciphers ""',
  "use-dane yes",
  "use-dane no",
  "smtp-hosts gate.test",
  "smtp-hosts [192.0.2.1]:26",
  'smtp-hosts ""',
  "default-smtp-port 2525",
  "queue-to b.test",
  "retry-without-starttls-on-error yes",
  "type discard",
  "disable-mx-rollup yes",
  "reroute-to-virtual-mta m2",
);
const pattern = fc.constantFrom(
  "*",
  "a.test",
  "*.a.test",
  "[*.]a.test",
  "b.a.test",
  "b.test",
  "[*.]test",
  "a.$m",
  "[192.0.2/24]",
  "q.rollup",
);
const domains = fc
  .array(
    fc
      .tuple(pattern, fc.array(statement, { minLength: 1, maxLength: 3 }))
      .map(([name, all]) => [`<domain ${name}>`, ...all, "</domain>"].join("\n")),
    { maxLength: 4 },
  )
  .map((all) => all.join("\n"));
const configuration = fc.record({
  top: domains,
  m1: domains,
  m2: domains,
  pool: domains,
  rollups: fc.subarray(["mx *.in.test q.rollup", "mx mx.a.test b.test"]),
});

test("moving powermta: nothing becomes weaker, and what differs is told", () => {
  fc.assert(
    fc.property(configuration, ({ top, m1, m2, pool, rollups }) => {
      const text = `domain-macro m test, example\n${top}\n<virtual-mta m1>\nsmtp-source-host 192.0.2.9 out.test\n${m1}\n</virtual-mta>\n<virtual-mta m2>\n${m2}\n</virtual-mta>\n<virtual-mta-pool p>\nvirtual-mta m1\n${pool}\n</virtual-mta-pool>\n<mx-rollup-list>\n${rollups.join("\n")}\n</mx-rollup-list>\n`;
      const texts = { ...pems, "/config": text };
      const compiled = compilePowerMta({ file: "/config" }, textFiles(texts));
      if (compiled.notes.some(({ kind }) => kind === "error")) return;
      const moved = move(compiled, texts);
      const shown = () => `\n${text}---\n${moved.text}`;
      assert.deepEqual(weakened(moved, false), [], shown());
      assert.deepEqual(unexplained(moved), [], shown());
    }),
    { numRuns: 200 },
  );
});
