import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { domain } from "../mail/domain.ts";
import { parseCidr } from "../mail/ip.ts";
import type {
  DemandAnswer,
  EnvelopeQuestion,
  InboundQuestion,
  InboundRule,
  Origin,
  PolicySource,
} from "../policy/rules.ts";
import type { User, UserDirectory } from "../users/user.ts";
import { sampleUser } from "../users/user-sample.ts";
import { type ClientOptions, explainClient } from "./explain-client.ts";
import type { ClientExplanation } from "./explain-client-answers.ts";

const yaml = `hostname: relay.test
listeners:
  - {name: mx, address: "0.0.0.0:25", tls: starttls}
  - {name: submission, address: "192.0.2.1:465", tls: implicit}
relay-networks: [192.0.2.0/24]
relay-domains: [home.test]
`;

function at(line: number): Origin {
  return { source: "sample", file: "sample.cf", line, column: undefined, scope: `scope ${line}` };
}

/** One more policy source, as a dialect would be. */
type Words = Readonly<{
  inbound?: (question: InboundQuestion) => InboundRule;
  demand?: (question: EnvelopeQuestion) => DemandAnswer | undefined;
}>;

function settingsWith({ inbound, demand }: Words, users: readonly User[] = []): Settings {
  const { settings } = loadSettings({ path: undefined, text: yaml });
  assert.ok(settings);
  const source: PolicySource = {
    name: "sample",
    outbound: () => undefined,
    candidates: () => [],
    ...(inbound && { inbound }),
    ...(demand && { demands: (question) => [demand(question) ?? []].flat() }),
  };
  const find = (name: string) => users.find((user) => user.name === name);
  const usable = { password: users.length > 0, scram: users.length > 0, secret: false, certificate: false };
  const directory: UserDirectory = { users, find, byCertificate: () => undefined, size: users.length, usable };
  return { ...settings, policySources: [source], users: directory };
}

const alice: User = sampleUser({
  senders: [{ domain: { kind: "exact", domain: domain("home.test") } }],
  networks: [parseCidr("198.51.100.0/24")].filter((block) => block !== undefined),
  requireTls: "encrypted",
});

function explain(options: ClientOptions, words: Words = {}, users: readonly User[] = []): readonly ClientExplanation[] {
  const explained = explainClient(
    { ...options, json: true },
    { settings: settingsWith(words, users), needsSelfMade: true },
  );
  assert.ok("printed" in explained, JSON.stringify(explained));
  return JSON.parse(explained.printed) as ClientExplanation[];
}

function explainOne(options: ClientOptions, words: Words = {}, users: readonly User[] = []): ClientExplanation {
  const [one] = explain({ listener: "mx", ...options }, words, users);
  assert.ok(one);
  return one;
}

function words(options: ClientOptions, said: Words = {}, users: readonly User[] = []): string {
  const explained = explainClient(options, { settings: settingsWith(said, users), needsSelfMade: true });
  assert.ok("printed" in explained, JSON.stringify(explained));
  return explained.printed;
}

const stranger = "203.0.113.7";
const relaying = "550 5.7.1 relaying denied";

test("explain --client: every listener answers; TLS from the first octet has no clear text", () => {
  const answers = explain({ client: stranger });
  assert.deepEqual(
    answers.map(({ listener, local, inClear, insideTls }) => [listener, local, inClear !== null, insideTls !== null]),
    [
      ["mx", "0.0.0.0:25", true, true],
      ["submission", "192.0.2.1:465", false, true],
    ],
  );
});

test("explain --client --local: the listener of that address, or none of ours and what sources say of it", () => {
  const seen: unknown[] = [];
  const inbound = ({ listener, localAddress, localPort }: InboundQuestion): InboundRule => {
    seen.push([listener, localAddress, localPort]);
    return { starttls: { value: "require", from: at(1) } };
  };
  const [wild] = explain({ client: stranger, local: "198.51.100.1:25" });
  assert.deepEqual([wild?.listener, wild?.local], ["mx", "198.51.100.1:25"]);
  const [elsewhere] = explain({ client: stranger, local: "[2001:db8::1]:587" }, { inbound });
  assert.deepEqual(
    [elsewhere?.listener, elsewhere?.local, elsewhere?.offered.starttls],
    [null, "[2001:db8::1]:587", "require"],
  );
  assert.deepEqual(new Set(seen.map((one) => JSON.stringify(one))), new Set(['["","2001:db8::1",587]']));
});

test("explain --client: whose setting wins, and who was passed over", () => {
  const inbound = (): InboundRule => ({
    starttls: { value: "require", from: at(7) },
    mailWithoutHello: { value: true, from: at(8) },
  });
  const { settings, offered } = explainOne({ client: stranger }, { inbound });
  assert.equal(offered.starttls, "offer");
  const starttls = settings.find(({ setting }) => setting === "starttls");
  assert.deepEqual(
    [starttls?.value, starttls?.line, starttls?.passedOver.map(({ value, file, line }) => [value, file, line])],
    [
      "offer",
      3,
      [
        ["require", "sample.cf", 7],
        ["offer", null, null],
      ],
    ],
  );
  assert.match(
    words({ client: stranger, listener: "mx" }, { inbound }),
    /^passed over +sample\.cf:7 +scope 7 +starttls: require$/m,
  );
  assert.match(
    words({ client: stranger, listener: "mx" }, { inbound }),
    /^wins +sample\.cf:8 +scope 8 +mailWithoutHello: yes$/m,
  );
});

const required = {
  kind: "demand",
  demand: {
    from: at(4),
    text: "require-tls: {level: encrypted}",
    level: "encrypted",
    minCipherBits: 128,
    mode: "enforce",
    answer: { code: 530, status: "5.7.10" },
  },
} satisfies DemandAnswer;

test("explain --client: what is demanded of a sender, with its line, and how both situations are answered", () => {
  const demand = ({ sender }: EnvelopeQuestion) => (sender === undefined ? undefined : required);
  const { demands, inClear, insideTls } = explainOne(
    { client: stranger, from: "a@b.test", to: "c@home.test" },
    { demand },
  );
  const answer = "530 5.7.10 TLS is required for this mail: issue STARTTLS first";
  assert.deepEqual(demands, [
    {
      source: "sample",
      file: "sample.cf",
      line: 4,
      scope: "scope 4",
      at: "mail",
      needs: "TLS, cipher of at least 128 bits",
      written: "require-tls: {level: encrypted}",
      mode: "enforce",
      answer,
      hangsOnName: false,
    },
  ]);
  assert.deepEqual(inClear?.answer, { mail: answer, rcpt: answer });
  assert.deepEqual(insideTls?.answer, { mail: null, rcpt: null });
  assert.deepEqual(explainOne({ client: stranger, from: "<>" }, { demand }).demands, []);
});

test("explain --client: what hangs on the recipient is told with --to", () => {
  const demand = ({ recipient }: EnvelopeQuestion): DemandAnswer =>
    recipient === undefined ? { kind: "at-recipient" } : required;
  const [before, after] = [{}, { to: "c@home.test" }].map((more) =>
    explainOne({ client: stranger, ...more }, { demand }),
  );
  assert.deepEqual(
    [before?.atRecipient, before?.demands.length, before?.inClear?.answer],
    [true, 0, { mail: null, rcpt: null }],
  );
  assert.deepEqual(
    after?.demands.map(({ at: command }) => command),
    ["rcpt"],
  );
  assert.match(after?.inClear?.answer.rcpt ?? "", /^530 /);
  assert.match(words({ client: stranger, listener: "mx" }, { demand }), /^demand +more can be told with --to/m);
});

test("explain --client --client-name: the name as verified, or as not known just now", () => {
  const demand = ({ clientName, clientNameUnknown }: EnvelopeQuestion): DemandAnswer | undefined => {
    if (clientNameUnknown === true) return { ...required, unsure: true };
    return clientName === "mx.partner.test" ? required : undefined;
  };
  const asked = (clientName?: string) =>
    explainOne({ client: stranger, ...(clientName !== undefined && { clientName }) }, { demand });
  assert.deepEqual([asked().demands.length, asked().clientName], [0, null]);
  assert.deepEqual(
    [asked("MX.partner.test").demands.length, asked("MX.partner.test").clientName],
    [1, "mx.partner.test"],
  );
  assert.deepEqual(
    asked("?").demands.map(({ hangsOnName }) => hangsOnName),
    [true],
  );
  assert.match(asked("?").inClear?.answer.mail ?? "", /^451 4\.4\.3 /);
});

test("explain --client: who may relay, and by what right", () => {
  const toElsewhere = (client: string, more: ClientOptions = {}, users: readonly User[] = []) =>
    explainOne({ client, to: "c@away.test", ...more }, {}, users);
  const [network, nobody] = [toElsewhere("192.0.2.9"), toElsewhere(stranger)];
  assert.deepEqual([network.inClear?.relay, network.inClear?.answer.rcpt], ["network", null]);
  assert.deepEqual([nobody.inClear?.relay, nobody.inClear?.answer.rcpt], [null, relaying]);
  const user = toElsewhere("198.51.100.9", { user: "alice", from: "alice@home.test" }, [alice]);
  assert.deepEqual([user.insideTls?.relay, user.insideTls?.answer], ["user", { mail: null, rcpt: null }]);
  assert.match(user.inClear?.answer.mail ?? "", /^530 /);
  const wrongSender = toElsewhere("198.51.100.9", { user: "alice", from: "a@b.test" }, [alice]);
  assert.match(wrongSender.insideTls?.answer.mail ?? "", /^553 /);
});

test("explain --client: certificates, AUTH and who is turned away, in words", () => {
  const inbound = (): InboundRule => ({
    auth: { value: "only-in-tls", from: at(1) },
    authRequired: { value: true, from: at(2) },
    clientCertificate: { value: "require", from: at(3) },
    clientAnchors: { value: { kind: "bundle", id: "x", pem: ["x"], files: ["/etc/ca.pem"] }, from: at(4) },
    relayByCertificate: { value: { kind: "trusted" }, from: at(5) },
  });
  const text = words({ client: stranger, listener: "mx", user: "alice" }, { inbound }, [alice]);
  assert.match(text, /^client +203\.0\.113\.7, without a verified name, logged in as alice$/m);
  assert.match(text, /^client cert +required: without one the connection is cut off/m);
  assert.match(
    text,
    /^AUTH +in clear not offered; inside TLS SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN; no mail without it$/m,
  );
  assert.match(
    text,
    /^relay +to relay-domains alone; with a client certificate to anywhere: any with a trusted chain$/m,
  );
  assert.match(text, /^inside TLS +MAIL FROM:<> is answered the connection is cut off/m);
  assert.match(text, /^wins +sample\.cf:4 +scope 4 +clientAnchors: the CAs of \/etc\/ca\.pem$/m);
  const barred = words(
    { client: stranger, listener: "mx" },
    { inbound: () => ({ barred: { value: true, from: at(9) } }) },
  );
  assert.match(barred, /^in clear +MAIL FROM:<> is answered 521 5\.3\.2 /m);
});

test("explain --client: why AUTH is not offered", () => {
  const inbound = (): InboundRule => ({ auth: { value: "only-in-tls", from: at(1) } });
  const noTls = (): InboundRule => ({ ...inbound(), starttls: { value: "never", from: at(2) } });
  const auth = (said: Words, users: readonly User[]) =>
    /^AUTH +(.*)$/m.exec(words({ client: stranger, local: "192.0.2.1:26" }, said, users))?.[1];
  assert.equal(auth({}, [alice]), "not offered");
  assert.equal(auth({ inbound }, []), "not offered: no user could log in here");
  assert.equal(auth({ inbound: noTls }, [alice]), "not offered: it is for TLS alone, and there is none");
});

test("explain --client: what a source wrote cannot steer the terminal", () => {
  const from: Origin = { ...at(1), scope: "scope \u001b[2J\r\n" };
  const demand = (): DemandAnswer => ({ ...required, demand: { ...required.demand, from, text: "\u001b]0;x\u0007" } });
  const inbound = (): InboundRule => ({ refuse: { value: "broken \u001b[31m", from } });
  const text = words({ client: stranger, listener: "mx" }, { demand, inbound });
  assert.match(text, /broken/);
  assert.equal(stripVTControlCharacters(text), text);
  assert.doesNotMatch(text, /\r|\n\n\n/);
});

const wrong: readonly [name: string, options: ClientOptions, said: RegExp][] = [
  ["no address", { client: "me" }, /--client me: not an IP address/],
  ["no host name", { client: stranger, clientName: "a b" }, /--client-name a b: neither a host name nor "\?"/],
  ["no sender", { client: stranger, from: "nobody" }, /--from nobody: neither a mailbox nor <>/],
  ["no recipient", { client: stranger, to: "<>" }, /--to <>: not a mailbox/],
  ["no user", { client: stranger, user: "bob" }, /--user bob: there is no such user/],
  ["no listener", { client: stranger, listener: "x" }, /--listener x: no such listener; there are: mx, submission/],
  ["no listener for IPv6", { client: "2001:db8::7" }, /--client 2001:db8::7: no listener there takes IPv6 clients/],
  ["no port", { client: stranger, local: "192.0.2.1" }, /--local 192\.0\.2\.1: not an address and a port/],
  ["no such port", { client: stranger, local: "192.0.2.1:99999" }, /--local/],
];
for (const [name, options, said] of wrong) {
  test(`explain --client: ${name}`, () => {
    const explained = explainClient(options, { settings: settingsWith({}), needsSelfMade: true });
    assert.match("wrong" in explained ? explained.wrong : "", said);
  });
}
