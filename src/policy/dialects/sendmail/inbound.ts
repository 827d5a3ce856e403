/**
 * What is offered to and demanded of a client that connects: TLS_Clt, Srv_Features, TLS_Srv_features, the modifiers of
 * DAEMON_OPTIONS, who may relay, and who is turned away. Sendmail reference, sections 4.3, 5.2, 6 and 10.
 *
 * The same entries always make the same object: what is made of a rule is kept by it.
 */
import { createPrivateKey } from "node:crypto";
import type { Credential } from "../../../tls/handshake-settings.ts";
import type { ServedCertificates } from "../../../tls/server-tls.ts";
import type { InboundQuestion, InboundRule, Origin, PeerRequirement, Sourced } from "../../rules.ts";
import type { AccessMap, ValueEntry } from "./access-map.ts";
import type { Configuration } from "./configuration.ts";
import { type Daemon, daemonFor } from "./daemons.ts";
import { parseLetters } from "./features-text.ts";
import { type LogIn, logInOf } from "./log-in.ts";
import { bracketed, find, hostSteps, type LookUpOptions, namedSteps } from "./look-up.ts";
import { relayByCertificate } from "./relay-certificates.ts";
import { isName, type Relaying } from "./relaying.ts";
import type { Session } from "./session-features.ts";
import { originOf, type Setup } from "./setup.ts";
import { bothVersions } from "./ssl-settings.ts";
import { isTurnedAway, tryAgainLater, turnedAway } from "./turned-away.ts";

export type InboundContext = Readonly<{
  map: AccessMap;
  setup: Setup;
  configuration: Configuration | undefined;
  options: LookUpOptions;
  sessionFeatures: boolean;
  /** By entry of TLS_Srv_features. */
  sessions: ReadonlyMap<ValueEntry, Session>;
  daemons: readonly Daemon[];
  logIn: LogIn;
  relaying: Relaying;
}>;

/** All that a rule is made of. */
type Found = Readonly<{
  features: ValueEntry | undefined;
  requirement: PeerRequirement | undefined;
  session: ValueEntry | undefined;
  connect: ValueEntry | undefined;
  daemon: Daemon | undefined;
  relay: Origin | undefined;
}>;

export function createInbound(context: InboundContext): (question: InboundQuestion) => InboundRule {
  const always = rulesForAll(context);
  const made = new Kept<InboundRule>();
  return (question) => {
    const found = findFor(question, context);
    return made.get(Object.values(found), () => ({ ...always, ...ruleOf(found, context) }));
  };
}

/** True where an answer hangs on what a client is called. */
export function needsClientNames({ map, relaying }: Pick<InboundContext, "map" | "relaying">): boolean {
  const tables = [
    map.requirements.tls_clt,
    map.values.srv_features,
    map.values.tls_srv_features,
    new Map([...map.clients].filter(([, entry]) => isTurnedAway(entry))),
  ];
  const comparesName = [...map.requirements.tls_clt.values()].some(({ text }) =>
    text.extensions.some((extension) => extension.kind === "cn" && extension.name === undefined),
  );
  return comparesName || relaying.needsNames || tables.some((table) => [...table.keys()].some(hangsOnName));
}

/** A key in brackets is for clients without a name. */
function hangsOnName(key: string): boolean {
  return isName(key) || key.startsWith("[");
}

function findFor(question: InboundQuestion, context: InboundContext): Found {
  const { map, options, daemons, relaying, sessionFeatures } = context;
  const name = question.clientName ?? bracketed(question.client, options);
  const named = namedSteps(name, question.client, options);
  const steps = hostSteps(name, question.client, options);
  return {
    features: find(map.values.srv_features, steps, options),
    requirement: find(map.requirements.tls_clt, steps, options)?.requirement,
    session: sessionFeatures ? find(map.values.tls_srv_features, named, options) : undefined,
    connect: find(map.clients, named, options),
    daemon: daemonFor(daemons, question),
    relay: relaying.clientMay(question),
  };
}

type Letters = Readonly<{ given: readonly string[]; from: Origin }>;

function ruleOf(found: Found, context: InboundContext): InboundRule {
  const { features, requirement, daemon, relay } = found;
  const { setup } = context;
  const letters: Letters = { given: parseLetters(features?.value ?? ""), from: features?.from ?? setup.from };
  const session = found.session === undefined ? undefined : context.sessions.get(found.session);
  return {
    ...starttlsOf(letters, daemon, session, context),
    ...certificateOf(letters, context),
    ...(daemon?.modifiers.includes("s") ? { implicitTls: { value: true, from: daemon.from } } : {}),
    ...handshakeOf(setup, session, found.session?.from),
    ...logInOf(context.logIn, letters, daemon),
    ...(requirement === undefined ? {} : { requirements: [requirement] }),
    ...(relay === undefined ? {} : { relay: { value: true, from: relay } }),
    ...rejectedOf(letters, found.connect, context.configuration),
    ...refusalOf(session, found.session, unverifiable(setup, requirement)),
  };
}

/** What hangs on no client. */
function rulesForAll({ configuration, setup, map }: InboundContext): InboundRule {
  const { from } = setup;
  const relay = relayByCertificate({ map, configuration, setup });
  const privacy = configuration?.options.get("privacyoptions")?.value ?? "";
  return {
    wording: { value: "sendmail", from },
    ...(configuration === undefined
      ? {}
      : {
          clientAnchors: setup.anchors,
          // Clear text behind STARTTLS is read with it, and forgotten with the buffer.
          pipelined: { value: "discard", from },
          received: { value: "sendmail", from },
          mailWithoutHello: { value: !/\b(?:needmailhelo|goaway)\b/i.test(privacy), from },
        }),
    ...(configuration?.delayChecks === undefined
      ? {}
      : { requirementsAt: { value: "rcpt", from: originOf(configuration.delayChecks, "FEATURE(delay_checks)") } }),
    ...(relay === undefined ? {} : { relayByCertificate: relay }),
  };
}

/** Sendmail offers STARTTLS only where all four of certificate, key, CA file and CA folder are there. */
function starttlsOf(
  { given, from }: Letters,
  daemon: Daemon | undefined,
  session: Session | undefined,
  { setup, configuration }: InboundContext,
): Pick<InboundRule, "starttls"> {
  const says = (value: "never" | "unavailable" | "offer", origin: Origin) => ({ starttls: { value, from: origin } });
  if (given.includes("S")) return says("never", from);
  if (!given.includes("s") && daemon?.modifiers.includes("S")) return says("never", daemon.from);
  // Nothing is said of a certificate: that of our own configuration is served.
  if (configuration === undefined || setup.serverPair.kind === "none") {
    return given.includes("s") ? says("offer", from) : {};
  }
  const usable = setup.serverPair.kind === "ok" && setup.bothAuthoritiesSet && session?.mistake === undefined;
  if (!usable) return says("unavailable", setup.from);
  return says("offer", given.includes("s") ? from : setup.from);
}

function certificateOf(
  { given, from }: Letters,
  { setup, configuration }: InboundContext,
): Pick<InboundRule, "clientCertificate"> {
  // `temp` stands for no feature at all.
  if (given.includes("V") || given.includes("temp")) return { clientCertificate: { value: "do-not-ask", from } };
  if (given.includes("v")) return { clientCertificate: { value: "ask", from } };
  if (configuration === undefined) return {};
  const { asksNobody } = setup;
  if (asksNobody === undefined) return { clientCertificate: { value: "ask", from: setup.from } };
  return { clientCertificate: { value: "do-not-ask", from: originOf(asksNobody, "TLSSrvOptions") } };
}

function handshakeOf(
  setup: Setup,
  session: Session | undefined,
  sessionFrom: Origin = setup.from,
): Pick<InboundRule, "certificates" | "protocols" | "ciphers"> {
  const certificates = servedOf(setup, session);
  const versions = bothVersions(setup.serverVersions?.value, session?.versions);
  const ciphers = session?.ciphers ?? setup.ciphers?.value;
  const from = session === undefined ? setup.from : sessionFrom;
  const is = <T>(value: T): Sourced<T> => ({ value, from });
  return {
    ...(certificates === undefined ? {} : { certificates: is(certificates) }),
    ...(versions === undefined ? {} : { protocols: is(versions) }),
    ...(ciphers === undefined ? {} : { ciphers: is(ciphers) }),
  };
}

/** A pair of TLS_Srv_features takes the place of that of its own key type alone: the other one is still served. */
function servedOf({ serverPair }: Setup, session: Session | undefined): ServedCertificates | undefined {
  const own = serverPair.kind === "ok" ? [serverPair.credential, ...serverPair.others] : [];
  const instead = session?.credential === undefined ? [] : [session.credential, ...session.others];
  const types = new Set(instead.map(keyType));
  const [first, ...others] = [...instead, ...own.filter((credential) => !types.has(keyType(credential)))];
  return first === undefined ? undefined : { default: { credentials: [first, ...others], names: [] }, others: [] };
}

function keyType({ privateKey }: Credential): string | undefined {
  return createPrivateKey(privateKey).asymmetricKeyType;
}

function rejectedOf(
  { given, from }: Letters,
  connect: ValueEntry | undefined,
  configuration: Configuration | undefined,
): Pick<InboundRule, "rejected"> {
  const away = turnedAway(connect, configuration?.delayChecks === undefined ? "session" : "rcpt");
  if (given.includes("temp") && away?.value.at !== "session") return { rejected: { value: tryAgainLater, from } };
  return away === undefined ? {} : { rejected: away };
}

function refusalOf(
  session: Session | undefined,
  entry: ValueEntry | undefined,
  unverifiable: Sourced<string> | undefined,
): Pick<InboundRule, "refuse"> {
  if (unverifiable !== undefined) return { refuse: unverifiable };
  if (session?.problem === undefined || session.mistake !== undefined || entry === undefined) return {};
  return { refuse: { value: session.problem, from: entry.from } };
}

function unverifiable({ revocation }: Setup, requirement: PeerRequirement | undefined): Sourced<string> | undefined {
  if (revocation === undefined || requirement?.verify !== true) return undefined;
  const value = "a certificate is to be verified against a revocation list, and those are not read";
  return { value, from: originOf(revocation, "CRLFile or CRLPath") };
}

/** One value for each sequence of things, by identity; things live as long as the configuration does. */
class Kept<T> {
  readonly #numbers = new Map<unknown, number>();
  readonly #values = new Map<string, T>();

  get(things: readonly unknown[], make: () => T): T {
    const key = things.map((thing) => this.#numberOf(thing)).join(" ");
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#values.set(key, value);
    return value;
  }

  #numberOf(thing: unknown): number {
    const known = this.#numbers.get(thing);
    if (known !== undefined) return known;
    this.#numbers.set(thing, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
