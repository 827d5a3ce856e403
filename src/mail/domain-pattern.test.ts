import assert from "node:assert/strict";
import { test } from "node:test";
import { domain } from "./domain.ts";
import { DomainTable, formatDomainPattern, parseDomainPattern } from "./domain-pattern.ts";

function table(...patterns: string[]): DomainTable<string> {
  const made = new DomainTable<string>();
  for (const text of patterns) {
    const pattern = parseDomainPattern(text);
    assert.ok(pattern, text);
    made.set(pattern, formatDomainPattern(pattern));
  }
  return made;
}

const rows: readonly [patterns: string[], name: string, want: string[]][] = [
  [["example.com", ".example.com", "*"], "example.com", ["example.com", "*"]],
  [["example.com", ".example.com", "*"], "a.b.example.com", [".example.com", "*"]],
  [[".com", ".example.com", ".b.example.com"], "a.b.example.com", [".b.example.com", ".example.com", ".com"]],
  [["Exämple.COM."], "xn--exmple-cua.com", ["xn--exmple-cua.com"]],
  [["example.com"], "sub.example.com", []],
];
for (const [patterns, name, want] of rows) {
  test(`DomainTable: ${name} in ${patterns.join(" ")}`, () => {
    const made = table(...patterns);
    assert.deepEqual(made.findAll(domain(name)), want);
    assert.equal(made.find(domain(name)), want[0]);
  });
}

test("parseDomainPattern refuses what is no pattern", () => {
  for (const text of ["", ".", "*.example.com", "a..b", "192.0.2.1", "-a.example", "a b.example"]) {
    assert.equal(parseDomainPattern(text), undefined, text);
  }
});
