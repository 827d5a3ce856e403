/**
 * Programs that others wrote log in to Letterlock, started as an operator starts it, with users that `letterlock user` made:
 * GNU SASL (each mechanism, with channel binding by tls-exporter) and swaks.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { makeSelfSigned } from "../../src/lab/certificates.ts";
import { RunningRelay, run } from "../cli/command.ts";
import { missing } from "./lab/programs.ts";

const skip = missing("gsasl", "swaks");
const password = "correct horse";
const secret = "tanstaaftanstaaf";

/** Long enough for nobody to be locked out by the tests, and no wait after a failure. */
const configuration = `hostname: localhost
workers: 1
metrics: off
users-file: users.yaml
policy: [{powermta: {file: powermta.conf}}]
auth: {failure-delay: 0s, failures: 1000}
relay-networks: []
dns: {servers: ["127.0.0.1"]}
listeners:
  - name: in
    address: "127.0.0.1:0"
    tls: starttls
    auth: in-tls
    mechanisms: [SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, CRAM-MD5, EXTERNAL]
`;

type Ended = Readonly<{ code: number | null; output: string }>;

/** @param input what the program finds on standard input, which then ends */
function outside(command: string, argv: readonly string[], input = ""): Promise<Ended> {
  const child = spawn(command, argv, { stdio: "pipe", timeout: 60_000 });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (output += part.toString()));
  child.stdin.on("error", () => undefined).end(input);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

describe("log-ins of real programs", () => {
  let relay: RunningRelay;
  let folder: string;
  let client: Readonly<{ certificate: string; key: string }>;

  before(async () => {
    if (skip !== false) return;
    folder = mkdtempSync(path.join(tmpdir(), "letterlock-log-in-"));
    const { certificatePem, privateKeyPem } = await makeSelfSigned({ dnsNames: ["client.example.com"] });
    client = { certificate: path.join(folder, "client.crt"), key: path.join(folder, "client.key") };
    writeFileSync(client.certificate, certificatePem);
    writeFileSync(client.key, privateKeyPem);
    writeFileSync(path.join(folder, "powermta.conf"), `<smtp-user tim>\n  password ${secret}\n</smtp-user>\n`);
    const file = path.join(folder, "letterlock.yaml");
    writeFileSync(file, configuration);
    for (const argv of [
      ["alice", "--password-stdin", "--certificate", client.certificate, "--sender", "alice@example.com"],
      ["elsewhere", "--password-stdin", "--network", "192.0.2.0/24"],
    ]) {
      const added = await run(["user", "add", ...argv, "--config", file], {}, `${password}\n`);
      assert.equal(added.code, 0, added.stderr);
    }
    relay = RunningRelay.begin(folder, file, []);
    await relay.says(/^Letterlock runs with/m);
  });
  after(async () => {
    if (skip !== false) return;
    await relay[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function gsasl(mechanism: string, user: string, proof: string, ...more: readonly string[]): Promise<Ended> {
    const where = ["--smtp", "--connect", `localhost:${relay.port}`, "--starttls"];
    const trust = [`--x509-ca-file=${path.join(folder, "data/self-made.crt")}`];
    const who = ["--mechanism", mechanism, "--authentication-id", user, "--password", proof, "--authorization-id", ""];
    return outside("gsasl", [...where, ...trust, ...who, ...more]);
  }

  /** GNU SASL says this after the server's 235, with SCRAM after it has checked the server's signature as well. */
  const trusted = /Client authentication finished \(server trusted\)/;
  const ways: readonly (readonly [mechanism: string, user: string, right: string, more: readonly string[]])[] = [
    ["PLAIN", "alice", password, []],
    ["LOGIN", "alice", password, []],
    ["PLAIN", "tim", secret, []],
    ["CRAM-MD5", "tim", secret, []],
    // With channel binding at hand it will not do without it where -PLUS is offered.
    ["SCRAM-SHA-256", "alice", password, ["--no-cb"]],
    ["SCRAM-SHA-256-PLUS", "alice", password, []],
  ];
  for (const [mechanism, user, right, more] of ways) {
    test(`GNU SASL logs in by ${mechanism} as ${user}, and not with another password, AU-4, AU-7, AU-8`, {
      skip,
    }, async () => {
      const good = await gsasl(mechanism, user, right, ...more);
      assert.match(good.output, trusted);
      assert.equal(good.code, 0, good.output);
      const bad = await gsasl(mechanism, user, `${right} `, ...more);
      assert.match(bad.output, /^535 5\.7\.8 /m);
      const stranger = await gsasl(mechanism, "mallory", right, ...more);
      assert.match(stranger.output, /^535 5\.7\.8 /m);
      const told = (output: string): string | undefined => /^535 .*$/m.exec(output)?.[0];
      assert.equal(told(bad.output), told(stranger.output));
    });
  }

  test("GNU SASL logs in by EXTERNAL with the certificate that the user has, and is not offered it without", {
    skip,
  }, async () => {
    const shown = [`--x509-cert-file=${client.certificate}`, `--x509-key-file=${client.key}`];
    const good = await gsasl("EXTERNAL", "alice", "", ...shown);
    assert.match(good.output, /^235 2\.7\.0 /m);
    assert.match((await gsasl("EXTERNAL", "alice", "")).output, /^504 5\.5\.4 /m);
  });

  test("the right password from another network is the wrong one", { skip }, async () => {
    assert.match((await gsasl("PLAIN", "elsewhere", password)).output, /^535 5\.7\.8 /m);
  });

  function swaks(...options: readonly string[]): Promise<Ended> {
    return outside("swaks", ["--server", `127.0.0.1:${relay.port}`, "--to", "somebody@example.net", ...options]);
  }

  const login = ["--auth-user", "alice", "--auth-password", password];

  for (const mechanism of ["PLAIN", "LOGIN"]) {
    test(`swaks logs in by ${mechanism} inside TLS, may relay as its own sender and as no other`, {
      skip,
    }, async () => {
      const sent = await swaks("--tls", "--auth", mechanism, ...login, "--from", "alice@example.com");
      assert.equal(sent.code, 0, sent.output);
      const forged = await swaks("--tls", "--auth", mechanism, ...login, "--from", "bob@example.com");
      assert.match(forged.output, /^<~\* +5\d\d 5\.7\.\d /m);
      const nobody = await swaks("--tls", "--from", "alice@example.com");
      assert.match(nobody.output, /^<~\* +55\d 5\.7\.\d /m);
    });
  }

  test("swaks is not offered AUTH in clear text, AU-2", { skip }, async () => {
    const sent = await swaks("--auth", "PLAIN", ...login, "--from", "alice@example.com");
    assert.doesNotMatch(sent.output, /250.AUTH/);
    assert.notEqual(sent.code, 0);
  });

  test("no password that was sent is in the log or the records", { skip }, () => {
    assert.ok(!relay.printed.includes(password) && !relay.printed.includes(secret));
    assert.match(relay.printed, /user=\\?"mallory/);
  });
});
