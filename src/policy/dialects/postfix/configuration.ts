/**
 * main.cf as one service of master.cf sees it: its `-o` overrides first, then main.cf, then values handed in from
 * outside, then Postfix's defaults; every value expanded, with the line that it came from (Postfix: CF-6 to CF-12).
 */
import path from "node:path";
import type { Origin } from "../../rules.ts";
import { expandValue } from "./expand.ts";
import { machineNames } from "./known-parameters.ts";
import { defaultOf, isParameterName } from "./parameters.ts";

/** A value as it stands in a file. */
export type Entry = Readonly<{ value: string; file: string; line: number; column: number }>;

export type Setting = Readonly<{
  name: string;
  /** Expanded. */
  value: string;
  from: Origin;
  /** Written nowhere. */
  isDefault: boolean;
  /** Names that the value uses and nobody defines. Postfix takes them for empty, or from the machine it runs on. */
  missing: readonly string[];
  /** What is wrong with its `$name`s. */
  problem: string | undefined;
}>;

export type ViewOptions = Readonly<{
  mainFile: string;
  main: ReadonlyMap<string, Entry>;
  defines: Readonly<Record<string, string>>;
  overrides?: ReadonlyMap<string, Entry>;
  /** For scopes in words: `service smtp-tls`. */
  service?: string;
}>;

/** What Postfix takes from its own release, where nobody says which that is. */
export const assumedNames: ReadonlyMap<string, string> = new Map([["mail_version", "3.10.13"]]);

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

export class View {
  readonly #options: ViewOptions;
  readonly #settings = new Map<string, Setting>();

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  /** `undefined`: main.cf alone. */
  get service(): string | undefined {
    return this.#options.service;
  }

  /** Names that this service sets itself; for main.cf, all that it sets. */
  get written(): Iterable<string> {
    return (this.#options.overrides ?? this.#options.main).keys();
  }

  setting(name: string): Setting {
    const known = this.#settings.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    this.#settings.set(name, made);
    return made;
  }

  #make(name: string): Setting {
    const entry = this.#entry(name);
    const raw = entry?.value ?? this.#outside(name) ?? "";
    const missing: string[] = [];
    const expanded = expandValue(raw, (asked, as) => {
      const value = this.#entry(asked)?.value ?? this.#outside(asked);
      if ((value === undefined && as === "value") || this.#isAssumed(asked)) missing.push(asked);
      return value;
    });
    const problem = expanded.problem;
    return {
      name,
      value: expanded.text.trim(),
      from: this.#origin(name, entry),
      isDefault: entry === undefined,
      missing,
      problem,
    };
  }

  #entry(name: string): Entry | undefined {
    return this.#options.overrides?.get(name) ?? this.#options.main.get(name);
  }

  #isAssumed(name: string): boolean {
    return assumedNames.has(name) && this.#entry(name) === undefined && !Object.hasOwn(this.#options.defines, name);
  }

  /** What no file of the configuration says; `undefined`: nobody knows this name, or only the machine does. */
  #outside(name: string): string | undefined {
    const { defines, mainFile } = this.#options;
    if (Object.hasOwn(defines, name)) return defines[name];
    const assumed = assumedNames.get(name);
    if (assumed !== undefined) return assumed;
    if (name === "config_directory") return path.posix.dirname(mainFile);
    if (name === "mydomain") return this.#domainOfHost();
    if (machineNames.has(name) || !isParameterName(name)) return undefined;
    return defaultOf(name);
  }

  #domainOfHost(): string | undefined {
    const host = this.#entry("myhostname")?.value ?? this.#outside("myhostname");
    const dot = host?.indexOf(".") ?? -1;
    return host === undefined || host.includes("$") ? undefined : dot < 0 ? "localdomain" : host.slice(dot + 1);
  }

  #origin(name: string, entry: Entry | undefined): Origin {
    const { service } = this.#options;
    const scope = service === undefined ? name : `${name} of service ${service}`;
    if (entry === undefined) {
      return { source: "postfix", file: undefined, line: undefined, column: undefined, scope: `default ${name}` };
    }
    return { source: "postfix", file: entry.file, line: entry.line, column: entry.column, scope };
  }

  /** `yes`; what is neither yes nor no is reported by `lints.ts`. */
  flag(name: string): boolean {
    return this.setting(name).value.toLowerCase() === "yes";
  }

  /** Separated by comma or blank. */
  list(name: string): readonly string[] {
    return this.setting(name)
      .value.split(/[\s,]+/)
      .filter((word) => word !== "");
  }

  /** A time with its unit, s by default; 0 for what is none. */
  timeMs(name: string): number {
    const [, digits = "0", unit = "s"] = /^(\d{1,9})([smhdw]?)$/.exec(this.setting(name).value) ?? [];
    return Number(digits) * (units[unit] ?? 1) * 1000;
  }

  /** Absolute; Postfix's programs run in the queue directory. Empty stays empty. */
  path(name: string): string {
    return name === "" ? "" : path.posix.resolve(this.setting("queue_directory").value, name);
  }
}
