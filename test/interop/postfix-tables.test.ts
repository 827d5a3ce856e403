/**
 * Look-up tables and `$name`s against the real Postfix: what `postmap -q` finds in a table is what we find in it, and what
 * `postconf -x` makes of a value is what we make of it. The tables are drawn, the same ones every time.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { expandValue } from "../../src/policy/dialects/postfix/expand.ts";
import { openTable } from "../../src/policy/dialects/postfix/lookup-table.ts";
import { Namespace } from "./lab/namespace.ts";
import { missing } from "./lab/programs.ts";
import { expressions, expressionTexts } from "./postfix-tables/expressions.ts";
import { drawTables, type Sample } from "./postfix-tables/samples.ts";

const skip = missing();
const seed = 20_261_122;
/** `.ci/install-peers` brings a Postfix that has them all. */
const types: readonly string[] = [
  "hash",
  "btree",
  "lmdb",
  "cdb",
  "texthash",
  "inline",
  "static",
  "regexp",
  "pcre",
  "cidr",
  "unionmap",
  "pipemap",
];
const indexed = new Set(["hash", "btree", "lmdb", "cdb"]);

/**
 * Runs each command in Postfix's root folder, many at once since a program that gives up waits a second first. Answers
 * what each printed, warnings left out.
 */
async function runAll(namespace: Namespace, jobs: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
  const { folder } = namespace;
  for (const [name, command] of jobs) {
    const script = `{ ${command}; } 2>&1 | grep -v ': warning: ' > /mnt/${name}.printed || true\n`;
    writeFileSync(path.join(folder, `${name}.sh`), script);
  }
  const scripts = [...jobs.keys()].map((name) => `/mnt/${name}.sh\n`).join("");
  const { code, stderr } = await namespace.runIn("postfix", ["xargs", "-P", "64", "-n", "1", "sh"], scripts);
  assert.equal(code, 0, stderr);
  return new Map([...jobs.keys()].map((name) => [name, readFileSync(path.join(folder, `${name}.printed`), "utf8")]));
}

/** Ours in the same form; keys that we refuse to answer apart. */
function askOurs({ type, spec, text, keys }: Sample, file: string): { found: string; refused: Set<string> } {
  const { table } = openTable(spec ?? `${type}:${file}`, {
    files: {
      read: (name) =>
        name === file && text !== undefined ? { kind: "found", text } : { kind: "failed", reason: "none" },
      list: () => undefined,
      modifiedAt: () => undefined,
    },
    at: { file: "main.cf", line: 1, column: 1 },
    folder: "/",
  });
  const refused = new Set<string>();
  const lines = keys.map((key) => {
    const answer = table.lookup(key);
    if (answer.kind === "error") refused.add(key);
    return answer.kind === "found" ? `${key}\t${answer.hit.value}\n` : "";
  });
  return { found: lines.join(""), refused };
}

const preset = "compatibility_level = 3.10\nmyhostname = bar\nmydestination =\nmydomain = <$myhostname>\n";

describe("Postfix look-ups", () => {
  const samples = new Map(types.map((type) => [type, drawTables(type, seed)]));
  const texts = [...expressionTexts, ...fc.sample(expressions, { seed, numRuns: 150 })];
  let installed: readonly string[] = [];
  /** What the programs print, by the name of the job; all jobs run in one go. */
  let printed: ReadonlyMap<string, string> = new Map();

  before(async () => {
    if (skip !== false) return;
    await using namespace = await Namespace.create();
    writeFileSync(path.join(namespace.folder, "main.cf"), "compatibility_level = 3.10\n");
    installed = (await namespace.runIn("postfix", ["postconf", "-m"])).stdout.trim().split("\n");
    const jobs = new Map<string, string>();
    for (const [type, drawn] of samples) {
      if (installed.includes(type)) for (const [index, sample] of drawn.entries()) addLookups(sample, index, jobs);
    }
    for (const [index, text] of texts.entries()) addExpression(text, index, jobs);
    printed = await runAll(namespace, jobs);

    function addLookups({ type, spec, text, keys }: Sample, index: number, to: Map<string, string>): void {
      const name = `${type}-${index}`;
      writeFileSync(path.join(namespace.folder, name), text ?? "");
      writeFileSync(path.join(namespace.folder, `${name}.keys`), `${keys.join("\n")}\n`);
      const table = spec ?? `${type}:/mnt/${name}`;
      const make = indexed.has(type) ? `postmap -c /mnt '${table}'; ` : "";
      to.set(name, `${make}postmap -c /mnt -q - '${table}' < /mnt/${name}.keys`);
    }

    function addExpression(text: string, index: number, to: Map<string, string>): void {
      const folder = path.join(namespace.folder, `expression-${index}`);
      mkdirSync(folder);
      writeFileSync(path.join(folder, "main.cf"), `${preset}relayhost = ${text}\n`);
      writeFileSync(path.join(folder, "master.cf"), "");
      to.set(`expression-${index}`, `postconf -c /mnt/expression-${index} -xh relayhost`);
    }
  });

  for (const [type, drawn] of samples) {
    test(`${type}: openTable answers as postmap -q does`, { skip }, () => {
      assert.ok(installed.includes(type), `this Postfix has no ${type}`);
      let [compared, hits] = [0, 0];
      for (const [index, sample] of drawn.entries()) {
        const theirs = printed.get(`${type}-${index}`) ?? "";
        const { found, refused } = askOurs(sample, `/mnt/${type}-${index}`);
        const asked = sample.keys.filter((key) => !refused.has(key)).length;
        const gaveUp = theirs.includes("fatal: ");
        if (gaveUp) assert.equal(asked, 0, `${JSON.stringify(sample)}: ${theirs}`);
        const kept = theirs.split(/(?<=\n)/).filter((line) => !refused.has(line.slice(0, line.indexOf("\t"))));
        if (!gaveUp) assert.equal(found, kept.join(""), `${sample.spec ?? sample.text}`);
        hits += kept.length;
        compared += gaveUp ? sample.keys.length : asked;
      }
      const all = drawn.reduce((sum, { keys }) => sum + keys.length, 0);
      assert.ok(compared >= all * 0.6, `${all - compared} of ${all} refused`);
      assert.ok(hits > drawn.length, `${hits} found`);
    });
  }

  test("expandValue makes of a value what postconf -x does", { skip }, () => {
    const known = new Map([
      ["myhostname", "bar"],
      ["mydestination", ""],
      ["mydomain", "<$myhostname>"],
    ]);
    for (const [index, text] of texts.entries()) {
      const theirs = printed.get(`expression-${index}`) ?? "";
      const ours = expandValue(text, (name) => known.get(name));
      if (theirs.startsWith("postconf: fatal")) assert.notEqual(ours.problem, undefined, `${text}: ${theirs}`);
      // postconf prints one blank for many
      else assert.deepEqual([ours.problem, oneBlank(ours.text)], [undefined, oneBlank(theirs)], text);
    }
  });
});

function oneBlank(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
