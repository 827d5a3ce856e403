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
import type { SourceFiles } from "../policy/dialects/dialect.ts";
import { type CompileDialect, compileDialect } from "../policy/dialects/registry.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import { assembleSettings, type Machine } from "./assemble.ts";
import { systemFiles } from "./file-reader.ts";
import { Loading } from "./loading.ts";
import type { PolicyFlag } from "./policy-flag.ts";
import { type ReadSource, readPolicySources } from "./policy-sources.ts";
import { byPlace, foldRepeated, type Problem, Problems, problemsOfNotes } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { fileType } from "./table.ts";
import { parseYamlTree } from "./yaml-tree.ts";

export type LoadOptions = Readonly<{
  /** The configuration file; `undefined` without `text`: the built-in settings. */
  path?: string | undefined;
  /** The configuration itself; `path` is then only its name. */
  text?: string | undefined;
  overrides?: Readonly<{ data?: string | undefined }>;
  /** In place of `policy:`. */
  flag?: PolicyFlag | undefined;
  reader?: SourceFiles;
  /** ms since 1970: dates are judged against it. */
  now?: number;
  /** What is taken from the machine where nothing is written. */
  machine?: Machine;
  compile?: CompileDialect;
}>;

export type LoadResult = Readonly<{
  /** `undefined` with any error among the problems. */
  settings: Settings | undefined;
  /** Errors and warnings: of our own file in its order, then of the sources. */
  problems: readonly Problem[];
  /** Other mail servers' configurations, with all that is to be said of them. */
  sources: readonly ReadSource[];
  /** Some listener offers TLS without a certificate: see `withSelfMadeCertificate`. */
  needsSelfMade: boolean;
}>;

const start = { line: 1, column: 1 };

/** Of each kind, over all sources: `letterlock check` lists the rest. */
const maxNoted = 1000;

export function loadSettings(options: LoadOptions = {}): LoadResult {
  const {
    path: file,
    reader = systemFiles,
    now = systemClock.now(),
    overrides = {},
    machine = thisMachine(),
    flag,
    compile = compileDialect,
  } = options;
  const problems = new Problems(file ?? "built-in settings");
  const loading = new Loading(file, problems, reader, now);
  const section = readFile(options.text ?? textOf(file, loading), problems);
  const sources = section && readPolicySources(section.values, flag, compile, loading);
  const made =
    section &&
    sources &&
    assembleSettings(section.values, sources.order, loading, machine, {
      ...overrides,
      beside: flag?.beside === true,
    });
  const read = sources?.read ?? [];
  const notes = read.flatMap((source) => source.notes);
  const noted = ["error", "warning"].flatMap((severity) => {
    return foldRepeated(problemsOfNotes(notes.filter(({ kind }) => kind === severity))).slice(0, maxNoted);
  });
  const hasErrors = problems.hasErrors || noted.some(({ severity }) => severity === "error");
  const settings = hasErrors ? undefined : made;
  return {
    settings,
    problems: [...problems.sorted(), ...noted.toSorted(byPlace)],
    sources: read,
    needsSelfMade: settings !== undefined && showsDefault(settings),
  };
}

/**
 * The data folder alone, absolute, also of a file where something else is wrong: commands find the running relay by it.
 *
 * @param file `undefined`: the built-in settings
 */
export function loadDataDirectory(
  file: string | undefined,
): Readonly<{ dataDirectory: string | undefined; problems: readonly Problem[] }> {
  const problems = new Problems(file ?? "built-in settings");
  const loading = new Loading(file, problems, systemFiles, 0);
  const section = readFile(textOf(file, loading), problems);
  return { dataDirectory: section && loading.resolve(section.values.data.value), problems: problems.sorted() };
}

function readFile(text: string | undefined, problems: Problems): ReturnType<typeof fileType.read> {
  const node = text === undefined ? undefined : parseYamlTree(text, problems);
  return node === undefined ? undefined : fileType.read(node, problems);
}

function textOf(file: string | undefined, loading: Loading): string | undefined {
  if (file === undefined) return "";
  return loading.read({ value: path.resolve(file), at: start }, "the configuration");
}

function thisMachine(): Machine {
  return { hostname: os.hostname(), processors: os.availableParallelism() };
}

/** Some listener shows the default certificate, as far as our own configuration tells, and there is none. */
function showsDefault({ listeners, inboundDefaults }: Settings): boolean {
  if (inboundDefaults.certificates !== undefined) return false;
  return listeners.some(({ rule }) => rule.starttls?.value !== "never" && rule.certificates === undefined);
}

/** The settings with a certificate for the listeners that have none. */
export function withSelfMadeCertificate(settings: Settings, credential: Credential): Settings {
  const served = { default: { credentials: [credential] as const, names: [settings.hostname] }, others: [] };
  const from = { source: "built-in", file: undefined, line: undefined, column: undefined, scope: "self-made" };
  return { ...settings, inboundDefaults: { ...settings.inboundDefaults, certificates: { value: served, from } } };
}
