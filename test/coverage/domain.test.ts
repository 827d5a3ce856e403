/**
 * One normal form for every spelling of a domain (AT-27, EX-13, RS-14), found in bounded time; and the same name for
 * policy, routing and certificates from intake on.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDomain } from "../../src/mail/domain.ts";
import { DomainTable, parseDomainPattern } from "../../src/mail/domain-pattern.ts";
import { parsePath } from "../../src/smtp/path.ts";

const label63 = "l".repeat(63);

const rows: readonly [name: string, text: string, want: string | undefined][] = [
  ["as it is", "mx.example.com", "mx.example.com"],
  ["upper case", "MX.Example.COM", "mx.example.com"],
  ["one trailing dot", "mx.example.com.", "mx.example.com"],
  ["two trailing dots", "mx.example.com..", undefined],
  ["a U-label", "bücher.example", "xn--bcher-kva.example"],
  ["a U-label in upper case", "BÜCHER.example", "xn--bcher-kva.example"],
  ["a U-label, decomposed", "bu\u0308cher.example", "xn--bcher-kva.example"],
  ["an A-label in mixed case", "XN--BCHER-KVA.Example", "xn--bcher-kva.example"],
  ["an A-label with a U-label inside", "xn--bücher.example", undefined],
  ["an A-label that decodes to nothing", "xn--.example", undefined],
  ["an A-label that is not Punycode", "xn--a.example", undefined],
  ["an A-label for an ASCII name", "xn--example-.com", undefined],
  ["full-width dot", "example\uff0ecom", "example.com"],
  ["ideographic dot", "example\u3002com", "example.com"],
  ["half-width ideographic dot", "example\uff61com", "example.com"],
  ["a character that decomposes into dots", "a\u2025b.example", undefined],
  ["a one-dot leader", "example\u2024com", undefined],
  ["full-width letters", "ｅxample.com", "example.com"],
  ["the Kelvin sign", "\u212aelvin.example", "kelvin.example"],
  ["zero-width space", "exa\u200bmple.com", "example.com"],
  ["zero-width joiner where none belongs", "exa\u200dmple.com", undefined],
  ["zero-width non-joiner where none belongs", "exa\u200cmple.com", undefined],
  ["soft hyphen", "exa\u00admple.com", "example.com"],
  ["right-to-left override", "exa\u202emple.com", undefined],
  ["left and right mixed in one label", "\u0627a.example", undefined],
  ["a right-to-left label", "\u05d0\u05d1.example", "xn--4dbc.example"],
  ["a confusable stays another name", "ex\u0430mple.com", "xn--exmple-4nf.com"],
  ["sharp s is not ss", "fa\u00df.example", "xn--fa-hia.example"],
  ["a lone surrogate", "a\ud800.example", undefined],
  ["a label of 63", `${label63}.example`, `${label63}.example`],
  ["a label of 64", `${label63}l.example`, undefined],
  ["a U-label whose A-label has 64", `${"ü".repeat(58)}.example`, undefined],
  [
    "a name of 253",
    `${label63}.${label63}.${label63}.${"l".repeat(61)}`,
    `${label63}.${label63}.${label63}.${"l".repeat(61)}`,
  ],
  ["a name of 254", `${label63}.${label63}.${label63}.${"l".repeat(62)}`, undefined],
  ["an empty label", "a..example", undefined],
  ["a leading dot", ".example", undefined],
  ["nothing", "", undefined],
  ["a dot", ".", undefined],
  ["an address", "192.0.2.1", undefined],
  ["an address in full-width digits", "１９２.0.2.1", undefined],
  ["an address as one number", "3221225985", undefined],
  ["NUL", "a\0.example", undefined],
  ["a line break", "a.example\n", undefined],
  ["a blank", "a .example", undefined],
  ["an at sign", "a@b.example", undefined],
  ["a wildcard", "*.example", undefined],
  ["hyphens at the ends", "-a-.example", undefined],
];

for (const [name, text, want] of rows) {
  test(`AT-27 domain: ${name}`, () => assert.equal(parseDomain(text), want));
}

const spellings = [
  "bücher.example",
  "BÜCHER.EXAMPLE.",
  "xn--bcher-kva.example",
  "XN--BCHER-KVA.example",
  "bücher．example",
];

test("AT-27: a rule found under one spelling is found under every other", () => {
  for (const written of spellings) {
    const table = new DomainTable<string>();
    const pattern = parseDomainPattern(written);
    assert.ok(pattern !== undefined);
    table.set(pattern, "strict");
    for (const asked of spellings) {
      const path = parsePath(`<user@${asked}>`, 0, { utf8: true });
      assert.ok(path.kind === "mailbox" && path.mailbox?.host?.kind === "domain", asked);
      assert.equal(table.find(path.mailbox.host.domain), "strict", `${written}, ${asked}`);
    }
  }
});

test("AT-27: no name of a command line's length costs more than a moment", () => {
  const hostile = [
    "xn--bcher-kva.".repeat(290),
    Array.from({ length: 1300 }, (_, at) => String.fromCodePoint(0x4e00 + at * 7)).join(""),
    "ü.".repeat(1300),
    "\u200b".repeat(1300),
    `a${"\u0301\u0327".repeat(900)}`,
  ];
  const started = performance.now();
  for (let round = 0; round < 20; round++) for (const text of hostile) assert.equal(parseDomain(text), undefined);
  assert.ok(performance.now() - started < 500);
});
