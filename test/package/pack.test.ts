/**
 * `npm pack`, installed into an empty folder: the compiled command and library do there what they do in a checkout.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import nodemailer from "nodemailer";
import { readExamples } from "./examples.ts";
import { installPackage } from "./install.ts";

const root = path.join(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
const installed = installPackage();
after(() => installed[Symbol.dispose]());

const run = promisify(execFile);
/** The Node that runs this test, first on the path; nothing else from here. */
const options = {
  cwd: installed.folder,
  env: { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: installed.folder },
  timeout: 30_000,
};

test("the tarball holds the program, the library, the pages and nothing else", () => {
  const { files, tarballBytes } = installed;
  for (const file of [
    "dist/main.js",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/queue/sqlite/store-thread.js",
    "docs/operating/configuration.md",
    "docs/demo.png",
    "examples/minimal.yaml",
    "schema/attempt.schema.json",
    "schema/equivalence-report.schema.json",
    "schema/inbound.schema.json",
    "schema/letterlock.schema.json",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
  ]) {
    assert.ok(files.includes(file), file);
  }
  const known =
    /^(dist\/.*\.(js|d\.ts)|docs\/.*\.(md|png)|examples\/.*\.yaml|schema\/.*\.json|[A-Z]+(\.md)?|package\.json)$/;
  assert.deepEqual(
    files.filter((file) => !known.test(file) || /\.test\.|sample|print-reference/.test(file)),
    [],
  );
  assert.ok(tarballBytes < 1_000_000, `${tarballBytes} octets`);
});

test("the command knows its version and checks a configuration", async () => {
  assert.equal((await run(installed.command, ["--version"], options)).stdout.trim(), manifest.version);
  const example = path.join(installed.folder, "node_modules/letterlock/examples/minimal.yaml");
  assert.match((await run(installed.command, ["check", "-c", example], options)).stdout, /0 errors/);
});

test("an older Node is told what it lacks", async () => {
  const program = path.join(installed.folder, "node_modules/letterlock/dist/main.js");
  const pretend = 'Object.defineProperty(process.versions, "node", { value: "22.1.0" })';
  const args = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, program, "check"];
  await assert.rejects(run(process.execPath, args, options), { code: 2, stderr: /needs Node\.js 24\.17 or newer/ });
});

test("the demo runs", async () => {
  const { stdout } = await run(installed.command, ["demo", "--json"], options);
  const records = JSON.parse(stdout) as readonly { to: string; event: string }[];
  assert.equal(records.length, 10);
  assert.deepEqual(
    records.filter(({ event }) => event !== "delivered").map(({ to }) => to),
    ["someone@wrongname.example", "someone@cleartext.example"],
  );
});

test("the relay starts with two workers, takes mail over STARTTLS, queues it, reloads and stops", async () => {
  const file = path.join(installed.folder, "letterlock.yaml");
  writeFileSync(
    file,
    `hostname: relay.example.com
data: relay-data
workers: 2
metrics: off
listeners: [{ name: mx, address: "127.0.0.1:0" }]
relay-networks: [127.0.0.0/8]
transports: { "*": "[127.0.0.1]:1" } # nobody listens there
`,
  );
  const relay = spawn(installed.command, ["start", "-c", file], { ...options, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(relay, "exit");
  try {
    const port = await portOf(relay.stdout);
    // The certificate is the self-made one.
    const sender = nodemailer.createTransport({ host: "127.0.0.1", port, tls: { rejectUnauthorized: false } });
    const mail = { from: "a@example.com", to: "b@example.net", subject: "one", text: "two" };
    const { response } = await sender.sendMail(mail);
    assert.match(response, /^250 /);
    const { stdout } = await run(installed.command, ["queue", "list", "-c", file, "--json"], options);
    assert.match(stdout, /b@example\.net/);
    assert.match((await run(installed.command, ["reload", "-c", file], options)).stdout, /in force/);
    appendFileSync(file, "retri: {}\n");
    await assert.rejects(run(installed.command, ["reload", "-c", file], options), {
      code: 2,
      stderr: /:8:1: error: unknown key "retri" \(did you mean "retry"\?\)/,
      stdout: /the old one stays in force/,
    });
  } finally {
    relay.kill("SIGTERM");
  }
  assert.deepEqual(await ended, [0, null]);
});

async function portOf(output: NodeJS.ReadableStream): Promise<number> {
  let text = "";
  for await (const part of output) {
    text += String(part);
    const [, port] = /^ {2}mx +127\.0\.0\.1:(\d+) /m.exec(text) ?? [];
    if (port !== undefined) {
      output.resume();
      return Number(port);
    }
  }
  throw new Error(`the relay ended: ${text}`);
}

test("the library's examples run and type-check against the package", async () => {
  const folder = path.join(installed.folder, "examples");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  for (const name of ["@types/node", "undici-types"]) {
    const target = path.join(installed.folder, "node_modules", name);
    mkdirSync(path.dirname(target), { recursive: true });
    symlinkSync(path.join(root, "node_modules", name), target);
  }
  const names = readExamples().map(({ code, line }) => {
    const name = `example-${line}.ts`;
    writeFileSync(path.join(folder, name), code);
    return name;
  });
  writeFileSync(path.join(folder, "all.ts"), names.map((name) => `import "./${name}";\n`).join(""));
  await run(process.execPath, [path.join(folder, "all.ts")], options);
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--allowImportingTsExtensions"];
  const target = ["--module", "nodenext", "--target", "es2024", "--lib", "es2024,esnext.disposable", "--types", "node"];
  const compiler = path.join(root, "node_modules/.bin/tsc");
  const checked = await run(compiler, [...strict, ...target, path.join(folder, "all.ts")], options).catch(
    (error: { stdout: string }) => error,
  );
  assert.equal(checked.stdout, "");
});
