/**
 * docs/standards.md and the sources say the same: what is cited is listed, what is listed exists, and check ids are real.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const root = path.join(import.meta.dirname, "..");
const page = readFileSync(path.join(root, "docs/standards.md"), "utf8");

function filesUnder(folder: string, ending: RegExp): readonly string[] {
  const names = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => ending.test(name)).map((name) => path.join(folder, name));
}

function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

type Row = Readonly<{ rfcs: readonly string[]; sections: readonly string[]; done: string; where: string }>;

/** Headings name RFCs, the rows of the table below each name sections of them. */
function listedRows(): readonly Row[] {
  const rows: Row[] = [];
  let rfcs: readonly string[] = [];
  for (const line of page.split("\n")) {
    if (line.startsWith("#")) rfcs = [...line.matchAll(/RFC (\d+)/g)].map(([, number = ""]) => number);
    const [, first = "", , done = "", where = ""] = line.split("|").map((cell) => cell.trim());
    if (rfcs.length === 0 || !/^(§|all$)/.test(first)) continue;
    rows.push({ rfcs, sections: first.split(/, §|^§/).filter((section) => section !== ""), done, where });
  }
  return rows;
}

const rows = listedRows();

/** `RFC 5321 §2.4, §4.1.1` gives both; an RFC alone gives the section `""`. */
function citations(text: string): readonly (readonly [rfc: string, section: string])[] {
  return [...text.matchAll(/RFC (\d+)((?:(?:,| and| to)? §[\d.]*\d)*)/g)].flatMap(([, rfc = "", sections = ""]) => {
    const found = [...sections.matchAll(/§([\d.]*\d)/g)].map(([, section = ""]) => [rfc, section] as const);
    return found.length > 0 ? found : [[rfc, ""] as const];
  });
}

/** A row for §4 covers §4.1.2; a citation of §4 is covered by a row for §4.1. */
function covers(listed: string, cited: string): boolean {
  return (
    listed === "all" || cited === "" || `${cited}.`.startsWith(`${listed}.`) || `${listed}.`.startsWith(`${cited}.`)
  );
}

test("every RFC section cited in the sources is listed in docs/standards.md", () => {
  const cited = filesUnder("src", /\.ts$/).flatMap((file) =>
    citations(read(file)).map(([rfc, section]) => ({ file, rfc, section })),
  );
  assert.ok(cited.length > 100);
  const missing = cited.filter(
    ({ rfc, section }) =>
      !rows.some((row) => row.rfcs.includes(rfc) && row.sections.some((one) => covers(one, section))),
  );
  assert.deepEqual(missing, []);
});

test("docs/standards.md says how far each section is done, and names files that exist", () => {
  assert.ok(rows.length > 50);
  for (const { rfcs, sections, done, where } of rows) {
    const name = `RFC ${rfcs.join(", ")} §${sections.join(", ")}`;
    assert.match(done, /^(yes|partly|no)(?:$|[:;])/, name);
    const files = [...where.matchAll(/\]\(([^)]+)\)/g)].map(([, file = ""]) => path.join(root, "docs", file));
    for (const file of files) assert.ok(existsSync(file), `${name}: ${file}`);
    if (!done.startsWith("no")) assert.ok(files.length > 0, `${name} is done in no file`);
  }
});

/** Look like check ids and are none. */
const otherWords = new Set(["SHA", "SSH", "UTF"]);

function checkIds(text: string): readonly string[] {
  return [...text.matchAll(/\b([A-Z]{2,3})-\d+\b/g)]
    .filter(([, family = ""]) => !otherWords.has(family))
    .map(([id]) => id);
}

test("every check id in tests, sources and docs/standards.md is one of test/check-ids.txt", () => {
  const known = new Set(
    read("test/check-ids.txt")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ")[0]),
  );
  const files = [...filesUnder("src", /\.ts$/), ...filesUnder("test", /\.(ts|txt)$/), "docs/standards.md"];
  const used = files
    .filter((file) => file !== "test/check-ids.txt")
    .flatMap((file) => checkIds(read(file)).map((id) => `${file}: ${id}`));
  assert.ok(used.length > 300);
  assert.deepEqual(
    used.filter((line) => !known.has(line.split(": ")[1])),
    [],
  );
});

/** `LN-1 to LN-3` is three ids. */
function spelledOut(cell: string): readonly string[] {
  return [...cell.matchAll(/\b([A-Z]{2,3})-(\d+)(?: to \1-(\d+))?/g)].flatMap(([, family, from, to = from]) =>
    Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => `${family}-${Number(from) + index}`),
  );
}

test("every check id in the tables of docs/standards.md is named in a test", () => {
  const tests = [...filesUnder("src", /\.test\.ts$/), ...filesUnder("test", /\.(ts|txt)$/)];
  const named = new Set(tests.filter((file) => file !== "test/check-ids.txt").flatMap((file) => checkIds(read(file))));
  const listed = page.split("\n").flatMap((line) => (line.startsWith("|") ? spelledOut(line) : []));
  assert.ok(listed.length > 150);
  assert.deepEqual(
    listed.filter((id) => !named.has(id)),
    [],
  );
});
