/**
 * Import, then compare: a configuration of another mail server taken over into our own language, read back, and held
 * against the original in every situation. Whatever differs must be told, and nothing may become weaker.
 */
import assert from "node:assert/strict";
import { compareConfigurations } from "../../src/cli/equivalence.ts";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { type Left, writeConfiguration } from "../../src/config/taking-over/write-configuration.ts";
import { textFiles } from "../../src/config/text-files.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import { domain } from "../../src/mail/domain.ts";
import type { Compiled, NamedThings } from "../../src/policy/dialects/dialect.ts";
import type { Comparison } from "../../src/policy/equivalence.ts";
import { parseMailbox } from "../../src/smtp/path.ts";

export type Moved = Readonly<{ text: string; left: readonly Left[]; comparisons: readonly Comparison[] }>;

/** Names that generated configurations speak of, and some that none does: asked whether a configuration names them or not. */
const everybody = ["a.test", "b.a.test", "c.b.a.test", "b.test", "x.b.test", "other.example"].map(domain);
const hosts = ["mx.a.test", "mx.in.test", "deep.mx.in.test", "mx.other.example"].map(domain);
const recipients = ["boss@a.test", "boss+x@b.test", "user@[9.9.9.9]"].map(
  (text) => parseMailbox(text) ?? assert.fail(text),
);
const addresses = ["192.0.2.1", "198.51.100.7"] as IpAddress[];

/** @param texts files that the written configuration may name */
export function move(compiled: Compiled, texts: Readonly<Record<string, string>> = {}): Moved {
  const { text, left } = writeConfiguration(compiled, "a test");
  const { settings, problems } = loadSettings({
    path: "/etc/letterlock/letterlock.yaml",
    text,
    reader: textFiles(texts),
    machine: { hostname: "machine.test", processors: 1 },
  });
  assert.ok(settings, `${problems.map(formatProblem).join("\n")}\n${text}`);
  const { comparisons } = compareConfigurations({ ...compiled, named: andMore(compiled.named) }, settings, "a test", 0);
  return { text, left, comparisons };
}

function andMore(named: NamedThings): NamedThings {
  return {
    ...named,
    domains: [...new Set([...named.domains, ...everybody])],
    hosts: [...new Set([...named.hosts, ...hosts])],
    recipients: [...named.recipients, ...recipients],
    addresses: [...new Set([...named.addresses, ...addresses])],
  };
}

/**
 * Ways in which mail goes now and did not before.
 *
 * @param strict also where a line that was not taken over says so; addresses apart, which transport rules do not know
 */
export function weakened({ comparisons, left }: Moved, strict: boolean): readonly string[] {
  const isTold = (one: Comparison): boolean =>
    left.some((each) => (strict ? names(each, one.recipient) : tells(each, one)));
  return comparisons
    .filter((one) => !isTold(one))
    .flatMap((comparison) =>
      [...comparison.outcomes, ...comparison.differences.filter(({ what }) => what === "route")]
        .filter(({ before, after }) => openness(after) > openness(before))
        .map(({ what, before, after }) => `${asked(comparison)}: ${what}: ${before} -> ${after}`),
    );
}

/** 0: it does not go. */
function openness(outcome: string): number {
  if (/in clear|clear text/.test(outcome)) return 2;
  return /flows|is sent on/.test(outcome) ? 1 : 0;
}

/** Differences that no line of what was not taken over tells of. */
export function unexplained({ comparisons, left }: Moved): readonly string[] {
  return comparisons
    .filter((one) => one.differences.length > 0 && !left.some((each) => tells(each, one)))
    .map(
      (one) =>
        `${asked(one)}: ${one.differences.map((each) => `${each.what}: ${each.before} -> ${each.after}`).join("; ")}`,
    );
}

/** By its line, by the address that it begins with; a route by what it speaks of. */
function tells(one: Left, { lineBefore, lineAfter, recipient, differences }: Comparison): boolean {
  const isRoute = differences.some(({ what }) => ["nexthop", "nexthops", "route", "implicit TLS"].includes(what));
  if (isRoute && /route|transport rule|hosts|port/.test(one.why)) return true;
  if (names(one, recipient)) return true;
  return [lineBefore, lineAfter].some(({ file, line, scope }) => {
    return file === one.from.file && (line === one.from.line || scope === one.from.scope);
  });
}

function names({ written }: Left, recipient: string): boolean {
  return written.split(/\s/)[0] === recipient;
}

function asked({ recipient, host, nexthop, binding }: Comparison): string {
  return `${recipient} at ${host} by ${nexthop} as ${binding}`;
}
