/**
 * The configuration of another mail server, as an operator points the program at it.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, type TestContext, test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import { sendOver } from "../relay/relay-lab.ts";
import { TestClient } from "../smtp-client.ts";
import { folderFor, RunningRelay, run } from "./command.ts";

/** A Postfix with one policy table. @returns its folder */
function postfix(t: TestContext, policy: string, main = ""): string {
  const folder = path.join(folderFor(t), "postfix");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "tls_policy"), policy);
  writeFileSync(
    path.join(folder, "main.cf"),
    `compatibility_level = 3.6
smtp_tls_security_level = may
smtp_tls_policy_maps = texthash:${folder}/tls_policy
mailbox_size_limit = 0
${main}`,
  );
  return folder;
}

describe("sources", { concurrency: 3 }, () => {
  test("check --postfix: of each line what becomes of it, with its place, and the sum", async (t) => {
    const folder = postfix(t, "partner.test secure\nodd.test verfy\n");
    const { code, stdout } = await run(["check", "--postfix", folder]);
    const text = stdout.replaceAll(folder, "P");
    assert.equal(code, 0, text);
    assert.match(text, /^P\/tls_policy:2:\d+: warning: .*verfy/m);
    assert.match(text, /^P\/main\.cf:2:\d+: applied: smtp_tls_security_level/m);
    assert.match(text, /^P\/main\.cf:4:\d+: no-effect: mailbox_size_limit/m);
    assert.match(text, /^built-in settings: 0 errors, 0 warnings$/m);
    assert.match(
      text,
      /^postfix P\/main\.cf: 0 errors, 2 warnings, \d+ understood differently, \d+ not acted on yet, \d+ applied, \d+ without/m,
    );
    const strict = await run(["check", "--strict", "--json", "--postfix", folder]);
    assert.equal(strict.code, 1);
    const problems = JSON.parse(strict.stdout) as readonly Readonly<Record<string, unknown>>[];
    assert.deepEqual(Object.keys(problems[0] ?? {}).toSorted(), [
      "column",
      "file",
      "line",
      "message",
      "remedy",
      "severity",
    ]);
    for (const severity of ["applied", "no-effect", "warning"]) {
      assert.ok(
        problems.some((problem) => problem.severity === severity),
        severity,
      );
    }
  });

  test("check: the same words and many lines of one kind are given by their number, unless --all", async (t) => {
    const table = Array.from({ length: 300 }, (_, number) => `d${number}.test secure\n`).join("");
    const folder = postfix(t, table);
    const short = (await run(["check", "--postfix", folder])).stdout.replaceAll(folder, "P");
    assert.match(short, /^P\/tls_policy:1:1: warning: .* \(and 299 more lines of this file\) \(/m);
    assert.equal(short.match(/tls_policy:\d+/g)?.length, 1);
    const long = (await run(["check", "--all", "--postfix", folder])).stdout.replaceAll(folder, "P");
    assert.equal(long.match(/^P\/tls_policy:\d+:1: warning: /gm)?.length, 300);

    const config = path.join(folder, "pmta");
    const domain = (number: number): string => `<domain d${number}.test>\n  use-starttls yes\n</domain>\n`;
    writeFileSync(config, Array.from({ length: 201 }, (_, number) => domain(number)).join(""));
    const folded = (await run(["check", "--powermta", config])).stdout.replaceAll(config, "C");
    assert.match(folded, /^C: applied: 201 lines \(--all lists them\)$/m);
    assert.doesNotMatch(folded, /^C:\d+:\d+: applied/m);
    const listed = (await run(["check", "--all", "--powermta", config])).stdout.replaceAll(config, "C");
    assert.equal(listed.match(/^C:\d+:\d+: applied: /gm)?.length, 201);
  });

  const usageRows: readonly (readonly [name: string, argv: (folder: string) => readonly string[], text: RegExp])[] = [
    [
      "a folder that is none",
      () => ["--postfix", "/nonexistent/postfix"],
      /there is no file \/nonexistent\/postfix\/main\.cf/,
    ],
    [
      "a Sendmail folder without its files",
      (folder) => ["--sendmail", folder],
      /no file access, sendmail\.mc or sendmail\.cf in /,
    ],
    ["a Momentum file that is none", () => ["--momentum", "/nonexistent.conf"], /there is no file \/nonexistent\.conf/],
    [
      "a flag beside policy:",
      (folder) => ["--postfix", folder, "-c", `${folder}/x.yaml`],
      /policy: is written here, and --postfix is given/,
    ],
  ];

  for (const [name, argv, text] of usageRows) {
    test(`check: ${name}: 2`, async (t) => {
      const folder = postfix(t, "");
      writeFileSync(path.join(folder, "x.yaml"), "policy: [letterlock]");
      const { code, stdout } = await run(["check", ...argv(folder)]);
      assert.equal(code, 2);
      assert.match(stdout, text);
    });
  }

  test("explain and start: a folder that is none: 2", async (t) => {
    const options = ["--postfix", "/nonexistent/postfix", "--data", path.join(folderFor(t), "data")];
    for (const argv of [["explain", "a@b.test"], ["start"]]) {
      const { code, stderr } = await run([...argv, ...options]);
      assert.equal(code, 2);
      assert.match(stderr, /there is no file \/nonexistent\/postfix\/main\.cf/);
    }
  });

  test("two flags: 2", async () => {
    const { code, stderr } = await run(["check", "--postfix", "/x", "--powermta", "/y"]);
    assert.equal(code, 2);
    assert.match(stderr, /'--postfix <folder>' cannot be used with option '--powermta <file>'/);
  });

  test("explain --postfix: the line as written, and the nexthop that its transport table chose", async (t) => {
    const folder = postfix(t, "[mx.partner.test]:26\tsecure  match=mx.partner.test\n");
    writeFileSync(path.join(folder, "transport"), "partner.test relay:[mx.partner.test]:26\n");
    writeFileSync(
      path.join(folder, "main.cf"),
      `smtp_tls_policy_maps = texthash:${folder}/tls_policy\ntransport_maps = texthash:${folder}/transport\n`,
    );
    const { code, stdout, stderr } = await run(["explain", "a@partner.test", "--postfix", folder]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^nexthop +\[mx\.partner\.test\]:26, MX host mx\.partner\.test$/m);
    assert.match(stdout, /^level +secure$/m);
    assert.match(stdout, /^wins .*tls_policy:1 .*\[mx\.partner\.test\]:26 secure match=mx\.partner\.test/m);
    const json = JSON.parse((await run(["explain", "--json", "a@partner.test", "--postfix", folder])).stdout);
    assert.deepEqual(json.thenNexthops, []);
    assert.equal(json.rule.source, "postfix");
    const winner = json.candidates.find(({ verdict }: { verdict: string }) => verdict === "wins");
    assert.equal(winner.written, "[mx.partner.test]:26\tsecure  match=mx.partner.test");
  });

  test("explain: what is proven and when mail goes in clear, as the relay would do it", async (t) => {
    const folder = postfix(t, "");
    const opportunistic = await run(["explain", "a@b.test", "--postfix", folder]);
    assert.match(opportunistic.stdout, /^clear text +only where TLS is not offered; after a failed handshake/m);
    const file = path.join(folder, "ecelerity.conf");
    const authority = path.join(folder, "ca.pem");
    writeFileSync(authority, (await makeAuthority()).certificatePem);
    writeFileSync(
      file,
      `tls = "ifavailable"\ntls_ifavailable_fallback = "false"\n` +
        `domain "b.test" { tls = "required"\n tls_verify = "ca"\n tls_ca = "${authority}" }\n`,
    );
    const elsewhere = await run(["explain", "a@c.test", "--momentum", file]);
    assert.match(elsewhere.stdout, /^clear text +only where TLS is not offered$/m, elsewhere.stderr);
    const chain = await run(["explain", "a@b.test", "--momentum", file]);
    assert.match(chain.stdout, /^proof +chain to \S+ca\.pem CAs, for whatever name$/m);
    assert.match(chain.stdout, /^clear text +never$/m);
    writeFileSync(path.join(folder, "access"), "Try_TLS:mx.d.test NO\nTLS_Rcpt:d.test ENCR:128\n");
    const demanded = await run(["explain", "a@d.test", "--mx", "mx.d.test", "--sendmail", folder]);
    assert.match(demanded.stdout, /^clear text +never$/m, demanded.stderr);
  });

  test("start: a table that changes under a running relay is followed, a broken one is not", async (t) => {
    await using host = await startPartnerHost({ tls: { mode: "none" } });
    const folder = postfix(t, "", `relayhost = [127.0.0.1]:${host.port}\n`);
    const yaml = `policy: [postfix: { main: "${folder}/main.cf" }]`;
    await using relay = await RunningRelay.start(folderFor(t), yaml);
    const send = async (): Promise<void> => {
      using client = new TestClient(relay.port);
      await client.reply();
      await client.say("EHLO client.test");
      assert.match(await sendOver(client, { to: ["a@b.test"] }), /^250/);
    };
    await send();
    await relay.says(/delivered/);
    writeFileSync(path.join(folder, "tls_policy"), `[127.0.0.1]:${host.port} encrypt\n`);
    await relay.says(/configuration loaded/, 2);
    await send();
    await relay.says(/deferred/);
    writeFileSync(path.join(folder, "main.cf"), "smtp_tls_security_level = may\nthis is = ${broken\n");
    await relay.says(/configuration rejected/);
    assert.match(relay.printed, /main\.cf:2:\d+: error/);
    await send();
    await relay.says(/deferred/, 2);
    assert.equal(host.messages.length, 1);
  });

  test("the log says what is different in a source, file by file, whoever asked for the reload", async (t) => {
    const folder = postfix(t, "a.test encrypt\nb.test encrypt\n");
    await using relay = await RunningRelay.start(folderFor(t), "", ["--postfix", folder]);
    assert.ok(relay.printed.includes(`policy       postfix ${folder}/main.cf`), relay.printed);
    writeFileSync(path.join(folder, "tls_policy"), "a.test may\nb.test encrypt\nc.test encrypt\n");
    assert.equal((await run(["reload", ...relay.here])).code, 0);
    await relay.says(/main\.cf: \S+tls_policy: 2 lines added, 1 line removed/);
  });
});
