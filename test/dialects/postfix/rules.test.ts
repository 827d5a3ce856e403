/**
 * What a rule holds and where each part of it is written: defaults by level, overrides of master.cf, obsolete settings,
 * trust, our own certificate; candidates, notes, and the same policy in our own terms.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeAuthority } from "../../../src/lab/certificates.ts";
import { domain } from "../../../src/mail/domain.ts";
import type { Compiled } from "../../../src/policy/dialects/dialect.ts";
import type { Origin, PolicySource, TlsRule } from "../../../src/policy/rules.ts";
import { compileScopedRules, type ScopedRule } from "../../../src/policy/scoped-rules.ts";
import { compile, labCaFile, notesOf, question, routeOf, ruleFor, type WorldOptions } from "./world.ts";

function rule(world: WorldOptions, to = "u@good.test"): TlsRule {
  return ruleFor(compile(world), to);
}

function place({ file, line, scope }: Origin): string {
  return `${file ?? "-"}:${line ?? "-"} ${scope}`;
}

test("postfix rule: every value knows its own line", () => {
  const made = rule({ policy: "\ngood.test encrypt ciphers=high\n", main: "minimal_backoff_time = 60s" });
  assert.equal(place(made.level.from), "/etc/postfix/tls_policy:2 next-hop good.test");
  assert.equal(made.ciphers && place(made.ciphers.from), "/etc/postfix/tls_policy:2 next-hop good.test");
  assert.equal(made.protocols && place(made.protocols.from), "-:- default smtp_tls_mandatory_protocols");
  assert.equal(made.anchors && place(made.anchors.from), "/etc/postfix/main.cf:2 smtp_tls_CAfile");
  const global = rule({ main: "minimal_backoff_time = 1m" });
  assert.equal(place(global.level.from), "/etc/postfix/main.cf:1 smtp_tls_security_level");
  assert.deepEqual(global.fallback?.value, { kind: "after", ms: 60_000, turn: "same-host" });
});

test("postfix rule: may takes the plain parameters, encrypt and stronger the mandatory ones", () => {
  const main = `smtp_tls_protocols = TLSv1.3
smtp_tls_mandatory_protocols = TLSv1.2
smtp_tls_ciphers = high
smtp_tls_mandatory_ciphers = medium
smtp_tls_exclude_ciphers = CAMELLIA
smtp_tls_mandatory_exclude_ciphers = ARIA`;
  const may = rule({ main });
  const encrypt = rule({ main, policy: "good.test encrypt" });
  assert.deepEqual([may.protocols?.value.min, encrypt.protocols?.value.max], ["TLSv1.3", "TLSv1.2"]);
  assert.match(may.ciphers?.value ?? "", /:HIGH:!SEED.*:!CAMELLIA$/);
  assert.match(encrypt.ciphers?.value ?? "", /:HIGH:MEDIUM:.*:!CAMELLIA:!ARIA:!eNULL$/);
  const own = rule({ main, policy: "good.test encrypt exclude=AESCCM" });
  assert.match(own.ciphers?.value ?? "", /STRENGTH:!AESCCM:!eNULL$/);
});

test("postfix rule: whose words, common names, refusals of STARTTLS", () => {
  const made = rule({ policy: "good.test verify" });
  assert.deepEqual(
    [made.wording?.value, made.commonName?.value, made.whenRefused?.value, made.sni?.value.kind],
    ["postfix", "without-san", "bounce-5yz", "off"],
  );
  assert.equal(rule({ policy: "good.test verify", main: "soft_bounce = yes" }).whenRefused?.value, "next-host");
  assert.equal(rule({}).whenRefused, undefined);
});

test("postfix rule: nothing configured is level none; compatibility_level 3.11 makes it may", () => {
  assert.equal(rule({ wholeMain: "" }).level.value, "none");
  assert.equal(rule({ wholeMain: "compatibility_level = 3.10" }).level.value, "none");
  assert.equal(rule({ wholeMain: "compatibility_level = 3.11" }).level.value, "may");
});

test("postfix rule: md5 is the digest below compatibility_level 3.6", () => {
  const policy = `good.test fingerprint match=${"00".repeat(16)}`;
  const wholeMain = "smtp_tls_policy_maps = texthash:/etc/postfix/tls_policy";
  assert.equal(rule({ wholeMain, policy }).pins?.value[0]?.algorithm, "md5");
});

const obsolete: readonly [main: string, want: string][] = [
  ["smtp_use_tls = yes", "may"],
  ["smtp_enforce_tls = yes", "verify"],
  ["smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no", "encrypt"],
  ["smtp_enforce_tls = yes\nsmtp_use_tls = yes", "verify"],
  ["smtp_enforce_tls = yes\nsmtp_tls_security_level = none", "none"],
];

for (const [wholeMain, want] of obsolete) {
  test(`postfix rule, obsolete: ${wholeMain.replaceAll("\n", ", ")}`, () => {
    assert.equal(rule({ wholeMain }).level.value, want);
  });
}

const perSite: readonly [entries: string, host: string | undefined, global: string, want: string][] = [
  ["{good.test=NONE}", undefined, "encrypt", "none"],
  ["{good.test=MAY}", undefined, "none", "may"],
  ["{good.test=may}", undefined, "secure", "secure"],
  ["{good.test=MUST_NOPEERMATCH}", undefined, "may", "encrypt"],
  ["{good.test=MUST}", undefined, "may", "verify"],
  ["{mx.good.test=MUST}", "mx.good.test", "may", "verify"],
  ["{good.test=NONE} {mx.good.test=MAY}", "mx.good.test", "may", "none"],
  ["{good.test=NONE} {mx.good.test=MUST_NOPEERMATCH}", "mx.good.test", "may", "encrypt"],
  ["{good.test=MUST} {mx.good.test=MUST_NOPEERMATCH}", "mx.good.test", "may", "verify"],
  ["{other.test=MUST}", "mx.good.test", "may", "may"],
];

for (const [entries, host, global, want] of perSite) {
  test(`postfix rule, obsolete: smtp_tls_per_site ${entries} under ${global}`, () => {
    const main = `smtp_tls_security_level = ${global}\nsmtp_tls_per_site = inline:{ ${entries} }`;
    const asked = question(
      { kind: "mx", domain: domain("good.test"), port: 25 },
      "u@good.test",
      (host && domain(host)) || undefined,
    );
    assert.equal(compile({ main }).source.outbound(asked)?.level.value, want);
  });
}

test("postfix rule: policy maps put smtp_tls_per_site out of use, with a warning (KEY-18)", () => {
  const world = { main: "smtp_tls_per_site = inline:{good.test=MUST}", policy: "x.test may" };
  assert.equal(rule(world).level.value, "may");
  assert.match(notesOf(compile(world), "warning").join("\n"), /smtp_tls_per_site is ignored/);
});

test("postfix rule: -o of the chosen transport goes before main.cf, in master.cf's line (CF-12)", () => {
  const master = `smtp unix - - n - - smtp
strict unix - - n - - smtp
  -o smtp_tls_security_level=verify
  -o smtp_tls_verify_cert_match=nexthop
`;
  const compiled = compile({ master, transport: "good.test strict:", main: "smtp_tls_security_level = may" });
  const made = ruleFor(compiled, "u@good.test");
  assert.equal(place(made.level.from), "/etc/postfix/master.cf:3 smtp_tls_security_level of service strict");
  assert.deepEqual(made.match?.value, [{ kind: "nexthop" }]);
  assert.equal(ruleFor(compiled, "u@other.test").level.value, "may");
});

test("postfix rule: no CA configured trusts nobody, the system's CAs only beside a CA file (MAT-12)", () => {
  const none = rule({ wholeMain: "smtp_tls_security_level = verify\ntls_append_default_CA = yes" });
  assert.deepEqual(none.anchors?.value, { kind: "bundle", id: "none", pem: [], files: [] });
  const both = rule({ main: "tls_append_default_CA = yes" }).anchors?.value;
  assert.equal(both?.kind === "bundle" && both.withSystem, true);
  const notes = notesOf(compile({ wholeMain: "tls_append_default_CA = yes" }), "warning").join("\n");
  assert.match(notes, /tls_append_default_CA does nothing without/);
});

test("postfix rule: a CA folder is read by hashed names, a broken file in it costs the others nothing", () => {
  const files = { "/ca/2e5ac55d.0": "not PEM", "/ca/readme": "x" };
  const lab = compile({}).source.outbound(question({ kind: "mx", domain: domain("a.test"), port: 25 }));
  const pem = lab?.anchors?.value.kind === "bundle" ? lab.anchors.value.pem.join("") : "";
  const made = rule({ main: "smtp_tls_CAfile =\nsmtp_tls_CApath = /ca", files: { ...files, "/ca/9a3bd6c1.0": pem } });
  const anchors = made.anchors?.value;
  assert.deepEqual(anchors?.kind === "bundle" && [anchors.pem.length, anchors.files], [1, ["/ca"]]);
});

test("postfix rule: trust anchor files replace the CAs at verify and secure, for all or for one line (MAT-13)", () => {
  const all = rule({
    main: "smtp_tls_trust_anchor_file = other-ca.pem\nqueue_directory = /etc/postfix",
    policy: "good.test verify",
  });
  const anchors = all.anchors?.value;
  assert.deepEqual(anchors?.kind === "bundle" && [anchors.partialChains, anchors.files], [
    true,
    ["/etc/postfix/other-ca.pem"],
  ]);
  const may = rule({ main: "smtp_tls_trust_anchor_file = /etc/postfix/other-ca.pem" }).anchors?.value;
  assert.deepEqual(may?.kind === "bundle" && may.files, [labCaFile]);
});

const authority = await makeAuthority("Client CA");
const elliptic = await authority.issue({ dnsNames: ["ec.test"] });
const rsa = await authority.issue({ dnsNames: ["rsa.test"], keyKind: "rsa-2048" });
const keyFiles = {
  "/k/rsa.pem": rsa.chainPem,
  "/k/rsa.key": rsa.privateKeyPem,
  "/k/both.pem": rsa.privateKeyPem + rsa.chainPem,
  "/k/chain.pem": rsa.privateKeyPem + rsa.chainPem + elliptic.privateKeyPem + elliptic.chainPem,
  "/k/reversed.pem": rsa.chainPem + rsa.privateKeyPem,
  "/k/ec.pem": elliptic.chainPem,
  "/k/ec.key": elliptic.privateKeyPem,
};

const credentials: readonly [title: string, main: string, want: string][] = [
  ["certificate and key apart", "smtp_tls_cert_file = /k/rsa.pem\nsmtp_tls_key_file = /k/rsa.key", "/k/rsa.pem"],
  ["key in the certificate's file", "smtp_tls_cert_file = /k/both.pem", "/k/both.pem"],
  [
    "ECDSA before RSA",
    "smtp_tls_cert_file = /k/both.pem\nsmtp_tls_eccert_file = /k/ec.pem\nsmtp_tls_eckey_file = /k/ec.key",
    "/k/ec.pem",
  ],
  ["chain files before all", "smtp_tls_chain_files = /k/chain.pem\nsmtp_tls_cert_file = /k/rsa.pem", "/k/chain.pem"],
  ["the wrong key", "smtp_tls_cert_file = /k/rsa.pem\nsmtp_tls_key_file = /k/ec.key", "refused"],
  ["a chain file with its key behind", "smtp_tls_chain_files = /k/reversed.pem", "refused"],
];

for (const [title, main, want] of credentials) {
  test(`postfix rule, client certificate: ${title}`, () => {
    const made = rule({ main, files: keyFiles, policy: "good.test encrypt" });
    const shown = made.clientCertificate?.value;
    assert.equal(made.refuse === undefined ? typeof shown === "object" && shown.name : "refused", want);
    // At may Postfix would go on in clear text; here TLS is used without the certificate.
    assert.equal(rule({ main, files: keyFiles }).refuse, undefined);
  });
}

test("postfix rule: curves where somebody chose them, unknown ones left out", () => {
  const main = "tls_eecdh_auto_curves = X25519 nosuchcurve prime256v1\ntls_ffdhe_auto_groups =";
  assert.equal(rule({ main }).groups?.value, "X25519:prime256v1");
  assert.equal(rule({}).groups, undefined);
});

test("postfix rule: the same entry gives the same rule, whatever the address", () => {
  const compiled = compile({ policy: ".good.test verify" });
  assert.equal(ruleFor(compiled, "a@x.good.test"), ruleFor(compiled, "b@y.good.test"));
  assert.equal(ruleFor(compiled, "a@one.test"), ruleFor(compiled, "b@two.test"));
});

test("postfix candidates: all entries in order, with the line as written and the level where none answers", () => {
  const { source } = compile({ policy: "good.test verify match=.good.test\n.test encrypt bad\n.good.test none" });
  const found = source.candidates(question({ kind: "mx", domain: domain("good.test"), port: 25 }));
  assert.deepEqual(
    found.map(({ from, written, settings, verdict }) => [place(from), written, settings.join("; "), verdict]),
    [
      [
        "/etc/postfix/tls_policy:1 next-hop good.test",
        "good.test verify match=.good.test",
        "level: verify; match=.good.test",
        "wins",
      ],
      [
        "/etc/postfix/tls_policy:2 next-hop .test",
        ".test encrypt bad",
        `refuse: malformed attribute/value pair "bad": missing '=' after attribute name`,
        "shadowed",
      ],
      ["/etc/postfix/main.cf:1 smtp_tls_security_level", undefined, "level: may", "shadowed"],
    ],
  );
});

test("postfix notes: applied, no effect, differs, unknown", () => {
  const main = `mailbox_size_limit = 0
smtp_tls_scert_verifydepth = 5
smtp_tls_policy_map = hash:/etc/postfix/x
my_own = 1
uses = $my_own
slow_destination_concurrency_limit = 2
smtpd_restriction_classes = strictly
strictly = permit`;
  const compiled = compile({ main, master: "slow unix - - n - - smtp\n" });
  const said = (kind: "applied" | "no-effect" | "differs" | "warning"): string => notesOf(compiled, kind).join("\n");
  assert.match(said("applied"), /main\.cf:1: smtp_tls_security_level: /);
  assert.match(said("no-effect"), /mailbox_size_limit: not about TLS/);
  assert.match(said("differs"), /smtp_tls_scert_verifydepth: /);
  assert.deepEqual(
    notesOf(compiled, "warning")
      .filter((text) => text.includes("unused parameter"))
      .map((text) => text.replace(/^.*: /, "")),
    ["Postfix does not know it", "Postfix does not know it"],
  );
  const [typing] = compiled.notes.filter(({ text }) => text.includes("smtp_tls_policy_map:"));
  assert.equal(typing?.remedy, "did you mean smtp_tls_policy_maps?");
});

function asScopedRules(compiled: Compiled): PolicySource {
  const rules = compiled.export().flatMap((one): ScopedRule[] => {
    if (one.kind !== "rule") return [];
    const { nexthop } = one.scope;
    return [{ scope: nexthop === undefined ? {} : { nexthop }, settings: one.settings, from: one.from }];
  });
  return compileScopedRules(rules);
}

function essence(made: TlsRule | undefined): unknown {
  if (made === undefined) return undefined;
  const { level, match, pins, protocols, ciphers, sni, refuse, mxPatterns } = made;
  if (refuse !== undefined) return ["refuse", refuse.value];
  const shown =
    level.value === "none" ? [] : [match, pins, protocols, ciphers, sni, mxPatterns].map((one) => one?.value);
  return [level.value, ...shown];
}

const names = ["good.test", "a.good.test", "other.test", "[mx.good.test]:25", "mx.good.test"];
const someValue = fc.constantFrom(
  "none",
  "may",
  "encrypt",
  "verify",
  "secure match=x.test",
  "dane",
  "nonsense",
  "may ciphers=high",
);
/** A faulty line for `.parent` is left out: in our own rules it would refuse the narrower lines as well. */
const someLines = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom(...names, ".good.test", ".test"), someValue)
    .filter(([key, value]) => !(key.startsWith(".") && value === "nonsense")),
  { selector: ([key]) => key, maxLength: 6 },
);

test("postfix export: our own rules made of it answer every next-hop alike", () => {
  fc.assert(
    fc.property(someLines, fc.constantFrom("none", "may", "encrypt", "verify", "nonsense"), (lines, level) => {
      const policy = lines.map(([key, value]) => `${key} ${value}\n`).join("");
      const compiled = compile({ main: `smtp_tls_security_level = ${level}`, policy });
      if (notesOf(compiled, "error").length > 0) return;
      const ours = asScopedRules(compiled);
      for (const written of names) {
        const asked = question({ kind: "mx", domain: domain("whatever.test"), port: 25, written });
        const theirs = compiled.source.outbound(asked);
        // A setting that the line does not have comes from the wider rule in ours; it must not count at that level.
        assert.deepEqual(levelOf(ours.outbound(asked)), levelOf(theirs), written);
        assert.deepEqual(pick(essence(ours.outbound(asked)), essence(theirs)), essence(theirs), written);
      }
    }),
    { numRuns: 60 },
  );
});

function levelOf(made: TlsRule | undefined): unknown {
  return [made?.level.value, made?.refuse?.value];
}

/** What theirs leaves open counts as equal. */
function pick(ours: unknown, theirs: unknown): unknown {
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return ours;
  return theirs.map((value: unknown, at) => (value === undefined ? undefined : (ours[at] as unknown)));
}

test("postfix export: patterns cannot be said, static answers everything behind it", () => {
  const world = {
    main: "smtp_tls_policy_maps = inline:{ {a.test=none} {.b.test=none} } regexp:/re static:{encrypt ciphers=high} inline:{c.test=none}",
    files: { "/re": "/x/ verify\n" },
  };
  const rules = compile(world).export();
  assert.deepEqual(
    rules.map((one) => (one.kind === "rule" ? `${one.scope.nexthop ?? "*"} ${one.settings.level?.value}` : one.kind)),
    ["a.test none", "c.test encrypt", "* encrypt", "cannot", "cannot", "no-route", "no-route", "no-route"],
  );
});

test("postfix export: a transport with its own level is named by its next-hops", () => {
  const master = "smtp unix - - n - - smtp\nstrict unix - - n - - smtp -o smtp_tls_security_level=verify\n";
  const rules = compile({
    master,
    transport: "a.test strict:[gate.test]\nb.test strict:\nc.test smtp:[plain.test]",
  }).export();
  assert.deepEqual(
    rules.map((one) => (one.kind === "rule" ? `${one.scope.nexthop ?? "*"} ${one.settings.level?.value}` : one.kind)),
    ["[gate.test] verify", "b.test verify", "* may", "route", "route", "no-route", "no-route", "no-route"],
  );
});

test("postfix export: routes by domain, and what cannot be said", () => {
  const world = {
    transport:
      "a.test smtp:[one.test], [two.test]:26\n.b.test :[b.test]\nu@c.test smtp:[c.test]\nd.test error:5.1.1 no\n",
    main: "relayhost = [relay.test]\nsender_dependent_relayhost_maps = inline:{@x.test=[x.test]}",
  };
  assert.deepEqual(
    compile(world)
      .export()
      .filter((one) => one.kind !== "rule")
      .map((one) =>
        one.kind === "route"
          ? [one.pattern.kind, ...one.nexthops.map(({ written }) => written)]
          : one.kind === "no-route"
            ? `${one.pattern.kind} ${one.status} ${one.text}`
            : one.why,
      ),
    [
      ["exact", "[one.test]", "[two.test]:26"],
      ["below", "[b.test]"],
      "exact 5.1.1 no",
      ...Array.from({ length: 3 }, () => 'exact 4.3.0 transport "local" delivers by local, Letterlock only relays'),
      ["any", "[relay.test]"],
      "routes of single addresses have no counterpart",
      "routes by sender have no counterpart",
    ],
  );
});

test("postfix named things: domains, names below parents, addresses, next-hops and hosts", () => {
  const { named } = compile({
    policy: "example.com verify\n.partner.example encrypt\n[mx.host.example]:26 may",
    transport: "boss@vip.example smtp:[vip-gate.example]",
    main: "relay_domains = in.example",
  });
  assert.deepEqual(named.domains, [
    "example.com",
    "partner.example",
    "sub.partner.example",
    "vip.example",
    "in.example",
  ]);
  assert.deepEqual(
    named.recipients.map(({ text }) => text),
    ["boss@vip.example"],
  );
  assert.deepEqual(named.hosts, ["mx.host.example", "vip-gate.example"]);
  assert.deepEqual(
    named.nexthops.map(({ written }) => written),
    ["[mx.host.example]:26", "[vip-gate.example]", "in.example"],
  );
});

test("postfix compile: no text throws or hangs", () => {
  const piece = fc.constantFrom(
    "smtp_tls_policy_maps",
    "smtp_tls_security_level",
    " = ",
    "\n",
    " ",
    "$",
    "{",
    "}",
    "${",
    "inline:",
    "static:",
    "verify",
    "x",
    "#",
    "relayhost",
    "[",
    "]",
    ":",
    "smtp unix - - n - - smtp -o ",
    "=",
    "proxy:",
    "regexp:",
    "/",
  );
  const text = fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, text, text, text, (wholeMain, master, policy, transport) => {
      const compiled = compile({ wholeMain, master, policy, transport });
      assert.ok(
        compiled.source.outbound(question({ kind: "mx", domain: domain("good.test"), port: 25 })) !== undefined,
      );
      assert.ok(["nexthops", "fail", "defer"].includes(routeOf(compiled, "u@good.test").kind));
      compiled.export();
    }),
    { numRuns: 300 },
  );
});
