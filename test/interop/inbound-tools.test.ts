/**
 * TLS at the listeners as tools of others see it: `openssl s_client` and `gnutls-cli` with certificates of every kind,
 * SNI, two key types side by side, tickets, early data, renegotiation, ALPN; `sslscan`.
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { InboundRecord } from "../../src/mail/inbound-record.ts";
import type { Fault, KeyKind } from "./lab/client-certificates.ts";
import { message } from "./lab/dialogue.ts";
import { InboundWorld, ownDomain, received, type Way, ways } from "./lab/inbound-world.ts";
import type { Finished } from "./lab/namespace.ts";
import { addresses, relayName } from "./lab/peer.ts";
import { missing } from "./lab/programs.ts";

const skip = missing("gnutls-cli");
const timeout = 30_000;

describe("TLS at the listeners, seen from outside", () => {
  let world: InboundWorld;

  before(async () => {
    if (skip === false) world = await InboundWorld.start();
  });
  afterEach((context) => {
    if (skip === false && "passed" in context && !context.passed) context.diagnostic(world.log().slice(-3000));
  });
  after(async () => {
    if (skip === false) await world[Symbol.asyncDispose]();
  });

  type Shown = readonly [fault: Fault | "without", kind: KeyKind];
  type Tool = "openssl" | "gnutls-cli";
  type Via = Readonly<{ tool: Tool; way: Way; kind: "starttls" | "implicit"; version: "1.2" | "1.3" }>;

  function certificateOptions([fault, kind]: Shown, tool: Tool): string[] {
    if (fault === "without") return [];
    const { certificate, key } = world.certificates[fault][kind];
    return tool === "openssl"
      ? ["-cert", certificate, "-key", key]
      : [`--x509certfile=${certificate}`, `--x509keyfile=${key}`];
  }

  /** Sends a message through a tool. @returns the codes of the replies, and what the inbound record says of it */
  async function send(sender: string, shown: Shown, via: Via): Promise<{ codes: string; record: InboundRecord }> {
    const { tool, way, kind, version } = via;
    const options = certificateOptions(shown, tool);
    const dialogue =
      tool === "openssl"
        ? world.openssl(way, kind, ["-quiet", `-tls${version.replace(".", "_")}`, ...options])
        : world.dialogue("gnutls-cli", [
            `--x509cafile=${world.partners.certificate}`,
            `--verify-hostname=${relayName}`,
            `--priority=NORMAL:-VERS-ALL:+VERS-TLS${version}`,
            ...options,
            ...(kind === "starttls" ? ["--starttls-proto=smtp"] : []),
            ...["-p", String(ways[way][kind]), addresses.letterlock],
          ]);
    if (kind === "implicit") assert.match(await dialogue.reply(), /^220 /, dialogue.errors + dialogue.output);
    const name = nameOf(sender, shown, via);
    const codes = await dialogue.codes(message(name, `sender@${sender}`, `${name}@${ownDomain}`));
    await dialogue.end();
    return { codes: codes.join(" "), record: await world.recordOf(name) };
  }

  /** Every message has a client and a recipient of its own. */
  function nameOf(sender: string, [fault, keyKind]: Shown, { tool, way, kind, version }: Via): string {
    return [sender, fault, keyKind, tool, way, kind, version].join("-");
  }

  const taken = "250 250 250 354 250";
  /** What OpenSSL says of each chain; with which of these senders' rules a message comes in. */
  const chains: readonly [Shown[0], chain: string | null, trusted: boolean, pinned: boolean][] = [
    ["without", null, false, false],
    ["none", "trusted", true, false],
    // Public CAs make no others any more.
    ["server", "INVALID_PURPOSE", true, false],
    ["expired", "CERT_HAS_EXPIRED", false, false],
    ["stranger", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", false, false],
    ["self", "DEPTH_ZERO_SELF_SIGNED_CERT", false, true],
  ];
  const spread: readonly Via[] = [
    { tool: "openssl", way: "ask", kind: "starttls", version: "1.3" },
    { tool: "openssl", way: "ask", kind: "implicit", version: "1.2" },
    { tool: "gnutls-cli", way: "ask", kind: "implicit", version: "1.3" },
    { tool: "gnutls-cli", way: "ask", kind: "starttls", version: "1.2" },
  ];

  for (const [fault, chain, trusted, pinned] of chains) {
    test(`TL-17: a client certificate, ${fault}, asked for: never breaks the handshake, and is on record`, {
      skip,
      timeout,
    }, async () => {
      for (const [at, via] of spread.entries()) {
        const shown: Shown = [fault, at % 2 === 0 ? "ec" : "rsa"];
        const { codes, record } = await send("any.test", shown, via);
        assert.equal(codes, taken, JSON.stringify(via));
        assert.equal(record.event, "accepted");
        assert.deepEqual([record.tls.chain, record.tls.protocol], [chain, `TLSv${via.version}`]);
        const subject = chain === null ? undefined : `CN=client.${fault}.test`;
        assert.equal(record.tls.client?.subject, subject);
        const field = await received(world.postfix, `${nameOf("any.test", shown, via)}@${ownDomain}`);
        const comment = /\(client certificate (\S+) sha256 (\S+) (\w+)\)/.exec(field)?.slice(1);
        // As our own rules judge it: a server's certificate will do.
        const kind = trusted ? "trusted" : "untrusted";
        assert.deepEqual(comment, subject && [`client.${fault}.test`, record.tls.client?.sha256, kind]);
      }
    });

    test(`a client certificate, ${fault}, where a rule demands one of this sender, and where nothing is taken without`, {
      skip,
      timeout,
    }, async () => {
      const [starttls, implicit] = [spread[0], spread[1]];
      assert.ok(starttls && implicit);
      const kind = fault === "self" ? "ec" : "rsa";
      const one = await send("trusted.test", [fault, kind], starttls);
      assert.equal(one.codes, trusted ? taken : "250 451");
      assert.equal(one.record.reason, trusted ? null : "policy");
      assert.equal(one.record.tls.required, "trusted");
      const two = await send("pinned.test", [fault, kind], implicit);
      assert.equal(two.record.event, pinned ? "accepted" : "refused", two.codes);
      assert.equal(two.record.tls.required, "matching");
      assert.match(two.record.rule?.text ?? "", /require-tls: matching/);
      const three = await send("any.test", [fault, kind], { ...starttls, way: "require" });
      assert.equal(three.record.event, trusted ? "accepted" : "refused", three.codes);
      const four = await send("any.test", [fault, kind], { ...implicit, way: "require" });
      assert.equal(four.record.event, trusted ? "accepted" : "refused", four.codes);
    });
  }

  /** @param command said before QUIT: TLS 1.3 tickets come with the first reply */
  async function handshake(way: Way, options: readonly string[], command = "NOOP"): Promise<Dialogue> {
    const dialogue = world.openssl(way, "implicit", options);
    await dialogue.reply();
    await dialogue.say(command);
    await dialogue.end();
    return dialogue;
  }
  type Dialogue = ReturnType<InboundWorld["openssl"]>;

  const served: readonly [asked: string | undefined, subject: string][] = [
    [undefined, relayName],
    ["other.test", "other.test"],
    ["OTHER.test", "other.test"],
    ["a.wild.test", "*.wild.test"],
    ["a.b.wild.test", relayName],
    ["wild.test", relayName],
    ["unknown.test", relayName],
  ];
  for (const [asked, subject] of served) {
    test(`TL-9: SNI ${asked ?? "none"} is served the certificate of ${subject}`, { skip, timeout }, async () => {
      const sni = asked === undefined ? ["-noservername"] : ["-servername", asked];
      const { output } = await handshake("names", sni);
      assert.ok(output.includes(`subject=CN = ${subject}\n`), output.slice(0, 600));
    });
  }

  for (const [offered, kind] of [
    ["rsa_pss_rsae_sha256:rsa_pkcs1_sha256", "RSA"],
    ["ecdsa_secp256r1_sha256", "ECDSA"],
    ["rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", "(?:RSA|ECDSA)"],
  ] as const) {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      test(`RSA and ECDSA side by side, offered ${offered} ${version}: ${kind}`, { skip, timeout }, async () => {
        const { output } = await handshake("names", ["-sigalgs", offered, version]);
        assert.match(output, new RegExp(`Peer signature type: ${kind}`));
      });
    }
  }

  const tickets: readonly [Way, resumed: boolean][] = [
    ["plain", true],
    ["ask", false],
    ["require", false],
    ["names", false],
  ];
  for (const [way, resumed] of tickets) {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      test(`TL-16, AT-12: sessions at ${way} ${version} are ${resumed ? "" : "not "}resumed`, {
        skip,
        timeout,
      }, async () => {
        const file = path.join(world.namespace.folder, `session-${way}${version}`);
        const certificate = certificateOptions(["none", "ec"], "openssl");
        await handshake(way, [version, "-sess_out", file, ...certificate]);
        // Where no session was given out, there is none to come with.
        const again = existsSync(file) ? ["-sess_in", file] : [];
        const { output } = await handshake(way, [version, ...again, ...certificate]);
        assert.match(output, resumed ? /^Reused, TLS/m : /^New, TLS/m);
      });
    }
  }

  test("TL-7, AT-34: no ticket allows early data, and what is sent as such is not obeyed", {
    skip,
    timeout,
  }, async () => {
    const file = path.join(world.namespace.folder, "session-early");
    const first = await handshake("plain", ["-tls1_3", "-sess_out", file]);
    assert.match(first.output, /Max Early Data: 0$/m);
    assert.equal(existsSync(file), true);
    // s_client would not send early data with such a ticket: one that says otherwise is forged.
    const early = path.join(world.namespace.folder, "early-data");

    writeFileSync(
      early,
      message("early.test", "early@any.test", `early@${ownDomain}`)
        .map((line) => `${line}\r\n`)
        .join(""),
    );
    const { output } = await handshake("plain", ["-tls1_3", "-sess_in", file, "-early_data", early]);
    assert.match(output, /Early data was (?:rejected|not sent)/);
    assert.deepEqual(world.recordsOf("early.test"), []);
  });

  test("TL-6, AT-13: a client that renegotiates in TLS 1.2 gets an alert", { skip, timeout }, async () => {
    const dialogue = world.openssl("plain", "implicit", ["-tls1_2"]);
    await dialogue.reply();
    dialogue.type("R\n");
    await dialogue.end();
    assert.match(dialogue.errors, /no renegotiation/);
  });

  test("TL-5: no compression, whatever a client offers; TL-6: secure renegotiation is said to be known", {
    skip,
    timeout,
  }, async () => {
    const { output } = await handshake("plain", ["-tls1_2", "-comp"]);
    assert.match(output, /^Compression: NONE$/m);
    assert.match(output, /^Secure Renegotiation IS supported$/m);
  });

  const protocols: readonly [offered: string, chosen: string | undefined][] = [
    ["smtp", "smtp"],
    ["h2,esmtp", "esmtp"],
    ["h2,http/1.1", undefined],
    ["imap", undefined],
  ];
  for (const [offered, chosen] of protocols) {
    test(`TL-10, AT-24: ALPN ${offered}: ${chosen ?? "refused"}`, { skip, timeout }, async () => {
      const dialogue = world.openssl("plain", "implicit", ["-alpn", offered]);
      const greeting = await dialogue.reply();
      await dialogue.end();
      if (chosen === undefined) {
        assert.equal(greeting, "closed");
        assert.match(dialogue.errors, /no application protocol/);
      } else assert.match(dialogue.output, new RegExp(`^ALPN protocol: ${chosen}$`, "m"));
    });
  }

  test("AT-36: a ClientHello in many records is answered", { skip, timeout }, async () => {
    const dialogue = world.openssl("plain", "implicit", ["-split_send_frag", "512", "-max_send_frag", "512", "-quiet"]);
    assert.match(await dialogue.reply(), /^220 /);
    assert.match(await dialogue.say("NOOP"), /^250 /);
    await dialogue.end();
  });

  test("AT-28: control characters, bidi and an EHLO-like name in a certificate stay where they are", {
    skip,
    timeout,
  }, async () => {
    const name = "evil\r\nBcc: victim@example.com\u001b[31m \u202ereversed) by relay.test";
    const { certificate, key } = world.partners.issue("evil", ["evil.test"], { subject: `/CN=${name}/O=two\nlines` });
    const dialogue = world.openssl("ask", "starttls", ["-quiet", "-cert", certificate, "-key", key]);
    const codes = await dialogue.codes(message("evil.test", "evil@any.test", `evil-name@${ownDomain}`));
    await dialogue.end();
    assert.equal(codes.join(" "), taken);
    const field = await received(world.postfix, `evil-name@${ownDomain}`);
    assert.match(field, /\(client certificate evil\?\?Bcc:\?victim\?example\.com\S* sha256 /);
    assert.doesNotMatch(field, /[^\t\r\n -~]|^Bcc/m);
    const record = await world.recordOf("evil.test");
    assert.match(record.tls.client?.subject ?? "", /evil\\0D\\0ABcc/);
    for (const text of [world.records(), world.log()]) assert.doesNotMatch(text, /[^\n -~]/);
  });

  test("AT-28: a user name with line ends, NUL, escapes and bidi is one line of printable text everywhere", {
    skip,
    timeout,
  }, async () => {
    const dialogue = world.openssl("submission", "implicit", ["-quiet"]);
    await dialogue.reply();
    await dialogue.say("EHLO evil-user.test");
    await dialogue.say("AUTH LOGIN");
    const name = "root\r\n235 2.7.0 welcome\u0000\u001b[2J\u202e\u2028 user=admin";
    const asked = await dialogue.say(Buffer.from(name).toString("base64"));
    // With a NUL in it, it may be refused before the password.
    if (asked.startsWith("334")) await dialogue.say(Buffer.from("wrong").toString("base64"));
    await dialogue.say("EHLO evil-plain.test");
    await dialogue.say(`AUTH PLAIN ${Buffer.from(`\0${name.replace("\u0000", "")}\0wrong`).toString("base64")}`);
    await dialogue.end();
    assert.doesNotMatch(dialogue.output, /welcome|[^\r\n -~]/);
    const record = await world.recordOf("evil-user.test");
    assert.deepEqual([record.stage, record.reason], ["auth", "log-in"]);
    const { user } = await world.recordOf("evil-plain.test");
    assert.match(user ?? "", /^root\\x0d\\x0a235 2\.7\.0 welcome\\x1b\[2J\\u\{202e\}\\u\{2028\} user=admin$/);
    for (const text of [world.records(), world.log()]) assert.doesNotMatch(text, /[^\n -~]/);
  });

  test("AT-35: a certificate with ten thousand names, too long for OpenSSL, hurts its own client alone", {
    skip,
    timeout,
  }, async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `name-${at}.many.test`);
    const { certificate, key } = world.partners.issue("many", names, { subject: "/CN=many" });
    const dialogue = world.openssl("ask", "implicit", ["-quiet", "-cert", certificate, "-key", key]);
    const first = (await dialogue.reply()).slice(0, 6);
    await dialogue.end();
    assert.equal(first, "closed");
    const { codes } = await send("any.test", ["none", "ec"], {
      tool: "openssl",
      way: "ask",
      kind: "implicit",
      version: "1.3",
    });
    assert.equal(codes, taken);
  });

  function sslscan(way: Way, kind: "starttls" | "implicit"): Promise<Finished> {
    const opening = kind === "starttls" ? ["--starttls-smtp"] : [];
    const quiet = ["--no-colour", "--no-check-certificate"];
    return world.namespace.run("sslscan", [...quiet, ...opening, `${addresses.letterlock}:${ways[way][kind]}`]);
  }

  for (const [way, kind] of [
    ["plain", "starttls"],
    ["ask", "implicit"],
  ] as const) {
    test(`sslscan, ${way} ${kind}: TLS 1.2 and 1.3 alone, strong ciphers alone, TL-1, TL-3`, {
      skip: skip || missing("sslscan"),
      timeout,
    }, async () => {
      const { code, stdout } = await sslscan(way, kind);
      assert.equal(code, 0, stdout);
      const enabled = stdout.match(/^(?:SSL|TLS)v\S+ +enabled$/gm)?.map((line) => line.split(" ")[0]);
      assert.deepEqual(enabled, ["TLSv1.2", "TLSv1.3"]);
      const ciphers = stdout.match(/^(?:Preferred|Accepted) .*$/gm) ?? [];
      assert.ok(ciphers.length >= 6, stdout);
      for (const cipher of ciphers) {
        assert.match(cipher, /^\S+ +TLSv1\.[23] +(?:128|256) bits +(?:TLS_|ECDHE-ECDSA-)\S*(?:GCM|CHACHA20)/);
      }
      assert.match(stdout, /^Session renegotiation not supported$/m);
      assert.match(stdout, /^TLSv1\.2 not vulnerable to heartbleed$/m);
    });
  }
});
