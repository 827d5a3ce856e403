/**
 * `certificates:`: keys and certificates by name, read and checked against each other. A broken pair keeps the whole
 * configuration from being used, so that a running relay goes on with the old one.
 */
import { type CredentialCheck, checkCredential } from "../tls/credential.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import type { ServedCertificates } from "../tls/server-tls.ts";
import type { Loading } from "./loading.ts";
import { suggest } from "./problem.ts";
import type { Keyed, Section } from "./section-types.ts";
import { claimedTwice, type NamedCertificate, serveTogether } from "./served-certificates.ts";
import type { certificateTable } from "./table.ts";
import type { Located } from "./value-types.ts";

type CertificateEntry = Keyed<string, Section<typeof certificateTable>>;

export class Certificates {
  readonly #loading: Loading;
  readonly #entries: readonly CertificateEntry[];
  /** A broken certificate is `undefined`: known by name, so that nothing else complains. */
  readonly #byName = new Map<string, NamedCertificate | undefined>();
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
  get onlyOne(): ServedCertificates | undefined {
    const [only, ...others] = this.#byName.values();
    return only === undefined || others.length > 0 ? undefined : serveTogether([only]);
  }

  /** For a listener: the first without SNI. */
  served(named: Located<readonly Located<string>[]>): ServedCertificates | undefined {
    const certificates = named.value.flatMap((name) => this.#use(name) ?? []);
    const [first, ...others] = certificates;
    if (first === undefined) {
      if (named.value.length === 0) {
        this.#loading.problems.error(named.at, "no certificate is named", "name one, or remove certificate:");
      }
      return undefined;
    }
    for (const { name, winner, loser } of claimedTwice(certificates)) {
      const message = `"${winner}" and "${loser}" both have the name ${name} and keys of one type: "${winner}" is served`;
      this.#loading.problems.warning(named.at, message, `leave one of them out, or give names: to "${loser}"`);
    }
    return serveTogether([first, ...others]);
  }

  /** To show to other hosts. */
  client(name: Located<string>): Credential | undefined {
    return this.#use(name)?.credential;
  }

  /** Nothing names it, but it is the only one and shown where none is named. */
  useOnlyOne(): void {
    const [only, ...others] = this.names;
    if (only !== undefined && others.length === 0) this.#used.add(only);
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

  #use({ value, at }: Located<string>): NamedCertificate | undefined {
    this.#used.add(value);
    if (!this.#byName.has(value)) {
      const remedy = `${suggest(value, this.names)}; write it under certificates:`;
      this.#loading.problems.error(at, `there is no certificate "${value}"`, remedy);
    }
    return this.#byName.get(value);
  }
}

function readCertificate({ key: name, at, value }: CertificateEntry, loading: Loading): NamedCertificate | undefined {
  const { certificate, key, names } = value.values;
  if (certificate === undefined || key === undefined) return undefined;
  const certificatePem = loading.read(certificate, "the certificate");
  const keyPem = loading.read(key, "the key");
  const passphrase = readPassphrase(value.values, loading);
  if (certificatePem === undefined || keyPem === undefined || passphrase.kind === "failed") return undefined;
  const checked = checkCredential(name, certificatePem, keyPem, passphrase.text, loading.now);
  if (checked.kind === "error") {
    loading.problems.error(at, `certificate "${name}": ${checked.problem}`, checked.remedy);
    return undefined;
  }
  reportWarnings(name, checked, certificate, loading);
  warnOfReaders(key, `the key of certificate "${name}"`, loading);
  const chosenFor = names === undefined ? checked.names : names.value.map((each) => each.value.toLowerCase());
  return { credential: checked.credential, names: chosenFor, keyType: checked.keyType };
}

function reportWarnings(
  name: string,
  { warning, chainWarnings }: Extract<CredentialCheck, { kind: "ok" }>,
  { at }: Located<string>,
  { problems }: Loading,
): void {
  if (warning !== undefined) problems.warning(at, `certificate "${name}": ${warning}`, "renew it");
  for (const { text, remedy } of chainWarnings) problems.warning(at, `certificate "${name}": ${text}`, remedy);
}

type Passphrase = Readonly<{ kind: "known"; text: string | undefined }> | Readonly<{ kind: "failed" }>;

function readPassphrase(values: CertificateEntry["value"]["values"], loading: Loading): Passphrase {
  const { passphrase, "passphrase-file": file } = values;
  if (file === undefined) return { kind: "known", text: passphrase?.value };
  if (passphrase !== undefined) {
    loading.problems.error(file.at, "passphrase and passphrase-file are both written", "leave one of the two");
  }
  const text = loading.read(file, "the passphrase");
  if (text === undefined) return { kind: "failed" };
  warnOfReaders(file, "the passphrase", loading);
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line !== "") return { kind: "known", text: line };
  const remedy = "write the passphrase on its first line";
  loading.problems.error(file.at, `the passphrase file ${file.value} has no first line`, remedy);
  return { kind: "failed" };
}

function warnOfReaders(file: Located<string>, what: string, loading: Loading): void {
  const mode = loading.modeOf(file.value);
  if (mode === undefined || (mode & 0o044) === 0) return;
  const who = (mode & 0o004) === 0 ? "its whole group" : "every user of this machine";
  loading.problems.warning(file.at, `${what} may be read by ${who}: ${file.value}`, `chmod 600 ${file.value}`);
}
