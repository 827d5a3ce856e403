import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editUsersFile } from "./edit-users-file.ts";
import { prepareStored } from "./saslprep.ts";
import { parseUsersFile } from "./users-file.ts";

const password = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const other = "$scrypt$ln=14,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

const file = `# Ours, do not touch.
users:
  # the newsletter
  alice:
    password: ${password} # from 2026
    senders: [news@example.com]   # one only

  # who prints
  bob:
    password: ${password}
`;

test("a new password leaves every other line and comment as it was", () => {
  const edited = editUsersFile(file, { kind: "set", name: "alice", fields: { password: other, scram: null } });
  assert.equal(edited, file.replace(password, other).replace("]   #", "] #"));
});

test("a removed user takes his own lines along, and nobody else's", () => {
  const edited = editUsersFile(file, { kind: "remove", name: "bob" });
  assert.ok(edited.startsWith(file.slice(0, file.indexOf("alice"))));
  assert.deepEqual(
    parseUsersFile(edited).users.map(({ name }) => name),
    ["alice"],
  );
});

for (const empty of ["", "users:\n", "users: {}\n", "# a comment\nusers: ~\n"]) {
  test(`the first user into ${JSON.stringify(empty)}`, () => {
    const edited = editUsersFile(empty, {
      kind: "set",
      name: "alice",
      fields: { password, senders: ["a@example.com"] },
    });
    const { users, problems } = parseUsersFile(edited);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      users.map(({ name, senders }) => [name, senders]),
      [["alice", [{ address: "a@example.com" }]]],
    );
    if (empty.startsWith("#")) assert.ok(edited.startsWith("# a comment"));
  });
}

test("users of any name come and go, whatever the others are called", () => {
  const names = fc
    .uniqueArray(fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 })
    .map((some) => [...new Set(["null", "~", "<<", ...some].flatMap((name) => prepareStored(name) ?? []))])
    .filter((some) => some.every((name) => prepareStored(name) === name));
  fc.assert(
    fc.property(names, (some) => {
      let text = "";
      for (const name of some) text = editUsersFile(text, { kind: "set", name, fields: { password } });
      const { users, problems } = parseUsersFile(text);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        users.map(({ name }) => name),
        some,
      );
      for (const name of some) text = editUsersFile(text, { kind: "remove", name });
      assert.deepEqual(parseUsersFile(text), { users: [], problems: [] });
    }),
  );
});
