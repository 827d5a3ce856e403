/** Postfix configurations moved over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textFiles } from "../../src/config/text-files.ts";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { compilePostfix } from "../../src/policy/dialects/postfix/compile.ts";
import { move, unexplained, weakened } from "./moving.ts";

const authority = await makeAuthority("Moving CA");
const client = await authority.issue({ dnsNames: ["client.test"] });
const pems = {
  "/ca.pem": authority.certificatePem,
  "/pair.pem": client.privateKeyPem + client.chainPem,
};

const digest = "ab:".repeat(32).slice(0, -1);
const key = fc.constantFrom(
  "a.test",
  ".a.test",
  "b.a.test",
  ".b.a.test",
  "b.test",
  ".test",
  "[gate.test]",
  "[gate.test]:26",
  "gate.test:26",
  "[192.0.2.1]",
  "other.example",
);
const value = fc.constantFrom(
  "none",
  "may",
  "encrypt",
  "verify",
  "secure",
  "dane",
  "dane-only",
  "verfy",
  "encrypt bogus=1",
  `fingerprint match=${digest}`,
  "fingerprint",
  "verify match=nexthop",
  "secure match=.a.test:nexthop",
  "verify match=hostname:nexthop",
  "encrypt protocols=TLSv1.3",
  "may protocols=TLSv1.3",
  "may protocols=TLSv1",
  "encrypt ciphers=high exclude=AES128",
  "may servername=hostname",
  "verify servername=x.test",
  "verify tafile=/ca.pem",
  "encrypt ciphers=medium",
  "secure policy_type=sts policy_domain=a.test mx_host_pattern=*.a.test match=mx.a.test",
  "secure servername=hostname match=.a.test policy_type=sts policy_domain=a.test mx_host_pattern=.a.test mx_host_pattern=mx.b.test",
);
const policyLine = fc.tuple(key, value).map((parts) => parts.join(" "));
const destination = fc.constantFrom(
  "smtp:[gate.test]",
  "smtp:[gate.test]:26",
  ":[gate.test]",
  "smtp:",
  "strict:[gate.test]",
  "strict:",
  "strict:b.test",
  ":",
  "error:5.1.1 no",
  "retry:4.4.4 later",
  "smtp:a.test, [gate.test]",
  "local:",
  "relay:gate.test:26",
  "discard:",
);
const transportLine = fc
  .tuple(fc.constantFrom("a.test", ".a.test", "b.test", "*", "boss@a.test", "other.example"), destination)
  .map((parts) => parts.join(" "));
const parameter = fc.constantFrom(
  "smtp_tls_security_level = may",
  "smtp_tls_security_level = encrypt",
  "smtp_tls_security_level = verify",
  "smtp_tls_security_level = secure",
  "smtp_tls_security_level = dane",
  "smtp_tls_security_level = none",
  "smtp_tls_security_level = bogus",
  "smtp_dns_support_level = dnssec",
  "smtp_tls_mandatory_protocols = >=TLSv1.3",
  "smtp_tls_protocols = !TLSv1.2, !TLSv1.3",
  "smtp_tls_CAfile = /ca.pem",
  "smtp_tls_CAfile = /missing.pem",
  "smtp_tls_chain_files = /pair.pem",
  "smtp_tls_chain_files = /missing.pem",
  "soft_bounce = yes",
  "smtp_tls_servername = nexthop",
  "smtp_tls_ciphers = high",
  "smtp_tls_mandatory_ciphers = null",
  "smtp_tls_verify_cert_match = nexthop",
  "smtp_tls_fingerprint_digest = sha256",
  "smtp_tls_fingerprint_digest = md5",
  "smtp_tls_trust_anchor_file = /ca.pem",
  "tls_eecdh_auto_curves = prime256v1",
  "relayhost = [gate.test]",
  "relayhost = gate.test:26",
  "relayhost = b.test",
  "smtp_fallback_relay = [fall.test]",
  "mydestination = a.test",
  "mydestination =",
  "relay_domains = b.test",
  "relay_transport = strict",
  "default_transport = strict",
  "default_transport = smtp:[gate.test]",
  "virtual_mailbox_domains = b.test",
  "virtual_alias_domains = other.example",
  "minimal_backoff_time = 60s",
  "smtp_tls_wrappermode = yes",
  "sender_dependent_relayhost_maps = inline:{ {@b.test=[gate.test]} }",
  "parent_domain_matches_subdomains = smtpd_access_maps",
  "tls_append_default_CA = yes",
);
const maps = fc.constantFrom(
  "texthash:/policy",
  "texthash:/policy texthash:/more",
  "regexp:/re texthash:/policy",
  "texthash:/policy regexp:/re",
  "texthash:/policy static:encrypt",
  "texthash:/missing texthash:/policy",
);
const strict = fc.constantFrom(
  "",
  " -o smtp_tls_security_level=verify",
  " -o smtp_tls_security_level=none -o smtp_tls_policy_maps=",
  " -o smtp_tcp_port=2525",
  " -o smtp_tls_wrappermode=yes -o smtp_tls_security_level=encrypt",
);

const configuration = fc.record({
  policy: fc.array(policyLine, { maxLength: 6 }),
  more: fc.array(policyLine, { maxLength: 2 }),
  transport: fc.array(transportLine, { maxLength: 4 }),
  parameters: fc.array(parameter, { maxLength: 5 }),
  maps,
  strict,
});

test("moving postfix: nothing becomes weaker, and what differs is told", () => {
  fc.assert(
    fc.property(configuration, ({ policy, more, transport, parameters, maps: tables, strict: options }) => {
      const texts = {
        ...pems,
        "/main.cf": `${parameters.join("\n")}\nsmtp_tls_policy_maps = ${tables}\ntransport_maps = texthash:/transport\n`,
        "/master.cf": `smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nstrict unix - - n - - smtp${options}\nlocal unix - - n - - local\nerror unix - - n - - error\nretry unix - - n - - error\ndiscard unix - - n - - discard\n`,
        "/policy": `${policy.join("\n")}\n`,
        "/more": `${more.join("\n")}\n`,
        "/re": "/^x\\.b/ verify\n",
        "/transport": `${transport.join("\n")}\n`,
      };
      const compiled = compilePostfix({ main: "/main.cf" }, textFiles(texts));
      if (compiled.notes.some(({ kind }) => kind === "error")) return;
      const moved = move(compiled, texts);
      const shown = () => `\n${texts["/main.cf"]}${texts["/policy"]}--\n${texts["/transport"]}---\n${moved.text}`;
      assert.deepEqual(weakened(moved, true), [], shown());
      assert.deepEqual(unexplained(moved), [], shown());
    }),
    { numRuns: 200 },
  );
});
