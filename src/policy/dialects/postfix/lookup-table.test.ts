/**
 * Each type of table by itself; test/interop/postfix-tables.test.ts holds them against the real Postfix.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SourceFiles } from "../dialect.ts";
import { type LookupTable, openTable, type TableContext } from "./lookup-table.ts";

type Files = Readonly<Record<string, string>>;

function context(contents: Files, times: Readonly<Record<string, number>> = {}): TableContext {
  const files: SourceFiles = {
    read(path) {
      const text = contents[path];
      return text === undefined ? { kind: "failed", reason: "no such file" } : { kind: "found", text };
    },
    list: () => undefined,
    modifiedAt: (path) => times[path] ?? (contents[path] === undefined ? undefined : 1),
  };
  return { files, at: { file: "main.cf", line: 7, column: 3 }, folder: "/var/spool/postfix" };
}

function open(spec: string, contents: Files = {}): LookupTable {
  return openTable(spec, context(contents)).table;
}

function ask(table: LookupTable, key: string): string {
  const answer = table.lookup(key);
  return answer.kind === "found" ? answer.hit.value : `(${answer.kind})`;
}

/** `line kind: text` of each note. */
function told(spec: string, contents: Files = {}, times: Readonly<Record<string, number>> = {}): readonly string[] {
  return openTable(spec, context(contents, times)).notes.map(({ kind, line, text }) => `${line} ${kind}: ${text}`);
}

const text = `# policies
good.test verify
GOOD2.Test\t secure  match=Mx.Test \t
long.test encrypt
# in the middle

   ciphers=high
"a b" quoted
self.test. verify
[a.test]:25 none
`;

const rows: readonly [name: string, key: string, want: string][] = [
  ["TB-1: a continued value keeps its white space", "long.test", "encrypt   ciphers=high"],
  ["TB-2: a key in quotes keeps them", '"a b"', "quoted"],
  ["TB-2: the value without white space at its ends", "good2.test", "secure  match=Mx.Test"],
  ["TB-5, KEY-12: a key in capitals, asked in small letters", "good2.test", "secure  match=Mx.Test"],
  ["TB-5, KEY-12: and the other way round", "Good.TEST", "verify"],
  ["KEY-13: a trailing dot is part of the key", "self.test", "(none)"],
  ["KEY-2: brackets and port are part of the key", "[a.test]:25", "none"],
  ["KEY-2: the key without its port is another", "[a.test]", "(none)"],
  ["no key", "", "(none)"],
];

for (const type of ["texthash", "hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "proxy:hash"]) {
  const table = open(`${type}:/map`, { "/map": text, "/map.db": "", "/map.lmdb": "", "/map.cdb": "", "/map.pag": "" });
  for (const [name, key, want] of rows) {
    test(`Postfix ${type} ${name}`, () => assert.equal(ask(table, key), want));
  }
}

test("Postfix TB-3: lines that are no entries are left out, each with a warning", () => {
  const contents = { "/map": '  first x\nnovalue\n"open x\nalias: value\nb c\n' };
  assert.deepEqual(
    open("texthash:/map", contents)
      .entries()
      .map(({ key }) => key),
    ["alias:", "b"],
  );
  assert.deepEqual(told("texthash:/map", contents), [
    '1 warning: logical line must not start with whitespace: "first x"; this line is not used',
    '2 warning: "novalue" has no value; this line is not used',
    '3 warning: unbalanced \'"\' in ""open x"; this line is not used',
    '4 warning: the key "alias:" ends in ":", as if in an alias file',
  ]);
});

test("Postfix TB-4: of two entries with one key an index keeps the first", () => {
  const contents = { "/map": "a.test may\nA.test verify\n", "/map.db": "" };
  assert.equal(ask(open("hash:/map", contents), "a.test"), "may");
  assert.deepEqual(told("hash:/map", contents), ['2 warning: duplicate entry: "a.test": the first one counts']);
});

test("Postfix TB-4: texthash with two entries for one key cannot be opened by Postfix 3.10's delivery processes", () => {
  const contents = { "/map": "a.test may\nb.test may\nA.test verify\n" };
  for (const key of ["a.test", "b.test", "c.test"]) assert.equal(ask(open("texthash:/map", contents), key), "(error)");
  assert.equal(told("texthash:/map", contents).length, 1);
});

test("Postfix TB-6: a text that is newer than its index", () => {
  const contents = { "/map": "a b\n", "/map.db": "" };
  assert.deepEqual(told("hash:/map", contents, { "/map": 5, "/map.db": 4 }), [
    "1 warning: /map.db is older than its text: Postfix still uses the older contents",
  ]);
  assert.deepEqual(told("hash:/map", contents, { "/map": 4, "/map.db": 4 }), []);
  assert.deepEqual(told("texthash:/map", contents, { "/map": 5, "/map.db": 4 }), []);
  const [note] = openTable("hash:/map", context(contents, { "/map": 5, "/map.db": 4 })).notes;
  assert.equal(note?.remedy, "postmap hash:/map");
});

test("Postfix TB-7: only the index, only the text", () => {
  assert.deepEqual(told("hash:/map", { "/map.db": "" }), [
    "7 error: hash:/map: there is only the index /map.db, which is not read here",
  ]);
  assert.equal(ask(open("hash:/map", { "/map.db": "" }), "a"), "(error)");
  assert.deepEqual(told("lmdb:/map", { "/map": "a b\n" }), [
    "1 warning: there is no /map.lmdb: Postfix cannot use this table",
  ]);
  assert.equal(ask(open("lmdb:/map", { "/map": "a b\n" }), "a"), "b");
});

test("Postfix: a relative name starts at the queue directory", () => {
  assert.equal(ask(open("texthash:maps/x", { "/var/spool/postfix/maps/x": "a b\n" }), "a"), "b");
});

test("Postfix: an entry knows its line, and how it was written", () => {
  const answer = open("texthash:/map", { "/map": text }).lookup("long.test");
  assert.ok(answer.kind === "found");
  const written = "long.test encrypt   ciphers=high";
  assert.deepEqual(answer.hit.from, { file: "/map", line: 4, column: 1, written });
});

test("Postfix: the same key gives the same answer, the very same object", () => {
  for (const [spec, key] of [
    ["texthash:/map", "good.test"],
    ["regexp:/re", "a"],
    ["cidr:/cidr", "192.0.2.1"],
  ] as const) {
    const table = open(spec, { "/map": text, "/re": "/a/ x\n", "/cidr": "192.0.2.0/24 x\n" });
    assert.equal(table.lookup(key), table.lookup(key));
  }
});

const unusable: readonly [spec: string, kind: LookupTable["kind"]][] = [
  ["texthash:/none", "unusable"],
  ["regexp:/none", "unusable"],
  ["cidr:/none", "unusable"],
  ["hash", "unusable"],
  ["static:", "unusable"],
  ["nosuch:/map", "unusable"],
  ["HASH:/map", "unusable"],
  ["randmap:{a,b}", "unusable"],
  ["fail:always", "unusable"],
  ["inline:{}", "unusable"],
  ["inline:{a}", "unusable"],
  ["inline:{a=b", "unusable"],
  ["static:{a} b", "unusable"],
  ["regexp:{ /a/ x }", "unusable"],
  ["unionmap:{}", "unusable"],
  ["socketmap:inet:127.0.0.1:5000:policy", "remote"],
  ["ldap:/etc/ldap.cf", "remote"],
  ["proxy:mysql:/etc/mysql.cf", "remote"],
];

for (const [spec, kind] of unusable) {
  test(`Postfix KEY-16: ${spec} answers an error to every key, and says so`, () => {
    const table = open(spec);
    assert.equal(table.kind, kind);
    for (const key of ["a.test", ".test", "", "192.0.2.1"]) assert.equal(ask(table, key), "(error)");
    assert.equal(told(spec).length, 1);
  });
}

const short: readonly [spec: string, key: string, want: string][] = [
  ["inline:{ a=b, { c = d e } }", "C", "d e"],
  ["inline:{ a=b=c }", "a", "b=c"],
  ["inline:{a=b, A=c}", "a", "c"],
  ["inline:{a=}", "a", ""],
  ['inline:{ {"x y" = c} }', '"x y"', "c"],
  ["static:secure match=a", ".test", "secure match=a"],
  ["static:{ a b }", "x", "a b"],
  ["static:{}", "x", ""],
  ["unionmap:{static:a, static:b}", "x", "a,b"],
  ["unionmap:{static:{}, static:b}", "x", "b"],
  ["unionmap:{static:b, static:{}}", "x", "b,"],
  ["unionmap:{static:{}}", "x", "(none)"],
  ["unionmap:{inline:{x=a}, inline:{y=b}}", "y", "b"],
  ["unionmap:{inline:{x=a}, fail:b}", "x", "(error)"],
  ["unionmap:{static:b, {static:a}}", "x", "(error)"],
  ["pipemap:{inline:{a=b}, inline:{b=c}}", "a", "c"],
  ["pipemap:{inline:{a=b}, inline:{c=d}}", "a", "(none)"],
  ["pipemap:{inline:{a=b}, fail:x}", "a", "(error)"],
  ["pipemap:{inline:{a=b}, fail:x}", "b", "(none)"],
  ["pipemap:{static:{}, static:b}", "a", "b"],
  ["pipemap:{inline:{a=b}}", "a", "b"],
  ["pipemap:{inline:{x=y}, unionmap:{static:b, inline:{y=c}}}", "x", "b,c"],
  ["cidr:{ {192.0.2.0/24 x}, {!10.0.0.0/8 y} }", "192.0.2.3", "x"],
  ["cidr:{ {192.0.2.0/24 x}, {!10.0.0.0/8 y} }", "198.51.100.1", "y"],
  ["cidr:{ {!10.0.0.0/8 y} }", "example.test", "(none)"],
  ["cidr:{ {!10.0.0.0/8 y} }", "2001:db8::1", "(none)"],
  ["cidr:{ {[2001:db8::]/32 y} }", "2001:db8:0:0::1", "y"],
  ["cidr:{ {::ffff:0:0/96 y} }", "192.0.2.3", "(none)"],
  ["cidr:{ {if 192.0.2.0/24}, {192.0.2.1 x}, {endif}, {0.0.0.0/0 y} }", "192.0.2.2", "y"],
  ["cidr:{ {if !192.0.2.0/24}, {0.0.0.0/0 x}, {endif} }", "192.0.2.2", "(none)"],
  ["cidr:{ {192.0.2.1/24 x}, {0.0.0.0/0 y} }", "192.0.2.1", "y"],
];

for (const [spec, key, want] of short) {
  test(`Postfix ${spec}: ${JSON.stringify(key)}`, () => assert.equal(ask(open(spec), key), want));
}

test("Postfix: a table in a table in a table ends", () => {
  const spec = `${"unionmap:{".repeat(1000)}static:x${"}".repeat(1000)}`;
  assert.equal(ask(open(spec), "a"), "(error)");
});

test("Postfix KEY-16: half a text holds the entries before the cut, and no other", () => {
  const whole = open("texthash:/map", { "/map": text });
  for (let end = 0; end < text.length; end += 1) {
    const half = open("texthash:/map", { "/map": text.slice(0, end) });
    for (const { key, hit } of half.entries().slice(0, -1)) assert.equal(ask(whole, key), hit.value);
  }
});

const key = fc.stringMatching(/^[a-z.[\]:"é][a-z.[\]:é]{0,9}$/).filter((one) => !one.includes('"'));
const value = fc.stringMatching(/^[!-~](?:[ -~]{0,12}[!-~])?$/);

test("Postfix: a text that is printed from its entries holds the same", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([one]) => one }), (entries) => {
      const printed = entries.map(([one, other]) => `${one}\t${other}\n`).join("");
      const table = open("texthash:/map", { "/map": printed });
      assert.deepEqual(
        table.entries().map((entry) => [entry.key, entry.hit.value]),
        entries,
      );
      for (const [one, other] of entries) assert.equal(ask(table, one), other);
    }),
  );
});

test("Postfix: whatever stands in a table, it opens and answers", () => {
  const types = ["texthash", "hash", "regexp", "pcre", "cidr", "inline", "static", "unionmap", "pipemap"];
  const piece = fc.constantFrom(
    "/",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "*",
    "\\",
    "$1",
    "if /",
    "endif",
    "\n",
    " ",
    "a",
    "!",
    "=",
    "?",
    "|",
  );
  const anything = fc.array(fc.oneof(piece, fc.string({ maxLength: 4 }))).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(fc.constantFrom(...types), anything, anything, (type, contents, asked) => {
      for (const spec of [`${type}:/map`, `${type}:{${contents}}`]) {
        const table = open(spec, { "/map": contents });
        assert.ok(["found", "none", "error"].includes(table.lookup(asked).kind));
        assert.ok(Array.isArray(table.entries()));
      }
    }),
  );
});
