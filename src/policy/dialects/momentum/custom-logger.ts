/**
 * `custom_logger`: which stages it prints, in which line, into which file (momentum reference 3). A format switches its
 * stage on, unless the stage is switched off by name; a stage that is switched on without a format prints nothing,
 * there and here. All stages of one file make one log.
 */
import type { LogDefinition, LogStage, TemplateLog } from "../../../mail/log-definition.ts";
import type { Template, TemplatePart } from "../../../mail/log-template.ts";
import { defaultNamespaces, macrosByName } from "./log-macros.ts";
import { headersOf, parseTemplate } from "./log-template.ts";
import { defineLog, type LoggerContext, type LoggerStanza, modeOf, optionOf } from "./logger-stanza.ts";
import { type Setting, textOf, truthOf } from "./model.ts";
import type { Position } from "./notes.ts";
import { readSanitize } from "./sanitize-words.ts";

type StageNames = Readonly<{ stage: LogStage; name: string; turn: string }>;

const stages: readonly StageNames[] = [
  { stage: "reception", name: "reception", turn: "log_receptions" },
  { stage: "delivery", name: "delivery", turn: "log_deliveries" },
  { stage: "transient-failure", name: "transient_failure", turn: "log_transient_failures" },
  { stage: "permanent-failure", name: "permanent_failure", turn: "log_permanent_failures" },
  { stage: "rejection", name: "rejection", turn: "log_rejections" },
];

/** Where lines go that name no file. */
const defaultFile = "/var/log/ecelerity/mainlog.cl";

type Line = Readonly<{ stage: LogStage; template: Template; setting: Setting | undefined; mode: Setting | undefined }>;

export function compileCustomLogger(stanza: LoggerStanza, context: LoggerContext): LogDefinition[] {
  const lines = stages.flatMap((names) => lineOf(stanza, names, context) ?? []);
  if (lines.length === 0)
    context.notes.add("warning", stanza.at, `${stanza.title}: prints nothing`, "give it a format");
  if (lines.some(({ setting }) => setting === undefined)) {
    const text = `${stanza.title}: names no file: ${defaultFile} is used`;
    context.notes.add("warning", stanza.at, text, "write mainlog = ...");
  }
  const sanitize = sanitizeOf(stanza, context);
  const byFile = Map.groupBy(lines, ({ setting }) => textOf(setting) ?? defaultFile);
  return [...byFile].flatMap(([path, group]) => {
    const templates = Object.fromEntries(group.map(({ stage, template }) => [stage, template]));
    const headers = [...new Set(group.flatMap(({ template }) => headersOf(template)))];
    const mode = modeOf(group.find(({ mode: given }) => given !== undefined)?.mode, context.notes);
    const format = { kind: "template", templates, sanitize } as const;
    return defineLog({ stanza, setting: group[0]?.setting, path, mode, format, headers }, context) ?? [];
  });
}

function lineOf(stanza: LoggerStanza, { stage, name, turn }: StageNames, context: LoggerContext): Line | undefined {
  const format = optionOf(stanza, `${name}_format`);
  const isOn = truthOf(optionOf(stanza, turn));
  const { notes } = context;
  if (format === undefined) {
    const at = optionOf(stanza, turn);
    const text = `${turn} is on, but there is no ${name}_format: nothing is printed`;
    if (isOn === true && at !== undefined) notes.add("warning", at, text, `write ${name}_format = "..."`);
    return undefined;
  }
  if (isOn === false) {
    notes.add("no-effect", format, `${name}_format: ${turn} is off`);
    return undefined;
  }
  const own = optionOf(stanza, `${name}_logfile`);
  return {
    stage,
    template: templateOf(stanza, format, context),
    setting: own ?? optionOf(stanza, "mainlog"),
    mode: optionOf(stanza, own === undefined ? "mainlog_mode" : `${name}_log_mode`),
  };
}

/** `\t` in a format is a tab (inferred: the language keeps backslashes as they are). */
function templateOf(stanza: LoggerStanza, format: Setting, { hasTlsMacros, notes }: LoggerContext): Template {
  const text = (textOf(format) ?? "").replaceAll("\\t", "\t");
  const { template, problems } = parseTemplate(text, namespacesOf(stanza));
  for (const { column, text: what, remedy } of problems) {
    notes.add("warning", placeIn(format, column), `${format.name}: ${what}`, remedy);
  }
  if (hasTlsMacros || !template.some(isTls)) return template;
  notes.add("warning", format, "macros of TLS are not expanded: their module is not loaded", "add tls_macros {}");
  return template.filter((part) => !isTls(part));
}

function namespacesOf(stanza: LoggerStanza): readonly string[] {
  const written = textOf(optionOf(stanza, "namespace"));
  return written === undefined ? defaultNamespaces : written.split(",").map((name) => name.trim());
}

function isTls(part: TemplatePart): boolean {
  if (part.kind === "text") return false;
  const name = part.name.startsWith("vctx_") ? (part.argument ?? "") : part.name;
  return macrosByName.get(name)?.namespace === "outbound_tls";
}

/** Where in the file a character of the value stands; exact but behind a tab written as `\t`. */
function placeIn(format: Setting, column: number): Position {
  if (format.value.kind !== "word") return format;
  const { word } = format.value;
  return { file: format.file, line: word.line, column: word.column + (word.quoted ? column : column - 1) };
}

function sanitizeOf(stanza: LoggerStanza, { notes }: LoggerContext): TemplateLog["sanitize"] {
  const setting = optionOf(stanza, "sanitize");
  const { sanitize, wrong } = readSanitize(textOf(setting) ?? "");
  if (setting !== undefined && wrong !== undefined) {
    const remedy = "write special_characters, non_printable or tr/X/Y/, with commas between them";
    notes.add("warning", setting, `sanitize: "${wrong}" is not known, nor is what follows it`, remedy);
  }
  return sanitize;
}
