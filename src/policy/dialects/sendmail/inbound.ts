/**
 * What is offered to and demanded of a client that connects: TLS_Clt, Srv_Features, TLS_Srv_features, the modifiers of
 * DAEMON_OPTIONS, and who may relay by certificate. Sendmail reference, sections 4.3, 5.2, 6 and 10.
 */
import type {
  InboundQuestion,
  InboundRule,
  Origin,
  PeerRequirement,
  RelayByCertificate,
  Sourced,
} from "../../rules.ts";
import { type AccessMap, isWord, type ValueEntry } from "./access-map.ts";
import type { Configuration, Setting } from "./configuration.ts";
import { parseLetters } from "./features-text.ts";
import { bracketed, find, hostSteps, type LookUpOptions, namedSteps } from "./look-up.ts";
import type { Session } from "./session-features.ts";
import { modifiersOf, originOf, type Setup } from "./setup.ts";
import { bothVersions } from "./ssl-settings.ts";

export type InboundContext = Readonly<{
  map: AccessMap;
  setup: Setup;
  configuration: Configuration | undefined;
  options: LookUpOptions;
  sessionFeatures: boolean;
  /** By entry of TLS_Srv_features. */
  sessions: ReadonlyMap<ValueEntry, Session>;
}>;

export function createInbound(context: InboundContext): (question: InboundQuestion) => InboundRule {
  const { map, setup, options } = context;
  const relay = relayByCertificate(context);
  return (question) => {
    const name = question.clientName ?? bracketed(question.client, options);
    const steps = hostSteps(name, question.client, options);
    const features = find(map.values.srv_features, steps, options);
    const letters: Letters = { given: parseLetters(features?.value ?? ""), from: features?.from ?? setup.from };
    const requirement = find(map.requirements.tls_clt, steps, options)?.requirement;
    const entry = context.sessionFeatures
      ? find(map.values.tls_srv_features, namedSteps(name, question.client, options), options)
      : undefined;
    const session = entry === undefined ? undefined : context.sessions.get(entry);
    const daemon = daemonOf(context.configuration?.daemons ?? [], question.localPort);
    return {
      starttls: starttlsOf(letters, daemon, setup),
      clientCertificate: certificateOf(letters, context),
      clientAnchors: setup.anchors,
      ...(daemon !== undefined && modifiersOf(daemon.value).includes("s")
        ? { implicitTls: { value: true, from: originOf(daemon, "DAEMON_OPTIONS with M=s") } }
        : {}),
      ...handshakeOf(setup, session, entry?.from),
      ...authOf(letters),
      ...(requirement === undefined ? {} : { requirements: [requirement] }),
      ...(relay === undefined ? {} : { relayByCertificate: relay }),
      ...refusalOf(letters, session, entry, unverifiable(setup, requirement)),
    };
  };
}

type Letters = Readonly<{ given: readonly string[]; from: Origin }>;

function starttlsOf({ given, from }: Letters, daemon: Setting | undefined, setup: Setup): Sourced<"never" | "offer"> {
  const { serverPair } = setup;
  // Sendmail offers STARTTLS only where all four of certificate, key, CA file and CA folder are there.
  if (serverPair.kind !== "ok" || !setup.bothAuthoritiesSet) return { value: "never", from: setup.from };
  if (given.includes("S")) return { value: "never", from };
  if (given.includes("s")) return { value: "offer", from };
  const off = daemon !== undefined && modifiersOf(daemon.value).includes("S");
  return off
    ? { value: "never", from: originOf(daemon, "DAEMON_OPTIONS with M=S") }
    : { value: "offer", from: setup.from };
}

function certificateOf({ given, from }: Letters, { setup }: InboundContext): Sourced<"do-not-ask" | "ask"> {
  if (given.includes("V")) return { value: "do-not-ask", from };
  if (given.includes("v")) return { value: "ask", from };
  return setup.asksNobody === undefined
    ? { value: "ask", from: setup.from }
    : { value: "do-not-ask", from: originOf(setup.asksNobody, "TLSSrvOptions") };
}

function handshakeOf(
  setup: Setup,
  session: Session | undefined,
  sessionFrom: Origin = setup.from,
): Pick<InboundRule, "certificate" | "protocols" | "ciphers"> {
  const credential = session?.credential ?? (setup.serverPair.kind === "ok" ? setup.serverPair.credential : undefined);
  const versions = bothVersions(setup.serverVersions?.value, session?.versions);
  const ciphers = session?.ciphers ?? setup.ciphers?.value;
  const from = session === undefined ? setup.from : sessionFrom;
  const is = <T>(value: T): Sourced<T> => ({ value, from });
  return {
    ...(credential === undefined ? {} : { certificate: is(credential) }),
    ...(versions === undefined ? {} : { protocols: is(versions) }),
    ...(ciphers === undefined ? {} : { ciphers: is(ciphers) }),
  };
}

function authOf({ given, from }: Letters): Pick<InboundRule, "auth"> {
  if (given.includes("A")) return { auth: { value: "never", from } };
  if (given.includes("c")) return { auth: { value: "plain-only-in-tls", from } };
  return given.includes("C") || given.includes("a") ? { auth: { value: "always", from } } : {};
}

function refusalOf(
  { given, from }: Letters,
  session: Session | undefined,
  entry: ValueEntry | undefined,
  unverifiable: Sourced<string> | undefined,
): Pick<InboundRule, "refuse"> {
  if (unverifiable !== undefined) return { refuse: unverifiable };
  if (given.includes("temp")) return { refuse: { value: "Temporary system failure. Please try again later.", from } };
  if (session?.problem === undefined || entry === undefined) return {};
  return { refuse: { value: "TLS currently not available", from: entry.from } };
}

function unverifiable({ revocation }: Setup, requirement: PeerRequirement | undefined): Sourced<string> | undefined {
  if (revocation === undefined || requirement?.verify !== true) return undefined;
  const value = "a certificate is to be verified against a revocation list, and those are not read";
  return { value, from: originOf(revocation, "CRLFile or CRLPath") };
}

/** `Port=smtp` is the default; names are those of the services. */
function daemonOf(daemons: readonly Setting[], port: number | undefined): Setting | undefined {
  return port === undefined ? undefined : daemons.find(({ value }) => portOf(value) === port);
}

const services: Readonly<Record<string, number>> = {
  smtp: 25,
  submission: 587,
  msa: 587,
  smtps: 465,
  submissions: 465,
};

function portOf(value: string): number {
  for (const part of value.split(",")) {
    const [name = "", port = ""] = part.split("=").map((text) => text.trim());
    if (name.charAt(0).toUpperCase() === "P") return services[port.toLowerCase()] ?? Number(port);
  }
  return 25;
}

function relayByCertificate({ map, configuration, setup }: InboundContext): Sourced<RelayByCertificate> | undefined {
  // DNs that are cut down before they are looked up, and revocation lists: neither is carried out here, so nobody relays.
  if (configuration?.certificateRegex !== undefined || setup.revocation !== undefined) return undefined;
  const issuers = new Map<string, "relay" | "subject">();
  for (const [dn, { value }] of map.values.certissuer) {
    if (isWord(value, "RELAY")) issuers.set(dn, "relay");
    else if (isWord(value, "SUBJECT")) issuers.set(dn, "subject");
  }
  if (issuers.size === 0) return undefined;
  const subjects = [...map.values.certsubject].filter(([, { value }]) => isWord(value, "RELAY")).map(([dn]) => dn);
  const [first] = map.values.certissuer.values();
  return { value: { kind: "names", issuers, subjects: new Set(subjects) }, from: first?.from ?? setup.from };
}
