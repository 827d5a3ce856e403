import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePasswordHash } from "./password-hash.ts";
import { parseUsersFile, permissionProblem } from "./users-file.ts";

const password = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const digest = "ab".repeat(32);

test("a users file with everything in it", () => {
  const { users, problems } = parseUsersFile(`# who may log in
users:
  alice:            # the newsletter
    password: ${password}
    certificates: [sha256:${"AB:".repeat(31)}AB, spki-sha256:${digest}]
    senders: [News@Example.com, .example.org, "@example.net"]
    networks:
      - 192.0.2.0/24
      - 2001:db8::1
    bindings: bulk
    require-tls: trusted
    may-relay: no
  "a b": {certificates: ["sha256:${"cd".repeat(32)}"]}
`);
  assert.deepEqual(
    problems.map(({ line, column, message }) => `${line}:${column} ${message}`),
    ["6:47 this is no sender"],
  );
  assert.deepEqual(
    users.map(({ name }) => name),
    ["a b"],
  );
});

test("a users file as its users", () => {
  const { users, problems } = parseUsersFile(
    `users: {alice: {password: "${password}", senders: [News@Example.com, .example.org], networks: 192.0.2.0/24, may-relay: no}}`,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(users, [
    {
      name: "alice",
      password: parsePasswordHash(password),
      scram: undefined,
      secret: undefined,
      certificates: [],
      senders: [{ address: "news@example.com" }, { domain: { kind: "below", domain: "example.org" } }],
      networks: [{ address: "192.0.2.0", prefix: 24 }],
      bindings: undefined,
      requireTls: "none",
      mayRelay: false,
    },
  ]);
});

for (const empty of ["", "# nothing\n", "users:\n", "users: {}\n", "users: ~\n"]) {
  test(`nobody: ${JSON.stringify(empty)}`, () => assert.deepEqual(parseUsersFile(empty), { users: [], problems: [] }));
}

const wrong: readonly (readonly [text: string, want: string])[] = [
  ["[]", "1:1 this is no map (begin with the line users:)"],
  ["user: {}", "1:1 this key is not known (did you mean users?)"],
  ["users: [a]", "1:8 users is a map (write each user's name, a colon, and what he may)"],
  ["users:\n  a:\n", "2:3 this user has no entries (indent them under the name)"],
  ["users: {a: {pasword: x}}", "1:13 this key is not known (did you mean password?)"],
  [
    "users: {a: {password: secret}}",
    "1:23 this is no password hash; a password in clear text is never stored here (set the password anew: letterlock user passwd NAME)",
  ],
  ["users: {a: {password: }}", "1:13 password has no value (give one, or remove the line)"],
  [
    "users: {a: {may-relay: no}}",
    "1:9 this user has no way to log in: neither password, scram nor certificates (letterlock user passwd NAME, or remove the user)",
  ],
  ["users: {a: {password: [x]}}", "1:23 password is one value (write it behind the colon)"],
  [
    "users: {a: {networks: []}}",
    "1:23 networks lists nothing, so that nothing would be allowed (list some, or remove the line)",
  ],
  ["users: {a: {senders: [{}]}}", "1:23 senders is a list (write [one, another])"],
  ["users: {a: {require-tls: maybe}}", "1:26 this is no TLS requirement (write one of none, encrypted, trusted)"],
  ["users: {a: {may-relay: maybe}}", "1:24 this is neither yes nor no (write yes or no)"],
  ["users: {a: {bindings: ['']}}", "1:24 a binding has a name (name one of the configuration's bindings)"],
  [
    "users: {a: {certificates: [sha256:ab]}}",
    "1:28 this is no certificate's digest (write sha256: or spki-sha256: and the 64 hexadecimal digits)",
  ],
  ["users: {\u2168: {password: x}}", "1:9 this user name is not in its normal form (RFC 4013) (write it as IX)"],
  [
    'users: {"a\\tb": {password: x}}',
    "1:9 this is no user name (use letters, digits, - . _ @ and no control characters, 255 octets at most)",
  ],
  [
    "users:\n  a: {}\n  a: {}\n",
    "3:3 this stands here for the second time (remove one of the two: the first is on line 2)",
  ],
  ["users:\n  ? [a]\n  : {}\n", "2:5 this key is no text (write a name before the colon)"],
  ["users:\n  a: &x {}\n  b: *x\n", "3:6 aliases have no place in a users file (write the value out)"],
  ["users: {", "1:9 this is not well-formed YAML (check blanks, colons and quotes)"],
  [
    `users:\n  a: {certificates: sha256:${digest}}\n  b: {certificates: sha256:${digest}}`,
    "3:21 this certificate stands here for the second time (remove it from one user)",
  ],
];

for (const [text, want] of wrong) {
  test(`users file: ${JSON.stringify(text).slice(0, 60)}: ${want.slice(0, 40)}`, () => {
    const said = parseUsersFile(text).problems.map((one) => `${one.line}:${one.column} ${one.message} (${one.remedy})`);
    assert.ok(said.includes(want), said.join("\n"));
  });
}

test("a user with a mistake is no user; the others are", () => {
  const { users, problems } = parseUsersFile(
    `users:\n  a: {password: "${password}", networks: [192.0.2.1/24]}\n  b: {password: "${password}"}\n`,
  );
  assert.equal(problems.length, 1);
  assert.deepEqual(
    users.map(({ name }) => name),
    ["b"],
  );
});

test("a file that everybody may read is a problem, one for owner and group is not", () => {
  assert.equal(permissionProblem(0o100640), undefined);
  assert.match(permissionProblem(0o100644)?.remedy ?? "", /chmod/);
});

test("any text at all is users or problems, and secrets are never repeated", () => {
  const words = fc.constantFrom(
    "users:",
    "\n",
    "  ",
    "a",
    ":",
    " ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&x",
    "*x",
    "<<",
    "password: hunter2",
    "senders:",
    "~",
    "networks: 10.0.0.0/8",
    "scram:",
    "#",
    "'",
    '"',
    "!!int",
    "---",
    "%YAML",
    "|",
    ">",
    password,
  );
  const texts = fc.array(fc.oneof(words, fc.string({ maxLength: 3 })), { maxLength: 40 }).map((all) => all.join(""));
  fc.assert(
    fc.property(texts, (text) => {
      const { users, problems } = parseUsersFile(text);
      for (const { line, column, message, remedy } of problems) {
        assert.ok(line >= 1 && column >= 1 && !`${message}${remedy}`.includes("hunter2"));
      }
      assert.equal(new Set(users.map(({ name }) => name)).size, users.length);
    }),
    { numRuns: 2000 },
  );
});

test("deep nesting and long lists end soon", () => {
  const began = process.cpuUsage();
  assert.notEqual(parseUsersFile(`users: ${"[".repeat(20_000)}`).problems.length, 0);
  assert.notEqual(parseUsersFile(`users:\n${"  a: {}\n".repeat(20_000)}`).problems.length, 0);
  assert.ok(process.cpuUsage(began).user < 20_000_000);
});
