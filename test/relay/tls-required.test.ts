/**
 * `TLS-Required: No` (RFC 8689 §5) can be written by anybody who writes a message: it weakens nothing here, on the way in
 * or out, and goes on as it came.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelayLab } from "./relay-lab.ts";

const timeout = 20_000;
const text = "TLS-Required: No\r\nSubject: hi\r\n\r\nhi\r\n";

test("AT-30: an author's TLS-Required: No lets no mail out in clear that the rule wants encrypted", {
  timeout,
}, async () => {
  await using lab = await startRelayLab({
    yaml: "tls: { level: may, domains: { example.test: { level: encrypt } } }",
  });
  assert.match(await lab.send({ to: ["someone@example.test"], text }), /^250 /);
  await lab.until(() => lab.records().length > 0);
  const [record] = lab.records();
  assert.equal(record?.event, "deferred");
  assert.equal(record.tls?.required, "encrypt");
  assert.deepEqual(lab.host("example.test").messages, []);
});

test("AT-30: where no rule wants TLS it goes on as it came, and is not made more of", { timeout }, async () => {
  await using lab = await startRelayLab({});
  await lab.send({ to: ["someone@example.test"], text });
  await lab.until(() => lab.host("example.test").messages.length === 1);
  assert.match(String(lab.host("example.test").messages[0]?.body), /^TLS-Required: No\r$/m);
});

test("AT-30: it lets no mail in that the sender's domain must encrypt", { timeout }, async () => {
  const rules = "inbound-rules: [{ sender-domains: [careful.test], require-tls: encrypted }]";
  await using lab = await startRelayLab({ yaml: rules });
  assert.match(await lab.send({ from: "a@careful.test", to: ["someone@example.test"], text }), /^451 4\.7\.10 /);
});
