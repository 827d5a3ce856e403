/**
 * Real programs send mail through Letterlock and look at its TLS: swaks, Postfix, Exim, openssl, gnutls-cli, testssl.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { samples, withoutTrace } from "./lab/messages.ts";
import type { Finished } from "./lab/namespace.ts";
import { ownDomain } from "./lab/partners.ts";
import { addresses, ports, relayName } from "./lab/peer.ts";
import { missing } from "./lab/programs.ts";
import { World } from "./lab/world.ts";

const skip = missing("swaks", "gnutls-cli", "testssl");
const relay = addresses.letterlock;

function succeeded({ code, stdout, stderr }: Finished): string {
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

describe("mail from real programs", () => {
  let world: World;

  before(async () => {
    if (skip === false) world = await World.start();
  });
  afterEach((context) => {
    if (skip === false && "passed" in context && !context.passed) context.diagnostic(world.logs());
  });
  after(async () => {
    if (skip === false) await world[Symbol.asyncDispose]();
  });

  function swaks(recipient: string, ...options: readonly string[]): Promise<Finished> {
    const mail = ["--from", "sender@home.test", "--to", recipient, "--ehlo", "client.home.test"];
    return world.namespace.run("swaks", ["--server", relay, ...mail, ...options]);
  }

  function verified(): string[] {
    return ["--tls-verify", "--tls-ca-path", world.authority.certificate, "--tls-sni", relayName];
  }

  const ways: readonly [name: string, options: () => string[], received: RegExp][] = [
    ["starttls", () => ["--port", String(ports.starttls), "--tls", ...verified()], /with ESMTPS[\s\S]*TLS_AES_\d+_/],
    ["implicit", () => ["--port", String(ports.implicit), "--tlsc", ...verified()], /with ESMTPS[\s\S]*TLS_AES_\d+_/],
    ["plain", () => ["--port", String(ports.starttls)], /with ESMTP\s/],
  ];
  for (const [name, options, received] of ways) {
    test(`swaks, ${name}: taken, delivered, and the way in is in Received, TR-5, TR-7`, { skip }, async () => {
      const recipient = `swaks-${name}@may.postfix.test`;
      succeeded(await swaks(recipient, ...options()));
      const [stored] = await world.peers.postfix.arrivals.wait(recipient);
      const field = /^Received: from client\.home\.test[\s\S]*?(?=^\S)/m.exec(String(stored))?.[0] ?? "";
      assert.match(field, /by relay\.test/);
      assert.match(field, received);
    });
  }

  const senders = [
    ["postfix", "exim", "starttls", addresses.postfixSendsStarttls],
    ["postfix", "exim", "implicit", addresses.postfixSendsImplicit],
    ["exim", "postfix", "starttls", addresses.eximSendsStarttls],
    ["exim", "postfix", "implicit", addresses.eximSendsImplicit],
  ] as const;
  for (const [sender, receiver, way, address] of senders) {
    test(`${sender} sends through Letterlock to ${receiver}, ${way}, byte for byte`, { skip }, async () => {
      const peer = world.peers[receiver];
      const domain = `verify.${receiver}.test`;
      const local = (localPart: string) => `${localPart}-${sender}-${way}@${domain}`;
      const jobs = samples.map(({ mailParameters, by, localPart, content }) => ({
        from: "sender@home.test",
        mailParameters: mailParameters.replace(/ (?:RET|ENVID)=\S+/g, ""),
        to: [`<${local(localPart)}>`],
        by,
        content: content.toString("latin1"),
      }));
      for (const replies of await world.inject(jobs, { address, port: 25 })) {
        assert.match(replies.at(-1) ?? "", /^250/, replies.join("\n"));
      }
      for (const sample of samples) {
        const [stored] = await peer.arrivals.wait(local(sample.localPart));
        assert.ok(stored);
        assert.match(String(stored.subarray(0, 4000)), /by relay\.test[\s\S]*?with (?:UTF8SMTP|ESMTP)S\s/);
        assert.ok(withoutTrace(stored, sample) === sample.content.toString("latin1"), sample.kind);
      }
    });
  }

  const versions = [
    ["-tls1_3", /TLSv1\.3/],
    ["-tls1_2", /TLSv1\.2/],
  ] as const;
  for (const [version, agreed] of versions) {
    test(`openssl s_client, STARTTLS, ${version}: the certificate verifies`, { skip }, async () => {
      const trust = ["-CAfile", world.authority.certificate, "-verify_return_error", "-verify_hostname", relayName];
      const target = ["-connect", `${relay}:${ports.starttls}`, "-starttls", "smtp", "-servername", relayName];
      const { code, stdout, stderr } = await world.namespace.run(
        "openssl",
        ["s_client", ...target, ...trust, version, "-brief", "-ign_eof"],
        "QUIT\r\n",
      );
      assert.equal(code, 0, stderr);
      assert.match(stderr, agreed);
      assert.match(stderr, /Verification: OK/);
      assert.match(stdout, /^221 2\.0\.0 /m);
    });
  }

  test("openssl s_client: TLS 1.1 is not to be had, TL-1", { skip }, async () => {
    const target = ["-connect", `${relay}:${ports.starttls}`, "-starttls", "smtp"];
    const argv = ["s_client", ...target, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-brief"];
    const { code, stderr } = await world.namespace.run("openssl", argv, "QUIT\r\n");
    assert.notEqual(code, 0);
    assert.match(stderr, /alert protocol version/);
  });

  test("gnutls-cli, STARTTLS: the certificate is trusted, the session ends cleanly", { skip }, async () => {
    const trust = [`--x509cafile=${world.authority.certificate}`, `--verify-hostname=${relayName}`];
    const target = ["--starttls-proto=smtp", `--sni-hostname=${relayName}`, "-p", String(ports.starttls), relay];
    const stdout = succeeded(await world.namespace.run("gnutls-cli", [...trust, ...target], "QUIT\r\n"));
    assert.match(stdout, /Status: The certificate is trusted/);
    assert.match(stdout, /Description: \(TLS1\.3/);
  });

  async function testssl(port: number, ...options: readonly string[]): Promise<readonly Finding[]> {
    const report = path.join(world.namespace.folder, `testssl-${port}.json`);
    const quiet = ["--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--openssl", "/usr/bin/openssl"];
    const argv = [...quiet, "--jsonfile", report, ...options, `${relay}:${port}`];
    const { stdout, stderr } = await world.namespace.run("testssl", argv);
    const findings = JSON.parse(readFileSync(report, "utf8")) as readonly Finding[];
    // A run that broke off must not pass for a good one.
    for (const id of ["TLS1_3", "cipherlist_NULL", "cipher_order", "cert_notAfter"]) {
      assert.ok(
        findings.some((finding) => finding.id === id),
        `no ${id}:\n${stdout}${stderr}`,
      );
    }
    return findings.filter(({ id, severity }) => isGrave(severity) && !aboutTestAuthority.test(id));
  }

  test("testssl: nothing high or critical but trust in the test's own authority", { skip }, async () => {
    const usual = ["-p", "-s", "-P", "-S"]; // protocols, cipher classes, preferences, certificate
    const [starttls, implicit] = await Promise.all([
      testssl(ports.starttls, "--starttls", "smtp", ...usual, "-f", "-U"), // and forward secrecy, known attacks
      testssl(ports.implicit, ...usual),
    ]);
    assert.deepEqual({ starttls, implicit }, { starttls: [], implicit: [] });
  });

  const relaying = [
    "<victim@example.com>",
    "<@relay.test:victim@example.com>",
    "<victim%example.com@relay.test>",
    '<"victim@example.com"@relay.test>',
    "<victim@[192.0.2.11]>",
    "<example.com!victim@relay.test>",
  ];
  for (const to of relaying) {
    test(`a stranger cannot relay to ${to}, SR-14, AT-29`, { skip }, async () => {
      const message = { from: "stranger@example.net", mailParameters: "", to: [to], by: "DATA", content: "" } as const;
      const [replies] = await world.inject([message], {
        address: relay,
        port: ports.starttls,
        from: addresses.stranger,
      });
      assert.match(replies?.at(-1) ?? "", /^550 5\.\d\.\d /);
    });
  }

  test("a stranger can send to the domains that Letterlock relays for, SR-14", { skip }, async () => {
    const stranger = ["--port", String(ports.starttls), "--local-interface", addresses.stranger];
    assert.notEqual((await swaks("stranger@example.com", ...stranger)).code, 0);
    succeeded(await swaks(`stranger@${ownDomain}`, ...stranger));
    assert.equal((await world.peers.postfix.arrivals.wait(`stranger@${ownDomain}`)).length, 1);
  });
});

type Finding = Readonly<{ id: string; severity: string; finding: string }>;

function isGrave(severity: string): boolean {
  return severity === "HIGH" || severity === "CRITICAL";
}

/** Nobody knows the test's authority, nobody can revoke its certificates, and the relay is called by its address. */
const aboutTestAuthority = /^cert_(?:chain_of_trust|revocation|trust)$/;
