/**
 * Our own keys and certificates from `..._cert_file`, `..._key_file`, `..._eccert_file`, `..._chain_files`, and from the
 * chain files of `tls_server_sni_maps`.
 *
 * Postfix can hold one pair of each key type and lets OpenSSL choose: smtpd here does the same, the smtp client shows one,
 * ECDSA before RSA. Chain files go before all others. What cannot be read is a problem; Postfix then has no TLS at all
 * (OUT-16, INB-10).
 */
import { X509Certificate } from "node:crypto";
import { checkCredential } from "../../../tls/credential.ts";
import type { Credential } from "../../../tls/handshake-settings.ts";
import type { SourceFiles } from "../dialect.ts";

export type KeyFiles = Readonly<{
  chainFiles: readonly string[];
  /** Empty: not configured. */
  certFile: string;
  keyFile: string;
  ecCertFile: string;
  ecKeyFile: string;
}>;

export type OwnCredential =
  | Readonly<{ kind: "none" }>
  /** `unused` names the further pairs that are never shown. */
  | Readonly<{ kind: "found"; credential: Credential; unused: readonly string[]; warning: string | undefined }>
  | Readonly<{ kind: "failed"; problem: string; remedy: string }>;

/** `alone`: nothing else stands in these files, so that who reads them whole gets this pair. */
type Pair = Readonly<{
  name: string;
  keyName: string;
  certificate: string;
  key: string;
  elliptic: boolean;
  alone: boolean;
}>;
type Failure = Extract<OwnCredential, { kind: "failed" }>;

/** Every pair that smtpd holds, ECDSA first; of two with one key type the later one counts, as OpenSSL has it. */
export type ServerPairs =
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "found"; credentials: readonly [Credential, ...Credential[]]; warnings: readonly string[] }>
  | Failure;

export function readServerPairs(keys: KeyFiles, files: SourceFiles): ServerPairs {
  if (keys.chainFiles.length > 0) return checkPairs(pairsOfChains(keys.chainFiles, files));
  const pairs = pairsOfFiles(keys, files);
  return checkPairs("kind" in pairs ? pairs : withKeyType(pairs.reverse()));
}

/** What chain files hold, where a table holds their contents. */
export function readChainText(name: string, text: string): ServerPairs {
  return checkPairs(pairsOfTexts([[name, text]]));
}

function checkPairs(pairs: Pair[] | Failure): ServerPairs {
  if ("kind" in pairs) return pairs;
  const byType = new Map(pairs.map((pair) => [pair.elliptic, pair]));
  const credentials: Credential[] = [];
  const warnings: string[] = [];
  for (const pair of [byType.get(true), byType.get(false)]) {
    if (pair === undefined) continue;
    const checked = checkPair(pair);
    if (checked.kind === "failed") return checked;
    credentials.push(checked.credential);
    if (checked.warning !== undefined) warnings.push(`${pair.name}: ${checked.warning}`);
  }
  const [first, ...others] = credentials;
  return first === undefined ? { kind: "none" } : { kind: "found", credentials: [first, ...others], warnings };
}

export function readCredential(keys: KeyFiles, files: SourceFiles): OwnCredential {
  const pairs = keys.chainFiles.length > 0 ? pairsOfChains(keys.chainFiles, files) : pairsOfFiles(keys, files);
  if ("kind" in pairs) return pairs;
  const ordered = [...pairs.filter((pair) => pair.elliptic), ...pairs.filter((pair) => !pair.elliptic)];
  const [first, ...others] = ordered;
  if (first === undefined) return { kind: "none" };
  const checked = checkPair(first);
  if (checked.kind === "failed") return checked;
  const { credential, warning } = checked;
  return { kind: "found", credential, unused: others.map((pair) => pair.name), warning };
}

function checkPair(
  pair: Pair,
): Readonly<{ kind: "ok"; credential: Credential; warning: string | undefined }> | Failure {
  const checked = checkCredential(pair.name, pair.certificate, pair.key);
  if (checked.kind === "error") return failed(`${pair.name}: ${checked.problem}`, checked.remedy);
  const from = { certificate: pair.name, key: pair.keyName, encrypted: false };
  const credential = pair.alone ? { ...checked.credential, files: from } : checked.credential;
  return { kind: "ok", credential, warning: checked.warning };
}

function pairsOfFiles({ certFile, keyFile, ecCertFile, ecKeyFile }: KeyFiles, files: SourceFiles): Pair[] | Failure {
  const pairs: Pair[] = [];
  for (const [name, keyName, elliptic] of [
    [ecCertFile, ecKeyFile, true],
    [certFile, keyFile, false],
  ] as const) {
    if (name === "") continue;
    const certificate = files.read(name);
    if (certificate.kind === "failed") return unreadable(name, certificate.reason);
    const key = files.read(keyName);
    if (key.kind === "failed") return unreadable(keyName, key.reason);
    pairs.push({ name, keyName, certificate: certificate.text, key: key.text, elliptic, alone: true });
  }
  return pairs;
}

/** A key, then its chain; then perhaps the next key. All files are read as one text. */
function pairsOfChains(names: readonly string[], files: SourceFiles): Pair[] | Failure {
  const texts: (readonly [name: string, text: string])[] = [];
  for (const name of names) {
    const answer = files.read(name);
    if (answer.kind === "failed") return unreadable(name, answer.reason);
    texts.push([name, answer.text]);
  }
  return pairsOfTexts(texts);
}

function pairsOfTexts(texts: readonly (readonly [name: string, text: string])[]): Pair[] | Failure {
  const pairs: Pair[] = [];
  for (const [name, text] of texts) {
    for (const part of text.split(/(?=-----BEGIN [A-Z ]*PRIVATE KEY-----)/)) {
      const last = pairs.at(-1);
      if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(part)) {
        const certified = /-----BEGIN CERTIFICATE-----/.test(part);
        const named = { name, keyName: name, alone: keys(text) === 1 && (certified || texts.length === 2) };
        pairs.push({ ...named, certificate: part, key: part, elliptic: false });
      } else if (/-----BEGIN CERTIFICATE-----/.test(part)) {
        if (last === undefined)
          return failed(`${name}: a certificate stands before its key`, "put each key before its chain");
        const whole = last.alone && keys(text) === 0 && !/-----BEGIN CERTIFICATE-----/.test(last.certificate);
        pairs[pairs.length - 1] = { ...last, name, certificate: `${last.certificate}\n${part}`, alone: whole };
      }
    }
  }
  return withKeyType(pairs);
}

function withKeyType(pairs: readonly Pair[]): Pair[] {
  return pairs.map((pair) => ({ ...pair, elliptic: isElliptic(pair) }));
}

function keys(text: string): number {
  return text.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----/g)?.length ?? 0;
}

/** By the key type of the first certificate; what cannot be read is told when it is checked. */
function isElliptic({ certificate }: Pair): boolean {
  try {
    return new X509Certificate(certificate).publicKey.asymmetricKeyType !== "rsa";
  } catch {
    return false;
  }
}

function unreadable(file: string, reason: string): Failure {
  return failed(`cannot get certificate or key from file ${file}: ${reason}`, "give a file that can be read");
}

function failed(problem: string, remedy: string): Failure {
  return { kind: "failed", problem, remedy };
}
