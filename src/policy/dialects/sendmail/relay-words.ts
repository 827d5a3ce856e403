/**
 * Class R (`RELAY_DOMAIN`, relay-domains) and class m, word by word: domains and host names, and the beginnings of
 * addresses (`192.0.2`), each with the line that it stands in.
 */
import { parentOf, parseDomain } from "../../../mail/domain.ts";
import type { Origin } from "../../rules.ts";
import type { Configuration, Setting } from "./configuration.ts";
import type { RelayContext } from "./relaying.ts";
import { originOf } from "./setup.ts";

export type RelayWords = Readonly<{
  /** Lower case. */
  domains: ReadonlyMap<string, Origin>;
  addresses: ReadonlyMap<string, Origin>;
  /** Our own domains, under FEATURE(relay_entire_domain). */
  own: ReadonlyMap<string, Origin>;
}>;

export function readRelayWords(context: RelayContext): RelayWords {
  const { configuration } = context;
  const words = [...(configuration?.relaying.words ?? []), ...fileLines(context)].flatMap(wordsOf);
  const own = configuration?.relaying.entireDomain ? ownDomains(configuration, context).flatMap(wordsOf) : [];
  return {
    domains: table(words.filter(({ value }) => !isAddress(value))),
    addresses: table(words.filter(({ value }) => isAddress(value))),
    own: table(own),
  };
}

function table(words: readonly Setting[]): ReadonlyMap<string, Origin> {
  return new Map(words.map((word) => [addressKey(word.value.toLowerCase()), originOf(word, word.value)]));
}

function isAddress(word: string): boolean {
  return /^(?:\d{1,3}(?:\.\d{1,3}){0,3}|ipv6:[\da-f:]+)$/i.test(word);
}

/** The beginning of an address is compared piece by piece, so a dot behind it says nothing more. */
function addressKey(word: string): string {
  return isAddress(word) ? word.replace(/[.:]+$/, "") : word;
}

function wordsOf({ value, at }: Setting): Setting[] {
  return value
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => ({ value: word, at }));
}

/** `-o /etc/mail/relay-domains %[^\#]`: `-o` says that it may be missing, the last word how its lines are read. */
function fileLines({ configuration, files, notes }: RelayContext): Setting[] {
  return (configuration?.relaying.files ?? []).flatMap(({ value, at }) => {
    const optional = value.startsWith("-o");
    const [file = ""] = value.replace(/^-o\s*/, "").split(/\s+/);
    const answer = files.read(file);
    if (answer.kind === "failed") {
      if (!optional) notes.add("error", at, `${file}: ${answer.reason}`, "let Letterlock read the file");
      return [];
    }
    return answer.text
      .split("\n")
      .map((line, index) => ({ value: line.replace(/#.*/, "").trim(), at: { file, line: index + 1 } }));
  });
}

/** `$m` where it is written, else what our own name stands below. */
function ownDomains({ relaying, hostname }: Configuration, { notes, from }: RelayContext): readonly Setting[] {
  if (relaying.ownDomains.length > 0) return relaying.ownDomains;
  const name = hostname === undefined ? undefined : parseDomain(hostname.value);
  const parent = name === undefined ? undefined : parentOf(name);
  if (hostname !== undefined && parent !== undefined) return [{ value: parent, at: hostname.at }];
  const at = { file: from.file ?? "sendmail", line: 1 };
  const text = "FEATURE(relay_entire_domain): our own domain is not written, so nobody relays by it";
  notes.add("differs", at, text, "define confDOMAIN_NAME, or name the domain with RELAY_DOMAIN");
  return [];
}
