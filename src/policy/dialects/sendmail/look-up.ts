/**
 * In which order Sendmail asks its access map, key by key: the first key that is there ends the search, whatever its
 * value. Sendmail reference, section 2.2; the orders are those of the rulesets D, A, F, U and E (cf/m4/proto.m4).
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import { isIpv6 } from "../../../mail/ip.ts";

export type LookUpOptions = Readonly<{
  /** FEATURE(access_db,,skip): `SKIP` ends the search among names, or among addresses, and the next step is taken. */
  skip: boolean;
  /** FEATURE(lookupdotdomain): `.example.com` is asked before `example.com`. */
  dots: boolean;
  /** Sendmail before 8.15 wrote IPv6 addresses with `::`. */
  compressedIpv6: boolean;
}>;

/** Keys without their tag, in lower case; the bare tag is the empty key. */
export type Step = Readonly<{ keys: readonly string[]; maySkip: boolean }>;

/** What a map holds, as far as the search looks at it. */
export type Found = Readonly<{ isSkip: boolean }>;

/** Every entry that the search could meet, in its order. */
export function findAll<E>(table: ReadonlyMap<string, E>, steps: readonly Step[]): readonly E[] {
  return steps.flatMap(({ keys }) => keys).flatMap((key) => table.get(key) ?? []);
}

/** The entry that counts. */
export function find<E extends Found>(
  table: ReadonlyMap<string, E>,
  steps: Iterable<Step>,
  options: LookUpOptions,
): E | undefined {
  for (const { keys, maySkip } of steps) {
    for (const key of keys) {
      const entry = table.get(key);
      if (entry === undefined) continue;
      if (entry.isSkip && maySkip && options.skip) break;
      return entry;
    }
  }
  return undefined;
}

/** By name with its parents, then by address, then the bare tag. */
export function hostSteps(name: string, address: IpAddress | undefined, options: LookUpOptions): readonly Step[] {
  return [...namedSteps(name, address, options), { keys: [""], maySkip: false }];
}

/** As `hostSteps` without the bare tag (TLS_Clt_features, TLS_Srv_features). */
export function namedSteps(name: string, address: IpAddress | undefined, options: LookUpOptions): readonly Step[] {
  const addressText = address === undefined ? undefined : addressKey(address, options);
  return [
    { keys: nameKeys(name, options.dots), maySkip: true },
    { keys: addressText === undefined ? [] : shortened(addressText), maySkip: true },
  ];
}

/**
 * The address with and without its `+detail`, then the local part alone, then the domain with its parents, then the
 * bare tag.
 */
export function recipientSteps(recipient: Mailbox, options: LookUpOptions): readonly Step[] {
  const local = dequoted(recipient.localPart).toLowerCase();
  const locals = localForms(local);
  const host = recipient.host;
  const last: Step = { keys: [""], maySkip: false };
  const users: Step = { keys: locals.map((form) => `${form}@`), maySkip: false };
  if (host === undefined) return [users, last];
  const domain = host.kind === "domain" ? host.domain : bracketed(host.ip, options);
  return [
    { keys: locals.map((form) => `${form}@${domain}`), maySkip: false },
    users,
    { keys: nameKeys(domain, options.dots), maySkip: true },
    last,
  ];
}

/** How the peer is called: its name, else its address in brackets. */
export function bracketed(address: IpAddress, options: Pick<LookUpOptions, "compressedIpv6">): string {
  return `[${addressKey(address, options)}]`;
}

function addressKey(address: IpAddress, { compressedIpv6 }: Pick<LookUpOptions, "compressedIpv6">): string {
  if (!isIpv6(address)) return address;
  return `ipv6:${compressedIpv6 ? address : uncompressed(address)}`;
}

/** All eight groups, without leading zeros. */
function uncompressed(address: IpAddress): string {
  const [left = "", right] = address.split("::");
  const head = left.split(":").filter((group) => group !== "");
  if (right === undefined) return head.join(":");
  const tail = right.split(":").filter((group) => group !== "");
  return [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail].join(":");
}

function nameKeys(name: string, dots: boolean): string[] {
  if (name.startsWith("[")) return shortened(name.slice(1, -1)).map((key) => `[${key}]`);
  const keys = [name];
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    if (dots) keys.push(name.slice(dot));
    keys.push(name.slice(dot + 1));
  }
  return keys;
}

/** One group less each time, from the right: `::` and `:` before `.`. */
function shortened(address: string): string[] {
  const keys = [address];
  let rest = address;
  for (;;) {
    const colon = rest.lastIndexOf(":");
    const cut = colon > 0 ? colon : rest.lastIndexOf(".");
    if (cut <= 0) return keys;
    rest = rest.slice(0, rest[cut - 1] === ":" ? cut - 1 : cut);
    keys.push(rest);
  }
}

function localForms(local: string): string[] {
  const plus = local.startsWith('"') ? -1 : local.indexOf("+", 1);
  return plus < 0 ? [local] : [local, `${local.slice(0, plus)}+*`, local.slice(0, plus)];
}

/** Sendmail takes quotes off where they are not needed. */
function dequoted(local: string): string {
  return /^"[^\s"\\()<>,;:@[\]]+"$/.test(local) ? local.slice(1, -1) : local;
}
