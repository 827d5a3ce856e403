/**
 * `<acct-file>` sections are handed on to whoever writes records: what of the reference's cases T31 to T38 can be said of a
 * configuration.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compiled, compiledWith, lines, textsOf } from "./powermta/files.ts";

const seed = readFileSync(new URL("powermta/seed-accounting.conf", import.meta.url), "utf8");

function handedOn(text: string): unknown[] {
  const { settings } = compiled(text);
  return (settings.accounting ?? []).map(({ target, directives }) => [
    target,
    ...directives.map(({ name, value }) => `${name} ${value}`),
  ]);
}

const cases: readonly [title: string, text: string, want: unknown[]][] = [
  [
    "T31, T33: the seed page's accounting file",
    seed,
    [
      [
        "logacct.csv",
        "records d, b",
        "record-fields d *, dlvTlsProtocol, dlvTlsCipher",
        "record-fields b *, dlvTlsProtocol, dlvTlsCipher",
      ],
    ],
  ],
  ["T32: without record-fields", lines("<acct-file a.csv>; records d; </acct-file>"), [["a.csv", "records d"]]],
  [
    "T34: long names of record types",
    lines(
      "<acct-file a.csv>; records d,b; record-fields delivery timeLogged,orig; record-fields bounce timeLogged,bounceCat; </acct-file>",
    ),
    [["a.csv", "records d,b", "record-fields delivery timeLogged,orig", "record-fields bounce timeLogged,bounceCat"]],
  ],
  [
    "T35: fields taken out and added",
    lines("<acct-file a.csv>; record-fields d *,!orcpt,header_X-Id; </acct-file>"),
    [["a.csv", "record-fields d *,!orcpt,header_X-Id"]],
  ],
  [
    "T36: a command behind |",
    lines("<acct-file |/bin/write --csv>; records d; </acct-file>"),
    [["|/bin/write --csv", "records d"]],
  ],
  [
    "T37: max-size, and two files in their order",
    lines("<acct-file a.csv>; max-size 1M; </acct-file>; <acct-file b.csv>; </acct-file>"),
    [["a.csv", "max-size 1M"], ["b.csv"]],
  ],
];
for (const [title, text, want] of cases)
  test(`powermta ${title} (handed on)`, () => assert.deepEqual(handedOn(text), want));

test("powermta T38: move-interval without move-to is warned of (handed on)", () => {
  const made = compiled(lines("<acct-file a.csv>; move-interval 5m; </acct-file>"));
  assert.deepEqual(textsOf(made, "warning"), ["2: move-interval has no effect without move-to"]);
  assert.deepEqual(
    textsOf(compiled(lines("<acct-file a.csv>; move-interval 5m; move-to /x; </acct-file>")), "warning"),
    [],
  );
});

test("powermta: records twice is warned of, an unknown directive in it is an error", () => {
  assert.match(
    textsOf(compiled(lines("<acct-file a>; records d; records b; </acct-file>")), "warning").join(),
    /written twice/,
  );
  assert.match(
    textsOf(compiledWith(lines("<acct-file a>; header x; </acct-file>")), "error").join(),
    /header cannot stand in <acct-file>/,
  );
});
