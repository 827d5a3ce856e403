/**
 * The settings of a TLS rule, as one may write them at every scope: `tls:` itself, a binding's or a binding group's
 * `tls:`, and under each of these `domains:` and `hosts:`. Values are read straight into the neutral form of
 * `../policy/rules.ts`; files, certificates and OpenSSL's opinion are `tls-rules.ts`'s business.
 */
import { parseDomain } from "../mail/domain.ts";
import { parseRequirement, type RequirementText } from "../policy/dialects/sendmail/requirement-text.ts";
import {
  type Fallback,
  type NamePattern,
  type Pin,
  type SniChoice,
  type TlsLevel,
  tlsLevels,
  wordings,
} from "../policy/rules.ts";
import type { TlsVersion } from "../tls/handshake-settings.ts";
import { byDomain, byNexthop, list, optional, type Section, section } from "./section-types.ts";
import {
  choice,
  count,
  file,
  name,
  parseDuration,
  text,
  textType,
  type ValueType,
  wrong,
  yesNo,
} from "./value-types.ts";

const level: ValueType<TlsLevel> = choice(...tlsLevels);

const namePattern: ValueType<NamePattern> = textType("name to expect", "a name to expect", (value) => {
  const word = value.toLowerCase();
  if (word === "hostname" || word === "nexthop" || word === "dot-nexthop") return { kind: word };
  const below = value.startsWith(".");
  const parsed = parseDomain(below ? value.slice(1) : value);
  if (parsed === undefined) {
    return wrong(`"${value}" is no name to expect`, "write hostname, nexthop, dot-nexthop, a name, or .name");
  }
  return { kind: below ? "below" : "name", name: parsed };
});

const digestLength = { sha256: 64, sha512: 128 } as const;

/** `sha256:AB:CD...` of certificate or key, `certificate-sha256:...`, `spki-sha256:...`; hex or base64. */
export const pin: ValueType<Pin> = textType("pin", "a pin", (value) => {
  const [, of, algorithm, digits = ""] = /^(?:(certificate|spki)-)?(sha256|sha512):(.+)$/i.exec(value) ?? [];
  if (of === undefined && algorithm === undefined) {
    return /^(?:md5|sha1|(?:[0-9a-f]{2}:){15,19}[0-9a-f]{2}$)/i.test(value)
      ? wrong("MD5 and SHA-1 pins can be forged", "pin the SHA-256 of the public key: spki-sha256:DIGEST")
      : wrong(`"${value}" is no pin`, "write spki-sha256:DIGEST, certificate-sha256:DIGEST or sha256:DIGEST");
  }
  const kind = algorithm?.toLowerCase() === "sha512" ? "sha512" : "sha256";
  const digest = hexOf(digits, digestLength[kind]);
  if (digest === undefined) {
    const length = digestLength[kind];
    return wrong(`the digest after ${kind}: is not complete`, `write ${length} hex digits, or the same in base64`);
  }
  return { of: pinned(of), algorithm: kind, digest };
});

function pinned(of: string | undefined): Pin["of"] {
  if (of === undefined) return "either";
  return of.toLowerCase() === "spki" ? "spki" : "certificate";
}

function hexOf(digits: string, length: number): string | undefined {
  const hex = digits.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]+$/.test(hex)) return hex.length === length ? hex : undefined;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(digits)) return undefined;
  const decoded = Buffer.from(digits, "base64").toString("hex");
  return decoded.length === length ? decoded : undefined;
}

export const tlsVersion: ValueType<TlsVersion> = textType(
  "`TLSv1.2` or `TLSv1.3`",
  "TLSv1.2 or TLSv1.3",
  (value) => {
    if (value === "TLSv1.2" || value === "TLSv1.3") return value;
    return /^(?:SSLv[23]|TLSv1(?:\.[01])?)$/i.test(value)
      ? wrong(`${value} is not safe and never used`, "write TLSv1.2 or TLSv1.3 (RFC 8996)")
      : wrong(`"${value}" is no protocol`, "write TLSv1.2 or TLSv1.3");
  },
  { enum: ["TLSv1.2", "TLSv1.3"] },
);

/** `none`: no version at all. */
const versionOrNone: ValueType<TlsVersion | "none"> = {
  ...tlsVersion,
  title: `${tlsVersion.title}, or \`none\` alone`,
  schema: (define) => ({ anyOf: [{ const: "none" }, tlsVersion.schema(define)] }),
  read: (node, problems) => (node.kind === "text" && node.text === "none" ? "none" : tlsVersion.read(node, problems)),
};

const fallback: ValueType<Fallback> = textType("fallback", "never, at once, or after a time", (value) => {
  if (value === "never") return { kind: "never" };
  const [, when = "", after, sameHost, unproven] =
    /^(at[ -]once|after (\S+))( same-host)?( unproven)?$/.exec(value) ?? [];
  if (when === "") return wrong(`"${value}" is no fallback`, "write never, at once, or after 5m");
  const more = {
    ...(sameHost === undefined ? {} : { turn: "same-host" as const }),
    ...(unproven === undefined ? {} : { alsoUnproven: true as const }),
  };
  if (after === undefined) return { kind: "at-once", ...more };
  const ms = parseDuration(after);
  return typeof ms === "number" ? { kind: "after", ms, ...more } : ms;
});

/** `PERM+VERIFY:128+CN`: a value that Sendmail would take for an exemption is none here. */
export const demand: ValueType<RequirementText | "none"> = textType(
  "demand",
  "a demand in Sendmail's form",
  (value) => {
    if (value === "none") return value;
    const parsed = parseRequirement(value);
    if (parsed.kind === "requirement" && parsed.flaw === undefined) return parsed;
    return wrong(
      `"${value}" is no demand`,
      "write ENCR:112, VERIFY, PERM+VERIFY:128+CN:mx.example.com or the like, or none",
    );
  },
);

const refusal: ValueType<string | false> = textType("text, or `false`", "a text, or false", (value) =>
  value === "false" ? false : value,
);

const mxPattern: ValueType<string> = textType("MX host or *.domain", "an MX host or *.domain", (value) => {
  if (value === "*") return value;
  const parsed = parseDomain(value.startsWith("*.") ? value.slice(2) : value);
  if (parsed === undefined) return wrong(`"${value}" is no MX pattern`, "write mx.example.com or *.example.com");
  return value.startsWith("*.") ? `*.${parsed}` : parsed;
});

const sni: ValueType<SniChoice> = textType("server name", "hostname, nexthop, off or a name", (value) => {
  if (value === "hostname" || value === "nexthop" || value === "off") return { kind: value };
  const parsed = parseDomain(value);
  if (parsed === undefined) return wrong(`"${value}" is no server name`, "write hostname, nexthop, off or a name");
  return { kind: "name", name: parsed };
});

/** A date alone holds until the end of that day in UTC. As ms since 1970. */
export const endDate: ValueType<number> = textType("date", "a date", (value) => {
  const example = "write 2027-01-31, or 2027-01-31T12:00:00Z";
  const [, day, time] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)))?$/.exec(value) ?? [];
  if (day === undefined) return wrong(`"${value}" is no date`, example);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) {
    return wrong(`${day} is not in the calendar`, example);
  }
  if (time === undefined) return midnight + 86_400_000;
  const moment = Date.parse(`${day}T${time}`);
  return Number.isNaN(moment) ? wrong(`"${value}" is no date and time`, example) : moment;
});

/** What `../tls/cipher-settings.ts` takes out of every cipher list, for its readers. */
export const neverUsed =
  "Never used, whatever it says: suites without encryption or authentication, RC4, 3DES, static RSA, security levels below 2.";

/** What every TLS rule may say, the global one included. */
const everywhere = {
  level: optional(level, "How mail must be encrypted: see the table of levels."),
  match: optional(
    list(namePattern),
    "Names of which the certificate must carry one (levels verify and secure): `hostname` is the MX host, `nexthop` the domain or host that routing chose, `dot-nexthop` any name below it, else a name or `.name`.",
  ),
  ca: optional(
    list(file),
    "Files of CA certificates that count instead of the system's; `system` stands for those, also beside files, and `none` alone for nobody.",
  ),
  "partial-chains": optional(
    yesNo,
    "Every certificate of `ca` is trusted wherever it stands in a chain, a host's own included. Default: false.",
  ),
  proof: optional(
    choice("nothing", "chain", "chain-and-name"),
    "What must be proven whenever TLS is in use, also at levels may and encrypt. Default: nothing.",
  ),
  "common-name": optional(
    choice("never", "without-san", "also"),
    "Whether the subject's common name is a name of the certificate: never (RFC 9525), when it carries no DNS name, or as one name more. Default: never.",
  ),
  pins: optional(
    list(pin),
    "Digests of which the certificate or its public key must have one (level fingerprint): `spki-sha256:...`, `certificate-sha256:...`, or `sha256:...` for either; hex or base64.",
  ),
  protocols: optional(list(versionOrNone), "TLS versions that may be used; with `none` no handshake succeeds."),
  ciphers: optional(text, `OpenSSL cipher list for TLS 1.2, and suites for 1.3. ${neverUsed}`),
  groups: optional(text, "OpenSSL list of key exchange groups, such as `X25519MLKEM768:X25519`."),
  "min-cipher-bits": optional(count(0, 256), "Weaker ciphers do not satisfy the rule."),
  "client-certificate": optional(name, "Certificate shown when the host asks for one, by its name; `none` shows none."),
  sni: optional(sni, "Server name that is sent: `hostname` (the MX host), `nexthop`, `off`, or a name."),
  fallback: optional(
    fallback,
    "At level may, when TLS breaks: `never`, `at once`, or `after 5m` of the message's age go on in clear text, when every host was tried with TLS; with `same-host` behind it before the next host, with `unproven` also where `proof` fails. Default: after 5m.",
  ),
  "when-refused": optional(
    choice("clear", "next-host", "bounce-5yz"),
    "When a host refuses STARTTLS: `clear` at level may whatever the fallback, `next-host` never in clear, `bounce-5yz` returns the mail at a 5yz where TLS is required. Default: clear text at level may unless the fallback is never.",
  ),
  "mx-patterns": optional(
    list(mxPattern),
    "Only MX hosts that fit one of these are used; `*.example.com` is exactly one label (RFC 8461 §4.1), `*` is any and takes back what a wider scope says.",
  ),
  "demand-of-host": optional(
    demand,
    "A demand in Sendmail's form (TLS_Srv) that comes on top of the level: `ENCR:112`, `PERM+VERIFY:128+CN`; `none` takes back that of a wider scope.",
  ),
  "demand-of-recipient": optional(demand, "The same for recipients (TLS_Rcpt); both must be met."),
  wording: optional(choice(...wordings), "Whose enhanced status codes and texts failures have. Default: letterlock."),
  refuse: optional(
    refusal,
    "No connection is made under this rule, for this reason; `false` takes back what a wider scope says.",
  ),
  "on-failure": optional(
    choice("defer", "bounce"),
    "What becomes of mail that the rule keeps from going. Default: defer.",
  ),
  mode: optional(choice("enforce", "monitor"), "`monitor` judges and counts but lets mail pass. Default: enforce."),
} as const;

/** A rule below the global one may also be an exception with an end. */
const exceptional = {
  ...everywhere,
  expires: optional(endDate, "The rule ends then: a date (to the end of that day, UTC) or a date and time."),
  owner: optional(text, "Who asked for the exception."),
  reason: optional(text, "Why there is an exception."),
} as const;

const hostScope = section(exceptional, "tls-host");

const domainTable = {
  ...exceptional,
  hosts: optional(byDomain(hostScope), "Rules for single MX hosts of this domain."),
} as const;

const nested = {
  nexthops: optional(
    byNexthop(section(exceptional, "tls-nexthop")),
    'Rules by nexthop as routing wrote it: `example.com`, `.example.com`, `"[mx.example.com]:26"`. They go before all others.',
  ),
  domains: optional(byDomain(section(domainTable, "tls-domain")), "Rules by recipient domain."),
  hosts: optional(byDomain(hostScope), "Rules by MX host, whatever the recipient domain."),
} as const;

export const globalTls = section({ ...everywhere, ...nested });
export const bindingTls = section({ ...exceptional, ...nested }, "tls-binding");

/** Any TLS rule as it was read; what a scope does not have is absent. */
export type TlsSection = Section<typeof exceptional> &
  Readonly<{ values: Pick<Section<typeof domainTable & typeof nested>["values"], "hosts" | "domains" | "nexthops"> }>;
