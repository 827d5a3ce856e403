/**
 * The pages: every relative link leads to a file, and what the README shows works.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { loadSettings } from "../../src/index.ts";

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

test("the README's configuration has no problems", () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  const [, indent = "", block = ""] = /^( *)```yaml\n(.*?)```/ms.exec(readme) ?? [];
  const text = block.replaceAll(new RegExp(`^${indent}`, "gm"), "");
  const { problems } = loadSettings({ path: "letterlock.yaml", text, now: Date.parse("2026-11-01T00:00:00Z") });
  assert.match(text, /partner\.example/);
  assert.deepEqual(problems, []);
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
