import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../mail/reply.ts";
import { certificateFacts } from "../tls/certificate-facts.ts";
import type { HandshakeFacts, TlsProgress } from "../tls/peer-facts.ts";
import { certificateText, encodeText } from "./certificate-text.ts";
import { type RequirementPeer, unmetRequirement } from "./requirements.ts";
import type { PeerRequirement } from "./rules.ts";

/**
 * Self-signed, made with OpenSSL; `openssl x509 -subject -nameopt compat` prints
 * `/C=CH/ST=Z\/H\+x/O=Clinic CA <a>/OU="q" (z)/CN=mx1.clinic.example/emailAddress=a@b.example`.
 */
const certificate = certificateFacts(
  Buffer.from(
    [
      "MIIB/TCCAaMCFFTQP2F2kinhAY7p1g+NUwH5Z2OJMAoGCCqGSM49BAMCMIGAMQswCQYDVQQGEwJDSDEOMAwGA1UECAwFWi9IK3gx",
      "FjAUBgNVBAoMDUNsaW5pYyBDQSA8YT4xEDAOBgNVBAsMByJxIiAoeikxGzAZBgNVBAMMEm14MS5jbGluaWMuZXhhbXBsZTEaMBgG",
      "CSqGSIb3DQEJARYLYUBiLmV4YW1wbGUwHhcNMjYxMTIyMDIzODM1WhcNMzUwMjA4MDIzODM1WjCBgDELMAkGA1UEBhMCQ0gxDjAM",
      "BgNVBAgMBVovSCt4MRYwFAYDVQQKDA1DbGluaWMgQ0EgPGE+MRAwDgYDVQQLDAcicSIgKHopMRswGQYDVQQDDBJteDEuY2xpbmlj",
      "LmV4YW1wbGUxGjAYBgkqhkiG9w0BCQEWC2FAYi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW4zhxABcpHeGz3Rp",
      "eVUORkB0aLHCwEP3w68rfI+ZFX009ihiaDS5ect6H58Eo+nPa+ro2yHlSHqBR2o/nAAvdzAKBggqhkjOPQQDAgNIADBFAiAPe4iJ",
      "KSA66/85VB4KILKQSo2O7+FcOFAtyI9+cM6CxQIhAMp+MACWcRkx1ACWKwMkcWsEvRjBCI7Cjl1+1xNTTuTR",
    ].join(""),
    "base64",
  ),
);
const dn =
  "/C=CH/ST=Z+5C/H+5C+2Bx/O=Clinic+20CA+20+3Ca+3E/OU=+22q+22+20+28z+29/CN=mx1.clinic.example/emailAddress=a@b.example";

test("a certificate's names as Sendmail writes them, from the DER", () => {
  assert.deepEqual(certificateText(certificate), { commonName: "mx1.clinic.example", subject: dn, issuer: dn });
});

test("bytes that are no certificate have no names, and throw nothing", () => {
  const none = { commonName: "BadCertificateUnknown", subject: "", issuer: "" };
  assert.deepEqual(certificateText({ sha256: "none", der: new Uint8Array() }), none);
  assert.deepEqual(certificateText({ sha256: "cut", der: certificate.der.slice(0, 60) }), none);
});

test("encoding: blanks, brackets, quotes, plus and everything beyond ASCII", () => {
  assert.equal(encodeText('a b+c(d)<e>"f"\\g\u00e9'), "a+20b+2Bc+28d+29+3Ce+3E+22f+22+5Cg+E9");
});

function demand(change: Partial<PeerRequirement>): PeerRequirement {
  const from = { source: "test", file: undefined, line: undefined, column: undefined, scope: "test" };
  const reply = { code: 454, status: "4.7.0" } as const;
  return { from, text: "ENCR:0", of: "host", verify: false, bits: undefined, extensions: [], reply, ...change };
}

function done(change: Partial<HandshakeFacts> = {}): TlsProgress {
  const handshake: HandshakeFacts = {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    bits: 128,
    group: undefined,
    resumed: false,
    chain: { kind: "trusted" },
    certificate,
    intermediates: [],
    clientCertificate: "not-asked",
    durationMs: 1,
    ...change,
  };
  return { kind: "done", handshake };
}

function said(
  requirement: PeerRequirement,
  tls: RequirementPeer["tls"],
  role: RequirementPeer["role"] = "server",
): string {
  const unmet = unmetRequirement(requirement, { role, tls, hostName: "mx1.clinic.example" });
  return unmet === undefined ? "met" : `${unmet.code} ${unmet.status} ${unmet.text}`;
}

const verify = demand({ verify: true, text: "VERIFY+CN" });
const untrusted = { chain: { kind: "untrusted", code: "X", text: "x" } } as const;
const rows: readonly (readonly [title: string, demand: PeerRequirement, tls: RequirementPeer["tls"], want: string])[] =
  [
    ["trusted", verify, done(), "met"],
    ["untrusted", verify, done(untrusted), "454 4.7.0 authentication failed"],
    ["no certificate", verify, done({ certificate: undefined, ...untrusted }), "454 4.7.0 not authenticated"],
    ["not offered", verify, { kind: "not-offered" }, "454 4.7.0 other side does not support STARTTLS"],
    ["not asked for", verify, { kind: "skipped" }, "454 4.7.0 other side does not support STARTTLS"],
    [
      "refused for good",
      verify,
      { kind: "refused", reply: reply(554, undefined) },
      "454 4.7.0 other side does not support STARTTLS",
    ],
    [
      "refused for now",
      verify,
      { kind: "refused", reply: reply(454, undefined) },
      "454 4.7.0 authentication failure CN",
    ],
    ["answered by nonsense", verify, { kind: "refused", reply: reply(250, undefined) }, "454 4.7.0 STARTTLS failed."],
    ["dropped", verify, { kind: "lost" }, "454 4.7.0 authentication failure CN"],
    ["octets in clear behind the 220", demand({}), { kind: "injected" }, "454 4.7.0 TLS handshake failed."],
    [
      "a broken handshake, whatever is demanded",
      demand({}),
      { kind: "failed", code: "X", text: "x" },
      "454 4.7.0 TLS handshake failed.",
    ],
    ["the second attempt in clear", verify, "disabled-locally", "454 4.7.0 STARTTLS disabled locally"],
    [
      "too weak, with the digits as written",
      demand({ bits: { atLeast: 256, digits: "0x100" } }),
      done(),
      "454 4.7.0 encryption too weak 128 less than 0x100",
    ],
    ["0 bits in clear", demand({ bits: { atLeast: 0, digits: "0" } }), { kind: "not-offered" }, "met"],
    [
      "the strength is looked at before the name",
      demand({ bits: { atLeast: 256, digits: "256" }, extensions: [{ kind: "cn", name: "x" }] }),
      done(),
      "454 4.7.0 encryption too weak 128 less than 256",
    ],
    [
      "the host's own name, case ignored",
      demand({
        extensions: [
          { kind: "cn", name: undefined },
          { kind: "cn", name: "MX1.Clinic.Example" },
        ],
      }),
      done(),
      "met",
    ],
    [
      "another subject",
      demand({ extensions: [{ kind: "subject", dn: "/CN=x" }] }),
      done(),
      `454 4.7.0 Cert Subject ${dn} does not match /CN=x`,
    ],
    ["the issuer, case ignored", demand({ extensions: [{ kind: "issuer", dn: dn.toLowerCase() }] }), done(), "met"],
    [
      "an issuer that is listed",
      demand({ extensions: [{ kind: "issuer-tag", tag: "T", issuers: new Set([dn.toLowerCase()]) }] }),
      done(),
      "met",
    ],
    [
      "an issuer that is not",
      demand({ extensions: [{ kind: "issuer-tag", tag: "T", issuers: new Set() }] }),
      done(),
      `454 4.7.0 Cert Issuer ${dn} not acceptable`,
    ],
    [
      "a name without a certificate",
      demand({ extensions: [{ kind: "cn", name: "x" }] }),
      done({ certificate: undefined }),
      "454 4.7.0 CN  does not match x",
    ],
  ];
for (const [title, requirement, tls, want] of rows) {
  test(`requirement: ${title}`, () => assert.equal(said(requirement, tls), want));
}

test("requirement: a client in clear, one that was not asked, one that shows nothing", () => {
  assert.equal(said(verify, "clear", "client"), "454 4.7.0 authentication required");
  assert.equal(said(verify, done({ certificate: undefined }), "client"), "454 4.7.0 no authentication requested");
  const asked = done({ certificate: undefined, clientCertificate: "asked" });
  assert.equal(said(verify, asked, "client"), "454 4.7.0 not authenticated");
  assert.equal(
    said(demand({ bits: { atLeast: 128, digits: "128" } }), "clear", "client"),
    "454 4.7.0 encryption too weak 0 less than 128",
  );
});
