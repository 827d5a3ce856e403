/**
 * The same policy in our own rules, as far as they can say it, and every name that the access map mentions.
 * A demand becomes level `encrypt` with its bits, a trusted chain where it says VERIFY, and bounces where it says PERM.
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import { parseMailbox } from "../../../smtp/path.ts";
import type { NamePattern, PeerRequirement, Sourced, TlsRule } from "../../rules.ts";
import type { ScopedSettings } from "../../scoped-rules.ts";
import type { ExportedRule, NamedThings } from "../dialect.ts";
import { type AccessMap, isWord, type RequirementEntry, type ValueEntry } from "./access-map.ts";

/** @param base what holds where no entry does. */
export function exportRules(map: AccessMap, base: TlsRule): readonly ExportedRule[] {
  const { requirements: _, ...settings } = base;
  const rules: ExportedRule[] = [{ kind: "rule", scope: {}, settings, from: base.level.from, written: "" }];
  for (const [key, entry] of map.requirements.tls_srv) rules.push(...exportEntry("host", key, entry, settings));
  for (const [key, entry] of map.requirements.tls_rcpt) rules.push(...exportEntry("domain", key, entry, settings));
  for (const [key, entry] of map.values.try_tls) rules.push(...exportTryTls(key, entry, settings));
  for (const { access, from } of map.requirements.tls_clt.values()) {
    const written = `${access.key} ${access.value.trim()}`;
    rules.push({
      kind: "cannot",
      from,
      written,
      why: "what is asked of clients is said elsewhere in our configuration",
    });
  }
  for (const { access, from } of map.values.tls_clt_features.values()) {
    const written = `${access.key} ${access.value.trim()}`;
    rules.push({
      kind: "cannot",
      from,
      written,
      why: "versions and ciphers of one host are left to whoever moves over",
    });
  }
  if (hasDemand(map.requirements.tls_srv) && hasDemand(map.requirements.tls_rcpt)) {
    const why =
      "mail must meet the demand on the host and the one on the recipient; our rules let the recipient's decide";
    rules.push({ kind: "cannot", from: base.level.from, written: "TLS_Srv together with TLS_Rcpt", why });
  }
  return rules;
}

function hasDemand(table: ReadonlyMap<string, RequirementEntry>): boolean {
  return [...table.values()].some(({ requirement }) => requirement !== undefined);
}

/** A key covers the name and all names below it: two of our patterns. */
function patternsOf(key: string): readonly DomainPattern[] {
  if (key === "") return [{ kind: "any" }];
  const below = key.startsWith(".");
  const domain = parseDomain(below ? key.slice(1) : key);
  if (domain === undefined || key.endsWith(".")) return [];
  return below
    ? [{ kind: "below", domain }]
    : [
        { kind: "exact", domain },
        { kind: "below", domain },
      ];
}

function exportEntry(
  by: "host" | "domain",
  key: string,
  { access, text, requirement, from }: RequirementEntry,
  base: ScopedSettings,
): ExportedRule[] {
  const written = `${access.key} ${access.value.trim()}`;
  const patterns = patternsOf(key);
  if (patterns.length === 0) return [{ kind: "cannot", from, written, why: whyNoPattern(by, key) }];
  const made = requirement === undefined || text.kind !== "requirement" ? undefined : demandOf(requirement);
  const settings: ScopedSettings =
    made === undefined ? { ...base, level: { value: "may", from } } : { ...base, ...made.settings };
  const rules = patterns.map((pattern): ExportedRule => {
    return { kind: "rule", scope: { [by]: pattern }, settings, from, written };
  });
  return made?.why === undefined ? rules : [...rules, { kind: "cannot", from, written, why: made.why }];
}

function whyNoPattern(by: "host" | "domain", key: string): string {
  if (key.includes("@")) return "our rules do not look at local parts";
  return by === "host" ? "our rules know hosts by name, not by address" : "this is no domain";
}

type Demand = Readonly<{ settings: ScopedSettings; why: string | undefined }>;

function demandOf({ from, verify, bits, extensions, reply }: PeerRequirement): Demand {
  const is = <T>(value: T): Sourced<T> => ({ value, from });
  const needsTls = verify || (bits?.atLeast ?? 0) > 0;
  const [first, ...more] = extensions;
  const names = first?.kind === "cn" ? namesOf(first.name) : undefined;
  return {
    settings: {
      level: is(needsTls ? "encrypt" : "may"),
      proof: is(verify ? (names === undefined ? "chain" : "chain-and-name") : "nothing"),
      ...(names === undefined || !verify ? {} : { match: is(names), commonName: is("also" as const) }),
      ...(bits === undefined || bits.atLeast === 0 ? {} : { minCipherBits: is(bits.atLeast) }),
      onFailure: is(reply.code >= 500 ? "bounce" : "defer"),
    },
    why: whyExtensions(first, more.length),
  };
}

function namesOf(name: string | undefined): readonly NamePattern[] | undefined {
  if (name === undefined) return [{ kind: "hostname" }];
  const domain = parseDomain(name);
  return domain === undefined ? undefined : [{ kind: "name", name: domain }];
}

function whyExtensions(first: PeerRequirement["extensions"][number] | undefined, more: number): string | undefined {
  if (first === undefined) return undefined;
  if (more > 0 || first.kind !== "cn") return "our rules do not compare subject and issuer";
  return "our rules take a name in SubjectAltName as well as the common name";
}

function exportTryTls(key: string, { access, value, from }: ValueEntry, base: ScopedSettings): ExportedRule[] {
  const written = `${access.key} ${value}`;
  const patterns = patternsOf(key);
  if (patterns.length === 0) return [{ kind: "cannot", from, written, why: whyNoPattern("host", key) }];
  const level = { value: isWord(value, "NO") ? ("none" as const) : ("may" as const), from };
  return patterns.map((pattern) => ({
    kind: "rule",
    scope: { host: pattern },
    settings: { ...base, level },
    from,
    written,
  }));
}

/** For each key a name that it covers exactly and one below it; addresses are filled up. */
export function namedThings(map: AccessMap, nexthops: readonly Nexthop[]): NamedThings {
  const domains = new Set<Domain>();
  const hosts = new Set<Domain>();
  const addresses = new Set<IpAddress>();
  const recipients = new Map<string, Mailbox>();
  const hostKeys = [
    ...map.requirements.tls_srv.keys(),
    ...map.values.try_tls.keys(),
    ...map.values.tls_clt_features.keys(),
  ];
  for (const key of hostKeys) {
    const address = addressOf(key);
    if (address !== undefined) addresses.add(address);
    else for (const name of namesUnder(key)) hosts.add(name);
  }
  for (const key of map.requirements.tls_rcpt.keys()) {
    const recipient = key.includes("@") ? parseMailbox(key.endsWith("@") ? `${key}example.com` : key) : undefined;
    if (recipient !== undefined) recipients.set(recipient.text, recipient);
    else for (const name of namesUnder(key)) domains.add(name);
  }
  return {
    domains: [...domains],
    recipients: [...recipients.values()],
    hosts: [...hosts],
    addresses: [...addresses],
    bindings: [],
    nexthops,
  };
}

function namesUnder(key: string): Domain[] {
  const bare = key.replace(/^\./, "");
  if (bare === "") return [];
  return [bare, `mx.${bare}`].flatMap((name) => parseDomain(name) ?? []);
}

function addressOf(key: string): IpAddress | undefined {
  const bare = key.replace(/^\[|\]$/g, "").replace(/^ipv6:/, "");
  if (/^\d{1,3}(?:\.\d{1,3}){0,3}$/.test(bare)) {
    return parseIp([...bare.split("."), "0", "0", "0"].slice(0, 4).join("."));
  }
  if (!key.includes("ipv6:")) return undefined;
  return parseIp(bare.includes("::") || bare.split(":").length === 8 ? bare : `${bare}::1`);
}
