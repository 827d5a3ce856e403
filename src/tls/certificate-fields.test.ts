import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCertificateFields } from "./certificate-fields.ts";

function der(tag: number, ...content: (Uint8Array | string)[]): Buffer {
  const value = Buffer.concat(content.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
  const { length } = value;
  const header =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : length < 65_536
          ? [tag, 0x82, length >> 8, length & 255]
          : [tag, 0x83, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(header), value]);
}

const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
const commonName = (text: string): Buffer => der(0x31, sequence(Buffer.from([6, 3, 0x55, 4, 3]), der(0x0c, text)));
const key = sequence(sequence(der(6, "\x2b")), der(3, "\0key"));

/** A certificate of the right shape; `altNames` is what stands in the extension's OCTET STRING. */
function certificateWith(altNames: Uint8Array | undefined, version: "v1" | "v3" = "v3"): Buffer {
  const extension = sequence(Buffer.from([6, 3, 0x55, 0x1d, 17]), der(4, altNames ?? ""));
  const tbs = [
    ...(version === "v3" ? [der(0xa0, der(2, "\x02"))] : []),
    der(2, "\x01"),
    sequence(),
    sequence(commonName("issuer")),
    sequence(),
    sequence(commonName("first.example"), commonName("last.example")),
    key,
    ...(altNames === undefined ? [] : [der(0xa3, sequence(extension))]),
  ];
  return sequence(sequence(...tbs), sequence(), der(3, "\0"));
}

function namesOf(...entries: Uint8Array[]): readonly string[] | undefined {
  return readCertificateFields(certificateWith(sequence(...entries)))?.dnsNames;
}

test("certificate fields: key and common name, with and without a version", () => {
  for (const version of ["v1", "v3"] as const) {
    const fields = readCertificateFields(certificateWith(undefined, version));
    assert.deepEqual(fields?.spkiDer && Buffer.from(fields.spkiDer), key);
    assert.equal(fields?.commonName, "last.example");
    assert.deepEqual(fields?.dnsNames, []);
  }
});

test("certificate fields: AT-14 an entry is its octets, whatever they are", () => {
  assert.deepEqual(namesOf(der(0x82, "a.test\0.b.test"), der(0x82, 'c.test, DNS:"d.test"'), der(0x82, "\xfc.test")), [
    "a.test\0.b.test",
    'c.test, DNS:"d.test"',
    "\xfc.test",
  ]);
});

test("certificate fields: AT-14 names of other kinds are no DNS names", () => {
  assert.deepEqual(namesOf(der(0xa0, "other"), der(0x81, "mail@a.test"), der(0x86, "https://a.test")), []);
});

test("certificate fields: addresses in canonical text; wrong lengths are left out", () => {
  const v6 = Buffer.from("20010db8000000000000000000000001", "hex");
  const fields = readCertificateFields(
    certificateWith(sequence(der(0x87, Buffer.from([192, 0, 2, 1])), der(0x87, v6), der(0x87, Buffer.from([1, 2, 3])))),
  );
  assert.deepEqual(fields?.ipAddresses, ["192.0.2.1", "2001:db8::1"]);
});

test("certificate fields: AT-14 ten thousand names in bounded time", () => {
  const entries = Array.from({ length: 10_000 }, (_, at) => der(0x82, `n${at}.example.org`));
  const certificate = certificateWith(sequence(...entries));
  const started = performance.now();
  assert.equal(readCertificateFields(certificate)?.dnsNames.length, 10_000);
  assert.ok(performance.now() - started < 500);
});

const malformed: readonly [name: string, altNames: Uint8Array][] = [
  ["cut short", sequence(der(0x82, "mx.example.com")).subarray(0, -1)],
  ["an entry longer than the list", der(0x30, Buffer.from([0x82, 20]), "mx.example.com")],
  ["octets behind the list", Buffer.concat([sequence(der(0x82, "mx.example.com")), Buffer.from([0])])],
  ["indefinite length", Buffer.concat([Buffer.from([0x30, 0x80]), der(0x82, "mx.example.com"), Buffer.from([0, 0])])],
  ["not a sequence", der(0x31, der(0x82, "mx.example.com"))],
];

for (const [name, altNames] of malformed) {
  test(`certificate fields: AT-14 malformed names match nothing: ${name}`, () => {
    assert.deepEqual(readCertificateFields(certificateWith(altNames))?.dnsNames, []);
  });
}

test("certificate fields: any octets: no throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void readCertificateFields(octets)));
  const certificate = certificateWith(sequence(der(0x82, "mx.example.com")));
  fc.assert(
    fc.property(fc.nat(certificate.length - 1), fc.integer({ min: 0, max: 255 }), (at, octet) => {
      const changed = Buffer.from(certificate);
      changed[at] = octet;
      readCertificateFields(changed);
    }),
  );
});
