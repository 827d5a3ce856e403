/**
 * From a configuration file to `Settings`, or to the list of everything that is wrong with it.
 *
 * Promises: never throws, whatever the text; reports all problems and not the first only; reads files through the
 * reader it is handed; the same text and files give the same settings.
 * Not here: how each value is written (`table.ts`), making a certificate where none is configured (`needsSelfMade`).
 */
import os from "node:os";
import path from "node:path";
import { systemClock } from "../mail/clock.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import { assembleSettings, type Machine } from "./assemble.ts";
import { type FileReader, systemReader } from "./file-reader.ts";
import { profileOf } from "./listeners.ts";
import { Loading } from "./loading.ts";
import { type Problem, Problems } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { fileType } from "./table.ts";
import { parseYamlTree } from "./yaml-tree.ts";

export type LoadOptions = Readonly<{
  /** The configuration file; `undefined` without `text`: the built-in settings. */
  path?: string | undefined;
  /** The configuration itself; `path` is then only its name. */
  text?: string | undefined;
  overrides?: Readonly<{ data?: string | undefined }>;
  reader?: FileReader;
  /** ms since 1970: dates are judged against it. */
  now?: number;
  /** What is taken from the machine where nothing is written. */
  machine?: Machine;
}>;

export type LoadResult = Readonly<{
  /** `undefined` with any error among the problems. */
  settings: Settings | undefined;
  /** The data folder, absolute, also where something else is wrong: commands find the running relay by it. */
  dataDirectory: string | undefined;
  /** In the order of the file. */
  problems: readonly Problem[];
  /** Some listener offers TLS without a certificate: see `withSelfMadeCertificate`. */
  needsSelfMade: boolean;
}>;

const start = { line: 1, column: 1 };

export function loadSettings(options: LoadOptions = {}): LoadResult {
  const {
    path: file,
    reader = systemReader,
    now = systemClock.now(),
    overrides = {},
    machine = thisMachine(),
  } = options;
  const problems = new Problems(file ?? "built-in settings");
  const loading = new Loading(file, problems, reader, now);
  const text = options.text ?? textOf(file, loading);
  const node = text === undefined ? undefined : parseYamlTree(text, problems);
  const section = node === undefined ? undefined : fileType.read(node, problems);
  const made = section === undefined ? undefined : assembleSettings(section.values, loading, machine, overrides);
  const settings = problems.hasErrors ? undefined : made;
  return {
    settings,
    dataDirectory: made?.dataDirectory,
    problems: problems.sorted(),
    needsSelfMade: settings?.listeners.some(({ tls, profile }) => tls !== "none" && profile === undefined) ?? false,
  };
}

function textOf(file: string | undefined, loading: Loading): string | undefined {
  if (file === undefined) return "";
  return loading.read({ value: path.resolve(file), at: start }, "the configuration");
}

function thisMachine(): Machine {
  return { hostname: os.hostname(), processors: os.availableParallelism() };
}

/** The settings with a certificate for the listeners that have none. */
export function withSelfMadeCertificate(settings: Settings, credential: Credential): Settings {
  const { hostname, inboundTls } = settings;
  const profile = profileOf(inboundTls, [{ credential, names: [hostname] }]);
  const listeners = settings.listeners.map((listener) =>
    listener.tls !== "none" && listener.profile === undefined ? { ...listener, profile } : listener,
  );
  return { ...settings, listeners };
}
