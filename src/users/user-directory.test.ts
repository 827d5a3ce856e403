import assert from "node:assert/strict";
import { test } from "node:test";
import type { User } from "./user.ts";
import { createUserDirectory } from "./user-directory.ts";
import { sampleUser } from "./user-sample.ts";

const digest = "ab".repeat(32);

function user(name: string, change: Partial<User> = {}): User {
  return sampleUser({ name, ...change });
}

test("of two users with one name the first counts, and alone", () => {
  const first = user("alice", { secret: "ours" });
  const directory = createUserDirectory([first, user("alice", { secret: "theirs" }), user("bob")]);
  assert.equal(directory.find("alice"), first);
  assert.equal(directory.find("Alice"), undefined);
  assert.deepEqual(
    directory.users.map(({ name }) => name),
    ["alice", "bob"],
  );
  assert.equal(directory.size, 2);
});

test("a certificate is found by its own digest before its key's, and never by the other kind", () => {
  const byKey = user("key", { certificates: [{ of: "spki", sha256: digest }] });
  const byWhole = user("whole", { certificates: [{ of: "certificate", sha256: digest }] });
  const directory = createUserDirectory([byKey, byWhole]);
  assert.equal(directory.byCertificate(digest, digest), byWhole);
  assert.equal(directory.byCertificate("", digest), byKey);
  assert.equal(createUserDirectory([byKey]).byCertificate(digest, ""), undefined);
});

test("what is usable is what somebody has", () => {
  const scram = { iterations: 4096, salt: Buffer.alloc(16), storedKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) };
  const nothing = { password: false, scram: false, secret: false, certificate: false };
  assert.deepEqual(createUserDirectory([]).usable, nothing);
  assert.deepEqual(createUserDirectory([user("a", { scram })]).usable, { ...nothing, password: true, scram: true });
  assert.deepEqual(createUserDirectory([user("a", { secret: "x" })]).usable, {
    ...nothing,
    password: true,
    secret: true,
  });
  const certificates = [{ of: "spki" as const, sha256: digest }];
  assert.deepEqual(createUserDirectory([user("a", { certificates })]).usable, { ...nothing, certificate: true });
});
