/**
 * Real Postfix, Exim and Sendmail as clients, and swaks: with certificates that are right, wrong and missing, to
 * listeners that ask, require, or have a rule for the sender; implicit TLS; AUTH. What is delivered, what comes back, and
 * what our record says of it.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Fault } from "./lab/client-certificates.ts";
import { farDomain, InboundWorld, ownDomain, password, received, type Way, ways } from "./lab/inbound-world.ts";
import type { Finished } from "./lab/namespace.ts";
import { addresses } from "./lab/peer.ts";
import { missing } from "./lab/programs.ts";
import { type Sending, SendingPostfix, SendingSendmail, type Sent, sendByExim } from "./lab/sending-servers.ts";

const skip = missing("swaks");
const timeout = 40_000;

type Case = Readonly<{
  title: string;
  way: Way;
  kind: "starttls" | "implicit";
  sender: string;
  shown: Fault | undefined;
  outcome: Sent["outcome"];
  /** Of the record: `achieved`, `chain`, `reason`. */
  record: readonly [achieved: string, chain: string | null, reason: string | null];
  login?: Readonly<{ user: string; password: string }>;
  servers: readonly Server[];
}>;
type Server = "postfix" | "exim" | "sendmail";

const all = ["postfix", "exim", "sendmail"] as const;
/** Sendmail has no implicit TLS as a client. */
const two = ["postfix", "exim"] as const;

/**
 * GnuTLS, which Debian's Exim has, shows a certificate only if its issuer is among the CAs that the listener names: those
 * of `client-ca`. Where strangers' certificates shall be seen, there must be none.
 */
const withoutExim = ["postfix", "sendmail"] as const;

const cases: readonly Case[] = [
  {
    title: "asked, without",
    way: "ask",
    kind: "starttls",
    sender: "any.test",
    shown: undefined,
    outcome: "sent",
    record: ["encrypted", null, null],
    servers: all,
  },
  {
    title: "asked, with a trusted one",
    way: "ask",
    kind: "starttls",
    sender: "any.test",
    shown: "none",
    outcome: "sent",
    record: ["trusted", "trusted", null],
    servers: all,
  },
  {
    title: "asked, with an expired one",
    way: "ask",
    kind: "starttls",
    sender: "any.test",
    shown: "expired",
    outcome: "sent",
    record: ["encrypted", "CERT_HAS_EXPIRED", null],
    servers: all,
  },
  {
    title: "required, without",
    way: "require",
    kind: "starttls",
    sender: "any.test",
    shown: undefined,
    outcome: "bounced",
    record: ["encrypted", null, "policy"],
    servers: all,
  },
  {
    title: "required, with a stranger's",
    way: "require",
    kind: "starttls",
    sender: "any.test",
    shown: "stranger",
    outcome: "bounced",
    record: ["encrypted", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "policy"],
    servers: withoutExim,
  },
  {
    title: "required, with a trusted one",
    way: "require",
    kind: "starttls",
    sender: "any.test",
    shown: "none",
    outcome: "sent",
    record: ["trusted", "trusted", null],
    servers: all,
  },
  {
    title: "demanded of the sender's domain, without",
    way: "ask",
    kind: "starttls",
    sender: "trusted.test",
    shown: undefined,
    outcome: "deferred",
    record: ["encrypted", null, "policy"],
    servers: all,
  },
  {
    title: "demanded of the sender's domain, with a trusted one",
    way: "ask",
    kind: "starttls",
    sender: "trusted.test",
    shown: "none",
    outcome: "sent",
    record: ["trusted", "trusted", null],
    servers: all,
  },
  {
    title: "demanded by fingerprint, with another",
    way: "ask",
    kind: "starttls",
    sender: "pinned.test",
    shown: "none",
    outcome: "bounced",
    record: ["trusted", "trusted", "policy"],
    servers: all,
  },
  {
    title: "demanded by fingerprint, with that one",
    way: "ask",
    kind: "starttls",
    sender: "pinned.test",
    shown: "self",
    outcome: "sent",
    record: ["matched", "DEPTH_ZERO_SELF_SIGNED_CERT", null],
    servers: withoutExim,
  },
  {
    title: "implicit TLS, required, with a trusted one",
    way: "require",
    kind: "implicit",
    sender: "any.test",
    shown: "none",
    outcome: "sent",
    record: ["trusted", "trusted", null],
    servers: two,
  },
  {
    title: "implicit TLS, required, without",
    way: "require",
    kind: "implicit",
    sender: "any.test",
    shown: undefined,
    outcome: "bounced",
    record: ["encrypted", null, "policy"],
    servers: two,
  },
  {
    title: "submission without AUTH",
    way: "submission",
    kind: "starttls",
    sender: "any.test",
    shown: undefined,
    outcome: "bounced",
    record: ["encrypted", null, "permanent"],
    servers: all,
  },
  {
    title: "submission, logged in",
    way: "submission",
    kind: "starttls",
    sender: "any.test",
    shown: undefined,
    outcome: "sent",
    record: ["encrypted", null, null],
    login: { user: "user", password },
    servers: two,
  },
  {
    title: "submission by implicit TLS, logged in",
    way: "submission",
    kind: "implicit",
    sender: "any.test",
    shown: undefined,
    outcome: "sent",
    record: ["encrypted", null, null],
    login: { user: "user", password },
    servers: two,
  },
  {
    title: "submission, wrong password",
    way: "submission",
    kind: "starttls",
    sender: "any.test",
    shown: undefined,
    outcome: "deferred",
    record: ["encrypted", null, "log-in"],
    login: { user: "user", password: "wrong" },
    servers: two,
  },
];

describe("real mail servers as clients", () => {
  let world: InboundWorld;
  let postfix: SendingPostfix;
  let sendmail: SendingSendmail;
  const sendings = new Map<string, Sending>();

  before(async () => {
    if (skip !== false) return;
    world = await InboundWorld.start();
    for (const [at, { way, kind, sender, shown, login, servers }] of cases.entries()) {
      for (const server of servers) {
        const name = `case${at}.${server}`;
        // Keys of the kind that these servers are given most often.
        const certificate = shown && world.certificates[shown][shown === "self" ? "ec" : "rsa"];
        const base = { name, from: `${name}@${sender}`, to: `${name}@${login ? farDomain : ownDomain}`, way, kind };
        sendings.set(name, { ...base, certificate, ...(login && { login }) });
      }
    }
    const byPostfix = [...sendings.values()].filter(({ name }) => name.endsWith("postfix"));
    [postfix, sendmail] = await Promise.all([SendingPostfix.start(world, byPostfix), SendingSendmail.make(world)]);
  });
  afterEach((context) => {
    if (skip === false && "passed" in context && !context.passed) context.diagnostic(world.log().slice(-3000));
  });
  after(async () => {
    if (skip === false) await world[Symbol.asyncDispose]();
  });

  const send: Readonly<Record<Server, (sending: Sending) => Promise<Sent>>> = {
    postfix: (sending) => postfix.send(sending),
    exim: (sending) => sendByExim(world, sending),
    sendmail: (sending) => sendmail.send(sending),
  };

  for (const [at, { title, servers, outcome, record, shown }] of cases.entries()) {
    for (const server of servers) {
      test(`${server}: a client certificate ${title}: ${outcome}`, { skip, timeout }, async () => {
        const sending = sendings.get(`case${at}.${server}`);
        assert.ok(sending);
        const sent = await send[server](sending);
        assert.equal(sent.outcome, outcome, sent.words);
        const { tls, reason, event, user, reply } = await world.recordOf(sending.name);
        assert.deepEqual([tls.achieved, tls.chain, reason], record);
        assert.equal(event, outcome === "sent" ? "accepted" : "refused");
        assert.equal(user, sending.login?.user ?? null);
        if (outcome !== "sent") {
          // Exim has words of its own for a log-in that failed.
          if (sending.login === undefined)
            assert.ok(sent.words.includes(`${reply.code} ${reply.enhanced}`), `${sent.words}\n${reply.text}`);
          return;
        }
        const field = await received(world.postfix, sending.to);
        assert.equal(/client certificate client\.(\w+)\.test/.exec(field)?.[1], shown);
        assert.match(field, sending.login === undefined ? /with ESMTPS id/ : /with ESMTPSA id/);
      });
    }
  }

  function swaks(...options: readonly string[]): Promise<Finished> {
    const mail = ["--from", "swaks@any.test", "--server", addresses.letterlock];
    return world.namespace.run("swaks", [...mail, ...options]);
  }

  const login = ["--auth-user", "user", "--auth-password", password];
  const protocols: readonly [protocol: string, way: Way, kind: "starttls" | "implicit", received: RegExp][] = [
    ["ESMTPSA", "submission", "starttls", /with ESMTPSA id/],
    ["SSMTPA", "submission", "implicit", /with ESMTPSA id/],
    ["ESMTPA", "clear", "starttls", /with ESMTPA id/],
  ];
  for (const [protocol, way, kind, field] of protocols) {
    test(`swaks --protocol ${protocol}: the right password relays, a wrong one and nobody do not`, {
      skip,
      timeout,
    }, async () => {
      const ehlo = `${protocol.toLowerCase()}.swaks`;
      const target = ["--protocol", protocol, "--port", String(ways[way][kind]), "--auth", "PLAIN", "--ehlo", ehlo];
      const good = await swaks(...target, ...login, "--to", `${ehlo}@${farDomain}`);
      assert.equal(good.code, 0, good.stdout);
      assert.match(await received(world.postfix, `${ehlo}@${farDomain}`), field);
      const accepted = await world.recordOf(ehlo);
      assert.deepEqual([accepted.user, accepted.by, accepted.relay], ["user", "PLAIN", "user"]);
      for (const who of ["user", "nobody"]) {
        const wrong = ["--auth-user", who, "--auth-password", "wrong", "--to", `${ehlo}@${farDomain}`];
        const { code, stdout } = await swaks(...target, ...wrong);
        assert.notEqual(code, 0);
        assert.match(stdout, /^<(?:~\*|\*\*) +535 5\.7\.8 User name or password wrong/m);
      }
    });
  }

  test("swaks --tls-cert: the certificate is on record, and what it is worth to the rule", {
    skip,
    timeout,
  }, async () => {
    const { certificate, key } = world.certificates.none.ec;
    const target = ["--tls", "--port", String(ways.require.starttls), "--to", `swaks@${ownDomain}`];
    const good = await swaks(...target, "--tls-cert", certificate, "--tls-key", key, "--ehlo", "bearer.swaks");
    assert.equal(good.code, 0, good.stdout);
    const record = await world.recordOf("bearer.swaks");
    assert.deepEqual([record.tls.achieved, record.tls.client?.subject], ["trusted", "CN=client.none.test"]);
    const without = await swaks(...target, "--ehlo", "without.swaks");
    assert.match(without.stdout, /^<~\* +554 5\.7\.1 A client certificate is required here/m);
  });
});
