/**
 * The services of master.cf that matter here, each with its own view of the parameters: smtp clients, transports, smtpd
 * listeners (Postfix: CF-12, master(5)).
 */
import type { SourceFiles } from "../dialect.ts";
import { type Entry, View, type ViewOptions } from "./configuration.ts";
import type { InboundService } from "./inbound-service.ts";
import type { Place } from "./logical-lines.ts";
import type { BrokenService } from "./master-cf.ts";
import { parsePort } from "./nexthop-text.ts";
import { isParameterName, parameterEntry } from "./parameters.ts";
import { createRuleMaker } from "./rule-maker.ts";
import { examineSettings } from "./setting-problems.ts";
import { SmtpClient } from "./smtp-client.ts";
import type { TableOpener } from "./table-opener.ts";
import type { TransportService } from "./transport.ts";

/** A service as master.cf describes it. */
export type MasterService = Partial<Place> &
  Readonly<{
    name: string;
    /** `inet`, `unix`, `fifo`, `unix-dgram`, `pass`. */
    type: string;
    /** `smtp`, `smtpd`, `lmtp` ... */
    command: string;
    overrides: ReadonlyMap<string, Entry>;
    broken: BrokenService | undefined;
  }>;

export type Services = Readonly<{
  /** Of main.cf alone: what a next-hop without a service gets where there is no service `smtp`. */
  plain: SmtpClient;
  clients: ReadonlyMap<string, SmtpClient>;
  transports: ReadonlyMap<string, TransportService>;
  listeners: readonly InboundService[];
  plainListener: InboundService;
}>;

/** What Postfix is installed with. */
export const usualServices: readonly MasterService[] = [
  usual("smtp", "inet", "smtpd"),
  ...["smtp", "lmtp", "local", "virtual", "error", "discard"].map((name) => usual(name, "unix", name)),
  usual("relay", "unix", "smtp"),
  usual("retry", "unix", "error"),
];

function usual(name: string, type: string, command: string): MasterService {
  return { name, type, command, overrides: new Map(), broken: undefined };
}

export function createServices(
  master: readonly MasterService[],
  options: ViewOptions,
  tables: TableOpener,
  files: SourceFiles,
): Services {
  const main = new View(options);
  const viewOf = ({ name, overrides }: MasterService): View =>
    [...overrides.keys()].some(matters) ? new View({ ...options, overrides, service: name }) : main;
  const client = (view: View, broken: BrokenService | undefined): SmtpClient =>
    new SmtpClient({
      view,
      maker: createRuleMaker(view, files),
      policyTables: tables.open(view, "smtp_tls_policy_maps"),
      siteTables: tables.open(view, "smtp_tls_per_site"),
      broken,
    });
  const plain = client(main, undefined);
  const clients = new Map<string, SmtpClient>();
  const transports = new Map<string, TransportService>();
  const listeners: InboundService[] = [];
  for (const service of master) {
    const { name, type, command } = service;
    const view = viewOf(service);
    const broken = service.broken ?? (view === main ? undefined : brokenBySetting(view));
    const place = placeOf(service);
    if (type === "inet" && command === "smtpd") listeners.push({ name, view, broken, place });
    if (type === "inet" && command === "postscreen") {
      // Hands its clients on to the service smtpd of type pass.
      const behind = master.find((other) => other.name === "smtpd" && other.type === "pass") ?? service;
      listeners.push({ name, view: viewOf(behind), broken: broken ?? behind.broken, place, screened: true });
    }
    if (type !== "unix") continue;
    transports.set(name, transport(name, command, view, broken));
    if (command === "smtp") clients.set(name, view === main && broken === undefined ? plain : client(view, broken));
  }
  return { plain, clients, transports, listeners, plainListener: { name: "main.cf", view: main, broken: undefined } };
}

/** A value of its own that Postfix's program stops at. */
function brokenBySetting(view: View): BrokenService | undefined {
  const fatal = examineSettings(view).find((problem) => problem.fatal);
  if (fatal === undefined) return undefined;
  const { from, text, remedy } = fatal;
  return { file: from.file ?? "", line: from.line ?? 1, column: from.column ?? 1, text, remedy };
}

/** Of the table, or a name of the author's own that values may use. */
function matters(name: string): boolean {
  return parameterEntry(name) !== undefined || !isParameterName(name);
}

function placeOf({ file, line, column }: MasterService): Place | undefined {
  return file === undefined || line === undefined ? undefined : { file, line, column: column ?? 1 };
}

function transport(name: string, program: string, view: View, broken: BrokenService | undefined): TransportService {
  return {
    name,
    program,
    broken: broken?.text,
    port: parsePort(view.setting("smtp_tcp_port").value) ?? 25,
    implicitTls: view.flag("smtp_tls_wrappermode"),
    fallback: view.setting("smtp_fallback_relay").value,
  };
}
