/**
 * The loggers of a configuration made into log definitions: `custom_logger`, `ec_logger`, `bounce_logger`. Nothing in
 * them lets mail in or out, so what is wrong in them is a warning, and the other logs are written.
 */
import type { LogDefinition } from "../../../mail/log-definition.ts";
import { compileCustomLogger } from "./custom-logger.ts";
import { compileEcLogger } from "./ec-logger.ts";
import { isLogger, loggerModules, loggerOptionsByName } from "./logger-options.ts";
import type { LoggerContext, LoggerStanza } from "./logger-stanza.ts";
import { type Model, type ModuleStanza, type Setting, textOf, truthOf } from "./model.ts";
import { type Notes, remedyForName } from "./notes.ts";
import { shown } from "./read-option.ts";

export function readLoggers({ modules }: Model, notes: Notes): LogDefinition[] {
  const ours = modules.filter(({ name }) => loggerModules.has(name));
  for (const stanza of ours) noteOptions(stanza, notes);
  const merged = mergeStanzas(ours);
  const active = merged.filter(({ options }) => truthOf(lastOf(options, "enabled")) !== false);
  for (const stanza of merged.filter((each) => !active.includes(each))) {
    notes.add("no-effect", stanza.at, `${titleOf(stanza)}: switched off`);
  }
  const context: LoggerContext = {
    hasTlsMacros: active.some(({ name }) => name === "tls_macros"),
    facility:
      textOf(lastOf(active.find(({ name }) => name === "syslog_io")?.options ?? [], "default_facility")) ?? "mail",
    notes,
  };
  return active.flatMap((stanza) => {
    notes.add("applied", stanza.at, titleOf(stanza));
    if (!isLogger(stanza.name)) return [];
    const logger: LoggerStanza = { ...stanza, name: stanza.name, title: titleOf(stanza) };
    return logger.name === "custom_logger" ? compileCustomLogger(logger, context) : compileEcLogger(logger, context);
  });
}

function titleOf({ name, instance }: ModuleStanza): string {
  return instance === undefined ? name : `${name} ${instance}`;
}

function lastOf(options: readonly Setting[], name: string): Setting | undefined {
  return options.findLast((option) => option.name === name);
}

/** Stanzas of one name are one, in whatever file they stand. */
function mergeStanzas(stanzas: readonly ModuleStanza[]): ModuleStanza[] {
  const byName = Map.groupBy(stanzas, titleOf);
  return [...byName.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ ...first, options: [first, ...others].flatMap(({ options }) => options) }],
  );
}

/** Every module has these. */
const everywhere: ReadonlySet<string> = new Set(["enabled", "debug_level"]);

function noteOptions({ name, options }: ModuleStanza, notes: Notes): void {
  for (const setting of options) {
    if (everywhere.has(setting.name)) continue;
    const entry = loggerOptionsByName.get(setting.name);
    if (entry === undefined || !(entry.scopes as readonly string[]).includes(name)) {
      const remedy = remedyForName(setting.name, loggerOptionsByName.keys(), notes);
      notes.add("warning", setting, `${setting.name}: no option of ${name} that Letterlock knows: passed over`, remedy);
      continue;
    }
    const wrong = entry.check(setting.value);
    if (wrong !== undefined) notes.add("warning", setting, `${setting.name}: ${wrong}`, "correct its value");
    else if (entry.status === "applied") notes.add("applied", setting, `${setting.name} = ${shown(setting.value)}`);
    else notes.add(entry.status, setting, `${setting.name}: ${entry.reason}`);
  }
}
