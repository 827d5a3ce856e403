/**
 * Lists of CA files as settings name them (`ca:`, `client-ca:`), read and checked. Each list is read once.
 */
import path from "node:path";
import { isCertificate } from "../tls/certificate-facts.ts";
import { type TrustAnchors, trustBundle } from "../tls/handshake-settings.ts";
import { certificateBlocks } from "../tls/pem.ts";
import type { Loading } from "./loading.ts";
import type { Located } from "./value-types.ts";

export class Authorities {
  readonly #loading: Loading;
  readonly #anchors = new Map<string, TrustAnchors | undefined>();

  constructor(loading: Loading) {
    this.#loading = loading;
  }

  /** @returns undefined after reporting what is wrong */
  read(ca: Located<readonly Located<string>[]>, partialChains = false): TrustAnchors | undefined {
    const names = ca.value.map(({ value }) => value);
    if (names.length === 0) {
      this.#loading.problems.error(ca.at, "an empty list of CA files trusts nobody", "write a file, or none");
      return undefined;
    }
    if (names.length === 1 && names[0] === "system") return { kind: "system" };
    if (names.length === 1 && names[0] === "none") return trustBundle([], []);
    const key = [...names, partialChains].join("\0");
    if (!this.#anchors.has(key)) this.#anchors.set(key, this.#bundle(ca.value, partialChains));
    return this.#anchors.get(key);
  }

  #bundle(named: readonly Located<string>[], partialChains: boolean): TrustAnchors | undefined {
    const files = named.filter(({ value }) => value !== "system");
    const pem = files.flatMap((file) => this.#authorities(file));
    if (pem.length === 0) return undefined;
    return trustBundle(
      pem,
      files.map(({ value }) => this.#loading.resolve(value)),
      { partialChains, withSystem: files.length < named.length },
    );
  }

  /** A folder counts as OpenSSL's CApath: the files that are named by hash. */
  #authorities(file: Located<string>): readonly string[] {
    const names = this.#loading.list(file.value);
    if (names === undefined) {
      const text = this.#loading.read(file, "the CA file");
      return text === undefined ? [] : this.#certificatesIn(text, file);
    }
    const hashed = names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name));
    if (hashed.length === 0) {
      this.#loading.problems.error(file.at, `no CA in the folder ${file.value} is named by its hash`, "run c_rehash");
    }
    return hashed.flatMap((name) => {
      const named = { value: path.join(file.value, name), at: file.at };
      const text = this.#loading.read(named, "the CA file");
      return text === undefined ? [] : this.#certificatesIn(text, named);
    });
  }

  #certificatesIn(text: string, { value, at }: Located<string>): readonly string[] {
    const blocks = certificateBlocks(text);
    const remedy = "give a PEM file of CA certificates";
    if (blocks.length === 0)
      this.#loading.problems.error(at, `there is no certificate in the CA file ${value}`, remedy);
    const broken = blocks.findIndex((block) => !isCertificate(block));
    if (broken < 0) return blocks;
    this.#loading.problems.error(at, `certificate ${broken + 1} of the CA file ${value} cannot be read`, remedy);
    return [];
  }
}
