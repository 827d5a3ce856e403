/**
 * One smtpd service of master.cf as a client meets it: the rule that holds for him, and what his mail needs.
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import { parseIp } from "../../../mail/ip.ts";
import type {
  DemandAnswer,
  EnvelopeQuestion,
  InboundQuestion,
  InboundRule,
  Origin,
  RelayByCertificate,
} from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import { type Complain, listedHolders, permittedHolders } from "./certificate-holders.ts";
import {
  addressesOf,
  type ClientNetworks,
  isInNetworks,
  isOurself,
  readNetworks,
  usualNetworks,
} from "./client-networks.ts";
import type { Setting, View } from "./configuration.ts";
import { makeInboundRule } from "./inbound.ts";
import type { InboundProblem } from "./inbound-problem.ts";
import type { Place } from "./logical-lines.ts";
import type { LookupTable } from "./lookup-table.ts";
import type { BrokenService } from "./master-cf.ts";
import { type RestrictionContext, RestrictionReader } from "./restriction-list.ts";
import type { CertificateHolders, Step } from "./restriction-step.ts";
import type { WalkTools } from "./restriction-walk.ts";
import { createRestrictions, type Lists, type Relaying, type ServiceRestrictions } from "./service-restrictions.ts";
import type { TableOpener } from "./table-opener.ts";

export type InboundService = Readonly<{
  /** As master.cf names it: `smtp`, `submission`, `127.0.0.1:10025`. */
  name: string;
  view: View;
  /** Clients are refused. */
  broken: BrokenService | undefined;
  /** Of its line in master.cf; undefined for main.cf alone, or where there is no master.cf. */
  place?: Place | undefined;
  /** postscreen stands before it. */
  screened?: true;
}>;

export type MadeService = Readonly<{
  /** The same object for clients that are treated alike. */
  rule(question: InboundQuestion): InboundRule;
  demands(question: EnvelopeQuestion): readonly DemandAnswer[];
  problems: readonly InboundProblem[];
  /** Some table may hold names of clients. */
  needsClientNames: boolean;
}>;

export type ServiceTools = Readonly<{
  tables: TableOpener;
  files: SourceFiles;
  /** A domain that Postfix takes mail for from anybody. */
  isOurDomain: (recipient: Mailbox) => boolean;
}>;

export function makeService({ name, view, broken }: InboundService, tools: ServiceTools): MadeService {
  if (broken !== undefined) {
    const { file, line, column, text } = broken;
    const from = { source: "postfix", file, line, column, scope: `service ${name}` };
    const rule: InboundRule = { refuse: { value: `service ${name} does not start: ${text}`, from } };
    return { rule: () => rule, demands: () => [], problems: [], needsClientNames: false };
  }
  return new Service(view, tools);
}

/** Without one of these Postfix would be an open relay, and refuses to work. */
const refusingWords = new Set(["reject", "reject-foreign"]);

class Service implements MadeService {
  readonly problems: InboundProblem[] = [];
  readonly needsClientNames: boolean;
  readonly #view: View;
  readonly #tools: ServiceTools;
  readonly #base: InboundRule;
  readonly #mynetworks: ClientNetworks;
  readonly #restrictions: ServiceRestrictions;
  readonly #exempt: ClientNetworks;
  /** The lists would let everybody relay: nobody does. */
  readonly #everybody: boolean;
  /** By whose certificates let him relay, then by all else that makes a difference. */
  readonly #rules = new Map<RelayByCertificate | undefined, Map<string, InboundRule>>();

  constructor(view: View, tools: ServiceTools) {
    this.#view = view;
    this.#tools = tools;
    this.#mynetworks = this.#readMynetworks();
    const sni = this.#openTables("tls_server_sni_maps", "the default certificate is shown");
    const { rule, problems } = makeInboundRule(view, sni, tools.files);
    this.problems.push(...problems);
    const asked = rule.clientCertificate !== undefined && rule.clientCertificate.value !== "do-not-ask";
    const context = this.#context(asked);
    const reader = new RestrictionReader(context);
    const lists = readLists(reader);
    this.#base = { ...rule, ...this.#openRelay(lists) };
    const walkTools = this.#walkTools(reader);
    this.#restrictions = createRestrictions(lists, view.flag("smtpd_delay_reject"), walkTools);
    this.#everybody = this.#isOpen(lists, walkTools);
    this.#exempt = this.#networks("smtpd_sasl_exceptions_networks");
    this.needsClientNames = Object.values(lists).flat().some(asksForNames);
  }

  rule(question: InboundQuestion): InboundRule {
    const relaying = this.#restrictions.relay(question);
    const exempt = this.#exempt.entries.length > 0 && isInNetworks(this.#exempt, question.client);
    const holders = relaying.byCertificate?.value;
    const alike = this.#rules.get(holders) ?? new Map<string, InboundRule>();
    this.#rules.set(holders, alike);
    const key = `${exempt} ${relaying.anyhow}`;
    const rule = alike.get(key) ?? this.#make(relaying, exempt);
    alike.set(key, rule);
    return rule;
  }

  demands(question: EnvelopeQuestion): readonly DemandAnswer[] {
    return this.#restrictions.demands(question);
  }

  #make({ anyhow, byCertificate }: Relaying, exempt: boolean): InboundRule {
    const { from } = this.#view.setting("smtpd_relay_restrictions");
    const never = { value: "never", from: this.#view.setting("smtpd_sasl_exceptions_networks").from } as const;
    return {
      ...this.#base,
      ...(exempt ? { auth: never } : {}),
      ...(anyhow && !this.#everybody ? { relay: { value: true, from } } : {}),
      ...(byCertificate === undefined ? {} : { relayByCertificate: byCertificate }),
    };
  }

  #context(asked: boolean): RestrictionContext {
    let listed: CertificateHolders | undefined;
    const complain: Complain = (from, text, remedy) => this.#complain(from, text, remedy);
    return {
      view: this.#view,
      openTable: (spec, setting) =>
        this.#tools.tables.openFor(this.#view, spec, setting, "whoever comes to it is refused"),
      listedHolders: () => {
        if (!asked) return undefined;
        listed ??= listedHolders(this.#view, this.#openTables("relay_clientcerts", "no client relays by it"), complain);
        return listed;
      },
      holdersOf: (table, from) => permittedHolders(this.#view, table, from, complain),
      complain: (problem) => this.problems.push(problem),
    };
  }

  get #ownAddresses(): readonly IpAddress[] {
    return addressesOf([...this.#view.list("inet_interfaces"), ...this.#view.list("proxy_interfaces")]);
  }

  #readMynetworks(): ClientNetworks {
    if (!this.#view.setting("mynetworks").isDefault) return this.#networks("mynetworks");
    return usualNetworks(this.#view.setting("mynetworks_style").value, this.#ownAddresses);
  }

  #walkTools(reader: RestrictionReader): WalkTools {
    const view = this.#view;
    const own = this.#ownAddresses;
    const code = (name: string, otherwise: number): number => Number(view.setting(name).value) || otherwise;
    return {
      inNetworks: (client: IpAddress) => isInNetworks(this.#mynetworks, client),
      isOurself: (client) => isOurself(client, own),
      isOurDomain: this.#tools.isOurDomain,
      access: {
        withSubdomains: view.list("parent_domain_matches_subdomains").includes("smtpd_access_maps"),
        delimiter: view.setting("recipient_delimiter").value,
        nullKey: view.setting("smtpd_null_access_lookup_key").value,
      },
      codes: { reject: code("access_map_reject_code", 554), defer: code("access_map_defer_code", 450) },
      readValue: (value, from, stage) =>
        reader.readValue(value, view.setting("smtpd_restriction_classes"), from, stage),
    };
  }

  #networks(name: string): ClientNetworks {
    const setting = this.#view.setting(name);
    const openTable = (spec: string): LookupTable =>
      this.#tools.tables.openFor(this.#view, spec, setting, "nobody is in it");
    const networks = readNetworks(setting.value, { files: this.#tools.files, openTable });
    for (const word of networks.unread) {
      this.#complain(setting.from, `${name}: "${word}" is not taken: no address or block`, "write 192.0.2.0/24");
    }
    return networks;
  }

  #openTables(name: string, consequence: string): readonly LookupTable[] {
    const setting: Setting = this.#view.setting(name);
    return this.#tools.tables.openAllFor(this.#view, setting, consequence);
  }

  #openRelay({ relay, recipient }: Lists): Pick<InboundRule, "refuse"> {
    if ([...relay, ...recipient].some(({ kind }) => refusingWords.has(kind))) return {};
    const [first, second] = ["smtpd_relay_restrictions", "smtpd_recipient_restrictions"] as const;
    const { from, isDefault } = this.#view.setting(first);
    // Where neither is written, the configuration is about mail that leaves.
    if (isDefault && this.#view.setting(second).isDefault) return {};
    const words = "reject_unauth_destination, defer_unauth_destination, reject or defer";
    const text = `${first} or ${second} must hold ${words}: nothing is taken`;
    this.#complain(from, text, "add reject_unauth_destination");
    return { refuse: { value: text, from } };
  }

  /** Never an open relay, whatever is written (RFC 5321 §7.9; SR-14). */
  #isOpen(lists: Lists, walkTools: WalkTools): boolean {
    const nowhere = parseIp("0.0.0.0");
    if (nowhere === undefined) return false;
    const stranger = { client: nowhere, clientName: undefined, user: undefined };
    const asked = { listener: "", localAddress: undefined, localPort: undefined, now: 0, ...stranger };
    const tools = { ...walkTools, inNetworks: isEverybody(this.#mynetworks), isOurself: () => false };
    if (!createRestrictions(lists, true, tools).relay(asked).anyhow) return false;
    const { from, isDefault } = this.#view.setting("smtpd_relay_restrictions");
    if (isDefault && this.#view.setting("smtpd_recipient_restrictions").isDefault) return true;
    const text = "everybody might relay to anywhere by these restrictions: nobody does because of his network";
    this.#complain(from, text, "name the networks that may in mynetworks, and write permit_mynetworks");
    return true;
  }

  #complain(from: Origin, text: string, remedy: string): void {
    this.problems.push({ from, text, remedy, refuses: false, fatal: false });
  }
}

/** A block that every address is in. */
function isEverybody({ entries }: ClientNetworks): () => boolean {
  const all = entries.some((entry) => entry.kind === "block" && entry.block.prefix === 0 && !entry.negated);
  return () => all;
}

function readLists(reader: RestrictionReader): Lists {
  return {
    client: reader.read("smtpd_client_restrictions", "client"),
    helo: reader.read("smtpd_helo_restrictions", "helo"),
    sender: reader.read("smtpd_sender_restrictions", "sender"),
    relay: reader.read("smtpd_relay_restrictions", "relay"),
    recipient: reader.read("smtpd_recipient_restrictions", "recipient"),
    data: reader.read("smtpd_data_restrictions", "data"),
    end_of_data: reader.read("smtpd_end_of_data_restrictions", "end_of_data"),
  };
}

/** A table about clients with anything but addresses in it. */
function asksForNames(step: Step): boolean {
  if (step.kind !== "access" || step.of !== "client") return false;
  return step.table.type !== "cidr" && step.table.entries().some(({ key }) => !/^[\d.]+$|:/.test(key));
}
