/**
 * Our own key and certificate from `..._cert_file`, `..._key_file`, `..._eccert_file`, `..._chain_files`: for the smtp
 * client and for smtpd alike.
 *
 * Postfix can hold one pair of each key type and lets OpenSSL choose; here one is shown, ECDSA before RSA. Chain files go
 * before all others. What cannot be read is a problem; Postfix then has no TLS at all (OUT-16, INB-10).
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

export function readCredential(keys: KeyFiles, files: SourceFiles): OwnCredential {
  const pairs = keys.chainFiles.length > 0 ? pairsOfChains(keys.chainFiles, files) : pairsOfFiles(keys, files);
  if ("kind" in pairs) return pairs;
  const ordered = [...pairs.filter((pair) => pair.elliptic), ...pairs.filter((pair) => !pair.elliptic)];
  const [first, ...others] = ordered;
  if (first === undefined) return { kind: "none" };
  const checked = checkCredential(first.name, first.certificate, first.key);
  if (checked.kind === "error") return failed(`${first.name}: ${checked.problem}`, checked.remedy);
  const { warning } = checked;
  const from = { certificate: first.name, key: first.keyName, encrypted: false };
  const credential = first.alone ? { ...checked.credential, files: from } : checked.credential;
  return { kind: "found", credential, unused: others.map((pair) => pair.name), warning };
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
  const pairs: Pair[] = [];
  for (const name of names) {
    const answer = files.read(name);
    if (answer.kind === "failed") return unreadable(name, answer.reason);
    for (const part of answer.text.split(/(?=-----BEGIN [A-Z ]*PRIVATE KEY-----)/)) {
      if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(part)) {
        const alone = keys(answer.text) === 1;
        pairs.push({ name, keyName: name, certificate: part, key: part, elliptic: false, alone });
      } else if (/-----BEGIN CERTIFICATE-----/.test(part)) {
        return failed(`${name}: a certificate stands before its key`, "put each key before its chain");
      }
    }
  }
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
