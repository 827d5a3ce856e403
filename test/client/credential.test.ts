/**
 * Key and certificate files as operators give them: right, or wrong in every way that happens.
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { makeSelfSigned } from "../../src/lab/certificates.ts";
import { checkCipherString, checkGroups } from "../../src/tls/cipher-settings.ts";
import { type CredentialCheck, checkCredential } from "../../src/tls/credential.ts";
import { authority } from "./peer.ts";

const leaf = await authority.issue({ dnsNames: ["MX.example.net", "*.example.net"], notAfter: Date.UTC(2040, 0, 1) });
const other = await authority.issue({ dnsNames: ["other.example.net"] });
const encrypted = createPrivateKey(leaf.privateKeyPem)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" })
  .toString();

function problem(check: CredentialCheck): string {
  if (check.kind === "ok") return check.warning ?? "ok";
  assert.notEqual(check.remedy, "");
  return check.problem;
}

const rows: readonly [name: string, given: Parameters<typeof checkCredential>, want: RegExp][] = [
  ["right", ["n", leaf.chainPem, leaf.privateKeyPem], /^ok$/],
  ["encrypted, with passphrase", ["n", leaf.chainPem, encrypted, "open sesame"], /^ok$/],
  ["encrypted, without", ["n", leaf.chainPem, encrypted], /no passphrase/],
  ["encrypted, with a wrong one", ["n", leaf.chainPem, encrypted, "wrong"], /cannot be decrypted/],
  ["a mismatched pair", ["n", leaf.chainPem, other.privateKeyPem], /does not belong/],
  [
    "the chain in the wrong order",
    ["n", authority.certificatePem + leaf.certificatePem, leaf.privateKeyPem],
    /later certificate/,
  ],
  ["no PEM certificate", ["n", "hello", leaf.privateKeyPem], /certificate is not PEM/],
  ["a DER certificate", ["n", Buffer.from(leaf.der).toString("latin1"), leaf.privateKeyPem], /certificate is not PEM/],
  ["a damaged certificate", ["n", leaf.certificatePem.replace(/MII/, "AAA"), leaf.privateKeyPem], /cannot be read/],
  ["no PEM key", ["n", leaf.chainPem, "hello"], /key is not PEM/],
  [
    "a damaged key",
    ["n", leaf.chainPem, leaf.privateKeyPem.replace(/\n[A-Za-z0-9+/]{8}/, "\nAAAAAAAA")],
    /key cannot be read/,
  ],
  [
    "out of date is a warning",
    ["n", leaf.chainPem, leaf.privateKeyPem, undefined, Date.UTC(2041, 0, 1)],
    /expired on 2040-01-01/,
  ],
  ["not valid yet is a warning", ["n", leaf.chainPem, leaf.privateKeyPem, undefined, 0], /not valid before/],
];

for (const [name, given, want] of rows) {
  test(`credential: ${name}`, () => assert.match(problem(checkCredential(...given)), want));
}

test("credential: TL-11 a key that OpenSSL finds too small", async () => {
  const small = await makeSelfSigned({ keyKind: "rsa-1024" });
  assert.match(problem(checkCredential("n", small.chainPem, small.privateKeyPem)), /^OpenSSL refuses/);
});

test("credential: names in lower case, the end of validity, an id that follows the contents", () => {
  const check = checkCredential("n", leaf.chainPem, leaf.privateKeyPem);
  const another = checkCredential("n", other.chainPem, other.privateKeyPem);
  assert.ok(check.kind === "ok" && another.kind === "ok");
  assert.deepEqual(check.names, ["mx.example.net", "*.example.net"]);
  assert.equal(check.notAfter, Date.UTC(2040, 0, 1));
  assert.notEqual(check.credential.id, another.credential.id);
});

test("credential: the id does not depend on how the key was kept", () => {
  const plain = checkCredential("n", leaf.chainPem, leaf.privateKeyPem);
  const locked = checkCredential("n", leaf.chainPem, encrypted, "open sesame");
  assert.ok(plain.kind === "ok" && locked.kind === "ok");
  assert.equal(plain.credential.id, locked.credential.id);
});

const dayMs = 86_400_000;
const first = await authority.intermediate("First CA");
const second = await first.intermediate("Second CA");
const deep = await second.issue({ dnsNames: ["deep.example.net"], notAfter: Date.UTC(2060, 0, 1) });
const [own = "", below = "", above = ""] = deep.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
const published = await first.issue({ dnsNames: ["a.example.net"], caIssuers: "http://ca.example.net/ca.crt" });

function chainWarnings(chain: string, key: string, now = Date.now()): readonly string[] {
  const check = checkCredential("n", chain, key, undefined, now);
  assert.ok(check.kind === "ok", JSON.stringify(check));
  return check.chainWarnings.map(({ text, remedy }) => `${text} (${remedy})`);
}

const chains: readonly [name: string, chain: string, want: RegExp[]][] = [
  ["in order", own + below + above, []],
  ["twice the same", own + below + below + above + own, []],
  ["in the wrong order", own + above + below, [/^the intermediates of the file stand in the wrong order/]],
  ["with the root", own + below + above + authority.certificatePem, []],
  ["one missing between", own + above, [/^"CN=First CA" in its file issued none of the others \(remove it, or put/]],
  ["with a stranger's", own + below + above + other.certificatePem, [/^"CN=other\.example\.net" in its file issued/]],
  ["of an organisation's own CA, alone", own, []],
];

for (const [name, chain, want] of chains) {
  test(`credential: a chain ${name}`, () => {
    const warnings = chainWarnings(chain, deep.privateKeyPem);
    assert.equal(warnings.length, want.length, warnings.join());
    for (const [at, each] of want.entries()) assert.match(warnings[at] ?? "", each);
  });
}

test("credential: a chain in the wrong order is served in the right one", () => {
  const right = checkCredential("n", own + below + above, deep.privateKeyPem);
  const wrong = checkCredential("n", own + above + below, deep.privateKeyPem);
  assert.ok(right.kind === "ok" && wrong.kind === "ok");
  assert.equal(wrong.credential.certificateChain, right.credential.certificateChain);
});

test("credential: a public CA's intermediate that is missing", () => {
  assert.deepEqual(chainWarnings(published.chainPem, published.privateKeyPem), []);
  assert.deepEqual(chainWarnings(published.certificatePem, published.privateKeyPem), [
    "its issuer CN=First CA is neither in its file nor among the system's CAs, so that clients may not be able to check it (append the intermediates that your CA gave you)",
  ]);
});

test("credential: an intermediate that has expired", () => {
  const [warning = "", ...more] = chainWarnings(deep.chainPem, deep.privateKeyPem, Date.UTC(2050, 0, 1));
  assert.match(warning, /^the intermediate "CN=Second CA" expired on 20\d\d-.* \(get a new chain from your CA\)$/);
  assert.equal(more.length, 1);
});

test("credential: three weeks before the end of a certificate", () => {
  const at = (days: number) => {
    return problem(
      checkCredential("n", leaf.chainPem, leaf.privateKeyPem, undefined, Date.UTC(2040, 0, 1) - days * dayMs),
    );
  };
  assert.equal(at(21), "ok");
  assert.equal(at(20.5), "the certificate expires on 2040-01-01T00:00:00.000Z, in 20 days");
});

for (const good of [
  "HIGH:!aNULL",
  "ECDHE+AESGCM",
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256",
]) {
  test(`cipher settings: taken: ${good}`, () => assert.equal(checkCipherString(good), undefined));
}
for (const bad of ["NO-SUCH-CIPHER", "", ":", "HIGH\0"]) {
  test(`cipher settings: refused: ${JSON.stringify(bad)}`, () => assert.notEqual(checkCipherString(bad), undefined));
}
for (const good of ["X25519MLKEM768:X25519", "?X25519MLKEM768:DEFAULT", "P-256"]) {
  test(`group settings: taken: ${good}`, () => assert.equal(checkGroups(good), undefined));
}
for (const bad of ["no-such-group", "", "X25519:no-such-group"]) {
  test(`group settings: refused: ${JSON.stringify(bad)}`, () => assert.notEqual(checkGroups(bad), undefined));
}
