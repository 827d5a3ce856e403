/**
 * The pages: every relative link leads to a file, every command is one that the program has, and every configuration
 * that is shown loads.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { runProgram } from "../../src/cli/program.ts";
import { loadSettings } from "../../src/index.ts";
import { sampleInbound, sampleInboundRefusal } from "../../src/mail/inbound-sample.ts";
import { parseUsersFile } from "../../src/users/users-file.ts";
import { commandLines, findMistake, type Help, yamlBlocks } from "./pages.ts";
import { standIns } from "./stand-ins.ts";

const root = path.join(import.meta.dirname, "../..");

function pages(): readonly string[] {
  const isPage = (name: string): boolean => name.endsWith(".md");
  const docs = readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" });
  return [...readdirSync(root).filter(isPage), ...docs.filter(isPage).map((name) => path.join("docs", name))];
}

test("every relative link of every page leads to a file", () => {
  const links = pages().flatMap((page) => {
    const text = readFileSync(path.join(root, page), "utf8");
    return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, target = ""]) => ({ page, target }));
  });
  assert.ok(links.length > 30);
  assert.deepEqual(
    links.filter(({ page, target }) => !existsSync(path.join(root, path.dirname(page), target))),
    [],
  );
});

test("every script that the README and CONTRIBUTING name is one of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const text = ["README.md", "CONTRIBUTING.md"].map((page) => readFileSync(path.join(root, page), "utf8")).join("\n");
  const named = [...text.matchAll(/npm run (?:-s )?([a-z:-]+)/g)].map(([, name = ""]) => name);
  assert.ok(named.includes("demo"));
  assert.deepEqual(
    named.filter((name) => scripts[name] === undefined),
    [],
  );
});

test("every command that a page shows is one of the program, with options that it has", async (t) => {
  const shown = pages().flatMap((page) => {
    return commandLines(readFileSync(path.join(root, page), "utf8")).map((line) => ({ page, line }));
  });
  assert.ok(shown.length > 60, String(shown.length));
  const help = await readHelp(t);
  assert.deepEqual(
    shown.flatMap(({ page, line }) => {
      const mistake = findMistake(line, help);
      return mistake === undefined ? [] : [`${page}: letterlock ${line}: ${mistake}`];
    }),
    [],
  );
});

test("a command or an option that the program does not have is found", async (t) => {
  const help = await readHelp(t);
  const mistakes = [
    "chekc",
    "check --postfx /etc/postfix",
    "queue lst",
    "queue flush --nothing",
    "import --from x y --rep text",
  ];
  for (const line of mistakes) assert.match(findMistake(line, help) ?? "", /^there is no /, line);
  for (const line of ["start", "queue hold | release | retry [ID] --all", "explain [--mx HOST] user@D", "check | head"])
    assert.equal(findMistake(line, help), undefined, line);
});

/** `start --help` and its like, of every command and of those below `queue`. */
async function readHelp(t: TestContext): Promise<Help> {
  const ask = async (...argv: string[]): Promise<string> => {
    let text = "";
    const listeners = process.stdout.listeners("error").length;
    const write = t.mock.method(process.stdout, "write", (part: string) => {
      text += part;
      return true;
    });
    try {
      await runProgram([...argv, "--help"], "");
    } finally {
      write.mock.restore();
      // The program listens for a reader that goes away, once in its life; here it is run many times.
      for (const added of process.stdout.listeners("error").slice(listeners))
        process.stdout.off("error", added as () => void);
    }
    return text;
  };
  const help = new Map<string, string>();
  const add = async (...command: string[]): Promise<void> => {
    const text = await ask(...command);
    help.set(command.join(" "), text);
    const [, below = ""] = text.split("\nCommands:\n");
    for (const [, name = ""] of below.matchAll(/^ {2}([a-z]+)\b/gm)) if (name !== "help") await add(...command, name);
  };
  await add();
  return help;
}

/** When they are read: exceptions in them have an end. */
const now = Date.parse("2026-11-01T00:00:00Z");

test("every configuration in the README and in the pages for operators loads, without a warning", async () => {
  const isForOperators = (name: string): boolean => /^(README|docs\/(moving-from|operating)\/.*)\.md$/.test(name);
  const blocks = pages()
    .filter(isForOperators)
    .flatMap((name) => yamlBlocks(readFileSync(path.join(root, name), "utf8")).map((text) => ({ name, text })));
  assert.ok(blocks.length > 20, String(blocks.length));
  const reader = await standIns(now);
  for (const { name, text } of blocks) {
    if (text.startsWith("users:")) {
      assert.deepEqual(parseUsersFile(text).problems, [], name);
      continue;
    }
    const { settings, problems } = loadSettings({ path: "/etc/letterlock/letterlock.yaml", text, now, reader });
    const wrong = problems.filter(({ severity }) => severity === "error" || severity === "warning");
    assert.ok(settings, name);
    assert.deepEqual(wrong, [], `${name}\n${text}`);
  }
});

test("the pages' fail2ban filter finds failed log-ins, by the address that tried, and nothing else", () => {
  const page = readFileSync(path.join(root, "docs/operating/submission.md"), "utf8");
  const [, pattern = ""] = /^failregex = (.*)$/m.exec(page) ?? [];
  assert.match(pattern, /<ADDR>/);
  const finds = new RegExp(pattern.replace("<ADDR>", "([0-9A-Fa-f:.]+)"));
  const failed = { ...sampleInboundRefusal, stage: "auth", reason: "log-in", client: "2001:db8::7" } as const;
  const posing = { ...failed, ehlo: '"client":"192.0.2.1"', user: '{"reason":"log-in","client":"192.0.2.1"' };
  const other = { ...sampleInbound, ehlo: '"reason":"log-in","client":"192.0.2.1"' };
  const lines = [failed, posing, other, sampleInboundRefusal].map((record) => JSON.stringify(record));
  assert.deepEqual(
    lines.map((line) => finds.exec(line)?.[1]),
    ["2001:db8::7", "2001:db8::7", undefined, undefined],
  );
});
