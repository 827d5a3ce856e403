/**
 * Certificates that clients show, with every fault that a client's certificate may have: made by the `openssl` command,
 * so that nothing of them comes from Letterlock's own code.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Issued } from "./authority.ts";

export const keyKinds = ["ec", "rsa"] as const;
export type KeyKind = (typeof keyKinds)[number];

/** What is right or wrong with a certificate. `self`: it vouches for itself. `server`: it is for servers alone. */
export const faults = ["none", "server", "expired", "stranger", "self"] as const;
export type Fault = (typeof faults)[number];

export type IssueOptions = Readonly<{
  kind?: KeyKind;
  /** As `openssl req -subj` takes it, UTF-8. Default: the first name. */
  subject?: string;
  /** `serverAuth`. Default: any. */
  usage?: string;
  /** From now; negative: it has expired. */
  days?: number;
}>;

const newKey: Readonly<Record<KeyKind, readonly string[]>> = {
  ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["-newkey", "rsa:2048"],
};

export class CertificateMaker {
  /** The authority's own certificate. */
  readonly certificate: string;
  readonly #folder: string;
  readonly #key: string;

  /** @param name of the authority */
  constructor(folder: string, name: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.certificate = path.join(folder, "ca.pem");
    this.#key = path.join(folder, "ca.key");
    const own = ["-x509", "-days", "90", "-subj", `/CN=${name}`, "-keyout", this.#key, "-out", this.certificate];
    openssl("req", "-new", "-nodes", ...newKey.ec, ...own);
  }

  /** @param file their names without ending; @param names DNS names, the first of which is the common name by default */
  issue(file: string, names: readonly string[], options: IssueOptions = {}): Issued {
    const { kind = "ec", subject = `/CN=${names[0]}`, usage, days = 60 } = options;
    const [request, extensions, ...made] = ["csr", "ext", "pem", "key"].map((end) => this.#path(`${file}.${end}`));
    const [certificate = "", key = ""] = made;
    const lines = [
      `subjectAltName=@names`,
      ...(usage === undefined ? [] : [`extendedKeyUsage=${usage}`]),
      "[names]",
      ...names.map((name, at) => `DNS.${at + 1}=${name}`),
    ];
    writeFileSync(extensions ?? "", `${lines.join("\n")}\n`);
    const form = ["-utf8", "-multivalue-rdn", "-subj", subject, "-keyout", key, "-out", request ?? ""];
    openssl("req", "-new", "-nodes", ...newKey[kind], ...form);
    const signer = ["-CA", this.certificate, "-CAkey", this.#key, "-days", String(days), "-extfile", extensions ?? ""];
    openssl("x509", "-req", "-in", request ?? "", ...signer, "-out", certificate);
    return { certificate, key };
  }

  #path(file: string): string {
    return path.join(this.#folder, file);
  }
}

/** One certificate for each fault. @param stranger an authority that nobody trusts */
export function clientCertificate(
  maker: CertificateMaker,
  stranger: CertificateMaker,
  fault: Fault,
  kind: KeyKind,
): Issued {
  const [file, name] = [`client-${fault}-${kind}`, `client.${fault}.test`];
  switch (fault) {
    case "none":
      return maker.issue(file, [name], { kind, usage: "clientAuth" });
    case "server":
      return maker.issue(file, [name], { kind, usage: "serverAuth" });
    case "expired":
      return maker.issue(file, [name], { kind, days: -1 });
    case "stranger":
      return stranger.issue(file, [name], { kind });
    case "self":
      return selfSigned(path.join(path.dirname(maker.certificate), file), name, kind);
  }
}

function selfSigned(file: string, name: string, kind: KeyKind): Issued {
  const [certificate, key] = [`${file}.pem`, `${file}.key`];
  const form = ["-x509", "-days", "60", "-subj", `/CN=${name}`, "-keyout", key, "-out", certificate];
  openssl("req", "-new", "-nodes", ...newKey[kind], ...form);
  return { certificate, key };
}

/** Certificate and key in one file, as some programs want them. */
export function inOneFile({ certificate, key }: Issued): string {
  const file = certificate.replace(/pem$/, "both.pem");
  writeFileSync(file, readFileSync(key, "utf8") + readFileSync(certificate, "utf8"), { mode: 0o644 });
  return file;
}

function openssl(...argv: readonly string[]): void {
  execFileSync("openssl", argv, { stdio: ["ignore", "ignore", "pipe"] });
}
