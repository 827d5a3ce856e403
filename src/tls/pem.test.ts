import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { getCACertificates } from "node:tls";
import { certificateBlocks, certificateDers } from "./pem.ts";

const [one = "", two = ""] = getCACertificates("bundled");
const ders = [one, two].map((pem) => new X509Certificate(pem).raw);
const body = one.replaceAll(/-----[^-]+-----/g, "");

const rows: readonly [name: string, text: string, want: readonly (readonly number[])[]][] = [
  ["nothing", "", []],
  ["no certificate", "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n", []],
  ["two, and words around them", `# first\n${one}and\n${two}end`, ders.map((der) => [...der])],
  ["lines that end with CR LF", one.replaceAll("\n", "\r\n"), [[...(ders[0] ?? [])]]],
  ["the oldest label", `-----BEGIN X509 CERTIFICATE-----${body}-----END X509 CERTIFICATE-----`, [[...(ders[0] ?? [])]]],
  ["one that was cut off", one.slice(0, -10), []],
];
for (const [name, text, want] of rows) {
  test(`certificates in PEM: ${name}`, () => {
    assert.deepEqual(
      certificateDers(text).map((der) => [...der]),
      want,
    );
    assert.deepEqual(
      certificateBlocks(text).map((block) => [...new X509Certificate(block).raw]),
      want,
    );
  });
}

test("certificates in PEM: what OpenSSL writes behind a trusted one is no part of it", () => {
  const octets = Buffer.concat([ders[0] ?? Buffer.alloc(0), Buffer.from("300c300a06082b06010505070301", "hex")]);
  const text = `-----BEGIN TRUSTED CERTIFICATE-----\n${octets.toString("base64")}\n-----END TRUSTED CERTIFICATE-----\n`;
  assert.deepEqual([...(certificateDers(text)[0] ?? [])], [...(ders[0] ?? [])]);
});
