/**
 * What is asked of a host we send to. Sendmail is opportunistic: TLS where it is offered, whoever the peer is, clear text
 * on the same connection where it is refused, and no clear text after a broken handshake. What the access map demands
 * comes on top as requirements: TLS_Srv of the host, then TLS_Rcpt of the recipient. Sendmail reference, section 1.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { isIpv6 } from "../../../mail/ip.ts";
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
import { isWord, type RequirementEntry, type ValueEntry } from "./access-map.ts";
import { parseLetters } from "./features-text.ts";
import { type EntryContext, type HostEntries, holdingEntries } from "./holding-entries.ts";
import { bracketed, find, findAll, hostSteps, type LookUpOptions, recipientSteps } from "./look-up.ts";
import type { Session } from "./session-features.ts";
import type { Family, Setup } from "./setup.ts";
import { bothVersions } from "./ssl-settings.ts";

export type OutboundPart = Required<Pick<PolicySource, "outbound" | "requirements" | "recipientKey" | "candidates">>;

export type OutboundContext = EntryContext &
  Readonly<{
    /** By entry of TLS_Clt_features. */
    sessions: ReadonlyMap<ValueEntry, Session>;
  }>;

export function createOutbound(context: OutboundContext): OutboundPart {
  const { setup, options } = context;
  const rules = new Map<string, TlsRule>();
  const holding = holdingEntries(context);
  function hostDemand(question: OutboundQuestion): RequirementEntry | undefined {
    return holding.hostDemand(nameOf(question, options), question.address);
  }
  function demanded(question: OutboundQuestion): readonly PeerRequirement[] {
    const host = hostDemand(question)?.requirement ?? holding.always;
    const recipient = holding.recipientDemand(question.recipient)?.requirement;
    return [host, recipient].filter((demand) => demand !== undefined);
  }
  return {
    outbound(question) {
      const entries = holding.ofHost(nameOf(question, options), question.address);
      const unverifiable = setup.revocation !== undefined && demanded(question).some(({ verify }) => verify);
      const key = [entries.tryTls, entries.session, entries.client].map((entry) => entry?.access.line ?? "").join();
      const family = familyOf(question.address);
      const id = `${key},${unverifiable},${family}`;
      const before = rules.get(id);
      if (before !== undefined) return before;
      const rule = makeRule(context, entries, { unverifiable, family });
      rules.set(id, rule);
      return rule;
    },
    requirements: demanded,
    recipientKey(recipient) {
      const entry = holding.recipientDemand(recipient);
      return entry?.requirement === undefined ? "" : String(entry.access.line);
    },
    candidates(question) {
      return describeCandidates(question, context, {
        host: hostDemand(question),
        recipient: holding.recipientDemand(question.recipient),
      });
    },
  };
}

/** As long as the address is not known, IPv4. */
function familyOf(address: IpAddress | undefined): Family {
  return address !== undefined && isIpv6(address) ? "inet6" : "inet";
}

/** The host by its name, else its address in brackets, as Sendmail's `${server_name}`. */
function nameOf({ host, address }: OutboundQuestion, options: LookUpOptions): string {
  if (host !== undefined) return host;
  return address === undefined ? "" : bracketed(address, options);
}

/**
 * The rule for a host with these entries; requirements apart.
 *
 * @param about `unverifiable`: something is to be verified although revocation lists are configured, which are not read
 */
export function makeRule(
  { setup, era, sessions }: OutboundContext,
  entries: HostEntries,
  { unverifiable, family }: Readonly<{ unverifiable: boolean; family: Family }>,
): TlsRule {
  const { from } = setup;
  const session = entries.session === undefined ? undefined : sessions.get(entries.session);
  const letters = parseLetters(entries.client?.value ?? "");
  const refusal = refusalOf(setup, entries.session, session, letters) ?? (unverifiable ? unread(setup) : undefined);
  const is = <T>(value: T): Sourced<T> => ({ value, from });
  const sessionFrom = entries.session?.from ?? from;
  const certificate = session?.credential ?? credentialOf(setup);
  const versions = bothVersions(setup.clientVersions?.value, session?.versions);
  const ciphers = session?.ciphers ?? setup.ciphers?.value;
  const fallsBack = session?.fallbackToClear ?? setup.fallbackToClear.value;
  return {
    level: levelOf(setup, entries, session, letters, family),
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
  family: Family,
): Sourced<TlsLevel> {
  const never = setup.neverStarttls[family];
  if (never !== undefined) return { value: "none", from: fileOrigin(never.at, "CLIENT_OPTIONS with M=S") };
  if (tryTls !== undefined && isWord(tryTls.value, "NO")) return { value: "none", from: tryTls.from };
  if (setup.dane !== undefined && !letters.includes("D") && session?.withoutDane !== true) {
    return { value: "dane", from: fileOrigin(setup.dane.at, "DANE") };
  }
  return { value: "may", from: setup.from };
}

function refusalOf(
  setup: Setup,
  entry: ValueEntry | undefined,
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
  return undefined;
}

/** Mail that VERIFY applies to waits where there are revocation lists. */
export function unread({ revocation }: Pick<Setup, "revocation">): TlsRule["refuse"] | undefined {
  if (revocation === undefined) return undefined;
  const text = "a certificate is to be verified against a revocation list, and those are not read";
  return { value: { status: "4.7.5", text }, from: fileOrigin(revocation.at, "CRLFile or CRLPath") };
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
