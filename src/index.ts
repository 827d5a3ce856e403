/**
 * Letterlock for other Node programs: the words of mail and TLS policy, the two pure functions that decide and judge,
 * the resolver, routes, and the configuration loader. What is exported here keeps its meaning within a major version;
 * everything else is ours to change. Every example runs as a test.
 *
 * Types are erased at run time. Values from the outside world are unions told apart by `kind`; a throw is a bug.
 */

// Words of mail

export type { IpAddress, Mailbox } from "./mail/address.ts";

/**
 * The domain that a mailbox belongs to; `undefined` for an address literal and for `postmaster` alone.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { domainOf, parseMailbox } from "letterlock";
 *
 * const mailbox = parseMailbox("user@[192.0.2.1]");
 * assert.ok(mailbox);
 * assert.equal(domainOf(mailbox), undefined);
 * ```
 */
export { domainOf } from "./mail/address.ts";

export type { Clock, Timer } from "./mail/clock.ts";

/**
 * Time for the parts that wait or stamp; a test hands in its own.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { systemClock } from "letterlock";
 *
 * assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000); // ms since 1970
 * ```
 */
export { systemClock } from "./mail/clock.ts";

export type { Domain } from "./mail/domain.ts";

/**
 * A domain name in one normal form: A-labels, lower case, no trailing dot. `parseDomain` answers `undefined` for what is
 * no host name; `domain` throws and is for names that a program writes itself.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { domain, parseDomain } from "letterlock";
 *
 * assert.equal(parseDomain("Bücher.Example."), "xn--bcher-kva.example");
 * assert.equal(parseDomain("192.0.2.1"), undefined);
 * assert.equal(domain("MX.example.com"), "mx.example.com");
 * ```
 */
export { domain, parseDomain } from "./mail/domain.ts";

export type { DomainPattern } from "./mail/domain-pattern.ts";

/**
 * The three patterns of every setting: `example.com` is that name alone, `.example.com` any name below it, `*` all.
 * `DomainTable` keeps values by pattern and finds the most specific one with one map access per label.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { DomainTable, domain, formatDomainPattern, parseDomainPattern } from "letterlock";
 *
 * const owners = new DomainTable<string>();
 * for (const [text, owner] of [["*", "anybody"], [".example.com", "Ann"]] as const) {
 *   const pattern = parseDomainPattern(text);
 *   assert.ok(pattern);
 *   assert.equal(formatDomainPattern(pattern), text);
 *   owners.set(pattern, owner);
 * }
 * assert.equal(owners.find(domain("mx.example.com")), "Ann");
 * assert.equal(owners.find(domain("example.com")), "anybody");
 * ```
 */
export { DomainTable, formatDomainPattern, parseDomainPattern } from "./mail/domain-pattern.ts";

/**
 * Text that a peer wrote, made safe for one line of a log, terminal or header: printable ASCII stays.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { escapeText } from "letterlock";
 *
 * assert.equal(escapeText("no such user\r\nX: y"), "no such user\\x0d\\x0aX: y");
 * ```
 */
export { escapeText } from "./mail/escape.ts";

export type { Cidr } from "./mail/ip.ts";

/**
 * Addresses and address blocks in canonical text, so that equal addresses are equal strings.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { inCidr, isPublicAddress, parseCidr, parseIp } from "letterlock";
 *
 * const address = parseIp("2001:DB8:0:0::1");
 * const block = parseCidr("2001:db8::/32");
 * assert.ok(address !== undefined && block !== undefined);
 * assert.equal(address, "2001:db8::1");
 * assert.equal(inCidr(address, block), true);
 * assert.equal(isPublicAddress(address), false);
 * assert.equal(parseCidr("192.0.2.1/24"), undefined); // bits beyond the prefix
 * ```
 */
export { inCidr, isPublicAddress, parseCidr, parseIp } from "./mail/ip.ts";

export type { Nexthop } from "./mail/nexthop.ts";

/**
 * A nexthop as people write it: `example.com`, `[mx.example.com]:26`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { domain, formatNexthop } from "letterlock";
 *
 * assert.equal(formatNexthop({ kind: "mx", domain: domain("example.com"), port: 25 }), "example.com");
 * ```
 */
export { formatNexthop } from "./mail/nexthop.ts";

export type { EnhancedStatus } from "./mail/outcome.ts";
export type { Reply } from "./mail/reply.ts";

/**
 * A mailbox as an operator writes it, by RFC 5321 §4.1.2 and RFC 6531 §3.3; `undefined` for what is none. The local part
 * stays as it is, the domain comes in normal form.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { domainOf, parseMailbox } from "letterlock";
 *
 * const mailbox = parseMailbox("Bob@Example.COM");
 * assert.equal(mailbox?.text, "Bob@example.com");
 * assert.equal(mailbox && domainOf(mailbox), "example.com");
 * assert.equal(parseMailbox("two@at@example.com"), undefined);
 * ```
 */
export { parseMailbox } from "./smtp/path.ts";

// Policy: rules in, decision out; facts in, verdict out

export type { Authentication, ConnectDecision, RefuseDecision, TlsDecision } from "./policy/decide.ts";

/**
 * How one host must be reached: the rule and what is known about the host in, one decision with its reasons out. Pure.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { builtInRule, decide, domain, type TlsEvidence } from "letterlock";
 *
 * const evidence: TlsEvidence = {
 *   nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
 *   host: domain("mx.example.com"),
 *   address: undefined,
 *   mxStatus: "insecure",
 *   implicitTls: false,
 *   messageAgeMs: 0,
 * };
 * const decision = decide(builtInRule, evidence);
 * assert.ok(decision.kind === "connect");
 * assert.equal(decision.starttls, "if-offered");
 * assert.equal(decision.clearText, "not-yet"); // after five minutes
 * assert.equal(decision.handshake.serverName, "mx.example.com");
 * ```
 */
export { builtInRule, decide } from "./policy/decide.ts";

export type { TlsEvidence } from "./policy/evidence.ts";
export type { Explanation } from "./policy/explain.ts";

/**
 * A decision before the fact, ready for JSON: what `letterlock explain --json` prints.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPolicy, domain, domainOf, explainDecision, parseMailbox } from "letterlock";
 *
 * const recipient = parseMailbox("user@example.com");
 * assert.ok(recipient);
 * const nexthop = { kind: "mx", domain: domain("example.com"), port: 25 } as const;
 * const host = domain("mx.example.com");
 * const { decision, rule } = explainDecision(
 *   createPolicy([]),
 *   {
 *     sender: undefined,
 *     recipient,
 *     recipientDomain: domainOf(recipient),
 *     nexthop,
 *     binding: "default",
 *     bindingGroup: undefined,
 *     host,
 *     address: undefined,
 *     now: Date.now(),
 *   },
 *   { nexthop, host, address: undefined, mxStatus: "insecure", implicitTls: false, messageAgeMs: 0 },
 * );
 * assert.equal(decision.level, "may");
 * assert.equal(rule.source, "built-in");
 * ```
 */
export { explainDecision } from "./policy/explain.ts";

export type { Checks, TlsVerdict } from "./policy/judge.ts";

/**
 * What a connection showed, held against the decision: may mail flow? Pure: recorded facts can be judged under another
 * rule at any time.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { builtInRule, decide, domain, judge, type PeerFacts, type TlsRule } from "letterlock";
 *
 * const { from } = builtInRule.level;
 * const strict: TlsRule = { level: { value: "encrypt", from } };
 * const evidence = {
 *   nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
 *   host: domain("mx.example.com"),
 *   address: undefined,
 *   mxStatus: "insecure",
 *   implicitTls: false,
 *   messageAgeMs: 0,
 * } as const;
 * const decision = decide(strict, evidence);
 * assert.ok(decision.kind === "connect");
 * const facts: PeerFacts = { offered: false, tls: { kind: "not-offered" }, seenAt: Date.now() };
 * const verdict = judge(decision, facts, "mx.example.com[192.0.2.1]");
 * assert.ok(verdict.kind === "next-host");
 * assert.equal(verdict.status, "4.7.4");
 * ```
 */
export { judge } from "./policy/judge.ts";

export type { Policy } from "./policy/policy.ts";

/**
 * Several sources in a stated order: the first that answers wins, and the built-in rule holds where none does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPolicy, loadSettings, parseMailbox, domain, domainOf } from "letterlock";
 *
 * const { settings } = loadSettings({ text: "tls: { domains: { partner.example: { level: secure } } }\n" });
 * const recipient = parseMailbox("user@partner.example");
 * assert.ok(settings && recipient);
 * const rule = createPolicy(settings.policySources).rule({
 *   sender: undefined,
 *   recipient,
 *   recipientDomain: domainOf(recipient),
 *   nexthop: { kind: "mx", domain: domain("partner.example"), port: 25 },
 *   binding: settings.defaultBinding,
 *   bindingGroup: undefined,
 *   host: undefined,
 *   address: undefined,
 *   now: Date.now(),
 * });
 * assert.equal(rule.level.value, "secure");
 * assert.equal(rule.level.from.line, 1);
 * ```
 */
export { createPolicy } from "./policy/policy.ts";

export type { Reason, ReasonCode } from "./policy/reasons.ts";

/**
 * Every reason that a decision or a verdict can have: its sentence, and the RFC section that it stands on.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { describeReason, reasonTable } from "letterlock";
 *
 * assert.equal(reasonTable["name-mismatch"].rfc, "RFC 9525 §6.3");
 * const { text } = describeReason({ code: "name-mismatch", detail: "mx.example.com" });
 * assert.ok(text.endsWith(": mx.example.com"));
 * ```
 */
export { describeReason, reasonTable } from "./policy/reasons.ts";

export type {
  Candidate,
  Fallback,
  NamePattern,
  Origin,
  OutboundQuestion,
  Pin,
  PolicySource,
  SniChoice,
  Sourced,
  TlsException,
  TlsLevel,
  TlsRule,
} from "./policy/rules.ts";

/**
 * The levels from no wish at all to full authentication, in that order.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { tlsLevels } from "letterlock";
 *
 * assert.ok(tlsLevels.indexOf("verify") > tlsLevels.indexOf("encrypt"));
 * ```
 */
export { tlsLevels } from "./policy/rules.ts";

export type { ScopedRule, ScopedSettings } from "./policy/scoped-rules.ts";

/**
 * Settings at scopes (recipient domain, MX host, binding, binding group) made into a source that answers questions: each
 * setting from the most specific scope that has it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   compileScopedRules,
 *   createPolicy,
 *   domain,
 *   domainOf,
 *   parseDomainPattern,
 *   parseMailbox,
 *   type Origin,
 *   type OutboundQuestion,
 * } from "letterlock";
 *
 * const from: Origin = { source: "mine", file: undefined, line: undefined, column: undefined, scope: "partner" };
 * const partner = parseDomainPattern("partner.example");
 * const recipient = parseMailbox("user@partner.example");
 * assert.ok(partner && recipient);
 * const policy = createPolicy([
 *   compileScopedRules([
 *     { scope: { domain: partner }, settings: { level: { value: "verify", from } }, from },
 *     { scope: {}, settings: { level: { value: "may", from }, minCipherBits: { value: 256, from } }, from },
 *   ]),
 * ]);
 * const question: OutboundQuestion = {
 *   sender: undefined,
 *   recipient,
 *   recipientDomain: domainOf(recipient),
 *   nexthop: { kind: "mx", domain: domain("partner.example"), port: 25 },
 *   binding: "default",
 *   bindingGroup: undefined,
 *   host: domain("mx.partner.example"),
 *   address: undefined,
 *   now: Date.now(),
 * };
 * assert.equal(policy.rule(question).level.value, "verify");
 * assert.equal(policy.rule(question).minCipherBits?.value, 256);
 * assert.deepEqual(policy.candidates(question).map(({ verdict }) => verdict), ["wins", "adds"]);
 * ```
 */
export { compileScopedRules } from "./policy/scoped-rules.ts";

export type { Credential, HandshakeSettings, TlsVersion, TrustAnchors } from "./tls/handshake-settings.ts";
export type { CertificateFacts, ChainResult, HandshakeFacts, PeerFacts, TlsProgress } from "./tls/peer-facts.ts";

// Certificates

/**
 * One certificate as a value: names, dates, key, digests. Takes DER that OpenSSL has parsed already; throws on others.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { X509Certificate } from "node:crypto";
 * import { rootCertificates } from "node:tls";
 * import { certificateFacts } from "letterlock";
 *
 * const [pem = ""] = rootCertificates;
 * const facts = certificateFacts(new X509Certificate(pem).raw);
 * assert.match(facts.spkiSha256, /^[0-9a-f]{64}$/);
 * assert.ok(facts.notBefore < facts.notAfter); // ms since 1970
 * ```
 */
export { certificateFacts } from "./tls/certificate-facts.ts";

export type { CredentialCheck } from "./tls/credential.ts";

/**
 * Checks that a certificate chain and a key, both PEM, are readable, made for each other and accepted by OpenSSL.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkCredential } from "letterlock";
 *
 * const checked = checkCredential("relay", "this is no certificate", "and this no key");
 * assert.equal(checked.kind, "error");
 * ```
 */
export { checkCredential } from "./tls/credential.ts";

export type { ReferenceName } from "./tls/names.ts";

/**
 * Does a certificate carry a name? RFC 9525 §6: only subjectAltName counts, a wildcard is one whole left-most label.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { certificateMatches, domain } from "letterlock";
 *
 * const certificate = { dnsNames: ["*.example.com"], ipAddresses: [] };
 * assert.equal(certificateMatches(certificate, { kind: "name", name: domain("mx.example.com") }), "*.example.com");
 * assert.equal(certificateMatches(certificate, { kind: "name", name: domain("a.mx.example.com") }), undefined);
 * ```
 */
export { certificateMatches } from "./tls/names.ts";

// DNS and routes

export type { DnsServer } from "./dns/query.ts";
export type { DnsAnswer, DnssecStatus, MxRecord, PtrRecord, Resolver } from "./dns/resolver.ts";
export type { StubResolverOptions } from "./dns/stub-resolver.ts";

/**
 * A stub resolver whose answers carry their DNSSEC status. Never rejects: trouble is an answer of kind `error`, which
 * must not be read as absence. `systemServers` reads the machine's own servers.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createStubResolver, domain, parseIp, systemClock } from "letterlock";
 *
 * const address = parseIp("127.0.0.1");
 * assert.ok(address);
 * const servers = [{ address, port: 1, trusted: true }]; // nobody listens there
 * await using resolver = createStubResolver({ servers, timeoutMs: 100, overallMs: 200, clock: systemClock });
 * const answer = await resolver.mx(domain("example.com"));
 * assert.equal(answer.kind, "error");
 * ```
 */
export { createStubResolver } from "./dns/stub-resolver.ts";

/**
 * The `nameserver` lines of /etc/resolv.conf; an empty list when there is no such file.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { systemServers } from "letterlock";
 *
 * assert.deepEqual(await systemServers("/there/is/no/such/file"), []);
 * ```
 */
export { systemServers } from "./dns/system-servers.ts";

export type { RouteOptions } from "./route/find-route.ts";

/**
 * From a nexthop to its hosts and addresses in the order to try them: RFC 5321 §5.1, RFC 7505. Never rejects.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { domain, findRoute, parseIp, type Domain, type Resolver } from "letterlock";
 *
 * const mx = domain("mx.example.com");
 * const address = parseIp("192.0.2.1");
 * assert.ok(address);
 * const found = (name: Domain) => ({ kind: "records", status: "insecure", name, ttlSeconds: 300 }) as const;
 * const nothing = async (name: Domain) => ({ ...found(name), kind: "no-data" }) as const;
 * const resolver: Resolver = {
 *   mx: async (name) => ({ ...found(name), records: [{ preference: 10, exchange: mx }] }),
 *   a: async (name) => ({ ...found(name), records: [address] }),
 *   aaaa: nothing,
 *   txt: nothing,
 *   ptr: async () => nothing(mx),
 * };
 * const route = await findRoute(
 *   { kind: "mx", domain: domain("example.com"), port: 25 },
 *   {
 *     resolver,
 *     ipv4: true,
 *     ipv6: true,
 *     allowAddresses: [{ address, prefix: 32 }], // a documentation address is not public
 *     random: Math.random,
 *     ownNames: new Set(),
 *     ownAddresses: new Set(),
 *     ownEndpoints: new Set(),
 *   },
 * );
 * assert.ok(route.kind === "hosts");
 * assert.deepEqual(route.hosts[0]?.addresses, ["192.0.2.1"]);
 * ```
 */
export { findRoute } from "./route/find-route.ts";

export type { MxHost, Route, RouteProblem } from "./route/route.ts";

export type { NexthopChoice, TransportOptions, TransportTable } from "./route/transport.ts";

/**
 * From a recipient to its nexthop: the operator's transport rules first, else the recipient's own domain. Pure.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createTransportTable, domain, formatNexthop, parseDomainPattern, parseMailbox } from "letterlock";
 *
 * const pattern = parseDomainPattern(".example.com");
 * const recipient = parseMailbox("user@mx.example.com");
 * assert.ok(pattern && recipient);
 * const host = domain("gateway.example.net");
 * const table = createTransportTable([
 *   { pattern, nexthops: [{ kind: "host", host, isIp: false, port: 25, implicitTls: false }] },
 * ]);
 * const submission = { sender: undefined, binding: "default", bindingGroup: undefined };
 * const options = { submission, defaultPort: 25, allowAddressLiterals: false, allowAddresses: [] };
 * const choice = table.nexthopFor(recipient, options);
 * assert.ok(choice.kind === "nexthops");
 * assert.equal(formatNexthop(choice.nexthops[0]), "[gateway.example.net]");
 * ```
 */
export { createTransportTable } from "./route/transport.ts";

// Configuration

/**
 * Which configuration file counts: the one named, else `LETTERLOCK_CONFIG`, else the system's, if it is there.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { findConfiguration } from "letterlock";
 *
 * assert.equal(findConfiguration(undefined, { LETTERLOCK_CONFIG: "relay.yaml" }), "relay.yaml");
 * ```
 */
export { findConfiguration } from "./config/find.ts";

export type { LoadOptions, LoadResult } from "./config/load.ts";

/**
 * Reads a configuration as `letterlock check` does: the settings, or everything that is wrong with it. Never throws.
 * `settings.policySources` are the sources for `createPolicy`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatProblem, loadSettings } from "letterlock";
 *
 * const { settings, problems } = loadSettings({ path: "letterlock.yaml", text: "tls: { level: verfy }\n" });
 * assert.equal(settings, undefined);
 * assert.match(problems.map(formatProblem).join("\n"), /^letterlock\.yaml:1:15: error: .*verify/);
 * assert.equal(loadSettings({ text: "hostname: relay.example.com\n" }).settings?.hostname, "relay.example.com");
 * ```
 */
export { loadSettings } from "./config/load.ts";

export type { Problem } from "./config/problem.ts";

/**
 * A problem as one line: `file:line:column: error: message (remedy)`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatProblem } from "letterlock";
 *
 * const place = { file: "letterlock.yaml", line: 3, column: 5 };
 * const line = formatProblem({ ...place, severity: "warning", message: "never used", remedy: "remove it" });
 * assert.equal(line, "letterlock.yaml:3:5: warning: never used (remove it)");
 * ```
 */
export { formatProblem } from "./config/problem.ts";

export type { Settings } from "./config/settings.ts";

// Configurations of other mail servers

export type { Compiled, Note, NoteKind, SourceFiles } from "./policy/dialects/dialect.ts";

/**
 * The files of this machine, for whoever compiles a configuration: regular files alone, 64 MiB at most, and a reason in
 * place of a throw.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { systemFiles } from "letterlock";
 *
 * assert.deepEqual(systemFiles.read("/nowhere/at/all"), { kind: "failed", reason: "there is no such file" });
 * ```
 */
export { systemFiles } from "./config/file-reader.ts";

export type { PostfixOptions } from "./policy/dialects/postfix/compile.ts";

/**
 * A Postfix configuration as it is: `source` answers as Postfix would, `notes` say of every line what becomes of it. Never
 * throws; a configuration with a note of kind `error` refuses every mail.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { compilePostfix, createPolicy, domain, parseMailbox, type SourceFiles } from "letterlock";
 *
 * const text = "smtp_tls_policy_maps = inline:{{example.com=verify}}\n";
 * const files: SourceFiles = {
 *   read: (path) => (path === "/main.cf" ? { kind: "found", text } : { kind: "failed", reason: "not here" }),
 *   list: () => undefined,
 *   modifiedAt: () => undefined,
 * };
 * const { source } = compilePostfix({ main: "/main.cf" }, files);
 * const recipient = parseMailbox("user@example.com");
 * assert.ok(recipient);
 * const rule = createPolicy([source]).rule({
 *   sender: undefined,
 *   recipient,
 *   recipientDomain: domain("example.com"),
 *   nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
 *   binding: "default",
 *   bindingGroup: undefined,
 *   host: undefined,
 *   address: undefined,
 *   now: Date.now(),
 * });
 * assert.equal(rule.level.value, "verify");
 * ```
 */
export { compilePostfix } from "./policy/dialects/postfix/compile.ts";

export type { SendmailOptions } from "./policy/dialects/sendmail/compile.ts";

/**
 * A Sendmail configuration as it is: the access map, `sendmail.mc` and `sendmail.cf`, as far as they are there.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { compileSendmail, type SourceFiles } from "letterlock";
 *
 * const files: SourceFiles = {
 *   read: () => ({ kind: "found", text: "TLS_Srv:example.com\tVERFY:112\n" }),
 *   list: () => undefined,
 *   modifiedAt: () => undefined,
 * };
 * const { notes } = compileSendmail({ access: "/etc/mail/access" }, files);
 * assert.ok(notes.some(({ kind, line }) => kind === "warning" && line === 1)); // VERFY exempts the host
 * ```
 */
export { compileSendmail } from "./policy/dialects/sendmail/compile.ts";

export type { MomentumOptions } from "./policy/dialects/momentum/compile.ts";

/**
 * A Momentum configuration as it is, with its bindings.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { compileMomentum, type SourceFiles } from "letterlock";
 *
 * const text = 'binding "marketing" { tls = "required" }\n';
 * const files: SourceFiles = {
 *   read: () => ({ kind: "found", text }),
 *   list: () => undefined,
 *   modifiedAt: () => undefined,
 * };
 * const { settings } = compileMomentum({ file: "/ecelerity.conf" }, files);
 * assert.ok(settings.bindings?.some(({ name }) => name === "marketing"));
 * ```
 */
export { compileMomentum } from "./policy/dialects/momentum/compile.ts";

export type { PowerMtaOptions } from "./policy/dialects/powermta/compile.ts";

/**
 * A PowerMTA configuration as it is; its virtual MTAs are bindings.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { compilePowerMta, type SourceFiles } from "letterlock";
 *
 * const text = "<domain example.com>\nrequire-startls yes\n</domain>\n";
 * const files: SourceFiles = {
 *   read: () => ({ kind: "found", text }),
 *   list: () => undefined,
 *   modifiedAt: () => undefined,
 * };
 * const { notes } = compilePowerMta({ file: "/etc/pmta/config" }, files);
 * assert.equal(notes.find(({ kind }) => kind === "error")?.line, 2); // as in the original: an unknown directive
 * ```
 */
export { compilePowerMta } from "./policy/dialects/powermta/compile.ts";

export type { EquivalenceReport } from "./cli/equivalence.ts";
export type { Left } from "./config/taking-over/write-configuration.ts";

/**
 * Moving over: `writeConfiguration` says a compiled configuration in our own language, with what it could not say;
 * `compareConfigurations` asks both about everything that the original names, in every situation.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { compareConfigurations, compilePostfix, loadSettings, type SourceFiles, writeConfiguration } from "letterlock";
 *
 * const files: SourceFiles = {
 *   read: () => ({ kind: "found", text: "smtp_tls_security_level = encrypt\n" }),
 *   list: () => undefined,
 *   modifiedAt: () => undefined,
 * };
 * const compiled = compilePostfix({ main: "/main.cf" }, files);
 * const { text, left } = writeConfiguration(compiled, "postfix /main.cf");
 * const { settings } = loadSettings({ path: "letterlock.yaml", text });
 * assert.ok(settings);
 * const { different } = compareConfigurations(compiled, settings, "postfix /main.cf", Date.now());
 * assert.deepEqual([left, different], [[], 0]);
 * ```
 */
export { compareConfigurations } from "./cli/equivalence.ts";
export { writeConfiguration } from "./config/taking-over/write-configuration.ts";

// Records

export type { Achieved, AttemptEvent, AttemptRecord, AttemptTls } from "./mail/attempt.ts";
