/**
 * What every dialect is handed and what it makes. A dialect reads the configuration of another mail server and compiles
 * it: into a policy source, into the settings that TLS hangs on, and into notes that say of every line what becomes of it.
 *
 * Promises of each dialect: never throws, whatever the text; reaches files through the reader alone; the same texts make
 * the same result; nothing that asks for security is skipped in silence: what cannot be honoured makes its rule refuse.
 */
import type { IpAddress, Mailbox } from "../../mail/address.ts";
import type { Domain } from "../../mail/domain.ts";
import type { DomainPattern } from "../../mail/domain-pattern.ts";
import type { LogDefinition } from "../../mail/log-definition.ts";
import type { Nexthop } from "../../mail/nexthop.ts";
import type { EnhancedStatus } from "../../mail/outcome.ts";
import type { Credential } from "../../tls/handshake-settings.ts";
import type { User } from "../../users/user.ts";
import type { Origin, PolicySource, Sourced } from "../rules.ts";
import type { ScopedRule, ScopedSettings } from "../scoped-rules.ts";

/** Paths are absolute. */
export type SourceFiles = Readonly<{
  read(path: string): FileAnswer;
  /** Names in a folder, sorted by octets; `undefined` where there is no such folder. */
  list(path: string): readonly string[] | undefined;
  /** ms since 1970; `undefined` where there is no such file. */
  modifiedAt(path: string): number | undefined;
  /** Permission bits; `undefined` where there is no such file. */
  modeOf?(path: string): number | undefined;
  /** Why this user cannot write there, made anew where it is missing; `undefined`: nothing is in the way. */
  cannotWrite?(path: string, kind: "file" | "socket"): string | undefined;
}>;

export type FileAnswer = Readonly<{ kind: "found"; text: string }> | Readonly<{ kind: "failed"; reason: string }>;

/**
 * - `applied`: does here what it does there.
 * - `not-yet`: read and checked, and handed on to a part of Letterlock that does not act on it yet.
 * - `no-effect`: known there, not our subject, or without a meaning here.
 * - `differs`: taken, but understood differently; the text says how.
 * - `warning`: does what it does there, which is hardly what its author meant; the remedy says what to write.
 * - `error`: this configuration cannot be used (as in the original: unknown names, broken syntax).
 */
export type NoteKind = "applied" | "no-effect" | "not-yet" | "differs" | "warning" | "error";

/** What becomes of an option, as the tables of the dialects say it. */
export type OptionStatus = Extract<NoteKind, "applied" | "no-effect" | "not-yet" | "differs">;

export type Note = Readonly<{
  kind: NoteKind;
  file: string;
  /** 1-based. */
  line: number;
  column: number;
  text: string;
  /** What to do about it; empty where nothing is to be done. */
  remedy: string;
}>;

/** As whom mail leaves: Momentum's binding, PowerMTA's virtual MTA. */
export type DialectBinding = Readonly<{
  name: string;
  group: string | undefined;
  sourceAddress4: IpAddress | undefined;
  sourceAddress6: IpAddress | undefined;
  /** `sender-domain`: the domain of the envelope sender. Undefined: our own name. */
  ehlo: Domain | "sender-domain" | undefined;
  credential: Credential | undefined;
  from: Origin;
}>;

/** What a client hands in, as far as a dialect chooses the binding by it. */
export type SubmissionQuestion = Readonly<{
  /** Name of the listener. */
  listener: string;
  /** Where the client connected to, where that is known (PowerMTA chooses by it). */
  localAddress?: IpAddress | undefined;
  localPort?: number | undefined;
  client: IpAddress;
  user: string | undefined;
  sender: Mailbox | undefined;
  recipients: readonly Mailbox[];
  /** First value of a header field among `headersWanted`, by lower-case name. */
  header(name: string): string | undefined;
}>;

/** `reject`: the submission is refused with this. */
export type BindingAnswer =
  | Readonly<{ kind: "binding"; name: string }>
  /** The members take turns. */
  | Readonly<{ kind: "group"; name: string; members: readonly string[] }>
  | Readonly<{ kind: "reject"; status: EnhancedStatus; text: string }>;

export type HeaderWishes = ReadonlyMap<string, "keep" | "remove">;

export type BindingChooser = Readonly<{
  /**
   * Header fields that `choose` will ask for when mail comes from this client, lower case, and whether they stay in the
   * message. Known before the message is read, since it is never rewritten afterwards.
   */
  headersWanted(
    question: Pick<SubmissionQuestion, "listener" | "localAddress" | "localPort" | "client" | "user">,
  ): HeaderWishes;
  /** `undefined`: the configuration has no say. */
  choose(question: SubmissionQuestion): BindingAnswer | undefined;
}>;

export type RoutingQuestion = Readonly<{
  recipient: Mailbox;
  sender: Mailbox | undefined;
  binding: string;
  bindingGroup: string | undefined;
}>;

export type RoutingAnswer =
  /** Tried in this order; each has its own policy. Ports are filled in. */
  | Readonly<{ kind: "nexthops"; nexthops: readonly [Nexthop, ...Nexthop[]] }>
  | Readonly<{ kind: "fail" | "defer"; status: EnhancedStatus; text: string }>;

export type RoutingSource = Readonly<{
  /** `undefined`: the recipient's own domain, by MX. */
  route(question: RoutingQuestion): RoutingAnswer | undefined;
}>;

/** Where that server listens for SMTP. What a listener offers, `source.inbound` says by address and port. */
export type DialectListener = Readonly<{
  name: string;
  /** `0.0.0.0` and `::`: every one of that family. */
  address: IpAddress;
  port: number;
  implicitTls: boolean;
  from: Origin;
}>;

/** What TLS hangs on. Our own configuration goes before it, setting by setting. */
export type DialectSettings = Readonly<{
  /** Opened where our own configuration names none. */
  listeners?: readonly DialectListener[];
  /** Who may log in, beside those of our own users file. */
  users?: readonly User[];
  /** Recipient domains that any client may send to. */
  relayDomains?: readonly DomainPattern[];
  /** Something of it depends on clients' verified names. */
  needsClientNames?: true;
  hostname?: Sourced<Domain>;
  bindings?: readonly DialectBinding[];
  chooseBinding?: BindingChooser;
  routing?: RoutingSource;
  /** Accounting files and custom loggers, as that server would write them. */
  logs?: readonly LogDefinition[];
}>;

/** Everything that the source names: the equivalence report asks about each of them. */
export type NamedThings = Readonly<{
  /** Recipient domains; for a pattern (`.example.com`, a regular expression) domains that it covers and that it does not. */
  domains: readonly Domain[];
  recipients: readonly Mailbox[];
  hosts: readonly Domain[];
  addresses: readonly IpAddress[];
  bindings: readonly Readonly<{ name: string; group: string | undefined }>[];
  nexthops: readonly Nexthop[];
}>;

/** Where a transport rule leads: `own-domain` is the recipient's own, by MX, at that port. */
export type RouteTarget = Nexthop | Readonly<{ kind: "own-domain"; port: number; written?: never }>;

/** A transport rule of our own. `refuse`: mail is returned (5yz) or waits (4yz). */
export type TransportEntry = Readonly<{ pattern: DomainPattern }> &
  (
    | Readonly<{ nexthops: readonly [RouteTarget, ...RouteTarget[]]; refuse?: undefined }>
    | Readonly<{ nexthops?: undefined; refuse: Readonly<{ status: EnhancedStatus; text: string }> }>
  );

/** A part of the configuration as our own can say it, for `letterlock import`. */
export type ExportedRule =
  | Readonly<{
      kind: "rule";
      scope: ScopedRule["scope"];
      /** Complete: nothing is inherited from a wider scope unless the source itself does so. */
      settings: ScopedSettings;
      from: Origin;
      written: string;
    }>
  /** A transport rule: mail to these domains goes to these nexthops, in this order. */
  | Readonly<{
      kind: "route";
      pattern: DomainPattern;
      nexthops: readonly [RouteTarget, ...RouteTarget[]];
      from: Origin;
      written: string;
    }>
  /** Mail to these domains goes nowhere: it is returned (5yz) or waits (4yz) with this. */
  | Readonly<{
      kind: "no-route";
      pattern: DomainPattern;
      status: EnhancedStatus;
      text: string;
      from: Origin;
      written: string;
    }>
  | Readonly<{ kind: "cannot"; from: Origin; written: string; why: string }>;

export type Compiled = Readonly<{
  source: PolicySource;
  settings: DialectSettings;
  notes: readonly Note[];
  named: NamedThings;
  export(): readonly ExportedRule[];
}>;
