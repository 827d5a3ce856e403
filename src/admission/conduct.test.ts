import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { formatReply } from "../mail/reply.ts";
import { createInboundPolicy } from "../policy/inbound.ts";
import type { InboundRule, PeerRequirement, PolicySource } from "../policy/rules.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import { sampleClientCa, sampleClientCertificate } from "../tls/client-sample.ts";
import { digestOf } from "../tls/digest.ts";
import { anchorsId, type Credential, trustBundle } from "../tls/handshake-settings.ts";
import type { ServedCertificates } from "../tls/server-tls.ts";
import type { User } from "../users/user.ts";
import { createUserDirectory } from "../users/user-directory.ts";
import { sampleUser } from "../users/user-sample.ts";
import { createConduct } from "./conduct.ts";
import {
  insideTls,
  noCertificate,
  said,
  sampleOrigin,
  sampleSession,
  sampleSource,
  untrustedClient,
} from "./session-sample.ts";

const credential = (id: string): Credential => ({ name: id, id, certificateChain: "", privateKey: "" });
const served = (id: string): ServedCertificates => ({
  default: { credentials: [credential(id)], names: [] },
  others: [],
});
const ours = trustBundle([sampleClientCa], ["ours.pem"]);
const theirs = trustBundle([sampleClientCa.replace("MDAw", "MTEx")], ["theirs.pem"]);
const withCertificate: InboundRule = { certificates: said(served("a")), clientAnchors: said(ours) };

type Setting = Readonly<{ rule?: InboundRule; users?: readonly User[]; sources?: readonly PolicySource[] }>;

function conductor({ rule = {}, users = [], sources = [] }: Setting) {
  const merged = { ...withCertificate, ...rule };
  const policy = createInboundPolicy(sources, () => merged, {});
  const directory = createUserDirectory(users);
  return createConduct({
    policy: () => policy,
    users: () => directory,
    hostname: () => "relay.example",
    clock: { now: () => 0 } as never,
  });
}

function lead(session: Partial<SessionFacts>, setting: Setting = {}) {
  return conductor(setting)(sampleSession(session));
}

test("conduct: a rule that says nothing is safe", () => {
  const { profile, ...rest } = lead({});
  assert.equal(profile?.minVersion, "TLSv1.2");
  assert.equal(profile.clientAnchors, undefined);
  assert.deepEqual(rest, {
    starttls: "offer",
    cutWithoutCertificate: false,
    pipelined: "reject",
    mailWithoutHello: false,
    mechanisms: [],
    authNeedsTls: false,
    authRequired: false,
    barred: undefined,
    user: undefined,
    wording: "letterlock",
    received: "letterlock",
    isTrusted: false,
  });
});

const starttlsRows: readonly [name: string, rule: InboundRule, want: string][] = [
  ["ST-1 no certificate, offered", { starttls: said("offer") }, "unavailable"],
  ["no certificate, required", { starttls: said("require") }, "require"],
  ["switched off", { ...withCertificate, starttls: said("never") }, "never"],
  ["not to be had now", { ...withCertificate, starttls: said("unavailable") }, "unavailable"],
  ["required", { ...withCertificate, starttls: said("require") }, "require"],
  ["a trusted certificate is required", { ...withCertificate, clientCertificate: said("require-trusted") }, "require"],
];
for (const [name, rule, want] of starttlsRows) {
  test(`conduct: STARTTLS where ${name}`, () => {
    const policy = createInboundPolicy([], () => rule, {});
    const users = createUserDirectory([]);
    const conduct = createConduct({
      policy: () => policy,
      users: () => users,
      hostname: () => "h",
      clock: { now: () => 0 } as never,
    });
    assert.equal(conduct(sampleSession()).starttls, want);
  });
}

// --- AUTH ---------------------------------------------------------------------------------------------------------

const secrets: readonly User[] = [
  sampleUser({
    scram: { iterations: 4096, salt: new Uint8Array(), storedKey: new Uint8Array(), serverKey: new Uint8Array() },
    secret: "clear",
    certificates: [{ of: "certificate", sha256: sampleClientCertificate.sha256 }],
  }),
];
const tls12 = insideTls({ protocol: "TLSv1.2" });
const authRows: readonly [name: string, rule: InboundRule, session: Partial<SessionFacts>, want: string][] = [
  ["never", { auth: said("never") }, insideTls(), ""],
  ["in TLS, in clear", { auth: said("only-in-tls") }, {}, " needs TLS"],
  ["in TLS", { auth: said("only-in-tls") }, insideTls(), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 EXTERNAL PLAIN LOGIN"],
  ["AU-8 TLS 1.2 has no binding", { auth: said("only-in-tls") }, tls12, "SCRAM-SHA-256 EXTERNAL PLAIN LOGIN"],
  ["AU-2 all but the password in clear", { auth: said("plain-only-in-tls") }, {}, "SCRAM-SHA-256 needs TLS"],
  ["in as many words", { auth: said("always") }, {}, "SCRAM-SHA-256 PLAIN LOGIN needs TLS"],
  ["always, and no TLS to be had", { auth: said("always"), starttls: said("never") }, {}, "SCRAM-SHA-256 PLAIN LOGIN"],
  ["postfix INB-8 TLS comes first", { auth: said("always"), starttls: said("require") }, {}, " needs TLS"],
  [
    "another certificate",
    { auth: said("always") },
    insideTls({ certificate: { ...sampleClientCertificate, sha256: "00" } }),
    "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN",
  ],
  ["no certificate", { auth: said("always"), mechanisms: said(["EXTERNAL"]) }, insideTls(noCertificate), ""],
  [
    "powermta T42 CRAM-MD5 where it is asked for, in clear",
    { auth: said("plain-only-in-tls"), mechanisms: said(["LOGIN", "PLAIN", "CRAM-MD5"]) },
    {},
    "CRAM-MD5 needs TLS",
  ],
  [
    "powermta T42 the same in TLS",
    { auth: said("plain-only-in-tls"), mechanisms: said(["LOGIN", "PLAIN", "CRAM-MD5"]) },
    insideTls(),
    "CRAM-MD5 PLAIN LOGIN",
  ],
];
for (const [name, rule, session, want] of authRows) {
  test(`conduct: AUTH ${name}`, () => {
    const { mechanisms, authNeedsTls } = lead(session, { rule, users: secrets });
    assert.equal(`${mechanisms.join(" ")}${authNeedsTls ? " needs TLS" : ""}`, want);
  });
}

test("conduct: AUTH names no mechanism that nobody could use", () => {
  const rule: InboundRule = {
    auth: said("always"),
    mechanisms: said(["SCRAM-SHA-256", "PLAIN", "CRAM-MD5", "EXTERNAL"]),
  };
  const offered = (user: Partial<User>) => lead(insideTls(), { rule, users: [sampleUser(user)] }).mechanisms.join(" ");
  assert.equal(offered({}), "");
  assert.equal(offered({ secret: "s" }), "CRAM-MD5 PLAIN");
  assert.equal(offered({ certificates: [{ of: "spki", sha256: sampleClientCertificate.spkiSha256 }] }), "EXTERNAL");
});

test("AU-2 conduct: no rule but `always` shows a password in clear", () => {
  const auths = fc.constantFrom("only-in-tls" as const, "plain-only-in-tls" as const, "never" as const);
  const starttls = fc.constantFrom("never" as const, "offer" as const, "require" as const, "unavailable" as const);
  fc.assert(
    fc.property(auths, starttls, fc.boolean(), (auth, tls, named) => {
      const rule = {
        auth: said(auth),
        starttls: said(tls),
        ...(named ? { mechanisms: said(["PLAIN", "LOGIN"] as const) } : {}),
      };
      const { mechanisms } = lead({}, { rule, users: secrets });
      assert.ok(!mechanisms.includes("PLAIN") && !mechanisms.includes("LOGIN"));
    }),
  );
});

// --- who is barred ------------------------------------------------------------------------------------------------

const required: InboundRule = { clientCertificate: said("require-trusted") };
const postfix: InboundRule = { ...required, starttls: said("require"), wording: said("postfix") };
const verify: PeerRequirement = {
  from: sampleOrigin,
  text: "VERIFY",
  of: "client",
  verify: true,
  bits: undefined,
  extensions: [{ kind: "cn", name: undefined }],
  reply: { code: 503, status: "5.7.0" },
};
const named = { clientName: { kind: "verified", name: domain("pc2.laptop.example") } } as const;
const barRows: readonly [name: string, rule: InboundRule, session: Partial<SessionFacts>, want: string | undefined][] =
  [
    [
      "postfix INB-13 PT-91 none sent",
      postfix,
      insideTls(noCertificate),
      "421 4.7.1 relay.example Error: No client certificate presented, closed",
    ],
    [
      "postfix INB-14 PT-91 untrusted",
      postfix,
      insideTls(untrustedClient),
      "421 4.7.1 relay.example Error: Client certificate not trusted, closed",
    ],
    ["postfix PT-91 trusted", postfix, insideTls(), undefined],
    ["postfix in clear: TLS comes first", postfix, {}, undefined],
    [
      "ST-8 none sent, in our words",
      required,
      insideTls(noCertificate),
      "554 5.7.1 A client certificate is required here, and none was shown",
    ],
    [
      "ST-8 trusted by CAs that the rule does not name",
      { ...required, clientAnchors: said(theirs) },
      insideTls(),
      "554 5.7.1 A client certificate of a trusted CA is required here",
    ],
    [
      "required, and no TLS to show one in",
      { ...required, starttls: said("never") },
      {},
      "554 5.7.1 A client certificate is required here, and none was shown",
    ],
    [
      "required, and TLS not to be had now",
      { ...required, starttls: said("unavailable") },
      {},
      "451 4.3.5 The configuration here asks for what cannot be done, try again later",
    ],
    ["asked for alone", { clientCertificate: said("ask") }, insideTls(noCertificate), undefined],
    ["sendmail 67 none shown", { requirements: [verify] }, insideTls(noCertificate), "503 5.7.0 not authenticated"],
    [
      "sendmail 70 untrusted",
      { requirements: [verify] },
      insideTls(untrustedClient),
      "503 5.7.0 authentication failed",
    ],
    ["sendmail 64 in clear: held at MAIL", { requirements: [verify] }, {}, undefined],
    [
      "sendmail trusted by CAs that the rule does not name",
      { requirements: [verify], clientAnchors: said(theirs) },
      insideTls(),
      "503 5.7.0 authentication failed",
    ],
    [
      "sendmail 71 another name",
      { requirements: [{ ...verify, extensions: [{ kind: "cn", name: "pc.laptop.example" }] }] },
      { ...insideTls(), ...named },
      "503 5.7.0 CN BadCertificateUnknown does not match pc.laptop.example",
    ],
    [
      "sendmail 72 a forged name is the address in brackets",
      { requirements: [verify] },
      { ...insideTls(), clientName: { kind: "forged", name: domain("pc.laptop.example") } },
      "503 5.7.0 CN BadCertificateUnknown does not match [198.51.100.9]",
    ],
    [
      "the same over IPv6",
      { requirements: [verify] },
      { ...insideTls(), clientAddress: "2001:db8::9" as IpAddress },
      "503 5.7.0 CN BadCertificateUnknown does not match [IPv6:2001:db8::9]",
    ],
    [
      "nothing is ever taken",
      { barred: said(true) },
      {},
      "521 5.3.2 relay.example does not accept mail from you, closed",
    ],
    ["barred, taken back", { barred: said(false) }, {}, undefined],
    [
      "rejected for the session",
      { rejected: said({ code: 550, status: "5.7.1", text: "Access denied", at: "session" }) },
      {},
      "550 5.7.1 Access denied",
    ],
    [
      "rejected at its recipients",
      { rejected: said({ code: 550, status: "5.7.1", text: "Access denied", at: "rcpt" }) },
      {},
      undefined,
    ],
    [
      "a rule that cannot be honoured, and says nothing of why to strangers",
      { refuse: said("relay_clientcerts cannot be read") },
      insideTls(),
      "451 4.3.5 The configuration here asks for what cannot be done, try again later",
    ],
  ];
for (const [name, rule, session, want] of barRows) {
  test(`conduct: barred: ${name}`, () => {
    const { barred } = lead(session, { rule });
    assert.equal(barred && `${formatReply(barred.reply)}${barred.close ? ", closed" : ""}`, want);
  });
}

test("momentum: a certificate of any kind is required of the handshake, not of mail in clear", () => {
  const { cutWithoutCertificate, starttls, barred } = lead({}, { rule: { clientCertificate: said("require") } });
  assert.deepEqual([cutWithoutCertificate, starttls, barred], [true, "offer", undefined]);
});

// --- users by certificate -----------------------------------------------------------------------------------------

const pin = {
  of: "certificate",
  algorithm: "sha256",
  digest: digestOf(sampleClientCertificate.der, "sha256"),
} as const;
const byCertificate: InboundRule = { userByCertificate: said([{ pin, user: "alice" }]) };
const userRows: readonly [
  name: string,
  session: Partial<SessionFacts>,
  user: Partial<User>,
  want: string | undefined,
][] = [
  ["powermta T46 the certificate", insideTls(), {}, "alice"],
  ["powermta T46 without any CA", insideTls(untrustedClient), {}, "alice"],
  [
    "powermta T46 another one",
    insideTls({ certificate: { ...sampleClientCertificate, der: Uint8Array.of(9) } }),
    {},
    undefined,
  ],
  ["none", insideTls(noCertificate), {}, undefined],
  ["in clear", {}, {}, undefined],
  ["a user that is not there", insideTls(), { name: "bob" }, undefined],
  ["a user who may not be there", insideTls(), { networks: [] }, undefined],
  ["a user who needs a trusted chain", insideTls(untrustedClient), { requireTls: "trusted" }, undefined],
];
for (const [name, session, user, want] of userRows) {
  test(`conduct: user by certificate: ${name}`, () => {
    assert.equal(lead(session, { rule: byCertificate, users: [sampleUser(user)] }).user, want);
  });
}

// --- profiles -----------------------------------------------------------------------------------------------------

test("conduct: equal content is the same profile, whatever rule it comes from", () => {
  let rule: InboundRule = { certificates: said(served("a")), ciphers: said("ECDHE+AESGCM") };
  const users = createUserDirectory([]);
  const conduct = createConduct({
    policy: () => createInboundPolicy([], () => rule, {}),
    users: () => users,
    hostname: () => "h",
    clock: { now: () => 0 } as never,
  });
  const before = conduct(sampleSession()).profile;
  rule = { certificates: said(served("a")), ciphers: said("ECDHE+AESGCM"), auth: said("always") };
  assert.equal(conduct(sampleSession()).profile, before);
  for (const change of [
    { certificates: said(served("b")) },
    { ciphers: said("AESGCM") },
    { groups: said("P-256") },
    { protocols: said({ min: "TLSv1.3", max: "TLSv1.3" } as const) },
    { clientCertificate: said("ask" as const) },
    { clientCertificate: said("ask" as const), clientAnchors: said(ours) },
  ]) {
    const was = conduct(sampleSession()).profile;
    rule = { ...rule, ...change };
    assert.notEqual(conduct(sampleSession()).profile, was, JSON.stringify(change));
  }
});

const askRows: readonly [name: string, setting: Setting, want: readonly string[] | "not asked"][] = [
  ["nobody needs one", {}, "not asked"],
  ["the rule asks", { rule: { clientCertificate: said("ask") } }, [anchorsId(ours)]],
  [
    "the rule says not to",
    { rule: { clientCertificate: said("do-not-ask"), relayByCertificate: said({ kind: "trusted" }) } },
    "not asked",
  ],
  ["it may let somebody relay", { rule: { relayByCertificate: said({ kind: "trusted" }) } }, [anchorsId(ours)]],
  ["it may name a user", { rule: byCertificate }, [anchorsId(ours)]],
  ["users may log in by one", { rule: { auth: said("only-in-tls") }, users: secrets }, [anchorsId(ours)]],
  ["users could, and AUTH is off", { users: secrets }, "not asked"],
  [
    "our own words do not say otherwise",
    {
      rule: { clientCertificate: said("do-not-ask") },
      sources: [sampleSource({ certificateDemands: () => [theirs] })],
    },
    "not asked",
  ],
  ["a demand may need one", { sources: [sampleSource({ certificateDemands: () => [] })] }, [anchorsId(ours)]],
  [
    "a demand may need one of its own CAs, whatever another server does by default",
    {
      rule: { clientCertificate: { value: "do-not-ask", from: { ...said(1).from, source: "postfix" } } },
      sources: [sampleSource({ certificateDemands: () => [theirs] })],
    },
    [anchorsId(trustBundle([sampleClientCa, ...(theirs.kind === "bundle" ? theirs.pem : [])], []))],
  ],
];
for (const [name, setting, want] of askRows) {
  test(`conduct: a certificate is asked for where ${name}`, () => {
    const anchors = lead({}, setting).profile?.clientAnchors;
    assert.deepEqual(anchors === undefined ? "not asked" : [anchorsId(anchors)], want);
  });
}
