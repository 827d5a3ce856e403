/**
 * The PEM files that a configuration names, each read once: trust anchors, certificates and keys. A file that cannot be
 * used is told with what is wrong with it; the rule that needs it then refuses.
 */

import path from "node:path";
import { isCertificate } from "../../../tls/certificate-facts.ts";
import { checkCredential } from "../../../tls/credential.ts";
import { digestOf } from "../../../tls/digest.ts";
import type { Credential, TrustAnchors } from "../../../tls/handshake-settings.ts";
import { certificateBlocks } from "../../../tls/pem.ts";
import type { SourceFiles } from "../dialect.ts";
import { type CertificateWarning, certificateWarnings } from "../server-certificate.ts";
import { type Setting, textOf } from "./model.ts";

/** A certificate with its key, and what clients may stumble over in it. */
export type LoadedCredential =
  | Readonly<{ kind: "ok"; value: Credential; warnings: readonly CertificateWarning[]; names: readonly string[] }>
  | Readonly<{ kind: "problem"; text: string }>;

export type Loaded<T> = Readonly<{ kind: "ok"; value: T }> | Readonly<{ kind: "problem"; text: string }>;

/** Nobody is trusted: Momentum never takes the anchors of the system. */
export const noAnchors: TrustAnchors = { kind: "bundle", id: "none", pem: [], files: [] };

export class KeyFiles {
  readonly #files: SourceFiles;
  readonly #anchors = new Map<string, Loaded<TrustAnchors>>();
  readonly #credentials = new Map<string, LoadedCredential>();

  constructor(files: SourceFiles) {
    this.#files = files;
  }

  anchors(setting: Setting): Loaded<TrustAnchors> {
    const file = pathOf(setting);
    const known = this.#anchors.get(file) ?? this.#readAnchors(file);
    this.#anchors.set(file, known);
    return known;
  }

  /** @param key where there is none, the certificate's file holds the key too */
  credential(certificate: Setting, key: Setting | undefined): LoadedCredential {
    const certificateFile = pathOf(certificate);
    const keyFile = key === undefined ? certificateFile : pathOf(key);
    const both = `${certificateFile}\0${keyFile}`;
    const known = this.#credentials.get(both) ?? this.#readCredential(certificateFile, keyFile);
    this.#credentials.set(both, known);
    return known;
  }

  #readAnchors(file: string): Loaded<TrustAnchors> {
    const answer = this.#files.read(file);
    if (answer.kind === "failed") return unreadable(file, answer.reason);
    const pem = certificateBlocks(answer.text);
    if (pem.length === 0) return { kind: "problem", text: `there is no certificate in ${file}` };
    const broken = pem.findIndex((block) => !isCertificate(block));
    if (broken >= 0) return { kind: "problem", text: `certificate ${broken + 1} of ${file} cannot be read` };
    const id = digestOf(Buffer.from(pem.join("\n")), "sha256");
    return { kind: "ok", value: { kind: "bundle", id, pem, files: [file] } };
  }

  #readCredential(certificateFile: string, keyFile: string): LoadedCredential {
    const certificate = this.#files.read(certificateFile);
    if (certificate.kind === "failed") return unreadable(certificateFile, certificate.reason);
    const key = this.#files.read(keyFile);
    if (key.kind === "failed") return unreadable(keyFile, key.reason);
    const checked = checkCredential(certificateFile, certificate.text, key.text);
    const files = { certificate: certificateFile, key: keyFile, encrypted: false };
    if (checked.kind === "ok") {
      const value = { ...checked.credential, files };
      return { kind: "ok", value, warnings: certificateWarnings(checked), names: checked.names };
    }
    const pair = keyFile === certificateFile ? certificateFile : `${certificateFile} with ${keyFile}`;
    return { kind: "problem", text: `${pair}: ${checked.problem}` };
  }
}

/** Relative paths are taken from the folder of the file that names them. */
function pathOf(setting: Setting): string {
  return path.resolve(path.dirname(setting.file.path), textOf(setting) ?? "");
}

function unreadable(file: string, reason: string): Readonly<{ kind: "problem"; text: string }> {
  return { kind: "problem", text: `${file} cannot be read: ${reason}` };
}
