/**
 * What sources say of clients, told in words; and what lets more in than its author may have meant: relaying for
 * everybody, passwords in clear text (reference, sections 2.5 and 4.1: the vendor warns of the first).
 */
import type { Configuration, Source } from "./configuration.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { checkRelayDomains } from "./relay-domains.ts";
import { sourceFlag } from "./source-settings.ts";
import { booleanOf } from "./values.ts";

export function checkAdmission(configuration: Configuration, notes: NoteList): void {
  checkRelayDomains(configuration, notes);
  const everywhere = configuration.globals.get("always-allow-relaying")?.at(-1);
  if (everywhere !== undefined && booleanOf(everywhere.value) === true) openRelay(everywhere, "every client", notes);
  for (const source of configuration.sources) {
    checkRelaying(source, configuration, notes);
    checkClearText(source, configuration, notes);
    const told = demandsOf(source);
    if (told.length > 0) notes.applied(source.place, `<source ${source.name}>: ${told.join("; ")}`);
  }
}

/** Whoever reaches the listener, whoever connects: unless they must log in first. */
function checkRelaying(source: Source, configuration: Configuration, notes: NoteList): void {
  const { listeners } = configuration;
  const relay = statement(source, "always-allow-relaying");
  if (relay === undefined || booleanOf(relay.value) !== true) return;
  if (sourceFlag(withWider(source, configuration), "require-auth", false)) return;
  const byListener = listeners.find((listener) => listener.source?.name === source.name);
  if (byListener !== undefined) openRelay(relay, `every client of listener ${byListener.text}`, notes);
  else if (source.block?.prefix === 0) openRelay(relay, "every client", notes);
}

function openRelay(at: Directive, who: string, notes: NoteList): void {
  const remedy = "allow it in a <source> with the addresses of your own clients, or write require-auth yes beside it";
  notes.warning(at, `always-allow-relaying: ${who} may send to anywhere`, remedy);
}

function checkClearText(source: Source, configuration: Configuration, notes: NoteList): void {
  const clear = statement(source, "allow-unencrypted-plain-auth");
  if (clear === undefined || booleanOf(clear.value) !== true) return;
  const sources = withWider(source, configuration);
  if (sourceFlag(sources, "require-starttls-before-auth", false) || !sourceFlag(sources, "allow-auth", true)) return;
  notes.warning(
    clear,
    `<source ${source.name}> takes passwords in clear text`,
    "write allow-unencrypted-plain-auth no, or require-starttls-before-auth yes",
  );
}

/** What a source says together with those of wider blocks. */
function withWider(source: Source, { addressSources }: Configuration): readonly Source[] {
  return source.block === undefined ? [source] : [source, ...addressSources.around(source.block)];
}

/** What the source states itself, and only that. */
function demandsOf(source: Source): string[] {
  const words: readonly [name: string, yes: string, no: string][] = [
    ["smtp-service", "", "nothing is taken from these clients"],
    ["allow-starttls", "STARTTLS is offered, and mail is taken without it too", "STARTTLS is not offered"],
    ["require-auth", "no mail before AUTH", "mail is taken without AUTH"],
    ["require-starttls-before-auth", "AUTH only inside TLS", ""],
  ];
  return words.flatMap(([name, yes, no]) => {
    const own = statement(source, name);
    const text = own === undefined ? "" : booleanOf(own.value) === true ? yes : no;
    return text === "" ? [] : [text];
  });
}

function statement({ statements }: Source, name: string): Directive | undefined {
  return statements.get(name)?.at(-1);
}
