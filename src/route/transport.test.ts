import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { parseDomainPattern } from "../mail/domain-pattern.ts";
import { formatNexthop, type Nexthop } from "../mail/nexthop.ts";
import { createTransportTable, type NexthopChoice, type TransportOptions } from "./transport.ts";

function smarthost(name: string): Nexthop {
  return { kind: "host", host: domain(name), isIp: false, port: 25, implicitTls: false };
}

function table(...patterns: string[]) {
  const entries = patterns.map((text) => {
    const pattern = parseDomainPattern(text);
    assert.ok(pattern, text);
    const name = text === "*" ? "any.test" : `${pattern.kind}.test`;
    return { pattern, nexthops: [smarthost(name)] as const };
  });
  return createTransportTable(entries);
}

const to: Record<string, Mailbox["host"]> = {
  "example.com": { kind: "domain", domain: domain("example.com") },
  "sub.example.com": { kind: "domain", domain: domain("sub.example.com") },
  "[9.9.9.9]": { kind: "literal", ip: "9.9.9.9" as IpAddress },
  "[127.0.0.1]": { kind: "literal", ip: "127.0.0.1" as IpAddress },
  "[10.0.0.1]": { kind: "literal", ip: "10.0.0.1" as IpAddress },
  postmaster: undefined,
};

function summary(choice: NexthopChoice): string {
  return choice.kind === "nexthops"
    ? choice.nexthops.map((nexthop) => formatNexthop(nexthop)).join(", ")
    : `${choice.status} ${choice.text}`;
}

const submission = { sender: undefined, binding: "default", bindingGroup: undefined };
const strict: TransportOptions = { submission, defaultPort: 25, allowAddressLiterals: false, allowAddresses: [] };
const literals: TransportOptions = {
  submission,
  defaultPort: 25,
  allowAddressLiterals: true,
  allowAddresses: [{ address: "10.0.0.0" as IpAddress, prefix: 8 }],
};

const rows: readonly [patterns: string[], recipient: string, options: TransportOptions, want: string][] = [
  [[], "example.com", strict, "example.com"],
  [[], "example.com", { ...strict, defaultPort: 2525 }, "example.com:2525"],
  [["example.com", ".example.com", "*"], "example.com", strict, "[exact.test]"],
  [["example.com", ".example.com", "*"], "sub.example.com", strict, "[below.test]"],
  [["example.com"], "sub.example.com", strict, "sub.example.com"],
  [["*"], "example.com", strict, "[any.test]"],
  [[], "[9.9.9.9]", strict, "5.1.2 mail to address literals is not accepted here"],
  [["*"], "[9.9.9.9]", strict, "5.1.2 mail to address literals is not accepted here"],
  [[], "[9.9.9.9]", literals, "[9.9.9.9]"],
  [["*"], "[9.9.9.9]", literals, "[any.test]"],
  [[], "[127.0.0.1]", literals, "5.4.4 [127.0.0.1] is not a public address"],
  [[], "[10.0.0.1]", literals, "[10.0.0.1]"],
  [[], "postmaster", strict, "5.1.3 the recipient has no domain"],
  [["*"], "postmaster", strict, "[any.test]"],
];
for (const [patterns, recipient, options, want] of rows) {
  const literal = options.allowAddressLiterals ? "literals allowed" : "";
  test(`nexthopFor: MX-13 ${recipient} in ${patterns.join(" ") || "no table"} ${literal}`, () => {
    const mailbox: Mailbox = { text: `user@${recipient}`, localPart: "user", host: to[recipient] };
    assert.equal(summary(table(...patterns).nexthopFor(mailbox, options)), want);
  });
}

test("nexthopFor: of two entries for one pattern the later counts", () => {
  const pattern = { kind: "any" } as const;
  const entries = ["first.test", "second.test"].map((name) => ({ pattern, nexthops: [smarthost(name)] as const }));
  const mailbox: Mailbox = { text: "user@example.com", localPart: "user", host: to["example.com"] };
  assert.equal(summary(createTransportTable(entries).nexthopFor(mailbox, strict)), "[second.test]");
});

test("transport: our own entries, then what a configuration says, then the recipient's domain", () => {
  const routing = {
    route: ({ recipient }: { recipient: Mailbox }) =>
      recipient.localPart === "routed"
        ? { kind: "nexthops" as const, nexthops: [smarthost("a.test"), smarthost("b.test")] as const }
        : undefined,
  };
  const pattern = parseDomainPattern("own.test");
  assert.ok(pattern);
  const both = createTransportTable([{ pattern, nexthops: [smarthost("ours.test")] }], routing);
  const mail = (localPart: string, name: string): Mailbox => ({
    text: `${localPart}@${name}`,
    localPart,
    host: { kind: "domain", domain: domain(name) },
  });
  assert.equal(summary(both.nexthopFor(mail("routed", "own.test"), strict)), "[ours.test]");
  assert.equal(summary(both.nexthopFor(mail("routed", "else.test"), strict)), "[a.test], [b.test]");
  assert.equal(summary(both.nexthopFor(mail("other", "else.test"), strict)), "else.test");
});
