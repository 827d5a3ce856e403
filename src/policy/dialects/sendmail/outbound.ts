/**
 * What is asked of a host we send to. Sendmail is opportunistic: TLS where it is offered, whoever the peer is, clear text
 * on the same connection where it is refused, and no clear text after a broken handshake. What the access map demands
 * comes on top as requirements: TLS_Srv of the host, then TLS_Rcpt of the recipient. Sendmail reference, section 1.
 */
import type { Mailbox } from "../../../mail/address.ts";
import type {
  Candidate,
  Origin,
  OutboundQuestion,
  PeerRequirement,
  PolicySource,
  Sourced,
  TlsLevel,
  TlsRule,
} from "../../rules.ts";
import { type AccessMap, isWord, type RequirementEntry, type ValueEntry } from "./access-map.ts";
import type { Era } from "./era.ts";
import { parseLetters } from "./features-text.ts";
import {
  bracketed,
  find,
  findAll,
  hostSteps,
  type LookUpOptions,
  namedSteps,
  recipientSteps,
  type Step,
} from "./look-up.ts";
import type { Session } from "./session-features.ts";
import type { Setup } from "./setup.ts";
import { bothVersions } from "./ssl-settings.ts";

export type OutboundPart = Required<Pick<PolicySource, "outbound" | "requirements" | "recipientKey" | "candidates">>;

export type OutboundContext = Readonly<{
  map: AccessMap;
  setup: Setup;
  era: Era;
  options: LookUpOptions;
  /** FEATURE(tls_session_features). */
  sessionFeatures: boolean;
  /** By entry of TLS_Clt_features. */
  sessions: ReadonlyMap<ValueEntry, Session>;
}>;

/** What the entries for one host come to; equal entries make one rule. */
type HostEntries = Readonly<{
  tryTls: ValueEntry | undefined;
  session: ValueEntry | undefined;
  client: ValueEntry | undefined;
  /** Something is to be verified although revocation lists are configured, which are not read. */
  unverifiable: boolean;
}>;

export function createOutbound(context: OutboundContext): OutboundPart {
  const { map, setup, era, options } = context;
  const rules = new Map<string, TlsRule>();
  const always = demandOfAll(context);
  const entriesOf = (question: OutboundQuestion): HostEntries => {
    const name = nameOf(question, options);
    return {
      tryTls: find(map.values.try_tls, hostSteps(name, question.address, options), options),
      session: context.sessionFeatures
        ? find(map.values.tls_clt_features, namedSteps(name, question.address, options), options)
        : undefined,
      client: find(map.values.clt_features, [...namedSteps(name, undefined, options), bare], options),
      unverifiable: setup.revocation !== undefined && demanded(question).some(({ verify }) => verify),
    };
  };
  function demanded(question: OutboundQuestion): readonly PeerRequirement[] {
    const host = hostEntry(question)?.requirement ?? always;
    const recipient = recipientEntry(question.recipient)?.requirement;
    const found: PeerRequirement[] = [];
    if (host !== undefined) found.push(host);
    if (recipient !== undefined) found.push(recipient);
    return found;
  }
  function hostEntry(question: OutboundQuestion): RequirementEntry | undefined {
    const steps = hostSteps(nameOf(question, options), question.address, options);
    return find(map.requirements.tls_srv, steps, options);
  }
  function recipientEntry(recipient: Mailbox): RequirementEntry | undefined {
    return map.requirements.tls_rcpt.size === 0
      ? undefined
      : find(map.requirements.tls_rcpt, recipientSteps(recipient, options), options);
  }
  return {
    outbound(question) {
      const entries = entriesOf(question);
      const key = [entries.tryTls, entries.session, entries.client].map((entry) => entry?.access.line ?? "").join();
      const id = `${key},${entries.unverifiable}`;
      const before = rules.get(id);
      if (before !== undefined) return before;
      const rule = makeRule(context, entries);
      rules.set(id, rule);
      return rule;
    },
    requirements: demanded,
    recipientKey(recipient) {
      const entry = recipientEntry(recipient);
      return entry?.requirement === undefined ? "" : String(entry.access.line);
    },
    candidates(question) {
      return describeCandidates(question, context, {
        host: hostEntry(question),
        recipient: recipientEntry(question.recipient),
      });
    },
  };

  /** A broken handshake is answered for good where failures are permanent, also where no entry applies. */
  function demandOfAll({ setup: { from } }: OutboundContext): PeerRequirement | undefined {
    if (era.defaultReply.status !== "5.7.0") return undefined;
    const nothing = { of: "host", verify: false, bits: undefined, extensions: [] } as const;
    return { from, text: "TLS_PERM_ERR", ...nothing, reply: era.defaultReply };
  }
}

const bare: Step = { keys: [""], maySkip: false };

/** The host by its name, else its address in brackets, as Sendmail's `${server_name}`. */
function nameOf({ host, address }: OutboundQuestion, options: LookUpOptions): string {
  if (host !== undefined) return host;
  return address === undefined ? "" : bracketed(address, options);
}

/** The rule for a host with these entries; requirements apart. */
export function makeRule({ setup, era, sessions }: OutboundContext, entries: HostEntries): TlsRule {
  const { from } = setup;
  const session = entries.session === undefined ? undefined : sessions.get(entries.session);
  const letters = parseLetters(entries.client?.value ?? "");
  const refusal = refusalOf(setup, entries, session, letters);
  const is = <T>(value: T): Sourced<T> => ({ value, from });
  const sessionFrom = entries.session?.from ?? from;
  const certificate = session?.credential ?? credentialOf(setup);
  const versions = bothVersions(setup.clientVersions?.value, session?.versions);
  const ciphers = session?.ciphers ?? setup.ciphers?.value;
  const fallsBack = session?.fallbackToClear ?? setup.fallbackToClear.value;
  return {
    level: levelOf(setup, entries, session, letters),
    proof: is("nothing"),
    whenRefused: is("clear"),
    sni: is({ kind: "off" }),
    wording: is(era.wording),
    anchors: setup.anchors,
    fallback: {
      value: fallsBack ? { kind: "at-once", turn: "same-host" } : { kind: "never" },
      from: session?.fallbackToClear === undefined ? setup.fallbackToClear.from : sessionFrom,
    },
    ...(certificate === undefined ? {} : { clientCertificate: is(certificate) }),
    ...(versions === undefined
      ? {}
      : {
          protocols: { value: versions, from: session?.versions ? sessionFrom : (setup.clientVersions?.from ?? from) },
        }),
    ...(ciphers === undefined
      ? {}
      : { ciphers: { value: ciphers, from: session?.ciphers ? sessionFrom : (setup.ciphers?.from ?? from) } }),
    ...(refusal === undefined ? {} : { refuse: refusal }),
  };
}

function credentialOf({ clientPair }: Setup): Exclude<Session["credential"], undefined> | undefined {
  return clientPair.kind === "ok" ? clientPair.credential : undefined;
}

function levelOf(
  setup: Setup,
  { tryTls }: HostEntries,
  session: Session | undefined,
  letters: readonly string[],
): Sourced<TlsLevel> {
  if (setup.neverStarttls !== undefined)
    return { value: "none", from: fileOrigin(setup.neverStarttls.at, "CLIENT_OPTIONS with M=S") };
  if (tryTls !== undefined && isWord(tryTls.value, "NO")) return { value: "none", from: tryTls.from };
  if (setup.dane !== undefined && !letters.includes("D") && session?.withoutDane !== true) {
    return { value: "dane", from: fileOrigin(setup.dane.at, "DANE") };
  }
  return { value: "may", from: setup.from };
}

function refusalOf(
  setup: Setup,
  { session: entry, unverifiable }: HostEntries,
  session: Session | undefined,
  letters: readonly string[],
): TlsRule["refuse"] | undefined {
  if (session?.problem !== undefined && entry !== undefined) {
    return { value: { status: "4.7.0", text: "STARTTLS temporarily not possible." }, from: entry.from };
  }
  if (setup.sts !== undefined && !letters.includes("M") && session?.withoutSts !== true) {
    const text = "MTA-STS is configured, and cannot be checked yet";
    return { value: { status: "4.7.5", text }, from: fileOrigin(setup.sts.at, "MTA-STS") };
  }
  if (unverifiable && setup.revocation !== undefined) {
    const text = "a certificate is to be verified against a revocation list, and those are not read";
    return { value: { status: "4.7.5", text }, from: fileOrigin(setup.revocation.at, "CRLFile or CRLPath") };
  }
  return undefined;
}

function fileOrigin({ file, line }: Readonly<{ file: string; line: number }>, scope: string): Origin {
  return { source: "sendmail", file, line, column: 1, scope };
}

type Holding = Readonly<{ host: RequirementEntry | undefined; recipient: RequirementEntry | undefined }>;

function describeCandidates(
  question: OutboundQuestion,
  { map, setup, options, sessionFeatures }: OutboundContext,
  holding: Holding,
): Candidate[] {
  const name = nameOf(question, options);
  const steps = hostSteps(name, question.address, options);
  const recipients = recipientSteps(question.recipient, options);
  const tryTls = find(map.values.try_tls, steps, options);
  const turnedOff = tryTls !== undefined && isWord(tryTls.value, "NO");
  const session = sessionFeatures ? find(map.values.tls_clt_features, steps.slice(0, 2), options) : undefined;
  return [
    ...findAll(map.requirements.tls_srv, steps).map((entry) => describeRequirement(entry, entry === holding.host)),
    ...findAll(map.requirements.tls_rcpt, recipients).map((entry) =>
      describeRequirement(entry, entry === holding.recipient),
    ),
    ...findAll(map.values.try_tls, steps).map((entry) =>
      describeValue(entry, entry === tryTls, turnedOff ? "level: none" : ""),
    ),
    ...(session === undefined ? [] : [describeValue(session, true, session.value)]),
    { from: setup.from, settings: ["level: may"], verdict: turnedOff ? "shadowed" : "wins" } satisfies Candidate,
  ];
}

function describeRequirement({ access, text, requirement, from }: RequirementEntry, holds: boolean): Candidate {
  const { key, value } = access;
  const setting = requirement === undefined || text.kind !== "requirement" ? "no requirement" : requirement.text;
  return {
    from,
    written: `${key}\t${value}`,
    settings: [setting],
    verdict: holds ? "adds" : "shadowed",
  };
}

function describeValue({ access, from }: ValueEntry, holds: boolean, setting: string): Candidate {
  const verdict = !holds ? "shadowed" : setting === "level: none" ? "wins" : "adds";
  return { from, written: `${access.key}\t${access.value}`, settings: setting === "" ? [] : [setting], verdict };
}
