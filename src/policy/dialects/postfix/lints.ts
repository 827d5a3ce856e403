/**
 * What `check` says of a configuration beyond its lines: policy lines with faults, lines that are never used, settings
 * that do not do what their author meant (Postfix: ADM-4, ADM-5, 1.3 of the reference). Nothing here changes an outcome.
 */
import type { Origin } from "../../rules.ts";
import type { Note, NoteKind } from "../dialect.ts";
import type { View } from "./configuration.ts";
import { type DeadLine, findDeadLine, type KnownNexthops } from "./dead-lines.ts";
import type { InboundService, MadeService } from "./inbound-service.ts";
import { listenerOf } from "./listener-address.ts";
import type { LookupTable, TableHit } from "./lookup-table.ts";
import { parseNexthop, splitNexthops } from "./nexthop-text.ts";
import { parseSiteLevel } from "./per-site.ts";
import { parsePolicyValue } from "./policy-value.ts";
import type { Services } from "./services.ts";
import { examineSettings } from "./setting-problems.ts";
import type { SmtpClient } from "./smtp-client.ts";
import type { RoutingTables } from "./transport.ts";

/** A table with a hundred thousand faulty lines is told by its first ones. */
const maxNotes = 500;

/** A warning unless it says otherwise. */
type Said = DeadLine & Readonly<{ kind?: NoteKind }>;
type Place = Readonly<{ file: string; line: number; column: number }>;

export class Notes {
  readonly #mainFile: string;
  readonly #list: Note[] = [];
  readonly #seen = new Set<string>();

  constructor(mainFile: string) {
    this.#mainFile = mainFile;
  }

  get list(): readonly Note[] {
    return this.#list;
  }

  take(notes: readonly Note[]): void {
    this.#list.push(...notes);
  }

  /** The same words about the same line are said once. */
  add(kind: NoteKind, at: Partial<Origin> | Place, text: string, remedy = ""): void {
    const file = at.file ?? this.#mainFile;
    const line = at.line ?? 1;
    const key = `${file}:${line}:${text}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#list.push({ kind, file, line, column: at.column ?? 1, text, remedy });
  }
}

/** Every line of the tables that can be listed, and the level where none answers. */
export function lintClient(client: SmtpClient, known: KnownNexthops, notes: Notes): void {
  const { global, view } = client;
  for (const { text, remedy, kind = "warning" } of global.problems) {
    notes.add(global.fatal && view.service === undefined ? "error" : kind, global.rule.level.from, text, remedy);
  }
  let told = 0;
  const earlier = new Set<string>();
  const several = client.policyTables.length > 1;
  for (const table of client.policyTables) {
    for (const { key, hit } of table.entries()) {
      if (told >= maxNotes) return;
      for (const { text, remedy, kind = "warning" } of lintEntry(client, table, key, hit, known, earlier)) {
        notes.add(kind, hit.from, text, remedy);
        told += 1;
      }
    }
    if (several && table.kind === "fixed") for (const { key } of table.entries()) earlier.add(key);
  }
}

function lintEntry(
  client: SmtpClient,
  table: LookupTable,
  key: string,
  { value }: TableHit,
  known: KnownNexthops,
  earlier: ReadonlySet<string>,
): readonly Said[] {
  const said: Said[] = [...client.problemsOf(value)];
  const ignored = ignoredWords(value);
  if (ignored !== undefined) said.push({ text: `ignoring attribute "${ignored}" with TLS disabled`, remedy: "" });
  if (table.kind !== "fixed") return said;
  const dead = findDeadLine(key.toLowerCase(), value, known);
  if (dead !== undefined) said.push(dead);
  if (earlier.has(key)) {
    said.push({ text: `this line is not used: an earlier table has "${key}"`, remedy: "remove one of them" });
  }
  return said;
}

function ignoredWords(value: string): string | undefined {
  if (!/^[\s,]*none[\s,]+[^\s,]/i.test(value)) return undefined;
  const parsed = parsePolicyValue(value);
  return parsed.kind === "policy" ? parsed.value.ignored.join(" ") : undefined;
}

/** Obsolete: a value that is none of the four makes its mail wait. */
export function lintSites(client: SmtpClient, notes: Notes): void {
  for (const table of client.siteTables) {
    for (const { hit } of table.entries().slice(0, maxNotes)) {
      if (parseSiteLevel(hit.value) !== undefined) continue;
      const text = `unknown TLS policy '${hit.value}': its mail waits`;
      notes.add("warning", hit.from, text, "write NONE, MAY, MUST_NOPEERMATCH or MUST");
    }
  }
}

/** TR-3: a value without a colon names a transport, hardly ever what was meant. */
export function lintTransports(routing: RoutingTables, services: Services, notes: Notes): void {
  let told = 0;
  for (const table of routing.transportMaps) {
    for (const { hit } of table.entries()) {
      if (told >= maxNotes) return;
      const colon = hit.value.indexOf(":");
      const transport = colon < 0 ? hit.value : hit.value.slice(0, colon);
      const program = services.transports.get(transport)?.program;
      if (program === "error") continue;
      const bad = transport === "" || program === "smtp" ? unusableNexthop(hit.value.slice(colon + 1)) : undefined;
      if (bad === undefined && (transport === "" || program === "smtp")) continue;
      told += 1;
      if (bad !== undefined) {
        notes.add(
          "warning",
          hit.from,
          `unusable next-hop ${bad}: this mail waits`,
          "write DOMAIN, [HOST] or [HOST]:PORT",
        );
      } else if (program === undefined) {
        const remedy = `write "smtp:${colon < 0 ? hit.value : "NEXTHOP"}", or add the service to master.cf`;
        notes.add("warning", hit.from, `there is no transport "${transport}": this mail waits`, remedy);
      } else {
        notes.add("differs", hit.from, `transport "${transport}" delivers by ${program}: this mail waits here`);
      }
    }
  }
}

/** Next-hops that main.cf writes itself: one that cannot be read makes the mail wait that goes there. */
export function lintNexthops(view: View, services: Services, notes: Notes): void {
  for (const name of ["relayhost", "smtp_fallback_relay"]) {
    const { value, from } = view.setting(name);
    const bad = unusableNexthop(value);
    if (bad === undefined) continue;
    const text = `${name}: unusable next-hop ${bad}: mail that is sent there waits`;
    notes.add("warning", from, text, "write DOMAIN, [HOST] or [HOST]:PORT, without a transport before it");
  }
  for (const name of ["default_transport", "relay_transport"]) {
    const { value, from } = view.setting(name);
    const [transport = ""] = value.split(":", 1);
    const known = services.transports.has(transport);
    const bad = known ? unusableNexthop(value.slice(transport.length + 1)) : undefined;
    const program = services.transports.get(transport)?.program;
    if (!known) {
      const remedy = "write TRANSPORT or TRANSPORT:NEXTHOP, with a transport of master.cf";
      notes.add("warning", from, `${name}: there is no transport "${transport}": its mail waits`, remedy);
    } else if (program === "smtp" && bad !== undefined) {
      const text = `${name}: unusable next-hop ${bad}: its mail waits`;
      notes.add("warning", from, text, "write TRANSPORT:DOMAIN, TRANSPORT:[HOST] or TRANSPORT:[HOST]:PORT");
    }
  }
}

function unusableNexthop(text: string): string | undefined {
  for (const written of splitNexthops(text)) {
    const reading = parseNexthop(written, { service: "", port: 25, implicitTls: false });
    if (reading.kind === "bad") return `"${written}" (${reading.why})`;
  }
  return undefined;
}

/** A service of master.cf with a value that Postfix's program stops at: its mail alone waits. */
export function lintSettings(view: View, notes: Notes): void {
  const ofService = view.service !== undefined;
  for (const { from, text, remedy, fatal } of examineSettings(view)) {
    const kind = fatal && !ofService ? "error" : "warning";
    const waits = fatal && ofService ? `: service "${view.service}" does not start, and its mail waits` : "";
    notes.add(kind, from, `${text}${waits}`, remedy);
  }
}

/** Settings that stand in each other's way. */
export function lintMain(view: View, notes: Notes): void {
  const from = (name: string): Origin => view.setting(name).from;
  const given = (name: string): boolean => !view.setting(name).isDefault && view.setting(name).value !== "";
  if (view.flag("tls_append_default_CA") && !given("smtp_tls_CAfile") && !given("smtp_tls_CApath")) {
    const text = "tls_append_default_CA does nothing without smtp_tls_CAfile or smtp_tls_CApath";
    notes.add("warning", from("tls_append_default_CA"), text, "set smtp_tls_CAfile as well");
  }
  if (given("smtp_tls_policy_maps") && given("smtp_tls_per_site")) {
    const text = "smtp_tls_per_site is ignored where smtp_tls_policy_maps is set";
    notes.add("warning", from("smtp_tls_per_site"), text, "move its lines to smtp_tls_policy_maps");
  }
  const files = ["smtp_tls_cert_file", "smtp_tls_eccert_file"].find(given);
  if (given("smtp_tls_chain_files") && files !== undefined) {
    notes.add("warning", from(files), `${files} is ignored where smtp_tls_chain_files is set`, "remove it");
  }
}

/** Of the machine that a configuration was written for nothing is known here. */
export function lintNetworks(view: View, notes: Notes): void {
  const { isDefault, from } = view.setting("mynetworks");
  const aboutClients = [...view.written].some((name) => name.startsWith("smtpd_"));
  if (!isDefault || !aboutClients) return;
  const text = "mynetworks is not written: Postfix takes it from its machine's interfaces, here loopback alone counts";
  notes.add("differs", from, text, "write mynetworks");
}

/** A comment that swallowed a setting, as copied from a page: `# some words smtp_tls_policy_maps = ...`. */
export function lintComments(text: string, file: string, notes: Notes): void {
  for (const [index, line] of text.split("\n").entries()) {
    const [, name] = /^\s*#.*\s(smtpd?_tls_[a-z_]+)\s*=\s*\S/.exec(line) ?? [];
    if (name === undefined || /^\s*#+\s*smtpd?_tls_/.test(line)) continue;
    const at = { file, line: index + 1, column: 1 };
    notes.add("warning", at, `"${name}" stands in a comment: it has no effect`, "put it on a line of its own");
  }
}

/** @param general what is wrong with main.cf alone, told once for all services */
export function lintListener(
  { name, view }: InboundService,
  { problems }: MadeService,
  general: ReadonlySet<string>,
  notes: Notes,
): void {
  const where = listenerOf(name).port === undefined ? "" : `service ${name}: `;
  for (const { from, text, remedy, fatal, kind = "warning" } of problems) {
    if (where !== "" && general.has(text)) continue;
    notes.add(fatal && view.service === undefined ? "error" : kind, from, `${where}${text}`, remedy);
  }
}
