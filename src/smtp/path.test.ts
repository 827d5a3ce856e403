import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseMailbox, parsePath } from "./path.ts";

/** `text | host`, `<>`, or what is wrong. */
function summary(text: string, utf8 = false): string {
  const path = parsePath(text, 0, { utf8 });
  if (path.kind === "bad") return path.problem;
  assert.ok(path.end <= text.length);
  const { mailbox } = path;
  if (mailbox === undefined) return "<>";
  const { host } = mailbox;
  if (host === undefined) return mailbox.text;
  return `${mailbox.text} | ${host.kind === "domain" ? host.domain : host.ip}`;
}

const rows: readonly [name: string, text: string, want: string, utf8?: boolean][] = [
  ["the plain case", "<user@example.com>", "user@example.com | example.com"],
  ["what follows is left alone", "<user@example.com> SIZE=1", "user@example.com | example.com"],
  ["SR-13: the null path", "<>", "<>"],
  ["SR-2: postmaster, any case", "<PostMaster>", "PostMaster"],
  ["no other name without a domain", "<user>", "syntax"],
  ["SR-11: domain in lower case, local part as it is", "<User@EXAMPLE.Com>", "User@example.com | example.com"],
  ["a trailing dot goes", "<user@example.com.>", "user@example.com | example.com"],
  ["SR-12: a source route is dropped", "<@a.example,@b.example:user@example.com>", "user@example.com | example.com"],
  ["a source route to nobody", "<@a.example:>", "syntax"],
  ["SR-26: IPv4 literal", "<user@[192.0.2.1]>", "user@[192.0.2.1] | 192.0.2.1"],
  ["SR-26: IPv6 literal", "<user@[ipv6:2001:DB8:0::1]>", "user@[IPv6:2001:db8::1] | 2001:db8::1"],
  ["IPv6 without its tag", "<user@[2001:db8::1]>", "domain"],
  ["an IPv4 address with the tag", "<user@[IPv6:192.0.2.1]>", "domain"],
  ["octal IPv4", "<user@[192.0.2.010]>", "domain"],
  ["an address without brackets", "<user@192.0.2.1>", "domain"],
  ["an unknown literal tag", "<user@[x400:abc]>", "domain"],
  ["AT-29: quoted local part", '<"a > \\" @ b"@example.com>', '"a > \\" @ b"@example.com | example.com'],
  ["AT-29: a quote that does not end", '<"a@example.com>', "syntax"],
  ["AT-29: a control in quotes", '<"a\x1b"@example.com>', "syntax"],
  ["AT-29: percent and bang are plain text", "<a!b%c@example.com>", "a!b%c@example.com | example.com"],
  ["AT-29: two at signs", "<a@b.example@c.example>", "syntax"],
  ["empty atoms", "<a..b@example.com>", "syntax"],
  ["a leading dot", "<.a@example.com>", "syntax"],
  ["a blank", "<a b@example.com>", "syntax"],
  ["no domain after the at", "<a@>", "syntax"],
  ["no local part", "<@example.com>", "syntax"],
  ["no closing bracket", "<a@example.com", "syntax"],
  ["no bracket at all", "a@example.com", "syntax"],
  ["nothing", "", "syntax"],
  ["SR-21: a local part of 64", `<${"a".repeat(64)}@example.com>`, `${"a".repeat(64)}@example.com | example.com`],
  ["a local part of 257", `<${"a".repeat(257)}@example.com>`, "syntax"],
  ["AT-27: a label of 64", `<a@${"b".repeat(64)}.example>`, "domain"],
  ["AT-27: an A-label in any case", "<a@XN--BCHER-KVA.example>", "a@xn--bcher-kva.example | xn--bcher-kva.example"],
  ["EX-14: UTF-8 local part, not asked for", "<ü@example.com>", "utf8"],
  ["EX-14: UTF-8 domain, not asked for", "<a@bücher.example>", "utf8"],
  ["UTF-8 local part", "<ü@EXAMPLE.com>", "ü@example.com | example.com", true],
  ["UTF-8 domain stays as written", "<a@Bücher.example>", "a@Bücher.example | xn--bcher-kva.example", true],
  ["AT-27: full-width dot", "<a@example．com>", "a@example．com | example.com", true],
  ["AT-27: right-to-left override in a domain", "<a@exa\u202emple.com>", "domain", true],
  ["bytes that were no UTF-8", "<\ufffd@example.com>", "syntax", true],
  ["a C1 control", "<\u0085@example.com>", "syntax", true],
];

for (const [name, text, want, utf8] of rows) {
  test(`path: ${name}`, () => assert.equal(summary(text, utf8), want));
}

test("path: parseMailbox wants one mailbox and nothing else", () => {
  assert.equal(parseMailbox("user@Example.com")?.text, "user@example.com");
  assert.equal(parseMailbox("user@example.com> NOTIFY=NEVER"), undefined);
  assert.equal(parseMailbox(""), undefined);
});

test("path: any text is a value, and what was read reads the same again", () => {
  const noise = fc.string({ unit: fc.constantFrom(...'<>@.,:;"\\[] a1-ü\0\r\n'), maxLength: 40 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        noise,
        noise.map((text) => `<${text}>`),
      ),
      fc.boolean(),
      (text, utf8) => {
        const path = parsePath(text, 0, { utf8 });
        if (path.kind === "bad" || path.mailbox === undefined) return;
        assert.deepEqual(parsePath(`<${path.mailbox.text}>`, 0, { utf8 }), {
          kind: "mailbox",
          mailbox: path.mailbox,
          end: path.mailbox.text.length + 2,
        });
      },
    ),
    { numRuns: 3000 },
  );
});

test("path: long hostile text takes no long time", () => {
  for (const text of [`<${"a.".repeat(20000)}`, `<"${"\\a".repeat(20000)}`, `<${"@a,".repeat(20000)}:b@c>`]) {
    assert.equal(parsePath(text, 0, { utf8: true }).kind, "bad");
  }
});
