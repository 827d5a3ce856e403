/**
 * PowerMTA's configuration as Letterlock runs it: policy, virtual MTAs, the choice among them, routes, what listeners offer,
 * accounting files, and a note for every line (issue: "Your configuration, as it is"; PowerMTA 4.5 to 5.x).
 */
import path from "node:path";
import type { Compiled, DialectSettings, ExportedRule, NamedThings, SourceFiles } from "../dialect.ts";
import { accountingLogs } from "./accounting.ts";
import { bindingsOf, hostNameOf } from "./bindings.ts";
import { checkInbound } from "./check-inbound.ts";
import { checkDomains } from "./checks.ts";
import { bindingChooser } from "./choose-binding.ts";
import { type Configuration, loadConfiguration } from "./configuration.ts";
import { exportRules } from "./export.ts";
import { KeyFiles } from "./key-files.ts";
import { textOf } from "./lines.ts";
import { listenersOf } from "./listeners.ts";
import { namedThings } from "./named.ts";
import { NoteList, originAt } from "./note-list.ts";
import { checkCalls } from "./pattern-list.ts";
import { Queues } from "./queues.ts";
import { relayDomainsOf } from "./relay-domains.ts";
import { routingOf } from "./routing.ts";
import { policySource } from "./source.ts";
import { checkSources } from "./source-settings.ts";
import { usersOf } from "./users.ts";

export type PowerMtaOptions = Readonly<{ file: string }>;

export function compilePowerMta({ file }: PowerMtaOptions, files: SourceFiles): Compiled {
  const main = path.resolve(file);
  const notes = new NoteList();
  const configuration = loadConfiguration(main, files, notes);
  const keys = new KeyFiles(files, path.dirname(main));
  const queues = new Queues(configuration);
  checkCalls(configuration.patternLists, notes);
  checkSources(configuration, notes);
  checkInbound(configuration, keys, notes);
  checkDomains(configuration, queues, keys, notes);
  const bindings = bindingsOf(configuration, notes);
  const logs = accountingLogs(configuration, queues, notes);
  const first = notes.all.find(({ kind }) => kind === "error");
  const broken = first === undefined ? undefined : `the PowerMTA configuration has errors: ${first.text}`;
  const settings: DialectSettings = {
    ...hostname(configuration),
    ...admission(configuration, keys, broken),
    bindings,
    chooseBinding: bindingChooser(configuration),
    routing: routingOf(queues),
    logs,
  };
  let named: NamedThings | undefined;
  return {
    source: policySource(configuration, queues, keys, broken),
    settings,
    notes: notes.all,
    get named() {
      named ??= namedThings(configuration, bindings);
      return named;
    },
    export: () => (broken === undefined ? exportRules(configuration, queues, keys) : [unusable(configuration, broken)]),
  };
}

function unusable({ main }: Configuration, why: string): ExportedRule {
  return { kind: "cannot", from: originAt(main, "everything"), written: main.in.file, why };
}

/** Of a configuration with errors nobody is let in by what is left of it. */
function admission(configuration: Configuration, keys: KeyFiles, broken: string | undefined): DialectSettings {
  const listeners = listenersOf(configuration);
  if (broken !== undefined) return { listeners };
  return { listeners, users: usersOf(configuration, keys), relayDomains: relayDomainsOf(configuration) };
}

function hostname({ globals }: Configuration): Pick<DialectSettings, "hostname"> {
  const [line] = globals.get("host-name") ?? [];
  const value = hostNameOf(globals);
  return line === undefined || value === undefined
    ? {}
    : { hostname: { value, from: originAt(line, `host-name ${textOf(line.value)}`) } };
}
