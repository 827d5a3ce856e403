/**
 * Where a process reads its settings from, and the self-made certificate that stands in where none is configured.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type LoadResult, loadSettings, withSelfMadeCertificate } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { checkCredential } from "../tls/credential.ts";

/** `file` undefined: the built-in defaults. `data` overrides the data folder. */
export type SettingsSource = Readonly<{ file: string | undefined; data: string | undefined }>;

/** Reads and checks; problems are returned, not thrown. A self-made certificate that is needed must have been made. */
export function readSettings(source: SettingsSource): LoadResult {
  const result = load(source);
  const { settings } = result;
  if (settings === undefined || !result.needsSelfMade) return result;
  const { certificatePem, keyPem } = readSelfMade(settings.dataDirectory);
  const checked = checkCredential("self-made", certificatePem, keyPem);
  if (checked.kind === "error")
    throw new Error(`self-made certificate in ${settings.dataDirectory}: ${checked.problem}`);
  return { ...result, settings: withSelfMadeCertificate(settings, checked.credential) };
}

/** As `readSettings`, at the start of a relay: makes the self-made certificate where one is needed. */
export async function prepareSettings(source: SettingsSource): Promise<LoadResult> {
  const { settings, needsSelfMade } = load(source);
  if (settings !== undefined && needsSelfMade) await ensureSelfMade(settings);
  return readSettings(source);
}

function load({ file, data }: SettingsSource): LoadResult {
  return loadSettings({ path: file, overrides: data === undefined ? {} : { data } });
}

const certificateName = "self-made.crt";
const keyName = "self-made.key";

function readSelfMade(folder: string): Readonly<{ certificatePem: string; keyPem: string }> {
  return {
    certificatePem: readFileSync(path.join(folder, certificateName), "utf8"),
    keyPem: readFileSync(path.join(folder, keyName), "utf8"),
  };
}

/** Makes the certificate once and keeps it under the data folder; the key is readable by its owner alone. */
async function ensureSelfMade({ dataDirectory, hostname }: Settings): Promise<void> {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  if (existsSync(path.join(dataDirectory, certificateName)) && existsSync(path.join(dataDirectory, keyName))) return;
  // Loaded only where it is needed: it costs a fifth of a second.
  const { makeSelfSigned } = await import("../lab/certificates.ts");
  const { certificatePem, privateKeyPem } = await makeSelfSigned({ dnsNames: [hostname] });
  writeWhole(path.join(dataDirectory, keyName), privateKeyPem, 0o600);
  writeWhole(path.join(dataDirectory, certificateName), certificatePem, 0o644);
}

function writeWhole(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}
