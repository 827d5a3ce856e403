/**
 * The equivalence report: does this Letterlock configuration mean what that configuration of another mail server means?
 * Both are asked about every domain, MX host, address, nexthop and binding that the source names, in every situation.
 */
import type { Settings } from "../config/settings.ts";
import { type Left, ownBindingName, ownNexthopText } from "../config/taking-over/write-configuration.ts";
import type { Compiled } from "../policy/dialects/dialect.ts";
import { type Comparison, compare, type Side } from "../policy/equivalence.ts";
import { namedQuestions } from "../policy/named-questions.ts";
import { createPolicy } from "../policy/policy.ts";
import type { OutboundQuestion } from "../policy/rules.ts";
import { createTransportTable, type NexthopChoice, type TransportTable } from "../route/transport.ts";

/** JSON-ready; the published shape of `letterlock import --report json`. */
export type EquivalenceReport = Readonly<{
  source: string;
  questions: number;
  situations: number;
  different: number;
  /** What was not taken over, and why; empty where the report is about a configuration that was not written from it. */
  notTakenOver: readonly Left[];
  /** Those that differ first, each in the order of the source. */
  comparisons: readonly Comparison[];
}>;

type Configuration = Readonly<{
  side: Omit<Side, "question">;
  /** What this side calls a binding of the source. */
  nameOf: (binding: string) => string;
  transports: TransportTable;
  port: number;
}>;

/**
 * @param source what the report calls it: `postfix /etc/postfix`
 * @param now ms since 1970
 * @param left what `writeConfiguration` could not write
 */
export function compareConfigurations(
  compiled: Pick<Compiled, "source" | "settings" | "named">,
  settings: Settings,
  source: string,
  now: number,
  left: readonly Left[] = [],
): EquivalenceReport {
  const before: Configuration = {
    side: {
      policy: createPolicy([compiled.source]),
      credential: (name) => compiled.settings.bindings?.find((binding) => binding.name === name)?.credential,
    },
    nameOf: (binding) => binding,
    transports: createTransportTable([], compiled.settings.routing),
    port: settings.outbound.port,
  };
  const after: Configuration = {
    side: {
      policy: createPolicy(settings.policySources),
      credential: (name) => settings.bindings.get(name)?.clientCertificate,
    },
    nameOf: ownBindingName,
    transports: createTransportTable(settings.transports, settings.routing),
    port: settings.outbound.port,
  };
  const comparisons: Comparison[] = [];
  for (const { question, routed } of namedQuestions(compiled.named, now)) {
    comparisons.push(...(routed ? compareRouted(question, before, after) : [compareAsIs(question, before, after)]));
  }
  const [different, same] = [comparisons.filter(differs), comparisons.filter((one) => !differs(one))];
  return {
    source,
    questions: comparisons.length,
    situations: comparisons[0]?.outcomes.length ?? 0,
    different: different.length,
    notTakenOver: left,
    comparisons: [...different, ...same],
  };
}

/** The published JSON, piece by piece: each question on a line of its own. */
export function* equivalenceJson({ comparisons, ...report }: EquivalenceReport): Generator<string> {
  yield `${JSON.stringify(report, null, 2).slice(0, -2)},\n  "comparisons": [`;
  let separator = "\n";
  for (const comparison of comparisons) {
    yield `${separator}    ${JSON.stringify(comparison)}`;
    separator = ",\n";
  }
  yield "\n  ]\n}\n";
}

function differs({ differences }: Comparison): boolean {
  return differences.length > 0;
}

function compareAsIs(question: OutboundQuestion, before: Configuration, after: Configuration): Comparison {
  const { nexthop } = question;
  const inOurWords =
    nexthop.kind === "mx" ? question : { ...question, nexthop: { ...nexthop, written: ownNexthopText(nexthop) } };
  const { side, nameOf } = after;
  return compare(question, asIs(before), { ...side, question: () => renamed(inOurWords, nameOf) });
}

function asIs({ side, nameOf }: Configuration): Side {
  return { ...side, question: (asked) => renamed(asked, nameOf) };
}

function renamed(asked: OutboundQuestion, nameOf: Configuration["nameOf"]): OutboundQuestion {
  const { binding, bindingGroup } = asked;
  return {
    ...asked,
    binding: nameOf(binding),
    bindingGroup: bindingGroup === undefined ? undefined : nameOf(bindingGroup),
  };
}

/** Nexthop by nexthop, in the order in which they are tried. */
function compareRouted(question: OutboundQuestion, before: Configuration, after: Configuration): Comparison[] {
  const [was, is] = [route(question, before), route(question, after)];
  if (was.kind !== "nexthops" || is.kind !== "nexthops") return compareEnds(question, before, after, was, is);
  const count = Math.max(was.nexthops.length, is.nexthops.length);
  return Array.from({ length: count }, (_, at) => {
    const through = ({ nexthops }: typeof was, { side, nameOf }: Configuration): Side => {
      const nexthop = nexthops[at] ?? nexthops[0];
      return { ...side, question: (asked) => ({ ...renamed(asked, nameOf), nexthop }) };
    };
    const one = compare(question, through(was, before), through(is, after));
    if (was.nexthops.length === is.nexthops.length) return one;
    const counts = { what: "nexthops", before: String(was.nexthops.length), after: String(is.nexthops.length) };
    return { ...one, differences: [counts, ...one.differences] };
  });
}

/** Mail that one of them does not send on at all. */
function compareEnds(
  question: OutboundQuestion,
  before: Configuration,
  after: Configuration,
  was: NexthopChoice,
  is: NexthopChoice,
): Comparison[] {
  const compared = compareAsIs(question, before, after);
  const [first, second] = [endInWords(was), endInWords(is)];
  const differences = endOf(was) === endOf(is) ? [] : [{ what: "route", before: first, after: second }];
  return [{ ...compared, before: first, after: second, outcomes: [], differences }];
}

/** Texts are not compared. */
function endOf(choice: NexthopChoice): string {
  return choice.kind === "nexthops" ? choice.kind : `${choice.kind} ${choice.status}`;
}

function endInWords(choice: NexthopChoice): string {
  return choice.kind === "nexthops" ? "is sent on" : `${choice.kind} ${choice.status} ${choice.text}`;
}

function route(asked: OutboundQuestion, one: Configuration): NexthopChoice {
  const { recipient, sender, binding, bindingGroup } = renamed(asked, one.nameOf);
  return one.transports.nexthopFor(recipient, {
    submission: { sender, binding, bindingGroup },
    defaultPort: one.port,
    allowAddressLiterals: true,
    allowAddresses: [],
  });
}
