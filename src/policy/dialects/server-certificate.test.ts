import assert from "node:assert/strict";
import { test } from "node:test";
import { nameWarning } from "./server-certificate.ts";

const rows: readonly [names: readonly string[], hostname: string, carried: boolean][] = [
  [["mx.example.com"], "mx.example.com", true],
  [["*.example.com"], "mx.example.com", true],
  [["*.example.com"], "a.mx.example.com", false],
  [["*.example.com"], "example.com", false],
  [["example.com", "other.example"], "mx.example.com", false],
  [[], "mx.example.com", false],
  [["*"], "localhost", false],
];
for (const [names, hostname, carried] of rows) {
  test(`a server's certificate: ${names.join(" ") || "no name"} for ${hostname}: ${carried ? "carried" : "not carried"}`, () => {
    assert.equal(nameWarning(names, hostname) === undefined, carried);
  });
}
