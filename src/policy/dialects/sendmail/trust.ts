/**
 * Whom Sendmail's `${verify}` trusts, and whom it shows: CACertFile with CACertPath, and the pairs of certificate and
 * key. Verification can succeed only where both CA settings are there; with one of them missing every peer fails.
 */

import path from "node:path";
import { isCertificate } from "../../../tls/certificate-facts.ts";
import { checkCredential } from "../../../tls/credential.ts";
import { type Credential, type TrustAnchors, trustBundle } from "../../../tls/handshake-settings.ts";
import { certificateBlocks } from "../../../tls/pem.ts";
import type { SourceFiles } from "../dialect.ts";
import type { Setting } from "./configuration.ts";

/** Nobody is trusted. */
export const nobody: TrustAnchors = trustBundle([], []);

export type Trust = Readonly<{ anchors: TrustAnchors; problem: string | undefined }>;

export function readTrust(file: Setting | undefined, folder: Setting | undefined, files: SourceFiles): Trust {
  if (isUnset(file) || isUnset(folder)) return { anchors: nobody, problem: undefined };
  const fromFile = readCertificates(file.value, files);
  if (typeof fromFile === "string") return { anchors: nobody, problem: `${file.value}: ${fromFile}` };
  const names = files.list(folder.value);
  if (names === undefined) return { anchors: nobody, problem: `${folder.value}: there is no such folder` };
  const pem = new Set(fromFile);
  const hashed = names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name));
  for (const name of hashed) {
    const found = readCertificates(path.join(folder.value, name), files);
    if (typeof found !== "string") for (const each of found) pem.add(each);
  }
  return {
    anchors: trustBundle([...pem], hashed.length === 0 ? [file.value] : [file.value, folder.value]),
    problem: undefined,
  };
}

function isUnset(setting: Setting | undefined): setting is undefined {
  return setting === undefined || setting.value === "";
}

/** The certificates of a file, or what is wrong with it. */
function readCertificates(file: string, files: SourceFiles): readonly string[] | string {
  const answer = files.read(file);
  if (answer.kind === "failed") return answer.reason;
  const found = certificateBlocks(answer.text);
  if (found.length === 0) return "there is no certificate in it";
  return found.every(isCertificate) ? found : "a certificate in it cannot be read";
}

/** `others`: pairs of another key type, served beside the first. */
export type OwnPair =
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "ok"; credential: Credential; others: readonly Credential[]; warning: string | undefined }>
  | Readonly<{ kind: "failed"; problem: string; remedy: string }>;

/** One pair of certificate and key, or two (`a,b`). */
export function readPair(
  name: string,
  certificate: string | undefined,
  key: string | undefined,
  files: SourceFiles,
): OwnPair {
  if (!certificate && !key) return { kind: "none" };
  if (!certificate || !key) {
    return { kind: "failed", problem: "only one of certificate and key is set", remedy: "set both, or none" };
  }
  const certificates = certificate.split(",");
  const keys = key.split(",");
  if (certificates.length !== keys.length) {
    return { kind: "failed", problem: "not as many keys as certificates", remedy: "name a key for each certificate" };
  }
  const checks = certificates.map((file, at) => readOne(name, file, keys[at] ?? "", files));
  const failed = checks.find((check) => check.kind === "failed");
  if (failed !== undefined) return failed;
  const read = checks.filter((check) => check.kind === "ok");
  const [first, ...others] = read.map(({ credential }) => credential);
  if (first === undefined) return { kind: "none" };
  return { kind: "ok", credential: first, others, warning: read.find(({ warning }) => warning)?.warning };
}

type OnePair =
  | Readonly<{ kind: "ok"; credential: Credential; warning: string | undefined }>
  | Extract<OwnPair, { kind: "failed" }>;

function readOne(name: string, certificateFile: string, keyFile: string, files: SourceFiles): OnePair {
  const chain = files.read(certificateFile);
  const secret = files.read(keyFile);
  if (chain.kind === "failed") return unreadable(certificateFile, chain.reason);
  if (secret.kind === "failed") return unreadable(keyFile, secret.reason);
  const check = checkCredential(name, chain.text, secret.text);
  if (check.kind === "error")
    return { kind: "failed", problem: `${certificateFile}: ${check.problem}`, remedy: check.remedy };
  const from = { certificate: certificateFile, key: keyFile, encrypted: false };
  return { kind: "ok", credential: { ...check.credential, files: from }, warning: check.warning };
}

function unreadable(file: string, reason: string): Extract<OwnPair, { kind: "failed" }> {
  return { kind: "failed", problem: `${file}: ${reason}`, remedy: "let Letterlock read the file" };
}
