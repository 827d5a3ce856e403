import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../../mail/address.ts";
import { domain } from "../../mail/domain.ts";
import { parseDomainPattern } from "../../mail/domain-pattern.ts";
import type { Compiled, DialectListener, ExportedRule } from "../../policy/dialects/dialect.ts";
import type { InboundRule, Origin, PeerRequirement } from "../../policy/rules.ts";
import { loadSettings } from "../load.ts";
import { formatProblem } from "../problem.ts";
import { textFiles } from "../text-files.ts";
import { writeConfiguration } from "./write-configuration.ts";

const from: Origin = { source: "postfix", file: "/m", line: 3, column: 1, scope: "smtpd" };
const digest = "ab".repeat(32);

function listener(change: Partial<DialectListener> = {}): DialectListener {
  return { name: "25", address: "192.0.2.1" as IpAddress, port: 25, implicitTls: false, from, ...change };
}

function rule(settings: Readonly<Record<string, unknown>>): InboundRule {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, key === "requirements" ? value : { value, from }]),
  );
}

function taken(inbound: InboundRule, more: Partial<Compiled["settings"]> = {}, exported: readonly ExportedRule[] = []) {
  return writeConfiguration(
    {
      source: { name: "postfix", outbound: () => undefined, candidates: () => [], inbound: () => inbound },
      settings: { listeners: [listener()], ...more },
      export: () => exported,
    },
    "postfix",
  );
}

/** What our own loader makes of it. */
function readBack(text: string) {
  const machine = { hostname: "mx.example.com", processors: 1 };
  const { settings, problems } = loadSettings({ path: "/x.yaml", text, reader: textFiles({}), machine });
  const errors = problems.filter(({ severity }) => severity === "error");
  const ours = errors.filter(({ message }) => !message.startsWith("cannot read the"));
  assert.deepEqual(ours.map(formatProblem), [], text);
  return settings;
}

function words(inbound: InboundRule | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(inbound ?? {}).map(([key, each]) => [key, "value" in each ? (each.value as unknown) : each]),
  );
}

test("import: a listener in clear with what is said of it reads back as it is", () => {
  const said = {
    starttls: "never",
    auth: "always",
    authRequired: true,
    mechanisms: ["PLAIN", "LOGIN"],
    pipelined: "discard",
    mailWithoutHello: true,
    wording: "postfix",
    barred: false,
    refuse: "not now",
  };
  const { text } = taken(rule(said));
  const [read, ...others] = readBack(text)?.listeners ?? [];
  assert.deepEqual(words(read?.rule), said);
  assert.deepEqual([read?.address, read?.port, read?.implicitTls, others.length], ["192.0.2.1", 25, false, 0]);
  assert.match(text, /# \/m:3\n/);
});

const files = { certificate: "/c.pem", key: "/k.pem", encrypted: false };
const credential = { name: "c", id: "1", certificateChain: "", privateKey: "", files };
const certificates = { default: { credentials: [credential], names: [] }, others: [] };

test("import: certificates, client certificates and relaying by them", () => {
  const pins = [{ of: "certificate", algorithm: "sha256", digest }];
  const { text } = taken(
    rule({
      starttls: "require",
      certificates,
      protocols: { min: "TLSv1.3", max: "TLSv1.3" },
      clientCertificate: "require-trusted",
      clientAnchors: { kind: "system" },
      clientPurpose: "client",
      relayByCertificate: {
        kind: "match",
        pins,
        names: [{ kind: "below", name: domain("a.example") }],
        issuers: ["CN=x"],
      },
    }),
  );
  for (const line of [
    "tls: starttls",
    "require-tls: true",
    "certificate:\n      - certificate-1",
    "protocols:\n      - TLSv1.3",
    "client-certificate: require",
    "client-ca: system",
    "client-purpose: client",
    `fingerprints:\n        - certificate-sha256:${digest}`,
    "names:\n        - .a.example",
    "issuers:\n        - CN=x",
  ]) {
    assert.ok(text.includes(line), `${line}\n${text}`);
  }
  readBack(text);
});

test("import: CAs taken over do not begin to count for the certificates of servers", () => {
  const { text } = taken(rule({ certificates, clientCertificate: "ask", clientAnchors: { kind: "system" } }));
  assert.match(text, /client-ca: system\n\s*client-purpose: client\n/);
});

const requirement: PeerRequirement = {
  from,
  text: "VERIFY:128",
  of: "client",
  verify: true,
  bits: { atLeast: 128, digits: "128" },
  extensions: [],
  reply: { code: 454, status: "4.7.0" },
};

test("import: a demand of clients is written, and one that cannot be takes no mail", () => {
  const one = taken(rule({ starttls: "never", requirements: [requirement], requirementsAt: "rcpt" }));
  assert.match(one.text, /demand-of-client: VERIFY:128\n {4}demand-at: rcpt/);
  const two = taken(rule({ starttls: "never", requirements: [requirement, requirement] }));
  assert.match(two.text, /refuse: "?not taken over: a demand of clients/);
  const [read] = readBack(one.text)?.listeners ?? [];
  assert.equal(read?.rule.requirements?.[0]?.text, "VERIFY:128");
});

const lost: readonly (readonly [name: string, inbound: Readonly<Record<string, unknown>>, why: RegExp])[] = [
  ["an open relay", { starttls: "never", relay: true }, /everybody may send to anywhere: an open relay/],
  [
    "relaying by whatever CA",
    { starttls: "never", relayByCertificate: { kind: "trusted" } },
    /relaying by certificate/,
  ],
  ["users by certificate", { starttls: "never", userByCertificate: [] }, /users by certificate/],
  [
    "a reply of its own",
    { starttls: "never", rejected: { code: 550, status: "5.7.1", text: "no", at: "rcpt" } },
    /a reply of its own/,
  ],
  ["no certificate", { starttls: "offer" }, /no certificate for it can be written/],
];

for (const [name, inbound, why] of lost) {
  test(`import: ${name} is told and not written`, () => {
    const { text, left } = taken(rule(inbound));
    assert.ok(
      left.some((each) => why.test(each.why)),
      JSON.stringify(left),
    );
    assert.ok(left.some((each) => each.why.includes("keep that configuration in policy:")));
    const read = readBack(text)?.listeners.find(({ port }) => port === 25)?.rule;
    assert.equal(read?.relay, undefined);
    if (inbound.rejected !== undefined) assert.equal(read?.refuse?.value, "no");
  });
}

test("import: AUTH required and never offered takes no mail here either", () => {
  const { text } = taken(rule({ starttls: "never", authRequired: true }));
  assert.match(text, /refuse: "?not taken over: mail after AUTH alone/);
  readBack(text);
});

test("import: what the source itself tells of that line is not told twice", () => {
  const cannot = { kind: "cannot", from, written: "listen", why: "yours to write" } as const;
  assert.deepEqual(taken(rule({ starttls: "never" }), {}, [cannot]).left, [
    { from, written: "listen", why: "yours to write" },
  ]);
});

test("import: relay domains, but not every domain; users by number", () => {
  const domains = ["a.example", ".b.example", "*"].map((text) => parseDomainPattern(text) ?? assert.fail(text));
  const users = [{ name: "ann", secret: "verysecret" }] as unknown as NonNullable<Compiled["settings"]["users"]>;
  const { text, left } = taken(rule({ starttls: "never" }), { relayDomains: domains, users });
  assert.deepEqual(readBack(text)?.relayDomains, domains.slice(0, 2));
  assert.deepEqual(
    left.map(({ written }) => written),
    ["relay domains", "users", "listener 192.0.2.1:25"],
  );
  assert.doesNotMatch(text, /verysecret/);
});

test("import: a listener that the source opens only by default is not written", () => {
  const { text } = taken(rule({ starttls: "never" }), {
    listeners: [listener({ from: { ...from, line: undefined } })],
  });
  assert.doesNotMatch(text, /listeners/);
});
