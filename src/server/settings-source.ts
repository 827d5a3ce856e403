/**
 * Where the relay reads its settings from, and the self-made certificate that stands in where none is configured.
 *
 * One process reads and checks; the others are handed the very texts that were checked (`Snapshot`), so that a file
 * that changes meanwhile, or is broken by the time a worker is started anew, is nobody's problem.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { systemFiles } from "../config/file-reader.ts";
import { type LoadResult, loadSettings, withSelfMadeCertificate } from "../config/load.ts";
import type { PolicyFlag } from "../config/policy-flag.ts";
import type { Settings } from "../config/settings.ts";
import type { FileAnswer, SourceFiles } from "../policy/dialects/dialect.ts";
import { checkCredential } from "../tls/credential.ts";

/** `file` undefined: the built-in defaults. `data` overrides the data folder, `flag` stands for `policy:`. */
export type SettingsSource = Readonly<{
  file: string | undefined;
  data: string | undefined;
  flag?: PolicyFlag | undefined;
}>;

/** What was asked for, by path, and what the answer was. Plain JSON: `null` for what is not there. */
export type Snapshot = Readonly<{
  texts: Readonly<Record<string, FileAnswer>>;
  folders: Readonly<Record<string, readonly string[] | null>>;
  times: Readonly<Record<string, number | null>>;
}>;

/** Reads and checks; problems are returned, not thrown. A self-made certificate that is needed must have been made. */
export function readSettings(source: SettingsSource): LoadResult & Readonly<{ snapshot: Snapshot }> {
  const { files, snapshot } = recordAnswers();
  return { ...complete(load(source, files), files), snapshot };
}

/** As `readSettings`, at the start of a relay: makes the self-made certificate where one is needed. */
export async function prepareSettings(source: SettingsSource): Promise<ReturnType<typeof readSettings>> {
  const { files, snapshot } = recordAnswers();
  const result = load(source, files);
  if (result.settings !== undefined && result.needsSelfMade) await ensureSelfMade(result.settings);
  return { ...complete(result, files), snapshot };
}

/** The settings that another process has read and checked. Throws for anything but what `readSettings` found usable. */
export function settingsOf(source: SettingsSource, { texts, folders, times }: Snapshot): Settings {
  const { read, list, modifiedAt } = systemFiles;
  const files: SourceFiles = {
    read: (file) => texts[file] ?? read(file),
    list: (folder) => (folders[folder] === undefined ? list(folder) : (folders[folder] ?? undefined)),
    modifiedAt: (file) => (times[file] === undefined ? modifiedAt(file) : (times[file] ?? undefined)),
  };
  const { settings } = complete(load(source, files), files);
  if (settings === undefined) throw new Error("the configuration has errors");
  return settings;
}

/** Something would be answered differently now. */
export function isStale({ texts, folders, times }: Snapshot): boolean {
  const { read, list, modifiedAt } = systemFiles;
  return (
    Object.entries(times).some(([file, time]) => (modifiedAt(file) ?? null) !== time) ||
    Object.entries(folders).some(([folder, names]) => !isDeepStrictEqual(list(folder) ?? null, names)) ||
    Object.entries(texts).some(([file, answer]) => !isDeepStrictEqual(read(file), answer))
  );
}

/** Files of this machine, each asked once: what one part of the loader sees, the others see too. */
function recordAnswers(): Readonly<{ files: SourceFiles; snapshot: Snapshot }> {
  const texts: Record<string, FileAnswer> = {};
  const folders: Record<string, readonly string[] | null> = {};
  const times: Record<string, number | null> = {};
  const once = <T>(known: Record<string, T>, ask: (file: string) => T) => {
    return (file: string): T => {
      const answer = known[file] ?? ask(file);
      known[file] = answer;
      return answer;
    };
  };
  const list = once(folders, (folder) => systemFiles.list(folder) ?? null);
  const modifiedAt = once(times, (file) => systemFiles.modifiedAt(file) ?? null);
  const files: SourceFiles = {
    read: once(texts, systemFiles.read),
    list: (folder) => list(folder) ?? undefined,
    modifiedAt: (file) => modifiedAt(file) ?? undefined,
    cannotWrite: systemFiles.cannotWrite,
  };
  return { files, snapshot: { texts, folders, times } };
}

/** With the self-made certificate, where one is needed. */
function complete(result: LoadResult, files: SourceFiles): LoadResult {
  const { settings } = result;
  if (settings === undefined || !result.needsSelfMade) return result;
  const folder = settings.dataDirectory;
  const [certificate, key] = [certificateName, keyName].map((name) => textOf(path.join(folder, name), files));
  const checked = checkCredential("self-made", certificate ?? "", key ?? "");
  if (checked.kind === "error") throw new Error(`self-made certificate in ${folder}: ${checked.problem}`);
  return { ...result, settings: withSelfMadeCertificate(settings, checked.credential) };
}

function load({ file, data, flag }: SettingsSource, files: SourceFiles): LoadResult {
  return loadSettings({ path: file, flag, overrides: data === undefined ? {} : { data }, reader: files });
}

function textOf(file: string, files: SourceFiles): string {
  const answer = files.read(file);
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
