/**
 * Sendmail, as CanIt uses it: the access map decides, sendmail.mc or sendmail.cf says with what it is used. Where both are
 * given sendmail.cf counts, since it is what runs. Each file is read as it is; docs/dialects/sendmail.md lists every
 * setting and what becomes of it.
 */
import { parseDomain } from "../../../mail/domain.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { Origin } from "../../rules.ts";
import type { Compiled, DialectSettings, ExportedRule, NamedThings, RoutingAnswer, SourceFiles } from "../dialect.ts";
import { type AccessMap, compileAccess, type ValueEntry } from "./access-map.ts";
import { noteAccess } from "./access-notes.ts";
import { type AccessText, parseAccess } from "./access-text.ts";
import { readCf } from "./cf.ts";
import { type Configuration, Notes, type Place, type Setting } from "./configuration.ts";
import { noteConfiguration, noteSetup } from "./configuration-notes.ts";
import { type Daemon, listenersOf, readDaemons } from "./daemons.ts";
import { type Era, eraOf } from "./era.ts";
import { exportRules } from "./export.ts";
import { exportSmartHost, exportTable } from "./export-routes.ts";
import { createInbound, needsClientNames } from "./inbound.ts";
import { readLogIn } from "./log-in.ts";
import type { LookUpOptions } from "./look-up.ts";
import { readMc } from "./mc.ts";
import { namedThings } from "./named.ts";
import { createOutbound } from "./outbound.ts";
import { readRelaying } from "./relaying.ts";
import { createRouting, type MailerTable, parseDestination, parseMailerTable } from "./routing.ts";
import { readSession, type Session } from "./session-features.ts";
import { readSetup } from "./setup.ts";

export type SendmailOptions = Readonly<{
  access?: string;
  mc?: string;
  cf?: string;
  version?: "8.14" | "8.15" | "8.16" | "8.17" | "8.18";
}>;

/** Never throws; what is wrong is in `notes`. */
export function compileSendmail(options: SendmailOptions, files: SourceFiles): Compiled {
  const notes = new Notes();
  const configuration = readConfiguration(options, files, notes);
  const era = eraOf(options.version, configuration);
  const main = options.cf ?? options.mc ?? options.access ?? "sendmail";
  const from: Origin = {
    source: "sendmail",
    file: main,
    line: undefined,
    column: undefined,
    scope: "Sendmail's default",
  };
  const setup = readSetup(configuration, from, files, notes);
  const access = readAccess(options, configuration, files, era, notes);
  const lookUp: LookUpOptions = {
    // Without a configuration the stricter reading: SKIP goes on to the entries for the address and for all.
    skip: configuration?.skip ?? true,
    dots: configuration?.dots ?? false,
    compressedIpv6: era.compressedIpv6,
  };
  const sessionFeatures = configuration?.sessionFeatures ?? false;
  noteSetup(setup, access.map, main, notes);
  noteAccess({ ...access, setup, ...lookUp, sessionFeatures, isConfigured: configuration !== undefined }, notes);
  const { tls_clt_features: asClient, tls_srv_features: asServer } = access.map.values;
  const held = { used: sessionFeatures, consequence: "no mail goes to these hosts" };
  const clients = readSessions(access, asClient, held, files, notes);
  const refused = { used: sessionFeatures, consequence: "these clients cannot start TLS" };
  const servers = readSessions(access, asServer, refused, files, notes);
  const context = { map: access.map, setup, era, options: lookUp, sessionFeatures };
  const routing = readRouting(configuration, files, notes);
  const daemons = readDaemons(configuration, notes);
  const logIn = readLogIn(configuration, from, notes);
  const relaying = readRelaying({ map: access.map, configuration, options: lookUp, files, from, notes });
  let named: NamedThings | undefined;
  return {
    source: {
      name: "sendmail",
      ...createOutbound({ ...context, sessions: clients }),
      inbound: createInbound({ ...context, sessions: servers, configuration, daemons, logIn, relaying }),
    },
    settings: {
      ...hostnameOf(configuration, notes),
      ...routing.settings,
      ...listenersFor(daemons),
      ...(relaying.domains.length === 0 ? {} : { relayDomains: relaying.domains }),
      ...(needsClientNames({ map: access.map, relaying }) ? { needsClientNames: true as const } : {}),
    },
    notes: notes.list,
    get named() {
      named ??= namedThings(access.map, routing.nexthops);
      return named;
    },
    export: () => [...exportRules({ ...context, sessions: clients }), ...routing.routes()],
  };
}

function readConfiguration({ mc, cf }: SendmailOptions, files: SourceFiles, notes: Notes): Configuration | undefined {
  const fromMc = mc === undefined ? undefined : readFile(mc, files, notes, (text) => readMc(mc, text, files));
  const fromCf = cf === undefined ? undefined : readFile(cf, files, notes, (text) => readCf(cf, text));
  const used = fromCf ?? fromMc;
  if (used !== undefined) notes.list.push(...used.notes);
  noteConfiguration(used, fromCf === undefined ? undefined : fromMc, notes);
  return used;
}

function readFile<T>(file: string, files: SourceFiles, notes: Notes, read: (text: string) => T): T | undefined {
  const answer = files.read(file);
  if (answer.kind === "found") return read(answer.text);
  notes.add("error", { file, line: 1 }, `cannot be read: ${answer.reason}`, "let Letterlock read the file");
  return undefined;
}

type Access = Readonly<{ file: string; text: AccessText; map: AccessMap }>;

const noAccess: AccessText = { entries: new Map(), faults: [], canItMarker: undefined };

/** The text beside the compiled map is what is read: `makemap`'s source. */
function readAccess(
  options: SendmailOptions,
  configuration: Configuration | undefined,
  files: SourceFiles,
  era: Era,
  notes: Notes,
): Access {
  const setting = configuration?.access;
  const file = options.access ?? (setting === undefined ? undefined : fileOfMap(setting, notes)) ?? "access";
  const isUsed = configuration === undefined || setting !== undefined;
  const wanted = options.access !== undefined || setting !== undefined;
  if (!isUsed && options.access !== undefined) {
    notes.add(
      "warning",
      { file, line: 1 },
      "never looked at: there is no FEATURE(access_db)",
      "add the feature to sendmail.mc",
    );
  }
  const text = isUsed && wanted && file !== "access" ? readFile(file, files, notes, parseAccess) : undefined;
  if (text !== undefined) noteAge(file, files, notes);
  const used = text ?? noAccess;
  return { file, text: used, map: compileAccess(file, used.entries, era) };
}

/** `hash -T<TMPF> /etc/mail/access`: the last word is the file, its compiled form has an ending. */
function fileOfMap({ value, at }: Setting, notes: Notes): string | undefined {
  const [type = "", ...words] = value.split(/\s+/);
  const file = words.at(-1)?.replace(/\.db$/, "");
  if (/^(?:hash|btree|dbm|cdb|text)$/i.test(type) && file?.startsWith("/")) return file;
  notes.add("error", at, `a map of this kind cannot be read: ${value}`, "give the text of the map as access");
  return undefined;
}

function noteAge(file: string, files: SourceFiles, notes: Notes): void {
  const text = files.modifiedAt(file);
  const compiled = files.modifiedAt(`${file}.db`);
  if (text === undefined || compiled === undefined || text <= compiled) return;
  notes.add(
    "warning",
    { file, line: 1 },
    "newer than the map made of it: Sendmail still runs with the older one",
    "run makemap",
  );
}

function readSessions(
  { file }: Access,
  entries: ReadonlyMap<string, ValueEntry>,
  { used, consequence }: Readonly<{ used: boolean; consequence: string }>,
  files: SourceFiles,
  notes: Notes,
): ReadonlyMap<ValueEntry, Session> {
  const sessions = new Map<ValueEntry, Session>();
  if (!used) return sessions;
  for (const entry of entries.values()) {
    const session = readSession(entry.access.key, entry.value, files);
    sessions.set(entry, session);
    if (session.problem === undefined) continue;
    const text = `${entry.access.key} cannot be followed: ${session.problem}; ${consequence}`;
    notes.add("warning", { file, line: entry.access.line }, text, "correct the value");
  }
  return sessions;
}

type Routing = Readonly<{
  settings: Pick<DialectSettings, "routing">;
  nexthops: readonly Nexthop[];
  routes(): readonly ExportedRule[];
}>;

function readRouting(configuration: Configuration | undefined, files: SourceFiles, notes: Notes): Routing {
  const smart = configuration?.smartHost;
  const smartHost = smartHostOf(smart, notes);
  const table = readMailerTable(configuration?.mailertable, files, notes);
  const nexthops = smartHost?.kind === "nexthops" ? smartHost.nexthops : [];
  const routes = (): readonly ExportedRule[] => [
    ...exportTable(table?.file ?? "", table?.entries ?? new Map()),
    ...exportSmartHost(smart, smartHost),
  ];
  if (table === undefined && smartHost === undefined) return { settings: {}, nexthops, routes };
  return { settings: { routing: createRouting(table, smartHost) }, nexthops, routes };
}

function smartHostOf(setting: Setting | undefined, notes: Notes): RoutingAnswer | undefined {
  if (setting === undefined) return undefined;
  const destination = parseDestination(setting.value);
  if (destination.kind === "answer") return destination.answer;
  const why = destination.kind === "failed" ? destination.problem : "patterns are for the mailer table";
  notes.add("error", setting.at, `SMART_HOST ${setting.value}: ${why}`, "name a host, or [host]");
  return undefined;
}

type ReadTable = MailerTable & Readonly<{ file: string }>;

function readMailerTable(setting: Setting | undefined, files: SourceFiles, notes: Notes): ReadTable | undefined {
  const file = setting === undefined ? undefined : fileOfMap(setting, notes);
  if (file === undefined) return undefined;
  const table = readFile(file, files, notes, parseMailerTable);
  if (table === undefined) return undefined;
  for (const { entry, destination } of table.entries.values()) {
    if (destination.kind !== "failed") continue;
    const at: Place = { file, line: entry.line };
    const text = `${entry.key} ${entry.value}: ${destination.problem}; mail for it waits`;
    notes.add("differs", at, text, "route it in letterlock.yaml");
  }
  return { ...table, file };
}

function listenersFor(daemons: readonly Daemon[]): Pick<DialectSettings, "listeners"> {
  return daemons.length === 0 ? {} : { listeners: listenersOf(daemons) };
}

function hostnameOf(configuration: Configuration | undefined, notes: Notes): Pick<DialectSettings, "hostname"> {
  const setting = configuration?.hostname;
  if (setting === undefined) return {};
  const value = parseDomain(setting.value);
  if (value === undefined) {
    notes.add(
      "no-effect",
      setting.at,
      `our name, ${setting.value}, is put together by Sendmail: the machine's is used`,
    );
    return {};
  }
  const { file, line } = setting.at;
  return { hostname: { value, from: { source: "sendmail", file, line, column: 1, scope: "confDOMAIN_NAME" } } };
}
