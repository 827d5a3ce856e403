/**
 * Lines of the policy table that no mail ever asks for, each with the line to write in its place (Postfix: ADM-4 and the
 * traps of 1.1 in the reference): `example.com:25`, `[host]` without a transport that leads there, lines behind a relay
 * host, trailing dots.
 */
import { keysOf } from "./domain-list.ts";
import { isHostName } from "./host-name.ts";

/** Every next-hop that a configuration can choose, as written, in lower case. */
export type KnownNexthops = Readonly<{
  keys: ReadonlySet<string>;
  /** Where mail goes when nothing else is said, if that is not the recipient's own domain: `relayhost = [relay.example]`. */
  everythingTo: string | undefined;
  /** Domains (`example.com`, `.example.com`) that transport tables send to their own MX all the same. */
  ownMx: ReadonlySet<string>;
  /** Every `.parent` of the names in `keys` and `ownMx`. */
  parents: ReadonlySet<string>;
  /** Next-hops together with the transport that is written before them. */
  choices: readonly Readonly<{ transport: string; nexthop: string }>[];
  /** Patterns or senders choose next-hops too: what they come to is not known. */
  open: boolean;
}>;

export type DeadLine = Readonly<{ text: string; remedy: string }>;

/** @param key of a policy line, lower case. @returns why no mail asks for it; `undefined`: mail may. */
export function findDeadLine(key: string, value: string, known: KnownNexthops): DeadLine | undefined {
  if (known.keys.has(key)) return undefined;
  if (key.endsWith(".")) {
    const name = key.slice(0, -1);
    return dead("no next-hop is written with a trailing dot", `write "${name} ${value}"`);
  }
  if (/[[\]:]/.test(key)) return known.open ? undefined : deadNexthop(key, value);
  const name = key.startsWith(".") ? key.slice(1) : key;
  if (!isHostName(name)) return known.open ? undefined : dead(`"${key}" is no next-hop`, remedyFor(key, value));
  return known.open ? undefined : behindRelayhost(key, value, known);
}

function remedyFor(key: string, value: string): string {
  if (key === "*") return "set smtp_tls_security_level, which holds where no line does";
  const [, name = ""] = /^\*(\..+)$|^.*@(.+)$/.exec(key)?.filter((part) => part !== undefined) ?? [];
  return name === "" ? "write a domain or [host]" : `write "${name} ${value}"`;
}

function deadNexthop(key: string, value: string): DeadLine {
  const [, domain] = /^([^[\]:]+):[^[\]:]+$/.exec(key) ?? [];
  if (domain !== undefined) {
    return dead(
      `no transport leads to "${key}"; the key asked for mail to ${domain} is "${domain}"`,
      `write "${domain} ${value}"`,
    );
  }
  return dead(
    `no transport leads to "${key}"; an MX host of that name does not count`,
    `add a transport entry "DOMAIN smtp:${key}", or write the policy for DOMAIN itself`,
  );
}

function behindRelayhost(
  key: string,
  value: string,
  { everythingTo, ownMx, parents }: KnownNexthops,
): DeadLine | undefined {
  if (everythingTo === undefined) return undefined;
  if (parents.has(key) || keysOf(key, false).some((name) => ownMx.has(name))) return undefined;
  const next = everythingTo.replace(/^.* = (?:smtp:|relay:)?/, "");
  return dead(`"${everythingTo}" sends all mail there, so this line is never asked for`, `write "${next} ${value}"`);
}

function dead(text: string, remedy: string): DeadLine {
  return { text: `this line is not used: ${text}`, remedy };
}
