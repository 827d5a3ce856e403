/**
 * A certificate authority for a test, made by the `openssl` command: nothing of it comes from Letterlock's own code.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";

/** Certificates that soon expire are what testssl warns of. */
const days = "90";

/** Files as the test sees them; programs in a root folder see the same names below `/mnt`. */
export type Issued = Readonly<{ certificate: string; key: string }>;

export class Authority {
  /** The authority's own certificate. */
  readonly certificate: string;
  readonly #folder: string;
  readonly #key: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.certificate = path.join(folder, "ca.pem");
    this.#key = path.join(folder, "ca.key");
    mkdirSync(folder, { recursive: true });
    const self = ["-x509", "-days", days, "-subj", "/CN=Test CA", "-out", this.certificate];
    openssl("req", "-new", ...newKey(this.#key), ...self);
  }

  /** A P-256 key and a certificate for the names. */
  issue(...names: readonly [string, ...string[]]): Issued {
    const [name] = names;
    const file = (ending: string) => path.join(this.#folder, `${name}.${ending}`);
    const alternatives = `subjectAltName=${names.map((each) => `DNS:${each}`).join(",")}`;
    const request = ["-out", file("csr"), "-subj", `/CN=${name}`, "-addext", alternatives];
    openssl("req", "-new", ...newKey(file("key")), ...request);
    const signer = ["-CA", this.certificate, "-CAkey", this.#key, "-days", days, "-copy_extensions", "copy"];
    openssl("x509", "-req", "-in", file("csr"), ...signer, "-out", file("pem"));
    return { certificate: file("pem"), key: file("key") };
  }
}

/** The SHA-256 of a certificate, in lower-case hex without colons. */
export function fingerprint(certificate: string): string {
  const [, digest] = openssl("x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").split("=");
  assert.ok(digest);
  return digest.trim().replaceAll(":", "").toLowerCase();
}

function newKey(file: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file];
}

function openssl(...argv: readonly string[]): string {
  return execFileSync("openssl", argv, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
