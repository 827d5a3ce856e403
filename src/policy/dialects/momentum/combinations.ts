/**
 * Every binding with every domain that the configuration names: what checks at load, the equivalence report and the
 * export go through.
 */
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { Tester } from "../safe-pattern.ts";
import type { Container, Model, RegexStanza } from "./model.ts";
import { containersOf, type Sender } from "./resolve.ts";

export function sendersOf({ bindings }: Model): Sender[] {
  const named = [...bindings.values()].map(({ name, group }) => ({ binding: name, group }));
  return bindings.has("default") ? named : [...named, { binding: "default", group: "default" }];
}

/** Keys of plain stanzas, and one name for each regular expression that it covers. */
export function* keysOf(model: Model): Generator<string> {
  const seen = new Set<string>();
  for (const { domains } of containersOf(model)) {
    for (const key of [
      ...domains.plain.keys(),
      ...domains.regexes.flatMap(({ regex, source }) => samples(source, regex)),
    ]) {
      if (seen.has(key)) continue;
      seen.add(key);
      yield key;
    }
  }
}

/** Combinations beyond this many are not gone through at load; each is checked when its mail comes. */
const most = 10_000;

export function* combinationsOf(model: Model): Generator<Readonly<{ sender: Sender; key: string | undefined }>> {
  const senders = sendersOf(model);
  for (const sender of senders) yield { sender, key: undefined };
  let count = 0;
  for (const key of keysOf(model)) {
    for (const sender of senders) {
      count += 1;
      if (count > most) return;
      yield { sender, key };
    }
  }
}

/** Names that a regular expression covers, made by reading it literally; none where that does not work. */
export function samples(source: string, regex: Tester): Domain[] {
  const literal = source
    .replace(/\\[AzZbB]|\(\?[^:)]*:|\(\?P?<\w+>|[()^$]/g, (part) =>
      part.startsWith("(") ? "(" : part === ")" ? ")" : "",
    )
    .replace(/\[\.\]|\\\./g, "\u0001")
    .replace(/\[([a-z0-9])[^\]]*\][+?]?/gi, "$1")
    .replace(/\\d[+]?/g, "1")
    .replace(/\\w[+]?|\.\+|\./g, "a")
    .replace(/\.\*|[*+?]|\{\d+(?:,\d*)?\}/g, "")
    .replace(/\\/g, "");
  const flat = literal.replace(/\(([^|()]*)(?:\|[^()]*)?\)/g, "$1").split("|")[0] ?? "";
  const name = flat.replaceAll("\u0001", ".").replace(/^\.+/, "").toLowerCase();
  const tries = [name, `a.${name}`, `${name}.example`, `a.${name}.example`].map(parseDomain);
  return tries.filter((domain): domain is Domain => domain !== undefined && regex.test(domain)).slice(0, 2);
}

/** The domain of `(^|[.])example[.]com$`: itself and all below it; of `[.]example[.]com$`: all below it. */
export function coveredTree({ source }: RegexStanza): Readonly<{ domain: Domain; withItself: boolean }> | undefined {
  const [, start, body = ""] =
    /^(\((?:\?:)?\^\|(?:\[\.\]|\\\.)\)|\[\.\]|\\\.)((?:[a-z0-9_-]|\[\.\]|\\\.)+)(?:\$|\\z|\\Z)$/.exec(source) ?? [];
  const domain = parseDomain(body.replaceAll("[.]", ".").replaceAll("\\.", "."));
  return start === undefined || domain === undefined ? undefined : { domain, withItself: start.startsWith("(") };
}

/** Names for the report: those that stand there, and for patterns names inside and outside of them. */
export function domainsNamed(model: Model): Domain[] {
  const found = new Set<Domain>();
  const add = (text: string): void => {
    const domain = parseDomain(text);
    if (domain !== undefined) found.add(domain);
  };
  for (const key of keysOf(model)) add(key);
  for (const { domains } of containersOf(model)) for (const each of domains.regexes) outside(each).forEach(add);
  return [...found];
}

function outside(each: RegexStanza): string[] {
  const tree = coveredTree(each);
  const [inside] = samples(each.source, each.regex);
  const tries = [tree === undefined ? `${inside ?? "a.example"}.outside.invalid` : `not-${tree.domain}`];
  return tries.filter((name) => !each.regex.test(name));
}

/** Which stanzas of a container apply to no key of it by a pattern that our own rules have. */
export function untranslatable({ domains }: Container): RegexStanza[] {
  return domains.regexes.filter((each) => coveredTree(each) === undefined);
}
