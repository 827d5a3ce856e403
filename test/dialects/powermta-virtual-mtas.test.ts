/**
 * Virtual MTAs as bindings, the choice among them (the reference's case T51 and section 4.2), and routes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../../src/mail/address.ts";
import { formatNexthop } from "../../src/mail/nexthop.ts";
import type { BindingAnswer, Compiled, SubmissionQuestion } from "../../src/policy/dialects/dialect.ts";
import { compilePattern } from "../../src/policy/dialects/powermta/pattern.ts";
import { compiled, compiledWith, lines, mailbox, ruleFor, textsOf } from "./powermta/files.ts";

type Submission = Readonly<{
  headers?: Record<string, string>;
  from?: string;
  to?: readonly string[];
  user?: string;
  client?: string;
  at?: string;
}>;

function submission({
  headers = {},
  from,
  to = ["u@a.test"],
  user,
  client = "127.0.0.1",
  at,
}: Submission): SubmissionQuestion {
  return {
    listener: "smtp",
    localAddress: at as IpAddress | undefined,
    localPort: 25,
    client: client as IpAddress,
    user,
    sender: from === undefined ? undefined : mailbox(from),
    recipients: to.map(mailbox),
    header: (name) => headers[name],
  };
}

function chosen(made: Compiled, message: Submission): string {
  const answer: BindingAnswer | undefined = made.settings.chooseBinding?.choose(submission(message));
  if (answer === undefined) return "no say";
  if (answer.kind === "group") return `${answer.name}(${answer.members.join(",")})`;
  return answer.kind === "reject" ? `reject ${answer.status}` : answer.name;
}

function wanted(made: Compiled, message: Submission = {}): Record<string, string> {
  return Object.fromEntries(made.settings.chooseBinding?.headersWanted(submission(message)) ?? []);
}

const three =
  "<virtual-mta m1>; </virtual-mta>; <virtual-mta m2>; <domain a.test>; require-starttls yes; </domain>; </virtual-mta>; <virtual-mta m3>; </virtual-mta>; <virtual-mta-pool p>; virtual-mta m1; virtual-mta m3; </virtual-mta-pool>";
const list = "<pattern-list l>; rcpt-to /@a.test$/ virtual-mta=m1; </pattern-list>";

test("powermta T51: the header before the pattern list before the default, and it is removed", () => {
  const made = compiled(
    lines(
      `${three}; ${list}; <source 127.0.0.1>; process-x-virtual-mta yes; pattern-list l; default-virtual-mta m3; </source>`,
    ),
  );
  assert.equal(chosen(made, { headers: { "x-virtual-mta": " m2 " } }), "m2");
  assert.equal(chosen(made, {}), "m1");
  assert.equal(chosen(made, { to: ["u@b.test"] }), "m3");
  assert.equal(chosen(made, { client: "192.0.2.1", headers: { "x-virtual-mta": "m2" } }), "{default}");
  assert.deepEqual(wanted(made), { "x-virtual-mta": "remove" });
  assert.deepEqual(wanted(made, { client: "192.0.2.1" }), {});
  assert.equal(ruleFor(made, "a.test", { binding: "m2" }).level.value, "encrypt");
});

const choices: readonly [title: string, source: string, message: Submission, want: string][] = [
  ["a pool", "process-x-virtual-mta yes", { headers: { "x-virtual-mta": "p" } }, "p(m1,m3)"],
  ["an unknown name is refused", "process-x-virtual-mta yes", { headers: { "x-virtual-mta": "m9" } }, "reject 5.3.5"],
  [
    "an unknown name may fall back",
    "process-x-virtual-mta yes; reject-invalid-virtual-mta no",
    { headers: { "x-virtual-mta": "m9" } },
    "m3",
  ],
  ["an empty name is refused", "process-x-virtual-mta yes", { headers: { "x-virtual-mta": " " } }, "reject 5.3.5"],
  [
    "an empty name may stand for the default",
    "process-x-virtual-mta yes; allow-empty-x-virtual-mta yes",
    { headers: { "x-virtual-mta": "" } },
    "{default}",
  ],
  ["not processed", "default-virtual-mta m1", { headers: { "x-virtual-mta": "m2" } }, "m1"],
  ["by the address that was connected to", "default-virtual-mta by-smtp-source-ip", { at: "192.0.2.4" }, "m4"],
  ["by an address that no virtual MTA has", "default-virtual-mta by-smtp-source-ip", { at: "192.0.2.5" }, "{default}"],
];
for (const [title, source, message, want] of choices) {
  test(`powermta virtual MTA: ${title}`, () => {
    const own = "<virtual-mta m4>; smtp-source-host 192.0.2.4 m4.test; </virtual-mta>; invalid-virtual-mta-fallback m3";
    assert.equal(chosen(compiled(lines(`${three}; ${own}; <source 0/0>; ${source}; </source>`)), message), want);
  });
}

test("powermta virtual MTA: retain-x-virtual-mta keeps the field; the listener's source chooses before the address's", () => {
  const made = compiled(
    lines(`${three}; smtp-listener 127.0.0.1:25 source=in; <source in>; default-virtual-mta m1; </source>
    <source 0/0>; default-virtual-mta m2; process-x-virtual-mta yes; retain-x-virtual-mta yes; </source>`),
  );
  assert.equal(chosen(made, { at: "127.0.0.1" }), "m1");
  assert.equal(chosen(made, { at: "127.0.0.9" }), "m2");
  assert.deepEqual(wanted(made), { "x-virtual-mta": "keep" });
});

const patternLists = lines(`${three}
  <pattern-list inner>; mail-from /NEWS/ virtual-mta=m1; </pattern-list>
  <pattern-list l>
  header X-Eval: /^\\s*eval\\s*$/ virtual-mta=m3, recipient-priority=10
  mail-from /newsletter/ <pattern-list>
    rcpt-to /^stud.*@some\\.test$/ virtual-mta=m1
    * virtual-mta=m2
  </pattern-list>
  header x-list /abc/ call-to: inner
  mail-from /(?-i)Boss/ virtual-mta=p
  rcpt-to /urgent/ recipient-priority=90
  rcpt-to /@late\\.test$/ virtual-mta=m3
  </pattern-list>
  <source 0/0>; pattern-list l; default-virtual-mta m9; reject-invalid-virtual-mta no; </source>`);
const matches: readonly [title: string, message: Submission, want: string][] = [
  ["a header field", { headers: { "x-eval": " Eval\r\n" } }, "m3"],
  ["a nested list", { from: "newsletter@x.test", to: ["x@y.test", "stud1@some.test"] }, "m1"],
  ["the rest of a nested list", { from: "newsletter@x.test" }, "m2"],
  ["a list that is called", { from: "news@x.test", headers: { "x-list": "abc" } }, "m1"],
  [
    "nothing in a list that is called (our reading: the search has ended)",
    { from: "x@x.test", to: ["u@late.test"], headers: { "x-list": "abc" } },
    "{default}",
  ],
  ["letter case counts when told", { from: "boss@x.test" }, "{default}"],
  ["a pool", { from: "Boss@x.test" }, "p(m1,m3)"],
  ["a rule that only sets a priority ends the search", { to: ["urgent@late.test"] }, "{default}"],
  ["any recipient is enough", { to: ["u@a.test", "u@late.test"] }, "m3"],
  ["the null sender fits nothing", { to: ["u@a.test"] }, "{default}"],
];
for (const [title, message, want] of matches) {
  test(`powermta pattern list: ${title}`, () => assert.equal(chosen(compiled(patternLists), message), want));
}

test("powermta pattern list: the header fields that it asks for stay in the message", () => {
  assert.deepEqual(wanted(compiled(patternLists)), { "x-eval": "keep", "x-list": "keep" });
});

const wrong: readonly [title: string, text: string, want: RegExp][] = [
  [
    "a list below the source that names it",
    `<source 0/0>; pattern-list l; </source>; ${list}`,
    /there is no pattern-list l before this line/,
  ],
  ["no pattern", "<pattern-list l>; mail-from x virtual-mta=m; </pattern-list>", /there is no \/PATTERN\//],
  ["no result", "<pattern-list l>; mail-from /x/ vmta=m; </pattern-list>", /"vmta=m" is no result/],
  [
    "PCRE that JavaScript has not",
    "<pattern-list l>; mail-from /(?>x)/ virtual-mta=m; </pattern-list>",
    /is not understood/,
  ],
  [
    "a circle of calls",
    "<pattern-list a>; * call-to:b; </pattern-list>; <pattern-list b>; * call-to:a; </pattern-list>",
    /call each other: a > b > a/,
  ],
  ["a call of nothing", "<pattern-list a>; * call-to:z; </pattern-list>", /there is no pattern-list z/],
  [
    "a pool with the name of a virtual MTA",
    "<virtual-mta a>; </virtual-mta>; <virtual-mta-pool a>; </virtual-mta-pool>",
    /has the name of a virtual MTA/,
  ],
  [
    "a member that is not there",
    "<virtual-mta-pool a>; virtual-mta m; </virtual-mta-pool>",
    /there is no virtual-mta m/,
  ],
];
for (const [title, text, want] of wrong) {
  test(`powermta virtual MTA error: ${title}`, () =>
    assert.match(textsOf(compiledWith(lines(text)), "error").join(), want));
}

const expressions: readonly [pcre: string, text: string, fits: boolean | undefined][] = [
  ["^a.c$", "ABC\n", true],
  ["(?-i)^a", "Abc", false],
  ["[[:digit:]]+x", "12x", true],
  ["[^]a]b", "]b", false],
  ["\\x23", "#", true],
  ["a\\/b", "a/b", true],
  ["\\Aa\\z", "a", true],
  ["a++", "aa", undefined],
  ["(?<n>a)", "a", true],
  ["(?R)", "a", undefined],
  ["\\Qa", "a", undefined],
  ["a\\", "a", undefined],
  ["[[:foo:]]", "a", undefined],
];
for (const [pcre, text, fits] of expressions) {
  test(`powermta pattern /${pcre}/`, () => {
    const made = compilePattern(pcre);
    assert.equal(made.kind === "pattern" ? made.tester.test(text) : undefined, fits);
  });
}

test("powermta bindings: source addresses, EHLO names, pools", () => {
  const made = compiled(
    lines(`host-name relay.test; host-name other.test; smtp-source-host 192.0.2.1 out.test
    <virtual-mta m1>; smtp-source-host 192.0.2.2 m1.test; smtp-source-host 2001:db8::2 m1.test; smtp-source-host 192.0.2.3 m1b.test; </virtual-mta>
    <virtual-mta m2>; host-name m2.test; </virtual-mta>; <virtual-mta m3>; smtp-source-host 10/8 m3.test; </virtual-mta>
    <virtual-mta-pool p>; virtual-mta m1; virtual-mta m2; </virtual-mta-pool>`),
  );
  const bindings = (made.settings.bindings ?? []).map((each) => [
    each.name,
    each.group,
    each.sourceAddress4,
    each.sourceAddress6,
    each.ehlo,
  ]);
  assert.deepEqual(bindings, [
    ["{default}", undefined, "192.0.2.1", undefined, "out.test"],
    ["m1", "p", "192.0.2.2", "2001:db8::2", "m1.test"],
    ["m2", "p", "192.0.2.1", undefined, "m2.test"],
    ["m3", undefined, undefined, undefined, "m3.test"],
  ]);
  assert.equal(made.settings.hostname?.value, "relay.test");
  const differs = textsOf(made, "differs").join("\n");
  assert.match(differs, /192.0.2.3 is not used/);
  assert.match(differs, /of the block 10.0.0.0\/8 the system chooses/);
});

const routes =
  lines(
    `<domain *.relay.test>; smtp-hosts h1.test, h2.test:26; [192.0.2.9]:2525; [IPv6:2001:db8::1]; </domain>
  <domain x.relay.test>; smtp-hosts ""; </domain>`.replaceAll(
      "h2.test:26; [192.0.2.9]:2525; [IPv6",
      "h2.test:26, [192.0.2.9]:2525, [IPv6",
    ),
  ) +
  lines(`; <domain look.test>; smtp-hosts lookup-mx:mx.test:587; </domain>; <domain port.test>; default-smtp-port 2525; </domain>
  <domain moved.test>; queue-to big.queue; </domain>; <domain big.queue>; smtp-hosts hub.test; </domain>
  <domain renamed.test>; queue-to psmtp.test; </domain>; <domain old.test>; route hub.test; </domain>
  <virtual-mta m1>; <domain look.test>; smtp-hosts only.test; </domain>; </virtual-mta>; <virtual-mta sink>; <domain *>; type discard; </domain>; </virtual-mta>`);
const wayTo: readonly [to: string, binding: string, want: string][] = [
  ["a.relay.test", "{default}", "[h1.test] [h2.test]:26 [192.0.2.9]:2525 [2001:db8::1]"],
  ["x.relay.test", "{default}", "own"],
  ["look.test", "{default}", "mx.test:587"],
  ["look.test", "m1", "[only.test]"],
  ["port.test", "{default}", "port.test:2525"],
  ["moved.test", "{default}", "[hub.test]"],
  ["renamed.test", "{default}", "psmtp.test"],
  ["old.test", "{default}", "[hub.test]"],
  ["else.test", "{default}", "own"],
  ["a.relay.test", "sink", "defer 4.3.5"],
];
for (const [to, binding, want] of wayTo) {
  test(`powermta route: ${to} by ${binding}`, () => {
    const recipient = mailbox(`u@${to}`);
    const answer = compiled(routes).settings.routing?.route({
      recipient,
      sender: undefined,
      binding,
      bindingGroup: undefined,
    });
    const way =
      answer === undefined
        ? "own"
        : answer.kind === "nexthops"
          ? answer.nexthops.map((each) => formatNexthop(each)).join(" ")
          : `${answer.kind} ${answer.status}`;
    assert.equal(way, want);
  });
}
