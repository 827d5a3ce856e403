/**
 * Stanzas that are no scope of ours: modules, scopes of other subjects, and what we do not know. A module that came later
 * than our list, or was made for one installation, is passed over with a warning, unless a name in it looks like TLS.
 */
import { nearestWord } from "../../../mail/nearest-word.ts";
import { looksLikeTls, modules, otherScopes } from "./known-names.ts";
import { loggerModules } from "./logger-options.ts";
import type { ModuleStanza, Setting } from "./model.ts";
import { type FileRef, type Notes, type Position, remedyForName } from "./notes.ts";
import { scopeNames } from "./option-types.ts";
import { maxDepth } from "./parse.ts";
import type { ConfigurationFiles } from "./read-files.ts";
import { scopeTitle } from "./read-option.ts";
import type { Item, Scope, Value } from "./syntax.ts";

const knownScopes = scopeNames.slice(1);

/** In a scope that nobody knows these say that it is a misspelt one: mail would go elsewhere, or as somebody else. */
const steersMail: ReadonlySet<string> = new Set([
  ...["gateway", "routes", "remote_smtp_port", "bind_address", "ehlo_hostname", "blackhole", "suspend_delivery"],
  ...["domain", "binding"],
]);

/** @returns the stanza, if it is a module's */
export function readOtherStanza(
  name: string,
  { items, instance }: Scope,
  at: Position,
  where: Readonly<{ name: string; words: string }>,
  files: ConfigurationFiles,
  notes: Notes,
): ModuleStanza | undefined {
  const isModule = modules.has(name);
  if (where.name !== "global" && !isModule && !otherScopes.has(name)) {
    const text = `'${name}' is not a valid scope name in scope '${scopeTitle(where.name)}' (${where.words})`;
    notes.add("error", at, text, remedyForName(name, knownScopes, notes));
    return undefined;
  }
  const options = optionsIn(items, at.file, name, files);
  if (isModule) {
    if (!loggerModules.has(name)) notes.add("no-effect", at, `${name}: a module, not about TLS between mail servers`);
    return { name, instance: instance?.text, options, at };
  }
  const suspect = options.find((option) => looksLikeTls(option.name) || steersMail.has(option.name));
  if (suspect !== undefined) {
    const text = `'${suspect.name}' is not a valid option name in scope '${scopeTitle(name)}'`;
    notes.add("error", suspect, text, "Letterlock cannot tell what it asks for: remove it");
  } else if (otherScopes.has(name)) notes.add("no-effect", at, `${name}: not about TLS between mail servers`);
  else if (nearestWord(name, knownScopes) !== undefined) {
    const text = `'${name}' is not a valid scope name in scope '${scopeTitle(where.name)}' (${where.words})`;
    notes.add("error", at, text, remedyForName(name, knownScopes, notes));
  } else {
    const text = `'${name}' is no scope or module that Letterlock knows: passed over`;
    notes.add("warning", at, text, remedyForName(name, knownScopes, notes));
  }
  return undefined;
}

/** Names at any depth, includes followed. */
function optionsIn(items: readonly Item[], file: FileRef, words: string, files: ConfigurationFiles): Setting[] {
  const found: Setting[] = [];
  const visit = (inside: readonly Item[], from: FileRef, depth: number): void => {
    for (const item of inside) {
      const { line, column } = item;
      if (item.kind === "include") {
        for (const opened of files.include(item, from)) visit(opened.items, opened.file, depth + 1);
        continue;
      }
      const value: Value = item.kind === "option" ? item.value : { kind: "list", words: [] };
      found.push({ name: item.name.toLowerCase(), value, file: from, line, column, scope: words });
      if (item.kind === "scope" && depth < maxDepth) visit(item.items, from, depth + 1);
    }
  };
  visit(items, file, 0);
  return found;
}
