import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { formatReply, type Reply } from "../mail/reply.ts";
import type {
  DemandAnswer,
  InboundDemand,
  InboundRule,
  Origin,
  PeerRequirement,
  PolicySource,
} from "../policy/rules.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import { sampleClientCa, sampleClientHandshake } from "../tls/client-sample.ts";
import { type TrustAnchors, trustBundle } from "../tls/handshake-settings.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";
import type { User } from "../users/user.ts";
import { sampleUser } from "../users/user-sample.ts";
import { type SampleSetting, sampleAnchors, sampleCheck } from "./check-sample.ts";
import {
  insideTls,
  noCertificate,
  said,
  sampleOrigin,
  sampleSender,
  sampleSession,
  sampleSource,
  untrustedClient,
} from "./session-sample.ts";

const theirs = trustBundle([sampleClientCa.replace("MDAw", "MTEx")], ["theirs.pem"]);

const checks = (setting: SampleSetting) => sampleCheck(setting, { now: () => 0 } as never);

/** What a client hears at MAIL and, if that is taken, at RCPT. */
function dialogue(
  session: Partial<SessionFacts>,
  setting: SampleSetting,
  { from = "a@sender.example" as string | undefined, to = "b@ours.example" } = {},
): string {
  const { checkSender, checkRecipient } = checks(setting);
  const recipient = parseMailbox(to) ?? assert.fail(to);
  const tell = (reply: Reply | undefined) => (reply === undefined ? "250" : formatReply(reply));
  const facts = sampleSession(session);
  const mail = checkSender(facts, sampleSender(from));
  return mail === undefined ? `250, ${tell(checkRecipient(facts, sampleSender(from), recipient))}` : tell(mail);
}

function demand(change: Partial<InboundDemand> = {}): InboundDemand {
  return {
    from: sampleOrigin,
    text: "require-tls: encrypted",
    level: "encrypted",
    mode: "enforce",
    answer: { code: 550, status: "5.7.10" },
    ...change,
  };
}

function demanding(answer: DemandAnswer, atRecipient = false): PolicySource {
  return sampleSource({
    demands: ({ recipient }) => [atRecipient && recipient === undefined ? { kind: "at-recipient" } : answer],
  });
}

const encrypted: DemandAnswer = { kind: "demand", demand: demand() };
const needsTls = "550 5.7.10 TLS is required for this mail: issue STARTTLS first";
const unsureText =
  "451 4.4.3 The name of your host cannot be looked up now, and what this mail needs hangs on it: try again later";
const rows: readonly [name: string, session: Partial<SessionFacts>, sources: readonly PolicySource[], want: string][] =
  [
    ["nobody demands anything", {}, [], "250, 250"],
    ["a demand in clear", {}, [demanding(encrypted)], needsTls],
    ["the same inside TLS", insideTls(noCertificate), [demanding(encrypted)], "250, 250"],
    ["a demand that hangs on the recipient", {}, [demanding(encrypted, true)], `250, ${needsTls}`],
    ["monitored", {}, [demanding({ kind: "demand", demand: demand({ mode: "monitor" }) })], "250, 250"],
    ["unsure and unmet", {}, [demanding({ ...encrypted, unsure: true })], unsureText],
    ["unsure and met", insideTls(), [demanding({ ...encrypted, unsure: true })], "250, 250"],
    ["sure goes before unsure", {}, [demanding({ ...encrypted, unsure: true }), demanding(encrypted)], needsTls],
    [
      "unsure and monitored",
      {},
      [demanding({ kind: "demand", demand: demand({ mode: "monitor" }), unsure: true })],
      "250, 250",
    ],
    [
      "each source's must be met",
      {},
      [demanding({ kind: "demand", demand: demand({ level: "none" }) }), demanding(encrypted)],
      needsTls,
    ],
    [
      "an exception that has ended",
      {},
      [
        demanding({
          kind: "demand",
          demand: demand({ exception: { expiresAt: 0, owner: undefined, reason: undefined } }),
        }),
      ],
      "250, 250",
    ],
  ];
for (const [name, session, sources, want] of rows) {
  test(`envelope: ${name}`, () => assert.equal(dialogue(session, { sources }), want));
}

// --- Sendmail -----------------------------------------------------------------------------------------------------

const bits: PeerRequirement = {
  from: sampleOrigin,
  text: "ENCR:112",
  of: "client",
  verify: false,
  bits: { atLeast: 112, digits: "112" },
  extensions: [],
  reply: { code: 454, status: "4.7.0" },
};
const tooWeak = "454 4.7.0 encryption too weak 0 less than 112";
const late: InboundRule = { requirements: [bits], requirementsAt: said("rcpt") };
const requirementRows: readonly [string, InboundRule, Partial<SessionFacts>, string][] = [
  ["sendmail 64 MAIL in clear", { requirements: [bits] }, {}, tooWeak],
  ["sendmail 64 then inside TLS", { requirements: [bits] }, insideTls(noCertificate), "250, 250"],
  ["sendmail 75 delay_checks", late, {}, `250, ${tooWeak}`],
  ["sendmail 75 delay_checks, inside TLS", late, insideTls(noCertificate), "250, 250"],
  [
    "inside TLS they are held at MAIL whatever is delayed",
    { ...late, requirements: [{ ...bits, verify: true }] },
    insideTls(noCertificate),
    "454 4.7.0 not authenticated",
  ],
  [
    "a client that was rejected, at its recipients",
    { rejected: said({ code: 550, status: "5.7.1", text: "Access denied", at: "rcpt" }) },
    {},
    "250, 550 5.7.1 Access denied",
  ],
];
for (const [name, rule, session, want] of requirementRows) {
  test(`envelope: ${name}`, () => assert.equal(dialogue(session, { rule }), want));
}
test("envelope: sendmail 73 the null sender is held to them too", () => {
  assert.equal(dialogue({}, { rule: { requirements: [bits] } }, { from: undefined }), tooWeak);
});

// --- users and relaying -------------------------------------------------------------------------------------------

const login = { login: { user: "alice", by: "PLAIN" } } as const;
const inVain = "250, 550 5.7.1 relaying denied";
const gone = "530 5.7.0 Authentication required: this log-in does not hold any more";
const elsewhere = { to: "b@else.example" };
const alice = (change: Partial<User>): SampleSetting => ({ users: [sampleUser(change)] });
const userRows: readonly [string, Partial<SessionFacts>, SampleSetting, Parameters<typeof dialogue>[2], string][] = [
  ["SR-14 a stranger to elsewhere", {}, {}, elsewhere, inVain],
  ["a user to elsewhere", login, alice({}), elsewhere, "250, 250"],
  ["a user who may not", login, alice({ mayRelay: false }), elsewhere, inVain],
  ["a user who may not, to us", login, alice({ mayRelay: false }), {}, "250, 250"],
  ["his own sender", login, alice({ senders: [{ address: "a@sender.example" }] }), {}, "250, 250"],
  [
    "another sender",
    login,
    alice({ senders: [{ address: "b@sender.example" }] }),
    {},
    "553 5.7.1 This account may not send from that address",
  ],
  ["a user whom a reload took away", login, {}, {}, gone],
  ["a user who may not be there any more", login, alice({ networks: [] }), {}, gone],
  ["a user who needs TLS", login, alice({ requireTls: "encrypted" }), {}, gone],
  [
    "a user who needs a trusted certificate",
    { ...login, ...insideTls(untrustedClient) },
    alice({ requireTls: "trusted" }),
    {},
    gone,
  ],
  ["and has one", { ...login, ...insideTls() }, alice({ requireTls: "trusted" }), elsewhere, "250, 250"],
  ["a client of a rule's network", {}, { rule: { relay: said(true) } }, elsewhere, "250, 250"],
  ["postfix INB-17", insideTls(), { rule: { relayByCertificate: said({ kind: "trusted" }) } }, elsewhere, "250, 250"],
  [
    "INB-17 under CAs that the rule does not name",
    insideTls(),
    { rule: { relayByCertificate: said({ kind: "trusted" }), clientAnchors: said(theirs) } },
    elsewhere,
    inVain,
  ],
  [
    "postfix PT-93 in Postfix's words",
    insideTls(),
    { rule: { relayByCertificate: said({ kind: "match", pins: [] }), wording: said("postfix") } },
    elsewhere,
    "250, 554 5.7.1 Relay access denied",
  ],
];
for (const [name, session, setting, envelope, want] of userRows) {
  test(`envelope: ${name}`, () => assert.equal(dialogue(session, setting, envelope), want));
}

// --- properties ---------------------------------------------------------------------------------------------------

/** What each party has said, apart from how any of our code keeps it. */
type Wish = Readonly<{
  level: InboundDemand["level"];
  bits: number;
  anchors: "rule" | "ours" | "theirs";
  monitor: boolean;
  unsure: boolean;
  at: "mail" | "rcpt";
}>;
type Table = Readonly<{
  tls: "clear" | 128 | 256;
  shown: "nothing" | "trusted" | "untrusted";
  ruleTrusts: boolean;
  wishes: readonly Wish[];
  relay: boolean;
  user: "none" | "may" | "may-not";
  certificateRelays: boolean;
  toUs: boolean;
}>;

const table: fc.Arbitrary<Table> = fc.record({
  tls: fc.constantFrom<Table["tls"]>("clear", 128, 256),
  shown: fc.constantFrom<Table["shown"]>("nothing", "trusted", "untrusted"),
  ruleTrusts: fc.boolean(),
  wishes: fc.array(
    fc.record({
      level: fc.constantFrom<Wish["level"]>("none", "encrypted", "trusted", "matching"),
      bits: fc.constantFrom(0, 128, 256),
      anchors: fc.constantFrom<Wish["anchors"]>("rule", "ours", "theirs"),
      monitor: fc.boolean(),
      unsure: fc.boolean(),
      at: fc.constantFrom<Wish["at"]>("mail", "rcpt"),
    }),
    { maxLength: 3 },
  ),
  relay: fc.boolean(),
  user: fc.constantFrom<Table["user"]>("none", "may", "may-not"),
  certificateRelays: fc.boolean(),
  toUs: fc.boolean(),
});

const sets: Readonly<Record<Wish["anchors"], TrustAnchors | undefined>> = {
  rule: undefined,
  ours: sampleAnchors,
  theirs,
};

function heard({ tls, shown, ruleTrusts, wishes, relay, user, certificateRelays, toUs }: Table): string {
  const sources = wishes.map(({ level, bits: least, anchors, monitor, unsure, at }) => {
    const own = sets[anchors];
    return demanding(
      {
        kind: "demand",
        demand: demand({
          level,
          mode: monitor ? "monitor" : "enforce",
          names: [{ kind: "name", name: domain("mail.example.net") }],
          ...(least === 0 ? {} : { minCipherBits: least }),
          ...(own === undefined ? {} : { anchors: own }),
        }),
        ...(unsure ? { unsure: true as const } : {}),
      },
      at === "rcpt",
    );
  });
  const rule: InboundRule = {
    clientAnchors: said(ruleTrusts ? sampleAnchors : theirs),
    relay: said(relay),
    ...(certificateRelays ? { relayByCertificate: said({ kind: "trusted" } as const) } : {}),
  };
  const certificates: Readonly<Record<Table["shown"], Partial<HandshakeFacts>>> = {
    nothing: noCertificate,
    untrusted: untrustedClient,
    trusted: { chain: sampleClientHandshake.chain },
  };
  const session = {
    clientAddress: "198.51.100.9" as IpAddress,
    ...(tls === "clear" ? {} : insideTls({ ...certificates[shown], bits: tls })),
    ...(user === "none" ? {} : login),
  };
  const users = user === "none" ? [] : [sampleUser({ mayRelay: user === "may" })];
  return dialogue(session, { rule, sources, users }, toUs ? {} : elsewhere);
}

/** Is every wish that is surely or perhaps meant fulfilled, and is there a right to send it there? Said anew. */
function ought({ tls, shown, ruleTrusts, wishes, relay, user, certificateRelays, toUs }: Table): boolean {
  const fulfilled = wishes.every(({ level, bits: least, anchors, monitor }) => {
    if (monitor || level === "none") return true;
    if (tls === "clear" || tls < least) return false;
    if (level === "encrypted") return true;
    return shown === "trusted" && (anchors === "ours" || (anchors === "rule" && ruleTrusts));
  });
  const byCertificate = certificateRelays && tls !== "clear" && shown === "trusted" && ruleTrusts;
  return fulfilled && (toUs || relay || user === "may" || byCertificate);
}

test("envelope: no combination lets mail in that a fitting demand forbids or that has no right to go there", () => {
  fc.assert(
    fc.property(table, (one) => assert.equal(heard(one) === "250, 250", ought(one), heard(one))),
    { numRuns: 3000 },
  );
});

test("envelope: a demand in monitor mode never changes an answer", () => {
  fc.assert(
    fc.property(table, (one) => {
      const without = { ...one, wishes: one.wishes.filter(({ monitor }) => !monitor) };
      assert.equal(heard(one), heard(without));
    }),
    { numRuns: 1000 },
  );
});

test("envelope: what hangs on an unknown name alone is never refused for good", () => {
  fc.assert(
    fc.property(table, (one) => {
      const unsure = { ...one, toUs: true, wishes: one.wishes.map((wish) => ({ ...wish, unsure: true })) };
      assert.match(heard(unsure), /^(250, )?(250|451 4\.4\.3 .*)$/);
    }),
    { numRuns: 1000 },
  );
});

test("envelope: one more demand never lets more in", () => {
  fc.assert(
    fc.property(table, ({ wishes: [first, ...rest], ...one }) => {
      if (first === undefined) return;
      const more = heard({ ...one, wishes: [first, ...rest] });
      if (more === "250, 250") assert.equal(heard({ ...one, wishes: rest }), more);
    }),
    { numRuns: 1000 },
  );
});

test("what rules give to whoever logged in ends with the log-in, also in the middle of a transaction", () => {
  const facts = sampleSession({ ...insideTls(), login: { user: "alice", by: "PLAIN" } });
  const recipient = parseMailbox("b@elsewhere.example") ?? assert.fail();
  const sender = sampleSender("a@sender.example");
  const relaying = sampleSource({ inbound: ({ user }) => (user === undefined ? undefined : { relay: said(true) }) });
  const before = checks({ users: [sampleUser()], sources: [relaying] });
  assert.equal(before.checkSender(facts, sender), undefined);
  assert.equal(before.checkRecipient(facts, sender, recipient), undefined);
  const reloaded = checks({ sources: [relaying] });
  assert.equal(reloaded.checkRecipient(facts, sender, recipient)?.code, 530);
});

const theirOrigin: Origin = { ...sampleOrigin, source: "momentum" };
const asServer = insideTls({
  chain: {
    kind: "untrusted",
    code: "INVALID_PURPOSE",
    text: "not made for this use",
    ...(sampleClientHandshake.chain.kind === "trusted" && { asServer: sampleClientHandshake.chain.anchor }),
  },
});
const relayTrusted: InboundRule = {
  clientAnchors: { value: sampleAnchors, from: theirOrigin },
  relayByCertificate: { value: { kind: "trusted" }, from: theirOrigin },
};
const trustedDemand = (from: Origin, anchors?: TrustAnchors) =>
  demanding({ kind: "demand", demand: demand({ level: "trusted", from, ...(anchors && { anchors }) }) });
const noClient = /^550 5\.7\.10 the client certificate is not trusted here/;
const purposes: readonly [name: string, setting: SampleSetting, want: RegExp][] = [
  ["relays where we say so", { rule: { relayByCertificate: said({ kind: "trusted" }) } }, /^250, 250$/],
  ["does not by another server's configuration", { rule: relayTrusted }, /^250, 550 5\.7\.1/],
  ["does if we say so", { rule: { ...relayTrusted, clientPurpose: said("client-or-server") } }, /^250, 250$/],
  ["meets a demand of ours", { sources: [trustedDemand(sampleOrigin)] }, /^250, 550 5\.7\.1 /],
  [
    "meets it by CAs of its own, whatever else another server's configuration says",
    {
      rule: { ...relayTrusted, clientPurpose: { value: "client", from: theirOrigin } },
      sources: [trustedDemand(sampleOrigin, sampleAnchors)],
    },
    /^250, 550 5\.7\.1 /,
  ],
  ["meets no demand of another's", { rule: relayTrusted, sources: [trustedDemand(theirOrigin)] }, noClient],
];
for (const [name, setting, want] of purposes) {
  test(`TL-17 a server that comes as a client with its certificate ${name}`, () => {
    assert.match(dialogue(asServer, setting, { to: "b@elsewhere.example" }), want);
  });
}
