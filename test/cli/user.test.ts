/**
 * `letterlock user` as an operator runs it: what it writes, what it shows, and what it never shows.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { makeSelfSigned } from "../../src/lab/certificates.ts";
import { nodeKeyDerivation } from "../../src/users/key-derivation.ts";
import { fitsHash } from "../../src/users/password-hash.ts";
import { fitsVerifier } from "../../src/users/scram-verifier.ts";
import type { User } from "../../src/users/user.ts";
import { parseUsersFile } from "../../src/users/users-file.ts";
import { folderFor, type Ran, run } from "./command.ts";

/** The command, over one file. No secret of the file or of the input may ever be in its output. */
async function user(file: string, argv: readonly string[], password?: string): Promise<Ran> {
  const ran = await run(["user", ...argv, "--file", file], {}, password);
  const shown = ran.stdout + ran.stderr;
  assert.doesNotMatch(shown, /\$argon2id|\$scrypt|SCRAM-SHA-256\$/);
  if (password !== undefined) assert.ok(!shown.includes(password.trim()), shown);
  return ran;
}

function fileFor(t: TestContext): string {
  return path.join(folderFor(t), "users.yaml");
}

function usersIn(file: string): readonly User[] {
  const { users, problems } = parseUsersFile(readFileSync(file, "utf8"));
  assert.deepEqual(problems, []);
  return users;
}

async function accepts(one: User | undefined, password: string): Promise<readonly (boolean | undefined)[]> {
  return [
    one?.password && (await fitsHash(one.password, password, nodeKeyDerivation)),
    one?.scram && (await fitsVerifier(one.scram, password, nodeKeyDerivation)),
  ];
}

test("user add, passwd, list and remove, from nothing to nobody", async (t) => {
  const file = fileFor(t);
  const limits = ["--sender", "news@example.com", "--sender", ".example.org", "--network", "192.0.2.0/24"];
  const more = [
    "--binding",
    "bulk",
    "--require-tls",
    "trusted",
    "--no-relay",
    "--certificate",
    `sha256:${"AB".repeat(32)}`,
  ];
  const added = await user(file, ["add", "alice", "--password-stdin", ...limits, ...more], "correct horse\n");
  assert.deepEqual([added.code, added.stdout], [0, `alice added to ${file}\n`]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const [alice] = usersIn(file);
  assert.deepEqual(await accepts(alice, "correct horse"), [true, true]);
  assert.deepEqual(await accepts(alice, "correct house"), [false, false]);
  const { password, scram, ...rest } = alice ?? assert.fail();
  assert.equal(password?.kind, "argon2id");
  assert.deepEqual(rest, {
    name: "alice",
    secret: undefined,
    certificates: [{ of: "certificate", sha256: "ab".repeat(32) }],
    senders: [{ address: "news@example.com" }, { domain: { kind: "below", domain: "example.org" } }],
    networks: [{ address: "192.0.2.0", prefix: 24 }],
    bindings: ["bulk"],
    requireTls: "trusted",
    mayRelay: false,
  });

  const again = await user(file, ["add", "alice", "--password-stdin"], "correct horse\n");
  assert.deepEqual([again.code, again.stdout], [2, ""]);
  assert.match(again.stderr, /alice is there already: letterlock user passwd/);

  const options = ["--password-stdin", "--scheme", "scrypt", "--no-scram"];
  assert.equal((await user(file, ["passwd", "alice", ...options], "battery staple\n")).code, 0);
  const [changed] = usersIn(file);
  assert.deepEqual(await accepts(changed, "battery staple"), [true, undefined]);
  assert.deepEqual({ ...changed, password: undefined }, { ...rest, password: undefined, scram: undefined });

  const listed = await user(file, ["list", "--json"]);
  assert.deepEqual(JSON.parse(listed.stdout), [
    {
      name: "alice",
      password: "scrypt",
      scram: null,
      certificates: [`sha256:${"ab".repeat(32)}`],
      senders: ["news@example.com", ".example.org"],
      networks: ["192.0.2.0/24"],
      bindings: ["bulk"],
      requireTls: "trusted",
      mayRelay: false,
    },
  ]);
  const asTable = await user(file, ["list"]);
  assert.match(
    asTable.stdout,
    /^NAME .*\nalice +scrypt, 1 certificate +news@example\.com \.example\.org .* trusted +no\n$/,
  );

  assert.equal((await user(file, ["remove", "bob"])).code, 1);
  assert.equal((await user(file, ["remove", "alice"])).code, 0);
  assert.deepEqual(usersIn(file), []);
});

test("user add --no-password: a certificate's file is enough", async (t) => {
  const file = fileFor(t);
  const certificate = path.join(path.dirname(file), "client.pem");
  const { certificatePem } = await makeSelfSigned({ dnsNames: ["client.example.com"] });
  writeFileSync(certificate, certificatePem);
  assert.equal((await user(file, ["add", "printer", "--no-password", "--certificate", certificate])).code, 0);
  const digest = new X509Certificate(certificatePem).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.deepEqual(usersIn(file)[0]?.certificates, [{ of: "certificate", sha256: digest }]);
});

test("the users file that the configuration names is found, also from a configuration with errors", async (t) => {
  const folder = folderFor(t);
  const config = path.join(folder, "letterlock.yaml");
  writeFileSync(config, "users-file: sub.yaml\nno-such-setting: 1\n");
  const added = await run(["user", "add", "alice", "--password-stdin", "-c", config], {}, "correct horse\n");
  assert.equal(added.code, 0, added.stderr);
  assert.equal(usersIn(path.join(folder, "sub.yaml")).length, 1);
});

const broken = "users:\n  alice:\n    password: hunter2hunter2\n";
const mistakes: readonly (readonly [
  argv: readonly string[],
  password: string | undefined,
  text: string,
  why: RegExp,
])[] = [
  [["add", "bob", "--password-stdin"], "shrt\n", "", /too short: 8 characters/],
  [["add", "b\u0007b", "--password-stdin"], "correct horse\n", "", /b\\x07b: this is no user name/],
  [["add", "bob", "--network", "192.0.2.1/24"], undefined, "", /--network 192\.0\.2\.1\/24: this is no network/],
  [["add", "bob", "--scheme", "md5"], undefined, "", /argon2id, scrypt/],
  [
    ["passwd", "alice", "--password-stdin"],
    "correct horse\n",
    broken,
    /users\.yaml:3:15: error: this is no password hash/,
  ],
];

test("mistakes are told with their remedy, exit with 2, and change nothing", async (t) => {
  await Promise.all(
    mistakes.map(async ([argv, password, text, why]) => {
      const file = fileFor(t);
      writeFileSync(file, text);
      const ran = await user(file, argv, password);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, why);
      assert.ok(!ran.stderr.includes("hunter2"));
      assert.equal(readFileSync(file, "utf8"), text);
    }),
  );
});
