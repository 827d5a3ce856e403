/**
 * A Postfix configuration as CipherMail has it, compiled: main.cf, master.cf and every table they name, into rules by
 * next-hop, routing, and a note for every line.
 *
 * What Postfix would do is what happens. Where Postfix would not run (a level that does not exist, broken syntax) there is
 * an error, and every rule refuses; where one policy line is at fault, that line refuses.
 */
import path from "node:path";
import type { Mailbox } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { InboundQuestion, Origin, PolicySource, TlsRule } from "../../rules.ts";
import type {
  Compiled,
  DialectBinding,
  DialectSettings,
  NamedThings,
  Note,
  RoutingSource,
  SourceFiles,
} from "../dialect.ts";
import type { Entry, View, ViewOptions } from "./configuration.ts";
import { exportRules } from "./export.ts";
import { exportRoutes, routedPlaces } from "./export-routes.ts";
import { type MadeService, makeService, type ServiceTools } from "./inbound-service.ts";
import {
  lintClient,
  lintComments,
  lintListener,
  lintMain,
  lintNetworks,
  lintNexthops,
  lintSettings,
  lintSites,
  lintTransports,
  Notes,
} from "./lints.ts";
import { chooseInbound } from "./listener-address.ts";
import { readListeners } from "./listeners.ts";
import { parseMainCf } from "./main-cf.ts";
import { parseMasterCf } from "./master-cf.ts";
import { nameThings } from "./named.ts";
import { noteParameters } from "./parameter-notes.ts";
import { readRelayDomains } from "./relay-domains.ts";
import { knownNexthops, readRoutingTables } from "./routing-tables.ts";
import { createServices, type MasterService, type Services, usualServices } from "./services.ts";
import type { SmtpClient } from "./smtp-client.ts";
import { TableOpener } from "./table-opener.ts";
import { configurationProblem } from "./tls-rule.ts";
import { createRouting, isListedRecipient, type RoutingTables } from "./transport.ts";

type Read = Readonly<{
  view: ViewOptions;
  main: readonly (readonly [name: string, entry: Entry])[];
  master: readonly MasterService[];
}>;

type Listener = Readonly<{ name: string; made: MadeService }>;

export type PostfixOptions = Readonly<{
  main: string;
  /** Default: the one beside main.cf, where there is one. */
  master?: string;
  /** Values of parameters that main.cf uses and does not give. */
  defines?: Readonly<Record<string, string>>;
}>;

export function compilePostfix(options: PostfixOptions, files: SourceFiles): Compiled {
  const notes = new Notes(options.main);
  const read = readFiles(options, files, notes);
  if (notes.list.some(({ kind }) => kind === "error")) return refusingEverything(options.main, notes.list);
  const tables = new TableOpener(files);
  const services = createServices(read.master, read.view, tables, files);
  const { view } = services.plain;
  noteParameters(read.main, read.master, notes);
  for (const one of viewsOf(services)) lintSettings(one, notes);
  if (notes.list.some(({ kind }) => kind === "error")) return refusingEverything(options.main, notes.list);
  const routing = readRoutingTables(view, services, tables, files);
  const known = knownNexthops(view, routing, services);
  const client = defaultClient(services, routing);
  const isOurDomain = (recipient: Mailbox): boolean => isListedRecipient(routing, recipient);
  const listeners = makeListeners(services, { tables, files, isOurDomain }, notes);

  lintMain(view, notes);
  lintNetworks(view, notes);
  for (const one of new Set([client, ...services.clients.values()])) {
    lintClient(one, known, notes);
    lintSites(one, notes);
  }
  lintTransports(routing, services, notes);
  lintNexthops(view, services, notes);

  const bindings = bindingsOf(view, client);
  const sent = createRouting(routing);
  const inbound: DialectSettings = {
    listeners: readListeners(services.listeners, notes),
    relayDomains: readRelayDomains(view, routing, sent, notes),
    ...(listeners.some(({ made }) => made.needsClientNames) ? { needsClientNames: true } : {}),
  };
  let named: NamedThings | undefined;
  return {
    source: createSource(services, client, listeners),
    settings: { ...inbound, ...settingsOf(view, bindings, sent) },
    notes: [...notes.list, ...tables.notes],
    // Only reports ask for these; a large table has very many.
    get named() {
      named ??= nameThings({ policyTables: client.policyTables, routing, known, bindings });
      return named;
    },
    export: () => [
      ...exportRules({
        client,
        services,
        known,
        routing: createRouting(routing),
        places: () => routedPlaces(view, routing),
      }),
      ...exportRoutes(view, routing),
    ],
  };
}

function readFiles({ main, master, defines = {} }: PostfixOptions, files: SourceFiles, notes: Notes): Read {
  const text = readText(main, files, notes);
  lintComments(text, main, notes);
  const parsed = parseMainCf(text, main);
  notes.take(parsed.notes);
  const masterFile = master ?? path.posix.join(path.posix.dirname(main), "master.cf");
  const there = master !== undefined || files.modifiedAt(masterFile) !== undefined;
  const services = there ? readMaster(masterFile, files, notes) : usualServices;
  const entries = new Map(parsed.entries);
  return { view: { mainFile: main, main: entries, defines }, main: parsed.entries, master: services };
}

function readText(file: string, files: SourceFiles, notes: Notes): string {
  const answer = files.read(file);
  if (answer.kind === "found") return answer.text;
  notes.add("error", { file, line: 1, column: 1 }, `cannot be read: ${answer.reason}`, "give a file that can be read");
  return "";
}

function readMaster(file: string, files: SourceFiles, notes: Notes): readonly MasterService[] {
  const parsed = parseMasterCf(readText(file, files, notes), file);
  notes.take(parsed.notes);
  return parsed.services;
}

/** What mail goes through that no transport entry takes elsewhere, and next-hops of other sources. */
function defaultClient({ clients, plain }: Services, { defaultTransport }: RoutingTables): SmtpClient {
  const [transport = ""] = defaultTransport.split(":");
  return clients.get(transport) ?? clients.get("smtp") ?? plain;
}

function makeListeners(services: Services, tools: ServiceTools, notes: Notes): readonly Listener[] {
  const all = [...services.listeners, services.plainListener];
  // Services without options of their own are one and the same to a client.
  const known = new Map<View, MadeService>();
  const made = all.map((service) => {
    const before = service.broken === undefined ? known.get(service.view) : undefined;
    const one = before ?? makeService(service, tools);
    if (service.broken === undefined) known.set(service.view, one);
    return { service, made: one };
  });
  const general = new Set(made.at(-1)?.made.problems.map(({ text }) => text));
  return made.map((one) => {
    lintListener(one.service, one.made, general, notes);
    return { name: one.service.name, made: one.made };
  });
}

function viewsOf({ plain, clients, listeners }: Services): ReadonlySet<View> {
  return new Set([plain, ...clients.values(), ...listeners].map(({ view }) => view));
}

function createSource(services: Services, client: SmtpClient, listeners: readonly Listener[]): PolicySource {
  const clientFor = (service: string | undefined): SmtpClient =>
    (service === undefined ? undefined : services.clients.get(service)) ?? client;
  return {
    name: "postfix",
    outbound: (question) => clientFor(question.nexthop.service).answer(question),
    inbound: (question) => serviceFor(listeners, question)?.rule(question),
    demands: (question) => serviceFor(listeners, question)?.demands(question) ?? [],
    candidates: (question) => clientFor(question.nexthop.service).candidates(question),
  };
}

/** The last one is main.cf's own. */
function serviceFor(listeners: readonly Listener[], question: InboundQuestion): MadeService | undefined {
  return (chooseInbound(listeners, question) ?? listeners.at(-1))?.made;
}

/** Postfix would not run on this configuration: nothing leaves, nothing comes in. */
function refusingEverything(file: string, notes: readonly Note[]): Compiled {
  const from: Origin = { source: "postfix", file, line: undefined, column: undefined, scope: "unusable configuration" };
  const refuse = { value: configurationProblem, from };
  const rule: TlsRule = { level: { value: "secure", from }, refuse };
  const candidate = { from, settings: ["refuse: the configuration cannot be used"], verdict: "wins" } as const;
  return {
    source: {
      name: "postfix",
      outbound: () => rule,
      inbound: () => ({ refuse }),
      candidates: () => [candidate],
    },
    settings: {},
    notes,
    named: { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] },
    export: () => [{ kind: "cannot", from, written: "", why: "the configuration cannot be used" }],
  };
}

function settingsOf(view: View, bindings: readonly DialectBinding[], routing: RoutingSource): DialectSettings {
  const { value, from } = view.setting("myhostname");
  const hostname = parseDomain(value);
  return { ...(hostname === undefined ? {} : { hostname: { value: hostname, from } }), bindings, routing };
}

/** Postfix leaves as one and the same; a binding is only made where something says who that is. */
function bindingsOf(view: View, client: SmtpClient): readonly DialectBinding[] {
  const names = ["smtp_bind_address", "smtp_bind_address6", "smtp_helo_name"];
  const written = names.map((name) => view.setting(name)).find(({ isDefault }) => !isDefault);
  if (written === undefined) return [];
  const certificate = client.global.rule.clientCertificate?.value;
  return [
    {
      name: "default",
      group: undefined,
      sourceAddress4: parseIp(view.setting("smtp_bind_address").value),
      sourceAddress6: parseIp(view.setting("smtp_bind_address6").value.replace(/^\[|\]$/g, "")),
      ehlo: parseDomain(view.setting("smtp_helo_name").value),
      credential: certificate === "none" ? undefined : certificate,
      from: written.from,
    },
  ];
}
