/**
 * What the parameters of one service make of files: trusted CAs, trust anchors, our own certificate. Each is read once,
 * when a rule first needs it.
 */
import type { Sourced } from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import type { View } from "./configuration.ts";
import { type OwnCredential, readCredential } from "./credentials.ts";
import { readAuthorities, readTrustAnchorFiles, type Trust } from "./trust.ts";

export class Engine {
  readonly #view: View;
  readonly #files: SourceFiles;
  readonly #trustFiles = new Map<string, Trust>();
  #authorities: Sourced<Trust> | undefined;
  #credential: Sourced<OwnCredential> | undefined;

  constructor(view: View, files: SourceFiles) {
    this.#view = view;
    this.#files = files;
  }

  get authorities(): Sourced<Trust> {
    this.#authorities ??= this.#readAuthorities();
    return this.#authorities;
  }

  #readAuthorities(): Sourced<Trust> {
    const file = this.#view.setting("smtp_tls_CAfile");
    const folder = this.#view.setting("smtp_tls_CApath");
    const appendDefault = this.#view.flag("tls_append_default_CA");
    const paths = { file: this.#view.path(file.value), folder: this.#view.path(folder.value), appendDefault };
    return { value: readAuthorities(paths, this.#files), from: file.value === "" ? folder.from : file.from };
  }

  trustFiles(names: readonly string[]): Trust {
    const paths = names.map((name) => this.#view.path(name));
    const key = paths.join("\n");
    const trust = this.#trustFiles.get(key) ?? readTrustAnchorFiles(paths, this.#files);
    this.#trustFiles.set(key, trust);
    return trust;
  }

  get credential(): Sourced<OwnCredential> {
    this.#credential ??= this.#readCredential();
    return this.#credential;
  }

  #readCredential(): Sourced<OwnCredential> {
    const value = (name: string): string => this.#view.path(this.#view.setting(name).value);
    const chains = this.#view.setting("smtp_tls_chain_files");
    const keys = {
      chainFiles: this.#view.list("smtp_tls_chain_files").map((name) => this.#view.path(name)),
      certFile: value("smtp_tls_cert_file"),
      keyFile: value("smtp_tls_key_file"),
      ecCertFile: value("smtp_tls_eccert_file"),
      ecKeyFile: value("smtp_tls_eckey_file"),
    };
    const single = this.#view.setting(keys.ecCertFile === "" ? "smtp_tls_cert_file" : "smtp_tls_eccert_file");
    return { value: readCredential(keys, this.#files), from: (chains.value === "" ? single : chains).from };
  }
}
