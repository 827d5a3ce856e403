/**
 * A TLS rule as one writes it under `tls:`: the reverse of `../tls-table.ts`. What our language does not say is told,
 * never left out in silence.
 */

import { parseDomain } from "../../mail/domain.ts";
import type { NamePattern, PeerRequirement, Pin, SniChoice } from "../../policy/rules.ts";
import type { ScopedSettings } from "../../policy/scoped-rules.ts";
import { describeFallback } from "../../policy/scoped-rules.ts";
import type { Credential, TlsVersion, TrustAnchors } from "../../tls/handshake-settings.ts";

/** Values as the YAML library writes them. */
export type WrittenSettings = Record<string, string | number | boolean | readonly string[]>;

/** A passphrase stays where it is: what is written here may go anywhere. */
export const unwritableCertificate =
  "a client certificate whose key is encrypted, or shares its file with others: write it under certificates:, with its passphrase";

/** A setting that our language has no word for. */
export type Unsaid = Readonly<{ name: keyof ScopedSettings; why: string }>;

/** @param nameOf the name under which `certificates:` has it; undefined where it cannot be written there */
export function writeSettings(
  settings: ScopedSettings,
  nameOf: (credential: Credential) => string | undefined,
): Readonly<{ written: WrittenSettings; cannot: readonly Unsaid[] }> {
  const cannot: Unsaid[] = [];
  const written: WrittenSettings = {};
  const put = (key: string, value: WrittenSettings[string] | undefined): void => {
    if (value !== undefined) written[key] = value;
  };
  put("level", settings.level?.value);
  put("match", settings.match?.value.map(writeName));
  if (settings.anchors !== undefined) Object.assign(written, writeAnchors(settings.anchors.value));
  const pins = settings.pins?.value;
  if (pins?.some(({ algorithm }) => algorithm === "md5" || algorithm === "sha1")) {
    cannot.push({ name: "pins", why: "pins by MD5 or SHA-1 are not taken" });
  } else put("pins", pins?.map(writePin));
  put("protocols", settings.protocols === undefined ? undefined : writeProtocols(settings.protocols.value));
  put("ciphers", settings.ciphers?.value);
  put("groups", settings.groups?.value);
  put("min-cipher-bits", settings.minCipherBits?.value);
  putCertificate(settings, put, cannot, nameOf);
  put("sni", settings.sni === undefined ? undefined : writeSni(settings.sni.value));
  put("fallback", settings.fallback === undefined ? undefined : describeFallback(settings.fallback.value));
  put("on-failure", settings.onFailure?.value);
  put("proof", settings.proof?.value);
  put("common-name", settings.commonName?.value);
  put("when-refused", settings.whenRefused?.value);
  putPatterns(settings, put, cannot);
  put("demand-of-host", writeDemand(settings.hostDemand?.value));
  put("demand-of-recipient", writeDemand(settings.recipientDemand?.value));
  put("wording", settings.wording?.value);
  const refuse = settings.refuse?.value;
  if (typeof refuse === "object") cannot.push({ name: "refuse", why: `the status ${refuse.status} of a refusal` });
  put("refuse", typeof refuse === "object" ? refuse.text : refuse);
  put("mode", settings.mode?.value);
  return { written, cannot };
}

type Put = (key: string, value: WrittenSettings[string] | undefined) => void;

export function writeProtocols({ min, max }: Readonly<{ min: TlsVersion; max: TlsVersion }>): readonly string[] {
  if (min > max) return ["none"];
  return min === max ? [min] : [min, max];
}

/** What is no pattern of ours fits no host there either. */
function putPatterns({ mxPatterns }: ScopedSettings, put: Put, cannot: Unsaid[]): void {
  const usable = mxPatterns?.value.filter((text) => {
    const name = text.replace(/^\*\./, "");
    return text === "*" || parseDomain(name) === name;
  });
  if (usable?.length === 0) cannot.push({ name: "mxPatterns", why: "patterns that fit no MX host" });
  else put("mx-patterns", usable);
}

function putCertificate(
  { clientCertificate }: ScopedSettings,
  put: Put,
  cannot: Unsaid[],
  nameOf: (credential: Credential) => string | undefined,
): void {
  if (clientCertificate === undefined) return;
  const { value } = clientCertificate;
  const name = value === "none" ? "none" : nameOf(value);
  if (name === undefined) {
    cannot.push({ name: "clientCertificate", why: unwritableCertificate });
  } else put("client-certificate", name);
}

function writeDemand(demand: PeerRequirement | "none" | undefined): string | undefined {
  return typeof demand === "object" ? demand.text : demand;
}

function writeName(pattern: NamePattern): string {
  if (pattern.kind === "name") return pattern.name;
  return pattern.kind === "below" ? `.${pattern.name}` : pattern.kind;
}

export function writePin({ of, algorithm, digest }: Pin): string {
  return `${of === "either" ? "" : `${of}-`}${algorithm}:${digest}`;
}

function writeSni(choice: SniChoice): string {
  return choice.kind === "name" ? choice.name : choice.kind;
}

export function writeAnchors(anchors: TrustAnchors): WrittenSettings {
  if (anchors.kind === "system") return { ca: "system" };
  const files = anchors.pem.length === 0 ? [] : anchors.files;
  const ca = anchors.withSystem === true ? ["system", ...files] : files;
  return { ca: ca.length === 0 ? "none" : ca, ...(anchors.partialChains === true ? { "partial-chains": true } : {}) };
}
