import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTableSpec, splitTableList } from "./table-spec.ts";

const lists: readonly [list: string, want: readonly string[]][] = [
  ["hash:/a, texthash:/b lmdb:/c", ["hash:/a", "texthash:/b", "lmdb:/c"]],
  ["", []],
  [" , ,", []],
  ["inline:{ a=b, { c = d e } }, hash:/x,static:{ x y }", ["inline:{ a=b, { c = d e } }", "hash:/x", "static:{ x y }"]],
  ["unionmap:{static:{a b},inline:{x=y}} hash:/x", ["unionmap:{static:{a b},inline:{x=y}}", "hash:/x"]],
  ["hash:/a\n\thash:/b", ["hash:/a", "hash:/b"]],
  ["inline:{ a=b, hash:/x", ["inline:{ a=b, hash:/x"]],
  ["hash:/a} hash:/b", ["hash:/a}", "hash:/b"]],
];

for (const [list, want] of lists) {
  test(`Postfix KEY-1: the tables of ${JSON.stringify(list)}`, () => assert.deepEqual(splitTableList(list), want));
}

const specs: readonly [spec: string, want: string | undefined][] = [
  ["hash:/etc/map", "hash /etc/map"],
  ["proxy:hash:/etc/map", "hash /etc/map"],
  ["proxy:proxy:regexp:/x", "regexp /x"],
  ["inline:{a=b:c}", "inline {a=b:c}"],
  ["hash", undefined],
  ["hash:", undefined],
  [":x", undefined],
  ["proxy:x", undefined],
];

for (const [spec, want] of specs) {
  test(`Postfix table ${spec}`, () => {
    const parsed = parseTableSpec(spec);
    assert.equal(parsed && `${parsed.type} ${parsed.name}`, want);
  });
}
