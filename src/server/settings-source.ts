/**
 * Where the relay reads its settings from, and the self-made certificate that stands in where none is configured.
 *
 * One process reads and checks; the others are handed the very texts that were checked (`Snapshot`), so that a file
 * that changes meanwhile, or is broken by the time a worker is started anew, is nobody's problem.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type FileAnswer, type FileReader, systemReader } from "../config/file-reader.ts";
import { type LoadResult, loadSettings, withSelfMadeCertificate } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { checkCredential } from "../tls/credential.ts";

/** `file` undefined: the built-in defaults. `data` overrides the data folder. */
export type SettingsSource = Readonly<{ file: string | undefined; data: string | undefined }>;

/** What each file that was asked for answered, by path. */
export type Snapshot = Readonly<Record<string, FileAnswer>>;

/** Reads and checks; problems are returned, not thrown. A self-made certificate that is needed must have been made. */
export function readSettings(source: SettingsSource): LoadResult & Readonly<{ snapshot: Snapshot }> {
  const snapshot: Record<string, FileAnswer> = {};
  const result = readWith(source, {
    read(file) {
      const answer = systemReader.read(file);
      snapshot[file] = answer;
      return answer;
    },
  });
  return { ...result, snapshot };
}

/** The settings that another process has read and checked. Throws for anything but what `readSettings` found usable. */
export function settingsOf(source: SettingsSource, snapshot: Snapshot): Settings {
  const reader: FileReader = { read: (file) => snapshot[file] ?? systemReader.read(file) };
  const { settings } = readWith(source, reader);
  if (settings === undefined) throw new Error("the configuration has errors");
  return settings;
}

/** Some file reads differently now. */
export function isStale(snapshot: Snapshot): boolean {
  return Object.entries(snapshot).some(([file, answer]) => !isDeepStrictEqual(systemReader.read(file), answer));
}

/** As `readSettings`, at the start of a relay: makes the self-made certificate where one is needed. */
export async function prepareSettings(source: SettingsSource): Promise<ReturnType<typeof readSettings>> {
  const { settings, needsSelfMade } = load(source, systemReader);
  if (settings !== undefined && needsSelfMade) await ensureSelfMade(settings);
  return readSettings(source);
}

function readWith(source: SettingsSource, reader: FileReader): LoadResult {
  const result = load(source, reader);
  const { settings } = result;
  if (settings === undefined || !result.needsSelfMade) return result;
  const folder = settings.dataDirectory;
  const [certificate, key] = [certificateName, keyName].map((name) => textOf(path.join(folder, name), reader));
  const checked = checkCredential("self-made", certificate ?? "", key ?? "");
  if (checked.kind === "error") throw new Error(`self-made certificate in ${folder}: ${checked.problem}`);
  return { ...result, settings: withSelfMadeCertificate(settings, checked.credential) };
}

function load({ file, data }: SettingsSource, reader: FileReader): LoadResult {
  return loadSettings({ path: file, overrides: data === undefined ? {} : { data }, reader });
}

function textOf(file: string, reader: FileReader): string {
  const answer = reader.read(file);
  if (answer.kind === "failed") throw new Error(`${file} cannot be read: ${answer.reason}`);
  return answer.text;
}

const certificateName = "self-made.crt";
const keyName = "self-made.key";

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
