import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { getCACertificates } from "node:tls";
import { isIssuedBySystem } from "./system-authorities.ts";

test("system's CAs: what they issued is known, themselves to begin with", () => {
  const [root] = getCACertificates("default").map((pem) => new X509Certificate(pem));
  assert.ok(root !== undefined && isIssuedBySystem(root));
});
