/**
 * `custom_logger` stanzas handed on to whoever writes records, and what is wrong with them as far as TLS is concerned
 * (momentum reference 3).
 */
import type { AccountingFile } from "../dialect.ts";
import { type Model, type ModuleStanza, originOf, textOf, truthOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import type { Value } from "./syntax.ts";

/** Without `namespace`, a logger knows the macros of these. */
const defaultNamespace = "custom_logger,sieve";

export function readAccounting({ modules }: Model, notes: Notes): AccountingFile[] {
  const hasMacros = modules.some((module) => module.name === "tls_macros" && isOn(module));
  const loggers = modules.filter((module) => module.name === "custom_logger" && isOn(module));
  for (const logger of loggers) checkMacros(logger, hasMacros, notes);
  return loggers.map((logger) => ({
    from: originOf({ ...logger.at, scope: `custom_logger ${logger.instance ?? ""}`.trim() }),
    target: targetOf(logger),
    directives: logger.options.map(({ name, value, line }) => ({ name, value: asText(value), line })),
  }));
}

function isOn({ options }: ModuleStanza): boolean {
  return truthOf(options.findLast(({ name }) => name === "enabled")) !== false;
}

/** `mainlog`, else the log of the first stage that has its own. */
function targetOf({ options }: ModuleStanza): string {
  const main = options.findLast(({ name }) => name === "mainlog");
  return textOf(main ?? options.find(({ name }) => name.endsWith("_logfile"))) ?? "";
}

function asText(value: Value): string {
  if (value.kind === "word") return value.word.text;
  if (value.kind === "list") return value.words.map(({ text }) => text).join(" ");
  return value.entries.map((entry) => `${entry.key.text}=${entry.value.text}`).join(" ");
}

function checkMacros({ options, at }: ModuleStanza, hasMacros: boolean, notes: Notes): void {
  const namespace = options.findLast(({ name }) => name === "namespace");
  const names = (textOf(namespace) ?? defaultNamespace).split(",").map((name) => name.trim());
  const user = options.find(({ name, value }) => name.endsWith("_format") && /%outbound_tls/.test(asText(value)));
  if (user === undefined) return;
  if (!names.includes("outbound_tls")) {
    const remedy = `write namespace = "${[...names, "outbound_tls"].join(",")}"`;
    notes.add("warning", user, "macros of TLS are not expanded: outbound_tls is not in the logger's namespace", remedy);
  }
  if (!hasMacros)
    notes.add("warning", at, "macros of TLS are not expanded: their module is not loaded", "add tls_macros {}");
}
