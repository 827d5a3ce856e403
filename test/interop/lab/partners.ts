/**
 * The domains in the test's DNS, each with an MX host and the level that Letterlock's configuration states for it.
 */
import { type Authority, fingerprint } from "./authority.ts";
import type { DnsEntry } from "./dns.ts";
import { addresses, type Peer } from "./peer.ts";

/** One situation that every peer is met in: what the rule says, and what must come of it. */
export type Situation = Readonly<{
  /** First label of the domain. */
  name: string;
  rule: (peer: Peer, files: RuleFiles) => string;
  /** The MX host is reached under a name that its certificate does not have. */
  alias: boolean;
  want: Readonly<{ event: "delivered" | "deferred"; required: string; achieved: string }>;
}>;

type RuleFiles = Readonly<{ authority: Authority; stranger: Authority }>;

function delivered(required: string, achieved: string): Situation["want"] {
  return { event: "delivered", required, achieved };
}

function deferred(required: string, achieved: string): Situation["want"] {
  return { event: "deferred", required, achieved };
}

const wrongPin = "0".repeat(64);

export const situations: readonly Situation[] = [
  { name: "may", rule: () => "level: may", alias: false, want: delivered("may", "verified") },
  { name: "encrypt", rule: () => "level: encrypt", alias: false, want: delivered("encrypt", "verified") },
  { name: "verify", rule: () => "level: verify", alias: false, want: delivered("verify", "verified") },
  {
    name: "may-stranger",
    rule: (_, { stranger }) => `level: may, ca: ${stranger.certificate}`,
    alias: false,
    want: delivered("may", "encrypted"),
  },
  {
    name: "verify-stranger",
    rule: (_, { stranger }) => `level: verify, ca: ${stranger.certificate}`,
    alias: false,
    want: deferred("verify", "encrypted"),
  },
  { name: "encrypt-alias", rule: () => "level: encrypt", alias: true, want: delivered("encrypt", "trusted") },
  { name: "verify-alias", rule: () => "level: verify", alias: true, want: deferred("verify", "trusted") },
  {
    name: "pin",
    rule: ({ certificate }) => `level: fingerprint, pins: "certificate-sha256:${fingerprint(certificate)}"`,
    alias: false,
    want: delivered("fingerprint", "verified"),
  },
  {
    name: "pin-wrong",
    rule: () => `level: fingerprint, pins: "certificate-sha256:${wrongPin}"`,
    alias: false,
    want: deferred("fingerprint", "trusted"),
  },
];

export function domainOf(situation: string, peer: Peer): string {
  return `${situation}.${peer.name.toLowerCase()}.test`;
}

/** The thirty domains of one message with a hundred recipients; their mail goes to the peers in turn. */
export const manyDomains = Array.from({ length: 30 }, (_, index) => `many${index}.example.test`);

/** A domain that Letterlock relays for, whoever the client is. */
export const ownDomain = "own.test";

export function dnsEntries(peers: readonly Peer[]): DnsEntry[] {
  const [first] = peers;
  if (first === undefined) throw new Error("no peers");
  return [
    ...peers.flatMap((peer): DnsEntry[] => [
      { name: peer.host, address: peer.address },
      { name: `alias.${peer.host}`, address: peer.address },
      ...situations.map(({ name, alias }) => ({
        name: domainOf(name, peer),
        mx: alias ? `alias.${peer.host}` : peer.host,
      })),
    ]),
    { name: "plain.test", address: addresses.postfixPlain },
    { name: "may.plain.test", mx: "plain.test" },
    { name: "encrypt.plain.test", mx: "plain.test" },
    { name: "home.test", mx: first.host },
    { name: ownDomain, mx: first.host },
    ...manyDomains.map((name, index) => ({ name, mx: (peers[index % peers.length] ?? first).host })),
  ];
}

/** The `tls:` section of Letterlock's configuration. */
export function tlsSection(peers: readonly Peer[], files: RuleFiles): string {
  const rules = peers.flatMap((peer) =>
    situations.map(({ name, rule }) => `    ${domainOf(name, peer)}: { ${rule(peer, files)} }\n`),
  );
  return `tls:
  level: may
  ca: ${files.authority.certificate}
  domains:
    encrypt.plain.test: { level: encrypt }
${rules.join("")}`;
}
