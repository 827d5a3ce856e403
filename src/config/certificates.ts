/**
 * `certificates:`: keys and certificates by name, read and checked against each other. A broken pair keeps the whole
 * configuration from being used, so that a running relay goes on with the old one.
 */
import { checkCredential } from "../tls/credential.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import type { ServerCredential } from "../tls/server-tls.ts";
import type { Loading } from "./loading.ts";
import { suggest } from "./problem.ts";
import type { Keyed, Section } from "./section-types.ts";
import type { certificateTable } from "./table.ts";
import type { Located } from "./value-types.ts";

type CertificateEntry = Keyed<string, Section<typeof certificateTable>>;

export class Certificates {
  readonly #loading: Loading;
  readonly #entries: readonly CertificateEntry[];
  /** A broken certificate is `undefined`: known by name, so that nothing else complains. */
  readonly #byName = new Map<string, ServerCredential | undefined>();
  readonly #used = new Set<string>();

  constructor(entries: readonly CertificateEntry[], loading: Loading) {
    this.#loading = loading;
    this.#entries = entries;
    for (const entry of entries) this.#byName.set(entry.key, readCertificate(entry, loading));
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** Where there is exactly one, it needs no naming. */
  get onlyOne(): ServerCredential | undefined {
    const [only, ...others] = this.names;
    if (only === undefined || others.length > 0) return undefined;
    return this.#byName.get(only);
  }

  /** For a listener, with the names for SNI. */
  server(name: Located<string>): ServerCredential | undefined {
    return this.#use(name);
  }

  /** To show to other hosts. */
  client(name: Located<string>): Credential | undefined {
    return this.#use(name)?.credentials[0];
  }

  reportUnused(): void {
    for (const { key, at } of this.#entries) {
      if (this.#used.has(key)) continue;
      this.#loading.problems.warning(
        at,
        `certificate "${key}" is not used`,
        "name it at a listener or binding, or remove it",
      );
    }
  }

  #use({ value, at }: Located<string>): ServerCredential | undefined {
    this.#used.add(value);
    if (!this.#byName.has(value)) {
      const remedy = `${suggest(value, this.names)}; write it under certificates:`;
      this.#loading.problems.error(at, `there is no certificate "${value}"`, remedy);
    }
    return this.#byName.get(value);
  }
}

function readCertificate({ key: name, at, value }: CertificateEntry, loading: Loading): ServerCredential | undefined {
  const { certificate, key, names, passphrase } = value.values;
  if (certificate === undefined || key === undefined) return undefined;
  const certificatePem = loading.read(certificate, "the certificate");
  const keyPem = loading.read(key, "the key");
  if (certificatePem === undefined || keyPem === undefined) return undefined;
  const checked = checkCredential(name, certificatePem, keyPem, passphrase?.value, loading.now);
  if (checked.kind === "error") {
    loading.problems.error(at, `certificate "${name}": ${checked.problem}`, checked.remedy);
    return undefined;
  }
  if (checked.warning !== undefined) {
    loading.problems.warning(certificate.at, `certificate "${name}": ${checked.warning}`, "renew it");
  }
  const chosenFor = names === undefined ? checked.names : names.value.map((each) => each.value.toLowerCase());
  return { credentials: [checked.credential], names: chosenFor };
}
