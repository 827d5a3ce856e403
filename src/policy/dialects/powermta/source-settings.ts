/**
 * Which `<source>` sections govern a client, and what they say together: the user's own source, then the one that the
 * listener names, then those of the client's address from the most specific to `0/0` (reference, section 4.1; that the
 * user's goes before the listener's is our reading).
 */
import type { IpAddress } from "../../../mail/address.ts";
import { blockHolds } from "./address-block.ts";
import type { Configuration, Listener, Source } from "./configuration.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { booleanOf } from "./values.ts";

export type Client = Readonly<{
  listener: string;
  localAddress?: IpAddress | undefined;
  localPort?: number | undefined;
  client: IpAddress;
  user: string | undefined;
}>;

/** The narrowest that holds the address which the client came to; else the one of that name. */
export function listenerOf(
  listeners: readonly Listener[],
  { listener, localAddress, localPort }: Omit<Client, "client" | "user">,
): Listener | undefined {
  const fitting =
    localAddress === undefined
      ? []
      : listeners.filter(({ block, port }) => port === localPort && blockHolds(block, localAddress));
  const narrowest = fitting.toSorted((left, right) => left.block.prefix - right.block.prefix).at(-1);
  return narrowest ?? listeners.findLast(({ text }) => text === listener);
}

export function sourcesOf(configuration: Configuration, client: Client): readonly Source[] {
  const { namedSources, addressSources, listeners } = configuration;
  const name = listenerOf(listeners, client)?.source?.name;
  const named = [
    client.user === undefined ? undefined : ownSource(configuration, client.user),
    name === undefined ? undefined : namedSources.get(name),
  ];
  return [...named.filter((source) => source !== undefined), ...addressSources.findAll(client.client)];
}

/** The source that a user brings with him: that of his section, else `{auth}`. */
export function ownSource({ namedSources, users }: Configuration, user: string): Source | undefined {
  const own = users.get(user)?.statements.get("source")?.at(-1);
  return namedSources.get(own === undefined ? "{auth}" : textOf(own.value));
}

/** The line that decides, and the source that it stands in. */
export function sourceStatement(
  sources: readonly Source[],
  name: string,
): Readonly<{ directive: Directive; source: Source }> | undefined {
  for (const source of sources) {
    const directive = source.statements.get(name)?.at(-1);
    if (directive !== undefined) return { directive, source };
  }
  return undefined;
}

export function sourceFlag(sources: readonly Source[], name: string, fallback: boolean): boolean {
  const statement = sourceStatement(sources, name);
  return (statement === undefined ? undefined : booleanOf(statement.directive.value)) ?? fallback;
}

const tlsNames = ["allow-starttls", "require-starttls-before-auth", "allow-unencrypted-plain-auth", "allow-auth"];
const reserved: ReadonlySet<string> = new Set(["{auth}", "{pickup}", "{transmissions-api}"]);

export function checkSources(configuration: Configuration, notes: NoteList): void {
  for (const source of configuration.sources) {
    if (source.block === undefined) checkName(source, configuration, notes);
    else checkOrder(source, configuration, notes);
  }
  for (const { source } of configuration.listeners) {
    if (source === undefined || configuration.namedSources.has(source.name)) continue;
    notes.error(source.place, `there is no <source ${source.name}>`, "write it, or take the name out");
  }
  for (const { statements } of configuration.users.values()) {
    const own = statements.get("source")?.at(-1);
    if (own === undefined || configuration.namedSources.has(textOf(own.value))) continue;
    notes.error(own, `there is no <source ${textOf(own.value)}>`, "write it, or take the name out");
  }
}

/** `<source localhost>` is a name, and never fits an address. */
function checkName({ name, place }: Source, { listeners, users }: Configuration, notes: NoteList): void {
  if (reserved.has(name)) return;
  if (/^[\da-f.:]+\/\S*$/i.test(name)) {
    notes.error(place, `<source ${name}> is no block of addresses`, "write 192.0.2.0/24, 10/8 or 2001:db8::/32");
    return;
  }
  const asked =
    listeners.some(({ source }) => source?.name === name) ||
    [...users.values()].some(({ statements }) => textOf(statements.get("source")?.at(-1)?.value ?? "") === name);
  if (asked) return;
  notes.warning(
    place,
    `<source ${name}> is a name, which no listener and no user asks for: it never applies`,
    "write an address, or source=NAME at a listener",
  );
}

/** Old guides let the first in the file win; where that gives another result, people may rely on it. */
function checkOrder(source: Source, { addressSources }: Configuration, notes: NoteList): void {
  const { block } = source;
  if (block === undefined) return;
  for (const wider of addressSources.around(block)) {
    if (wider.id > source.id) continue;
    for (const name of tlsNames) {
      const own = source.statements.get(name)?.at(-1);
      const other = wider.statements.get(name)?.at(-1);
      if (own === undefined || other === undefined || booleanOf(own.value) === booleanOf(other.value)) continue;
      notes.warning(
        own,
        `${name}: <source ${source.name}> decides before <source ${wider.name}>, which stands above it; by the rules of versions 3 and 4 the first in the file did`,
        "write the more specific source first",
      );
    }
  }
}
