/**
 * The files that TLS directives name: CA certificates, and certificates with their keys (reference, section 5). Each is read
 * and checked once, however many directives name it.
 */
import { createPrivateKey } from "node:crypto";
import path from "node:path";
import { isCertificate } from "../../../tls/certificate-facts.ts";
import { checkCredential } from "../../../tls/credential.ts";
import { digestOf } from "../../../tls/digest.ts";
import type { Credential, TrustAnchors } from "../../../tls/handshake-settings.ts";
import { certificateBlocks, certificateDers } from "../../../tls/pem.ts";
import type { SourceFiles } from "../dialect.ts";
import { type CertificateWarning, certificateWarnings } from "../server-certificate.ts";

export type FileProblem = Readonly<{ kind: "bad"; problem: string; remedy: string }>;
export type AnchorsFile = Readonly<{ kind: "anchors"; anchors: TrustAnchors }> | FileProblem;
export type CredentialFile =
  | Readonly<{
      kind: "credential";
      credential: Credential;
      /** About its dates. */
      warning: string | undefined;
      /** What clients may stumble over, its dates included. */
      warnings: readonly CertificateWarning[];
      names: readonly string[];
    }>
  | FileProblem;
export type CertificateFile = Readonly<{ kind: "certificate"; sha256: string }> | FileProblem;

const keyBlock = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY-----/;

export class KeyFiles {
  readonly #files: SourceFiles;
  readonly #folder: string;
  readonly #anchors = new Map<string, AnchorsFile>();
  readonly #credentials = new Map<string, CredentialFile>();

  /** @param folder relative names begin there */
  constructor(files: SourceFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  anchors(file: string): AnchorsFile {
    return remember(this.#anchors, file, () => this.#readAnchors(file));
  }

  credential(file: string, password: string | undefined): CredentialFile {
    return remember(this.#credentials, JSON.stringify([file, password]), () => this.#readCredential(file, password));
  }

  /** The first certificate of a file. */
  certificate(file: string): CertificateFile {
    const text = this.#read(file);
    if (typeof text !== "string") return text;
    const [block] = certificateBlocks(text);
    const [der] = certificateDers(text);
    if (block === undefined || der === undefined || !isCertificate(block))
      return bad(`there is no certificate in ${file}`, "give a PEM file with one");
    return { kind: "certificate", sha256: digestOf(der, "sha256") };
  }

  #read(file: string): string | FileProblem {
    const answer = this.#files.read(path.resolve(this.#folder, file));
    if (answer.kind === "found") return answer.text;
    return bad(`${file} cannot be read: ${answer.reason}`, "check the path and its permissions");
  }

  #readAnchors(file: string): AnchorsFile {
    const text = this.#read(file);
    if (typeof text !== "string") return text;
    const pem = certificateBlocks(text);
    if (pem.length === 0) return bad(`there is no certificate in ${file}`, "give a PEM file of CA certificates");
    const broken = pem.findIndex((block) => !isCertificate(block));
    if (broken >= 0)
      return bad(`certificate ${broken + 1} of ${file} cannot be read`, "give a PEM file of CA certificates");
    const id = digestOf(Buffer.from(pem.join("\n")), "sha256");
    return { kind: "anchors", anchors: { kind: "bundle", id, pem, files: [path.resolve(this.#folder, file)] } };
  }

  #readCredential(file: string, password: string | undefined): CredentialFile {
    const text = this.#read(file);
    if (typeof text !== "string") return text;
    const key = keyBlock.exec(text)?.[0];
    if (key === undefined)
      return bad(`there is no private key in ${file}`, "put certificate and key into one PEM file");
    const locked = lockedKey(key, password);
    if (locked !== undefined) return bad(`${file}: ${locked.problem}`, locked.remedy);
    const passphrase = /ENCRYPTED/.test(key) ? password : undefined;
    const check = checkCredential(file, text, key, passphrase);
    if (check.kind === "error") return bad(`${file}: ${check.problem}`, check.remedy);
    const where = path.resolve(this.#folder, file);
    const files = { certificate: where, key: where, encrypted: passphrase !== undefined };
    const { warning, names } = check;
    const credential = { ...check.credential, files };
    return { kind: "credential", credential, warning, warnings: certificateWarnings(check), names };
  }
}

/** Is it the password that is missing or wrong? A password for a key that is not encrypted is passed over. */
function lockedKey(key: string, password: string | undefined): Omit<FileProblem, "kind"> | undefined {
  if (!/ENCRYPTED/.test(key)) return undefined;
  if (password === undefined || password === "") {
    return { problem: "password needed: the private key is encrypted", remedy: "write the password after the file" };
  }
  try {
    createPrivateKey({ key, passphrase: password });
    return undefined;
  } catch {
    return { problem: "wrong password: the private key cannot be decrypted", remedy: "check the password" };
  }
}

function bad(problem: string, remedy: string): FileProblem {
  return { kind: "bad", problem, remedy };
}

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}
