/** Momentum configurations moved over: groups, bindings, domains and regular expressions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textFiles } from "../../src/config/text-files.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { compileMomentum } from "../../src/policy/dialects/momentum/compile.ts";
import { move, unexplained, weakened } from "./moving.ts";

const authority = await makeAuthority("Moving CA");
const client = await authority.issue({ dnsNames: ["client.test"] });
const pems = {
  "/ca.pem": authority.certificatePem,
  "/c.pem": client.chainPem,
  "/k.pem": client.privateKeyPem,
  "/pair.pem": client.privateKeyPem + client.chainPem,
};

const option = fc.constantFrom(
  'tls = "no"',
  'tls = "ifavailable"',
  'tls = "required"',
  'tls_verify = "host"',
  'tls_verify = "ca"',
  'tls_verify = "no"',
  'tls_ca = "/ca.pem"',
  'tls_ca = "/missing.pem"',
  'tls_certificate = "/c.pem" tls_key = "/k.pem"',
  'tls_certificate = "/pair.pem"',
  'tls_protocols = "+TLSv1.3"',
  'tls_protocols = "-TLSv1.2:-TLSv1.3"',
  'tls_ciphers = "HIGH"',
  'tls_ciphers = "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3"',
  "tls_ifavailable_fallback = true",
  "tls_ifavailable_fallback = false",
  'gateway = "gate.test"',
  'gateway = "[192.0.2.1]"',
  "remote_smtp_port = 2525",
  "use_dane = true",
  'tls_verify = "hist"',
);
const options = fc.array(option, { maxLength: 3 }).map((all) => all.join("\n"));
const name = fc.constantFrom(
  '"a.test"',
  '"b.a.test"',
  '"b.test"',
  "/^x\\\\.b\\\\.test$/",
  "/.*\\\\.a\\\\.test$/",
  "/test$/",
  '"192.0.2.1"',
  '"mx.in.test"',
);
const kind = fc.constantFrom("domain", "domain", "domain", "host");
const domains = fc
  .array(
    fc.tuple(kind, name, options).map(([what, who, inside]) => `${what} ${who} {\n${inside}\n}`),
    { maxLength: 3 },
  )
  .map((all) => all.join("\n"));
const inner = fc.tuple(options, domains).map((parts) => parts.join("\n"));
const configuration = fc.record({ top: inner, group: inner, b1: inner, b2: inner, b3: inner });

test("moving momentum: nothing becomes weaker, and what differs is told", () => {
  fc.assert(
    fc.property(configuration, ({ top, group, b1, b2, b3 }) => {
      const text = `${top}\nbinding_group g {\n${group}\nbinding b1 {\n${b1}\n}\nbinding b2 {\n${b2}\n}\n}\nbinding b3 {\nehlo_hostname = "out.test"\n${b3}\n}\n`;
      const texts = { ...pems, "/ecelerity.conf": text };
      const compiled = compileMomentum({ file: "/ecelerity.conf" }, textFiles(texts));
      if (compiled.notes.some((note) => note.kind === "error")) return;
      const moved = move(compiled, texts);
      const shown = () => `\n${text}---\n${moved.text}`;
      assert.deepEqual(weakened(moved, false), [], shown());
      assert.deepEqual(unexplained(moved), [], shown());
    }),
    { numRuns: 200 },
  );
});
