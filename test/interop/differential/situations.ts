/**
 * Situations drawn at random: whole Postfix configurations, each with a message to many recipients. A case is one
 * recipient: the configuration, the policy line that its destination got, and how that destination behaves.
 */
import type { Destination, Destinations } from "./destinations.ts";
import { digestOf, routeDomains, routedDomains } from "./destinations.ts";
import { Draw } from "./draw.ts";
import { drawPolicy, tlsFolder } from "./policy-lines.ts";
import { drawTables, type Entry } from "./tables.ts";

export type Case = Readonly<{
  id: string;
  recipient: string;
  kind: string;
  /** The policy lines and routes that were written for it. */
  written: string;
}>;

export type Variant = Readonly<{
  name: string;
  seed: number;
  /** Parameters of `main.cf` that are our subject, by name. */
  parameters: Readonly<Record<string, string>>;
  /** Further services of `master.cf`. */
  services: string;
  /** By name, in the folder of `main.cf`. */
  files: Readonly<Record<string, string>>;
  /** Files that `postmap` makes an index of. */
  indexed: readonly string[];
  /** The message is older than `minimal_backoff_time` when it is first tried. */
  old: boolean;
  cases: readonly Case[];
}>;

/** As many configurations as are needed for so many cases. */
export function drawVariants(seed: number, cases: number, world: Destinations): readonly Variant[] {
  const variants: Variant[] = [];
  let count = 0;
  while (count < cases) {
    const variant = drawVariant(variants.length + 1, seed + variants.length, world);
    variants.push(variant);
    count += variant.cases.length;
  }
  return variants;
}

/** In turn, so that each is there however few are drawn. */
const levels = ["may", "encrypt", undefined, "verify", "may", "secure", "may", "fingerprint", "may", "encrypt", "none"];

function drawVariant(number: number, seed: number, world: Destinations): Variant {
  const draw = new Draw(seed);
  const name = `v${number}`;
  const old = number % 2 === 0;
  const routes = drawRoutes(draw, world);
  const entries = [...policyEntries(draw, world), ...routePolicies(routes, draw, world)];
  const tables = drawTables(`/mnt/${name}/etc`, draw, entries);
  const relayhost = number % 11 === 7 ? draw.pick(relayhosts) : undefined;
  const parameters: Record<string, string> = {
    ...globalParameters(number, draw, world),
    ...(old ? { minimal_backoff_time: "1s" } : {}),
    ...(relayhost === undefined ? {} : { relayhost }),
    transport_maps: `texthash:/mnt/${name}/etc/transport`,
    ...(tables.perSite === undefined ? { smtp_tls_policy_maps: tables.maps } : { smtp_tls_per_site: tables.perSite }),
  };
  const files = { ...tables.files, transport: transportTable(routes) };
  const direct = relayhost === undefined ? world.domains : draw.shuffled(world.domains).slice(0, 12);
  const relay = parameters.smtp_fallback_relay ?? "";
  const cases = [
    ...direct.map(({ domain, kind }) => ({ domain, kind, written: linesFor([relayhost ?? domain, relay], entries) })),
    ...routes
      .filter(({ value }) => answers(value, parameters))
      .map(({ domain, value }) => ({
        domain,
        kind: "route",
        written: `${value}; ${linesFor([value.slice(value.indexOf(":") + 1), relay], entries)}`,
      })),
  ].map(({ domain, ...rest }, index) => ({ id: `${name}-${index}`, recipient: `${name}-${index}@${domain}`, ...rest }));
  return { name, seed, parameters, services, files, indexed: tables.indexed, old, cases };
}

/** Without TLS a Postfix process for a wrappermode transport never starts, and its mail just waits. */
function answers(route: string, parameters: Readonly<Record<string, string>>): boolean {
  return !(route.startsWith("smtps:") && parameters.smtp_tls_CAfile?.endsWith("missing.pem"));
}

const relayhosts = [
  "[mx.good.test]:25",
  "[mx.good.test]",
  "good.test",
  "self.test",
  "[mx.secure.test]",
  "[mx.nostarttls.test], good.test",
];

/** A transport whose connections begin with TLS, and one with options of its own. */
const services = `smtps unix - - n - 4 smtp -o smtp_tls_wrappermode=yes
strict unix - - n - 4 smtp
  -o smtp_tls_security_level=encrypt -o { smtp_tls_mandatory_protocols = >=TLSv1.3 }
open unix - - n - 4 smtp -o smtp_tls_policy_maps= -o smtp_tls_security_level=none
`;

/** The entries that next-hops may find, and those that look as if. */
function linesFor(lists: readonly string[], entries: readonly Entry[]): string {
  const names = lists.flatMap((list) => list.split(", ")).map((name) => name.replace(/^\[|\].*$|:.*$/g, ""));
  return entries
    .filter(({ key }) => {
      const asked = key.toLowerCase();
      return names.some(
        (name) => name !== "" && (asked.includes(name) || (asked.startsWith(".") && name.endsWith(asked))),
      );
    })
    .map(({ key, value }) => `${key} ${value}`)
    .join(" / ");
}

function policyEntries(draw: Draw, world: Destinations): Entry[] {
  const entries = world.domains.flatMap((destination): Entry[] => {
    const key = drawKey(destination, draw);
    return key === undefined ? [] : [{ key, value: drawPolicy(destination, draw, world) }];
  });
  if (draw.chance(0.2)) entries.push({ key: ".test", value: draw.pick(["encrypt", "may", "verify match=.test"]) });
  return entries;
}

/** Keys that Postfix asks for mail to the domain, and such as people write in vain. */
function drawKey({ domain, host }: Destination, draw: Draw): string | undefined {
  const parent = domain.slice(domain.indexOf("."));
  return draw.weighted<string | undefined>([
    [70, domain],
    [8, undefined],
    [8, domain.startsWith("sub.") ? parent : domain],
    [4, domain.toUpperCase()],
    [2, `${domain}:25`],
    [2, `${domain}.`],
    [2, `[${domain}]`],
    [2, host],
    [2, `[${host}]`],
  ]);
}

type Route = Readonly<{ domain: string; pattern: string; value: string; key: string; to: Destination }>;

function drawRoutes(draw: Draw, world: Destinations): Route[] {
  const { domains, addresses } = world;
  return Array.from({ length: routeDomains }, (_, index) => {
    const to = draw.pick(domains);
    const { domain, host } = to;
    const address = addresses[host] ?? "127.0.3.250";
    const good = "mx.good.test";
    const nexthop = draw.weighted([
      [6, `[${host}]`],
      [3, `[${host}]:25`],
      [2, `[${host}]:smtp`],
      [3, host],
      [4, domain],
      [2, `${domain}:25`],
      [4, `[${address}]`],
      [2, `[${address}]:25`],
      [3, `[${host}], [${good}]`],
      [2, `${domain}, ${good}`],
      [2, `[mx.nostarttls.test]:25, [${host}]`],
    ]);
    const transport = draw.weighted([
      [8, "smtp"],
      [3, ""],
      [2, "relay"],
      [2, "strict"],
      [1, "open"],
    ]);
    const whole = draw.weighted([
      [14, `${transport}:${nexthop}`],
      [2, "smtps:[mx.implicit.test]:465"],
      [1, "error:5.1.2 nobody is here"],
      [1, "retry:4.3.5 later"],
      [1, draw.pick([":", "smtp:", "relay:"])],
    ]);
    const [exact, below] = routedDomains(index);
    const isExact = draw.chance(0.75);
    const key = whole.slice(whole.indexOf(":") + 1).split(", ")[0] ?? "";
    return { domain: isExact ? exact : below, pattern: isExact ? exact : `.${exact}`, value: whole, key, to };
  });
}

function routePolicies(routes: readonly Route[], draw: Draw, world: Destinations): Entry[] {
  return routes.flatMap(({ value, key, to }): Entry[] => {
    if (/^(error|retry|\w*:$)/.test(value) || draw.chance(0.25)) return [];
    if (key.includes("implicit")) return [{ key, value: draw.pick(["verify", "encrypt", "may", "secure"]) }];
    const bare = key.replace(/[[\]]/g, "").replace(/:.*/, "");
    const written = draw.weighted([
      [8, key],
      [1, bare],
      [1, `[${bare}]`],
      [1, `[${bare}]:25`],
    ]);
    return [{ key: written, value: drawPolicy(to, draw, world) }];
  });
}

function transportTable(routes: readonly Route[]): string {
  return routes.map(({ pattern, value }) => `${pattern}\t${value}\n`).join("");
}

/** What stands in `main.cf` about TLS, each at times. */
function globalParameters(number: number, draw: Draw, { certificates }: Destinations): Record<string, string> {
  const level = levels[number % levels.length];
  const parameters: Record<string, string> = {};
  const at = (share: number, name: string, values: readonly string[]) => {
    if (draw.chance(share)) parameters[name] = draw.pick(values);
  };
  if (level !== undefined) parameters.smtp_tls_security_level = level;
  else at(0.5, "smtp_use_tls", ["yes"]);
  const anchors =
    number % 13 === 5
      ? `${tlsFolder}/missing.pem`
      : draw.weighted([
          [10, `${tlsFolder}/lab.pem`],
          [1, ""],
          [1, `${tlsFolder}/other.pem`],
          [2, `${tlsFolder}/both.pem`],
        ]);
  parameters.smtp_tls_CAfile = anchors;
  at(0.15, "smtp_tls_verify_cert_match", ["nexthop", "hostname, nexthop", ".test", "mx.good.test"]);
  at(0.15, "smtp_tls_secure_cert_match", ["nexthop", "hostname", "nexthop, dot-nexthop, hostname"]);
  const right = digestOf(certificates["mx.good.test"] ?? "", "key", "sha256");
  if (level === "fingerprint") parameters.smtp_tls_fingerprint_cert_match = right;
  else at(0.2, "smtp_tls_fingerprint_cert_match", [right]);
  at(0.15, "smtp_tls_fingerprint_digest", ["sha1", "md5", "sha256"]);
  at(0.2, "compatibility_level", ["2", "3.6"]);
  at(0.15, "smtp_tls_protocols", [">=TLSv1.2", "!SSLv2, !SSLv3", "TLSv1.3", "<=TLSv1.2", "TLSv9"]);
  at(0.15, "smtp_tls_mandatory_protocols", [">=TLSv1.3", "TLSv1.2", "!TLSv1, !TLSv1.1", ">=TLSv1.2"]);
  at(0.15, "smtp_tls_ciphers", ["high", "medium", "low", "bogus"]);
  at(0.15, "smtp_tls_mandatory_ciphers", ["high", "medium"]);
  at(0.15, "smtp_tls_exclude_ciphers", ["aNULL, MD5", "AES256", "CHACHA20"]);
  at(0.15, "smtp_tls_mandatory_exclude_ciphers", ["AES128", "aNULL"]);
  at(0.2, "smtp_tls_servername", ["hostname", "nexthop", "sni.example"]);
  at(0.1, "smtp_tls_trust_anchor_file", [`${tlsFolder}/other.pem`, `${tlsFolder}/lab.pem`]);
  if (number % 8 === 3) parameters.smtp_cname_overrides_servername = "yes";
  at(0.2, "soft_bounce", ["yes"]);
  at(0.15, "smtp_dns_support_level", ["dnssec", "enabled"]);
  at(0.15, "smtp_fallback_relay", ["[mx.good.test]", "[mx.good.test]:25", "[mx.nostarttls.test]"]);
  at(0.1, "smtp_tls_enforce_sts_mx_patterns", ["no"]);
  at(0.2, "smtp_tls_note_starttls_offer", ["yes"]);
  at(0.1, "smtp_tls_scert_verifydepth", ["0", "1", "5"]);
  if (draw.chance(0.5)) {
    parameters.smtp_tls_cert_file = `${tlsFolder}/client.pem`;
    parameters.smtp_tls_key_file = `${tlsFolder}/client.key`;
  }
  return parameters;
}
