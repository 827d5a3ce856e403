/**
 * The world of the Postfix cases: domains, MX hosts and certificates that behave as the reference says, and one attempt
 * to deliver through them. Rules and routing come from a compiled configuration, decisions and verdicts from the core;
 * only the hosts are made up: their facts are what a handshake with them would show.
 */
import { textFiles } from "../../../src/config/text-files.ts";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../../../src/lab/certificates.ts";
import type { Mailbox } from "../../../src/mail/address.ts";
import { type Domain, domain } from "../../../src/mail/domain.ts";
import { parseIp } from "../../../src/mail/ip.ts";
import type { Nexthop } from "../../../src/mail/nexthop.ts";
import { reply } from "../../../src/mail/reply.ts";
import { type ConnectDecision, decide } from "../../../src/policy/decide.ts";
import type { Compiled, RoutingAnswer } from "../../../src/policy/dialects/dialect.ts";
import { compilePostfix } from "../../../src/policy/dialects/postfix/compile.ts";
import { judge, mayTryClear, type TlsVerdict } from "../../../src/policy/judge.ts";
import type { OutboundQuestion, TlsRule } from "../../../src/policy/rules.ts";
import { parseMailbox } from "../../../src/smtp/path.ts";
import { certificateFacts } from "../../../src/tls/certificate-facts.ts";
import type { TrustAnchors } from "../../../src/tls/handshake-settings.ts";
import type { ChainResult, PeerFacts, TlsProgress } from "../../../src/tls/peer-facts.ts";

const now = Date.now();
const day = 86_400_000;

const labCa = await makeAuthority("Lab Root CA");
const otherCa = await makeAuthority("Other CA");

type Behaviour = "no-starttls" | "454" | "554" | "garbage" | "drops-command" | "drops-mail" | "tls";
type Host = Readonly<{
  does: Behaviour;
  certificate?: IssuedCertificate;
  issuer?: "lab" | "other" | "self";
  /** Nobody answers on other ports. */
  ports?: readonly number[];
}>;

async function issued(names: readonly string[], change: Parameters<typeof labCa.issue>[0] = {}): Promise<Host> {
  return { does: "tls", issuer: "lab", certificate: await labCa.issue({ dnsNames: names, ...change }) };
}

const good = await issued(["mx.good.test"]);
const self: Host = { does: "tls", issuer: "self", certificate: await makeSelfSigned({ dnsNames: ["mx.self.test"] }) };
const elsewhere: Host = {
  does: "tls",
  issuer: "other",
  certificate: await otherCa.issue({ dnsNames: ["mx.good.test"] }),
};

const hosts: ReadonlyMap<string, Host> = new Map([
  ["mx.nostarttls.test", { does: "no-starttls" }],
  ["mx.reject.test", { does: "454" }],
  ["mx.reject5.test", { does: "554" }],
  ["mx.garbage.test", { does: "garbage" }],
  ["mx.drophs.test", { does: "garbage" }],
  ["mx.dropcmd.test", { does: "drops-command" }],
  ["mx.dropmail.test", { ...(await issued(["mx.dropmail.test"])), does: "drops-mail" }],
  ["mx.good.test", { ...good, ports: [25, 465, 2025] }],
  ["mx.self.test", self],
  ["mx.wrong.test", await issued(["other.example"])],
  ["mx.secure.test", await issued(["secure.test"])],
  ["mx.exp.test", await issued(["mx.exp.test"], { notBefore: now - 30 * day, notAfter: now - day })],
  ["mxo.good.test", elsewhere],
  ["mx.cnonly.test", await issued([], { commonName: "mx.cnonly.test" })],
  ["mx.cnsan.test", await issued(["unrelated.example"], { commonName: "mx.cnsan.test" })],
  ["mx.wild.test", await issued(["*.wild.test"])],
  ["a.b.wild.test", await issued(["*.wild.test"])],
  ["alias.cname.test", good],
  ["tls.example.com", await issued(["alternative.com"])],
  ["mail.ciphermail.com", await issued(["elsewhere.example"])],
  ["192.0.2.1", await issued([], { ipAddresses: ["192.0.2.1"] })],
  ["192.0.2.2", await issued(["mx.good.test"])],
  ["127.0.0.1", { does: "no-starttls", ports: [25, 10025] }],
]);

const exchanges: ReadonlyMap<string, readonly string[]> = new Map([
  ["sub.good.test", ["mx.good.test"]],
  ["otherca.test", ["mxo.good.test"]],
  ["wild2.test", ["a.b.wild.test"]],
  ["cname.test", ["alias.cname.test"]],
  ["twomx.test", ["mx.nostarttls.test", "mx.good.test"]],
  ["twomx2.test", ["mx.wrong.test", "mx.good.test"]],
  ["two5.test", ["mx.reject5.test", "mx.good.test"]],
  ["twog.test", ["mx.garbage.test", "mx.good.test"]],
  ["ciphermail.com", ["mail.ciphermail.com"]],
  // A bare host from a transport rule has no MX: its address is used.
  ["mx.good.test", ["mx.good.test"]],
]);

function exchangesOf(name: string): readonly string[] {
  return exchanges.get(name) ?? [`mx.${name}`];
}

export const labCaFile = "/etc/postfix/lab-ca.pem";

/** Certificates that configurations name. */
export const worldFiles: Readonly<Record<string, string>> = {
  [labCaFile]: labCa.certificatePem,
  "/etc/postfix/other-ca.pem": otherCa.certificatePem,
  "/etc/postfix/good-leaf.pem": good.certificate?.certificatePem ?? "",
  "/etc/postfix/public-key.pem": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n",
};

/** Digests of the certificate of mx.good.test and of its key, lower-case hex. */
export const goodDigests = ((): Readonly<{ certificate: string; key: string }> => {
  const { sha256, spkiSha256 } = certificateFacts(good.certificate?.der ?? new Uint8Array());
  return { certificate: sha256, key: spkiSha256 };
})();

/** main.cf of the cases unless they say otherwise: level may, the lab's CA. */
export const usual = `smtp_tls_security_level = may
smtp_tls_CAfile = ${labCaFile}
compatibility_level = 3.6
myhostname = relay.lab.test
`;

export type WorldOptions = Readonly<{
  /** Behind `usual`; a later line wins. */
  main?: string;
  /** In place of `usual` and `main`. */
  wholeMain?: string;
  /** Contents of /etc/postfix/tls_policy, a texthash table that `smtp_tls_policy_maps` names. */
  policy?: string;
  /** Contents of /etc/postfix/transport, a texthash table. */
  transport?: string;
  master?: string;
  files?: Readonly<Record<string, string>>;
  defines?: Readonly<Record<string, string>>;
}>;

export function compile({
  main = "",
  wholeMain,
  policy,
  transport,
  master,
  files = {},
  defines,
}: WorldOptions): Compiled {
  const tables = [
    ...(policy === undefined ? [] : ["smtp_tls_policy_maps = texthash:/etc/postfix/tls_policy"]),
    ...(transport === undefined ? [] : ["transport_maps = texthash:/etc/postfix/transport"]),
  ];
  const all: Record<string, string> = {
    ...worldFiles,
    "/etc/postfix/main.cf": wholeMain ?? `${usual}${tables.join("\n")}\n${main}\n`,
    ...(policy === undefined ? {} : { "/etc/postfix/tls_policy": policy }),
    ...(transport === undefined ? {} : { "/etc/postfix/transport": transport }),
    ...(master === undefined ? {} : { "/etc/postfix/master.cf": master }),
    ...files,
  };
  return compilePostfix(
    { main: "/etc/postfix/main.cf", ...(defines === undefined ? {} : { defines }) },
    textFiles(all),
  );
}

export function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (parsed === undefined) throw new Error(`no mailbox: ${text}`);
  return parsed;
}

/** Where mail would go; for the recipient's own domain, that. */
export function routeOf({ settings }: Compiled, to: string, sender?: string): RoutingAnswer {
  const recipient = mailbox(to);
  const answer = settings.routing?.route({
    recipient,
    sender: sender === undefined ? undefined : mailbox(sender),
    binding: "default",
    bindingGroup: undefined,
  });
  if (answer !== undefined) return answer;
  const { host } = recipient;
  if (host?.kind === "literal") {
    return { kind: "nexthops", nexthops: [{ kind: "host", host: host.ip, isIp: true, port: 25, implicitTls: false }] };
  }
  if (host === undefined) throw new Error("no domain");
  return { kind: "nexthops", nexthops: [{ kind: "mx", domain: host.domain, port: 25 }] };
}

export function question(nexthop: Nexthop, to = "u@good.test", host?: Domain): OutboundQuestion {
  const recipient = mailbox(to);
  return {
    sender: undefined,
    recipient,
    recipientDomain: recipient.host?.kind === "domain" ? recipient.host.domain : undefined,
    nexthop,
    binding: "default",
    bindingGroup: undefined,
    host,
    address: undefined,
    now,
  };
}

/** The rule for mail to this address, over its first next-hop. */
export function ruleFor(compiled: Compiled, to: string): TlsRule {
  const route = routeOf(compiled, to);
  if (route.kind !== "nexthops") throw new Error(`${to}: ${route.text}`);
  const rule = compiled.source.outbound(question(route.nexthops[0], to));
  if (rule === undefined) throw new Error("Postfix has a rule for everything");
  return rule;
}

/**
 * One attempt at delivering, in Postfix's words: each host that failed on a line of its own, then what became of the
 * mail: `sent Verified verify mx.good.test`, `deferred 4.7.5 ...`, `bounced 5.7.0 ...`.
 */
export function deliver(compiled: Compiled, to: string, ageSeconds = 0): string {
  const route = routeOf(compiled, to);
  if (route.kind !== "nexthops")
    return `${route.kind === "fail" ? "bounced" : "deferred"} ${route.status} ${route.text}`;
  const failures: string[] = [];
  for (const nexthop of route.nexthops) {
    for (const name of nexthop.kind === "mx" ? exchangesOf(nexthop.domain) : [nexthop.host]) {
      const result = tryHost(compiled, nexthop, name, to, ageSeconds * 1000);
      if (!result.startsWith("deferred ")) return [...failures, result].join("\n");
      failures.push(result.slice("deferred ".length));
    }
  }
  const last = failures.pop() ?? "4.4.4 nothing to try";
  return [...failures, `deferred ${last}`].join("\n");
}

function tryHost(compiled: Compiled, nexthop: Nexthop, name: string, to: string, messageAgeMs: number): string {
  const host = hosts.get(name);
  const ip = parseIp(name);
  const hostName = ip === undefined ? domain(name) : undefined;
  const rule = compiled.source.outbound(question(nexthop, to, hostName));
  if (rule === undefined) return "no rule";
  const implicitTls = nexthop.kind === "host" && nexthop.implicitTls;
  const evidence = { nexthop, host: hostName, address: ip, mxStatus: "insecure", implicitTls, messageAgeMs } as const;
  const decision = decide(rule, evidence);
  if (decision.kind === "refuse") return `deferred ${decision.status} ${decision.text}`;
  if (host === undefined || !(host.ports ?? [25]).includes(nexthop.port)) return "deferred 4.4.1 connection refused";
  if ((nexthop.port === 465) !== implicitTls) return "deferred 4.4.2 timed out";
  return outcome(decision, host, name);
}

function outcome(decision: ConnectDecision, host: Host, name: string): string {
  const { level } = decision.rule;
  const verdict = judge(decision, factsOf(decision, host), name);
  switch (verdict.kind) {
    case "flow":
      if (host.does === "drops-mail" && verdict.achieved !== "none") {
        return mayTryClear(decision) ? `sent in clear ${level.value} ${name}` : "deferred 4.4.2 lost connection";
      }
      return `sent ${trust(verdict, decision)} ${level.value} ${name}`;
    case "clear-again":
      return decision.clearTextTurn === "same-host" ? `sent in clear ${level.value} ${name}` : "clear text at the end";
    case "next-host":
      return `${verdict.severity === "bounce" ? "bounced" : "deferred"} ${verdict.status} ${verdict.text}`;
  }
}

/** Postfix says Verified only where the level compares something. */
function trust({ achieved, checks }: TlsVerdict, decision: ConnectDecision): string {
  if (achieved === "none") return "in clear";
  if (decision.authenticate.required !== "nothing") return "Verified";
  return checks.chain === "trusted" ? "Trusted" : "Untrusted";
}

function factsOf(decision: ConnectDecision, host: Host): PeerFacts {
  const tls = progress(decision, host);
  return { offered: host.does !== "no-starttls", tls, seenAt: now };
}

function progress(decision: ConnectDecision, host: Host): TlsProgress {
  if (host.does === "no-starttls") return { kind: "not-offered" };
  if (decision.starttls === "never") return { kind: "skipped" };
  switch (host.does) {
    case "454":
      return { kind: "refused", reply: reply(454, "4.7.0", "TLS not available") };
    case "554":
      return { kind: "refused", reply: reply(554, "5.7.0", "no TLS for you") };
    case "garbage":
      return { kind: "failed", code: "ERR_SSL_WRONG_VERSION_NUMBER", text: "wrong version number" };
    case "drops-command":
      return { kind: "lost" };
    default:
      return handshake(decision, host);
  }
}

/** Hosts speak TLS 1.2 and 1.3. */
function handshake({ handshake: settings }: ConnectDecision, host: Host): TlsProgress {
  const { minVersion, maxVersion, anchors } = settings;
  if (minVersion > maxVersion) return { kind: "failed", code: "ERR_SSL_NO_PROTOCOLS_AVAILABLE", text: "no protocols" };
  return {
    kind: "done",
    handshake: {
      protocol: maxVersion,
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      group: "X25519",
      resumed: false,
      chain: chainOf(host, anchors),
      certificate: host.certificate === undefined ? undefined : certificateFacts(host.certificate.der),
      intermediates: [],
      clientCertificate: "not-asked",
      durationMs: 1,
    },
  };
}

function chainOf({ issuer, certificate }: Host, anchors: TrustAnchors): ChainResult {
  const pem = anchors.kind === "bundle" ? anchors.pem.map((text) => text.trim()) : [];
  const partial = anchors.kind === "bundle" && anchors.partialChains === true;
  const has = (text: string | undefined): boolean => text !== undefined && pem.includes(text.trim());
  const issuerPem = issuer === "lab" ? labCa.certificatePem : otherCa.certificatePem;
  const anchored = issuer === "self" ? has(certificate?.certificatePem) : has(issuerPem);
  if (!anchored && !(partial && has(certificate?.certificatePem))) {
    return issuer === "self"
      ? untrusted("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate")
      : untrusted("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate");
  }
  const facts = certificateFacts(certificate?.der ?? new Uint8Array());
  return facts.notAfter < now ? untrusted("CERT_HAS_EXPIRED", "certificate has expired") : { kind: "trusted" };
}

function untrusted(code: string, text: string): ChainResult {
  return { kind: "untrusted", code, text };
}

/** Kind and text of notes, for the files that the pattern fits. */
export function notesOf({ notes }: Compiled, kind: Compiled["notes"][number]["kind"]): readonly string[] {
  return notes.filter((note) => note.kind === kind).map(({ file, line, text }) => `${file}:${line}: ${text}`);
}
