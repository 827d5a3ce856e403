/**
 * `letterlock import` as an operator runs it: the configuration of another mail server in our own language on standard
 * output, what could not be written on standard error, and the report in its three forms.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { folderFor, run } from "./command.ts";

const authority = await makeAuthority("Import CA");
const client = await authority.issue({ dnsNames: ["client.test"] });

/** Files below a new folder; `@` in a text stands for it. @returns the folder */
function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = folderFor(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text.replaceAll("@", folder));
  }
  return folder;
}

type System = Readonly<{
  system: string;
  /** Names what to import, below the folder. */
  place: string;
  whole: Readonly<Record<string, string>>;
  /** With one thing that cannot be said in our language. */
  partly: Readonly<Record<string, string>>;
  told: RegExp;
  broken: Readonly<Record<string, string>>;
}>;

const pair = client.chainPem + client.privateKeyPem;
const main = (maps: string) =>
  `smtp_tls_security_level = may\nsmtp_tls_chain_files = @/pair.pem\nsmtp_tls_policy_maps = ${maps}\nmydestination =\n`;
const mc = "FEATURE(`access_db')dnl\n";
const ownPair = "define(`confCLIENT_CERT', `@/pair.pem')dnl\ndefine(`confCLIENT_KEY', `@/pair.pem')dnl\n";

const all: readonly System[] = [
  {
    system: "postfix",
    place: "",
    whole: {
      "pair.pem": client.privateKeyPem + client.chainPem,
      "main.cf": main("texthash:@/policy"),
      policy: "partner.test secure\n",
    },
    partly: {
      "pair.pem": client.privateKeyPem + client.chainPem,
      "main.cf": main("regexp:@/re"),
      re: "/^x/ verify\n",
    },
    told: /re:1, .*not taken over: \/\^x\/ verify: /,
    broken: { "main.cf": "smtp_tls_policy_maps = texthash:/x\n= what\n" },
  },
  {
    system: "sendmail",
    place: "",
    whole: { "pair.pem": pair, access: "TLS_Srv:partner.test\tVERIFY\n", "sendmail.mc": mc + ownPair },
    partly: { access: "TLS_Srv:192.0.2\tVERIFY\n", "sendmail.mc": mc },
    told: /access:1, .*not taken over: TLS_Srv:192\.0\.2 VERIFY: /,
    broken: { "sendmail.mc": "ifdef(`x', `unended\n" },
  },
  {
    system: "momentum",
    place: "ecelerity.conf",
    whole: {
      "pair.pem": pair,
      "ecelerity.conf":
        'tls = "ifavailable"\ntls_certificate = "@/pair.pem"\ndomain "partner.test" { tls = "required" }\n',
    },
    partly: { "ecelerity.conf": 'domain "/test$/" { tls = "required" }\n' },
    told: /ecelerity\.conf:1, .*not taken over: domain "\/test\$\/": /,
    broken: { "ecelerity.conf": 'domain "a.test" { tls = \n' },
  },
  {
    system: "powermta",
    place: "config",
    whole: {
      "pair.pem": pair,
      config: "<domain partner.test>\nrequire-starttls yes\nsmtp-client-certificate @/pair.pem\n</domain>\n",
    },
    partly: { config: "<domain [192.0.2/24]>\nrequire-starttls yes\n</domain>\n" },
    told: /config:1, .*not taken over: <domain \[192\.0\.2\/24\]>: /,
    broken: { config: "<domain a.test>\nrequire-starttls perhaps\n" },
  },
];

const schemaFile = path.join(import.meta.dirname, "../../schema/equivalence-report.schema.json");
const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(schemaFile, "utf8")) as object,
);

describe("import", { concurrency: 2 }, () => {
  for (const { system, place, whole, partly, told, broken } of all) {
    test(`import ${system}: all of it, client certificate included: clean YAML that \`check\` takes, and exit code 0`, async (t) => {
      const folder = folderWith(t, whole);
      const { code, stdout, stderr } = await run(["import", "--from", system, path.join(folder, place)]);
      assert.deepEqual([code, stderr], [0, ""], stdout);
      assert.ok(parse(stdout));
      assert.match(stdout, /client-certificate: certificate-1/);
      const file = path.join(folder, "letterlock.yaml");
      writeFileSync(file, stdout);
      const checked = await run(["check", "--config", file]);
      assert.equal(checked.code, 0, checked.stdout);
      const report = await run(["import", "--from", system, path.join(folder, place), "--report"]);
      assert.equal(report.code, 0, report.stdout);
      assert.match(report.stdout, /^\d+ questions in \d+ situations each, .*: no difference$/m);
    });

    test(`import ${system}: what cannot be said stands on standard error and in the report, exit code 1`, async (t) => {
      const folder = folderWith(t, partly);
      const { code, stdout, stderr } = await run(["import", "--from", system, path.join(folder, place)]);
      assert.equal(code, 1);
      assert.match(stderr, told);
      assert.doesNotMatch(stdout, /^letterlock:/m);
      assert.ok(parse(stdout));
      const report = await run(["import", "--from", system, path.join(folder, place), "--report", "json"]);
      const made: unknown = JSON.parse(report.stdout);
      assert.ok(validate(made), JSON.stringify(validate.errors));
      const page = await run(["import", "--from", system, path.join(folder, place), "--report", "html"]);
      assert.match(page.stdout, /<h2>Not taken over<\/h2>/);
    });

    test(`import ${system}: nothing there, or nothing that can be read: exit code 2 and no output`, async (t) => {
      const missing = await run(["import", "--from", system, "/nowhere/at/all"]);
      assert.deepEqual([missing.code, missing.stdout], [2, ""]);
      assert.match(missing.stderr, /^letterlock: there is no file .*\/nowhere\/at\/all/);
      const folder = folderWith(t, broken);
      const { code, stdout, stderr } = await run(["import", "--from", system, path.join(folder, place)]);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /:\d+:\d+: error: /);
    });
  }

  test("import: an unknown system, and no system, are told", async () => {
    for (const more of [["--from", "exim"], []]) {
      const { code, stdout, stderr } = await run(["import", ...more, "/etc"]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /--from/);
    }
  });

  test("import --report --with: another configuration is compared, its differences listed, exit code 1", async (t) => {
    const folder = folderWith(t, {
      "main.cf": "smtp_tls_security_level = encrypt\nmydestination =\n",
      "own.yaml": "tls: {level: may}\n",
      "broken.yaml": "tls: {level: perhaps}\n",
    });
    const asked = ["import", "--from", "postfix", folder, "--report", "json", "--with"];
    const { code, stdout } = await run([...asked, path.join(folder, "own.yaml")]);
    const made = JSON.parse(stdout) as Readonly<{ different: number; notTakenOver: readonly unknown[] }>;
    assert.ok(validate(made), JSON.stringify(validate.errors));
    assert.deepEqual([code, made.different > 0, made.notTakenOver], [1, true, []]);
    const wrong = await run([...asked, path.join(folder, "broken.yaml")]);
    assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
  });
});
