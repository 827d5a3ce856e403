import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNexthop } from "../../../mail/nexthop.ts";
import { parseHosts } from "./smtp-hosts.ts";

const rows: readonly [text: string, want: string | undefined, shared: boolean][] = [
  ["h1.test, h2.test; [10.1.1.1]:2525; last.test", "[h1.test]:26 [h2.test]:26 [10.1.1.1]:2525 [last.test]:26", true],
  ["h1.test:1025", "[h1.test]:1025", false],
  ["[IPv6:2001:db8::1]", "[2001:db8::1]:26", false],
  ["lookup-mx:example.com", "example.com:26", false],
  ["lookup-mx:example.com:587;h.test", "example.com:587 [h.test]:26", false],
  ["", "", false],
  ["h1.test,", undefined, false],
  ["h1.test:0", undefined, false],
  ["[not an ip", undefined, false],
  ["lookup-mx:[10.1.1.1]", undefined, false],
];

for (const [text, want, shared] of rows) {
  test(`smtp-hosts ${JSON.stringify(text)}`, () => {
    const made = parseHosts(text, 26);
    assert.equal(made.kind === "hosts" ? made.nexthops.map((hop) => formatNexthop(hop)).join(" ") : undefined, want);
    if (made.kind === "hosts") assert.equal(made.shared, shared);
  });
}
