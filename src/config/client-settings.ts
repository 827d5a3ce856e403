/**
 * The settings of clients, at a listener or in an inbound rule, made into an `InboundRule`: what is written and nothing
 * else, each setting with its line. What contradicts itself, or lets in more than its author can mean, is reported.
 */
import { printRequirement, type RequirementText } from "../policy/dialects/sendmail/requirement-text.ts";
import type { InboundRule, Origin, PeerRequirement, RelayByCertificate, Sourced } from "../policy/rules.ts";
import type { Authorities } from "./authorities.ts";
import type { Certificates } from "./certificates.ts";
import { versionRange } from "./inbound-profile.ts";
import { clientTable } from "./inbound-table.ts";
import type { Loading } from "./loading.ts";
import type { Values } from "./section-types.ts";
import { requirementReplies } from "./tls-rules.ts";
import { type Located, plain } from "./value-types.ts";

export type ClientValues = Values<typeof clientTable>;

/** What reading files and certificates needs. */
export type InboundMaterial = Readonly<{ certificates: Certificates; authorities: Authorities; loading: Loading }>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Put = <K extends keyof InboundRule, T>(
  key: K,
  located: Located<T> | undefined,
  value: (written: T) => NonNullable<InboundRule[K]> extends Sourced<infer V> ? V | undefined : never,
) => void;

const clientKeys = Object.keys(clientTable) as (keyof ClientValues)[];

/** @param scope of the origins: `listener mx` */
export function clientSettings(values: ClientValues, scope: string, material: InboundMaterial): InboundRule {
  if (clientKeys.every((key) => values[key] === undefined)) return {};
  const { certificates, authorities, loading } = material;
  const rule: Mutable<InboundRule> = {};
  const put: Put = (key, located, read) => {
    const value = located && read(located.value);
    if (located !== undefined && value !== undefined) {
      Object.assign(rule, { [key]: { value, from: loading.origin(located.at, scope) } });
    }
  };
  const { certificate, protocols, ciphers, groups } = values;
  loading.checkCiphers(ciphers);
  loading.checkGroups(groups);
  put("certificates", certificate, () => certificate && certificates.served(certificate));
  put("protocols", protocols, () => protocols && versionRange(protocols, loading));
  put("ciphers", ciphers, (text) => text);
  put("groups", groups, (text) => text);
  putIdentity(values, put, authorities);
  put("mailWithoutHello", values["mail-without-hello"], (is) => is);
  put("pipelined", values.pipelined, (word) => word);
  put("wording", values.wording, (word) => word);
  put("received", values.received, (form) => form);
  put("barred", values.barred, (is) => is);
  put("refuse", values.refuse, (text) => text);
  put("requirementsAt", values["demand-at"], (word) => word);
  const demanded = values["demand-of-client"];
  if (demanded !== undefined) rule.requirements = requirementsOf(demanded, loading.origin(demanded.at, scope), loading);
  checkClients(values, loading);
  return rule;
}

/** Who a client is, and what that gives. */
function putIdentity(values: ClientValues, put: Put, authorities: Authorities): void {
  const authorityFiles = values["client-ca"];
  put("clientCertificate", values["client-certificate"], (word) => certificateWords[word]);
  put("clientAnchors", authorityFiles, () => authorityFiles && authorities.read(authorityFiles));
  put("clientPurpose", values["client-purpose"], (word) => word);
  put("auth", values.auth, (word) => authWords[word]);
  put("authRequired", values["auth-required"], (is) => is);
  put("mechanisms", values.mechanisms, plain);
  put("relay", values.relay, (is) => is);
  put("relayByCertificate", values["relay-by-certificate"], relayOf);
  put("userByCertificate", values["user-by-certificate"], (entries) =>
    entries.flatMap(
      ({
        value: {
          values: { fingerprint, user },
        },
      }) => (fingerprint === undefined || user === undefined ? [] : [{ pin: fingerprint.value, user: user.value }]),
    ),
  );
}

const certificateWords = {
  "do-not-ask": "do-not-ask",
  ask: "ask",
  require: "require-trusted",
  "require-any": "require",
} as const;

const authWords = {
  never: "never",
  "in-tls": "only-in-tls",
  "plain-only-in-tls": "plain-only-in-tls",
  "also-in-clear": "always",
} as const;

type WrittenRelay = NonNullable<ClientValues["relay-by-certificate"]>["value"];

/** `none` is a list without anybody: it takes back what a later source says. */
function relayOf(written: WrittenRelay): RelayByCertificate {
  if (written === "trusted") return { kind: "trusted" };
  if (written === "none") return { kind: "match", pins: [] };
  const { fingerprints, names, issuers } = written.values;
  return {
    kind: "match",
    pins: plain(fingerprints?.value ?? []),
    names: plain(names?.value ?? []),
    issuers: plain(issuers?.value ?? []),
  };
}

function requirementsOf(
  { value, at }: Located<RequirementText | "none">,
  from: Origin,
  loading: Loading,
): readonly PeerRequirement[] {
  if (value === "none") return [];
  const { prefix, verify, bits, extensions } = value;
  if (extensions.some(({ kind }) => kind === "issuer-tag")) {
    loading.problems.error(at, "CITag needs Sendmail's access map", "write CI: with the issuer itself");
  }
  const known = extensions.filter((extension) => extension.kind !== "issuer-tag");
  const reply = requirementReplies[prefix ?? "none"];
  return [{ from, text: printRequirement(value), of: "client", verify, bits, extensions: known, reply }];
}

function checkClients(values: ClientValues, loading: Loading): void {
  const { problems } = loading;
  const { auth, mechanisms } = values;
  const [asked, relaying] = [values["client-certificate"], values["relay-by-certificate"]];
  const authorities = plain(values["client-ca"]?.value ?? []);
  if (auth?.value === "also-in-clear") {
    const message =
      "AUTH is offered in clear text: whoever listens on the way reads the passwords of all who log in here";
    problems.warning(auth.at, message, "write auth: in-tls, unless these clients can do no TLS at all");
  }
  if (mechanisms?.value.length === 0) {
    problems.error(mechanisms.at, "without a mechanism nobody can log in", "name some, or write auth: never");
  }
  if (relaying?.value === "trusted" && authorities.includes("system")) {
    const message =
      "relay-by-certificate: trusted with the system's CAs lets whoever has any certificate send to anywhere";
    problems.error(relaying.at, message, "name the CA that issues your clients' certificates in client-ca:");
  }
  if (asked?.value === "do-not-ask" && relaying !== undefined && relaying.value !== "none") {
    const remedy = "write client-certificate: ask";
    problems.error(relaying.at, "clients that are not asked for a certificate cannot relay by it", remedy);
  }
  if (asked?.value === "require" && typeof relaying?.value === "object" && hasFingerprints(relaying.value)) {
    const message = "client-certificate: require turns away certificates without a CA, those with a fingerprint too";
    problems.warning(relaying.at, message, "write client-certificate: require-any, or leave the fingerprints out");
  }
  if (typeof relaying?.value === "object" && Object.keys(relaying.value.values).length === 0) {
    problems.error(
      relaying.at,
      "relay-by-certificate names nobody",
      "write fingerprints:, names: or issuers:, or none",
    );
  }
}

function hasFingerprints(written: Exclude<WrittenRelay, string>): boolean {
  return (written.values.fingerprints?.value.length ?? 0) > 0;
}
