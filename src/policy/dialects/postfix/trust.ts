/**
 * Whom we believe: CAfile, CApath, `tafile` and the system's CAs as trust anchors (Postfix: MAT-12, MAT-13).
 *
 * With neither CAfile nor CApath nobody is trusted, the system's CAs included. What cannot be read is a problem with its
 * reason; who must refuse because of it is said by the caller.
 */

import path from "node:path";
import { isCertificate } from "../../../tls/certificate-facts.ts";
import { digestOf } from "../../../tls/digest.ts";
import type { TrustAnchors } from "../../../tls/handshake-settings.ts";
import { certificateBlocks } from "../../../tls/pem.ts";
import type { SourceFiles } from "../dialect.ts";

export type Trust =
  | Readonly<{ kind: "anchors"; anchors: TrustAnchors }>
  | Readonly<{ kind: "failed"; problem: string }>;

/** Nobody is trusted. */
export const noAnchors: TrustAnchors = { kind: "bundle", id: "none", pem: [], files: [] };

/** @param file, folder empty: not configured. Paths are absolute. */
export function readAuthorities(
  { file, folder, appendDefault }: Readonly<{ file: string; folder: string; appendDefault: boolean }>,
  files: SourceFiles,
): Trust {
  if (file === "" && folder === "") return { kind: "anchors", anchors: noAnchors };
  const pem: string[] = [];
  if (file !== "") {
    const read = readCertificates(file, files);
    if (typeof read === "string") return failed(`cannot load Certification Authority data, CAfile="${file}": ${read}`);
    pem.push(...read);
  }
  if (folder !== "") {
    const read = readHashedFolder(folder, files);
    if (typeof read === "string")
      return failed(`cannot load Certification Authority data, CApath="${folder}": ${read}`);
    pem.push(...read);
  }
  const used = [file, folder].filter((name) => name !== "");
  return { kind: "anchors", anchors: bundle(pem, used, appendDefault ? { withSystem: true } : {}) };
}

/** The files of `tafile` or `smtp_tls_trust_anchor_file`: each certificate is an anchor wherever it stands. */
export function readTrustAnchorFiles(names: readonly string[], files: SourceFiles): Trust {
  const pem: string[] = [];
  for (const name of names) {
    const answer = files.read(name);
    if (answer.kind === "failed") return failed(`error opening trust anchor file: ${name}: ${answer.reason}`);
    if (/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(answer.text)) {
      return failed(`trust anchor file ${name} holds a bare public key; put the certificate in its place`);
    }
    const read = certificatesIn(answer.text);
    if (typeof read === "string") return failed(`error reading trust anchor file ${name}: ${read}`);
    pem.push(...read);
  }
  return { kind: "anchors", anchors: bundle(pem, names, { partialChains: true }) };
}

function bundle(
  pem: readonly string[],
  names: readonly string[],
  more: Readonly<{ partialChains?: true; withSystem?: true }>,
): TrustAnchors {
  const distinct = [...new Set(pem)];
  const id = digestOf(Buffer.from(JSON.stringify([distinct, more])), "sha256");
  return { kind: "bundle", id, pem: distinct, files: names, ...more };
}

/** OpenSSL asks a folder for names like `2e5ac55d.0` and for no others. */
function readHashedFolder(folder: string, files: SourceFiles): readonly string[] | string {
  const names = files.list(folder);
  if (names === undefined) return "no such folder";
  const pem: string[] = [];
  for (const name of names.filter((one) => /^[0-9a-f]{8}\.\d+$/.test(one))) {
    const read = readCertificates(path.posix.join(folder, name), files);
    // A folder is asked by name during a handshake: one file that is broken costs the others nothing.
    if (typeof read !== "string") pem.push(...read);
  }
  return pem;
}

function readCertificates(file: string, files: SourceFiles): readonly string[] | string {
  const answer = files.read(file);
  return answer.kind === "failed" ? answer.reason : certificatesIn(answer.text);
}

function certificatesIn(text: string): readonly string[] | string {
  const blocks = certificateBlocks(text);
  if (blocks.length === 0) return "no certificate in it";
  const broken = blocks.findIndex((block) => !isCertificate(block));
  return broken < 0 ? blocks : `certificate ${broken + 1} of ${blocks.length} cannot be read`;
}

function failed(problem: string): Trust {
  return { kind: "failed", problem };
}
