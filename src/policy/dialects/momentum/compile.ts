/**
 * A Momentum configuration (ecelerity.conf and what it includes), as it is, compiled into a policy source, the settings
 * that TLS hangs on, and notes that say of every line what becomes of it.
 *
 * Promises those of `dialect.ts`: never throws; reads through `files` alone; a configuration with an error lets no mail
 * out, one that asks for what cannot be had here makes that mail wait.
 */
import type { Domain } from "../../../mail/domain.ts";
import { parseDomain } from "../../../mail/domain.ts";
import type { Sourced } from "../../rules.ts";
import type { Compiled, DialectSettings, NamedThings, SourceFiles } from "../dialect.ts";
import { createChooser, readBindings } from "./bindings.ts";
import { checkDifferences } from "./check-differences.ts";
import { checkInbound } from "./check-inbound.ts";
import { checkRules } from "./check-rules.ts";
import { checkStanzas } from "./check-stanzas.ts";
import { domainsNamed, sendersOf } from "./combinations.ts";
import { exportRules } from "./export.ts";
import { HandshakeReader, sourced } from "./handshake-values.ts";
import { InboundRules } from "./inbound.ts";
import { KeyFiles } from "./key-files.ts";
import { RuleMaker } from "./make-rule.ts";
import { Container, defaultOrigin, type Model, textOf } from "./model.ts";
import { Notes } from "./notes.ts";
import { ConfigurationFiles } from "./read-files.ts";
import { readLoggers } from "./read-loggers.ts";
import { readScopes } from "./read-scopes.ts";
import { relayDomainsOf } from "./relaying.ts";
import { containersOf, hasDane, Resolver } from "./resolve.ts";
import { createRouting } from "./routing.ts";
import { createSource, OutboundRules } from "./source.ts";

export type MomentumOptions = Readonly<{
  /** `ecelerity.conf`, absolute. */
  file: string;
  /** Folders where included files are looked for; default: those of an installed Momentum. */
  searchPath?: readonly string[];
}>;

export function compileMomentum({ file, searchPath }: MomentumOptions, files: SourceFiles): Compiled {
  const notes = new Notes();
  const reader = new ConfigurationFiles(files, searchPath, notes);
  const main = reader.openMaster(file);
  const model = main === undefined ? emptyModel(file) : readScopes(main, reader, notes);
  const resolver = new Resolver(model);
  const keyFiles = new KeyFiles(files);
  const handshakes = new HandshakeReader(model.global, defaultOrigin(file));
  const rules = new OutboundRules(resolver, new RuleMaker(keyFiles, handshakes, { file, hasDane: hasDane(model) }));
  const listener = model.smtpListener;
  const inbound = listener === undefined ? undefined : new InboundRules(model, listener, keyFiles, handshakes);
  checkStanzas(model, notes);
  checkRules(model, resolver, rules, notes);
  checkInbound(model, inbound, keyFiles, notes);
  checkDifferences(model, notes);
  const logs = readLoggers(model, notes);
  const routing = createRouting(model, resolver);
  const broken = notes.firstError;
  return {
    source: createSource(resolver, rules, inbound && ((question) => inbound.rule(question)), broken),
    settings: {
      ...hostnameOf(model),
      ...admission(model, inbound, broken !== undefined),
      bindings: readBindings(model, resolver, rules),
      ...optional({ chooseBinding: createChooser(model), routing }),
      logs,
    },
    notes: notes.sorted(),
    /** Many names, and seldom asked for. */
    get named() {
      return namedThings(model);
    },
    export: () => (broken === undefined ? exportRules(model, resolver, rules, routing) : []),
  };
}

function emptyModel(file: string): Model {
  const at = { file: { path: file, through: [], open: [file] }, line: 1, column: 1 };
  return {
    global: new Container("global", at, 0),
    groups: new Map(),
    bindings: new Map(),
    smtpListener: undefined,
    pathways: new Map(),
    modules: [],
  };
}

function hostnameOf({ global }: Model): Readonly<{ hostname?: Sourced<Domain> }> {
  const setting = global.settings.get("hostname");
  const name = parseDomain(textOf(setting) ?? "");
  return setting === undefined || name === undefined ? {} : { hostname: sourced(name, setting) };
}

/** Of a configuration with errors nobody is let in by what is left of it. */
function admission(model: Model, inbound: InboundRules | undefined, broken: boolean): DialectSettings {
  const listeners = inbound === undefined ? {} : { listeners: inbound.listeners() };
  return broken ? listeners : { ...listeners, relayDomains: relayDomainsOf(model) };
}

function optional({
  chooseBinding,
  routing,
}: Readonly<{ [Key in "chooseBinding" | "routing"]: DialectSettings[Key] | undefined }>): DialectSettings {
  return { ...(chooseBinding === undefined ? {} : { chooseBinding }), ...(routing === undefined ? {} : { routing }) };
}

function namedThings(model: Model): NamedThings {
  const hosts = [...containersOf(model)].flatMap((container) => [...container.hosts.plain.keys()]);
  return {
    domains: domainsNamed(model),
    recipients: [],
    hosts: [...new Set(hosts)].map(parseDomain).filter((host) => host !== undefined),
    addresses: [],
    bindings: sendersOf(model).map(({ binding: name, group }) => ({ name, group })),
    /** Options are looked up by routing domain, whatever the nexthop is. */
    nexthops: [],
  };
}
