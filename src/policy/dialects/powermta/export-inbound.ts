/**
 * Whom PowerMTA lets in is not written in our own language: it is told, so that nobody misses it after the move.
 */
import type { ExportedRule } from "../dialect.ts";
import type { Configuration } from "./configuration.ts";
import { originAt } from "./note-list.ts";
import type { Place } from "./parse.ts";

const aboutClients = ["smtp-server-tls-", "relay-domain", "always-allow-relaying"];

export function exportInbound({ globals, listeners, sources, users }: Configuration): ExportedRule[] {
  const written: (readonly [place: Place, text: string])[] = [
    ...listeners.map(({ place, text }) => [place, `smtp-listener ${text}`] as const),
    ...[...globals.values()].flat().flatMap((line) => {
      const ours = aboutClients.some((prefix) => line.name.startsWith(prefix));
      return ours ? [[line, line.name] as const] : [];
    }),
    ...sources.filter(asksOfClients).map(({ place, name }) => [place, `<source ${name}>`] as const),
    ...[...users.values()].map(({ place, name }) => [place, `<smtp-user ${name}>`] as const),
  ];
  return written.map(([place, text]) => ({
    kind: "cannot",
    from: originAt(place, text),
    written: text,
    why: "who is let in, and how, is yours to write: listeners, users, relay-networks, relay-domains, inbound-rules",
  }));
}

/** Those that only choose a virtual MTA say nothing of clients. */
function asksOfClients({ statements }: Configuration["sources"][number]): boolean {
  return [...statements.keys()].some((name) => admission.has(name));
}

const admission: ReadonlySet<string> = new Set([
  ...["allow-starttls", "require-starttls-before-auth", "allow-unencrypted-plain-auth", "allow-auth", "require-auth"],
  ...["always-allow-relaying", "smtp-service"],
]);
