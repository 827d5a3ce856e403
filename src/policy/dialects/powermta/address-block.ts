/**
 * Blocks of addresses as PowerMTA writes them: `10.0.0.1`, `10/8`, `0/0`, `2001:db8::/32` (reference, section 1.2). The
 * short forms are its own; `0/0` is everybody, whatever the family. Addresses are numbers here, so that thousands of
 * blocks are looked through by their length alone.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { isIpv6, parseIp } from "../../../mail/ip.ts";

export type AddressBlock = Readonly<{
  text: string;
  /** Undefined: everybody. */
  family: 4 | 6 | undefined;
  network: bigint;
  prefix: number;
  /** The address itself, for a block of one. */
  single: IpAddress | undefined;
}>;

const shortIpv4 = /^\d{1,3}(?:\.\d{1,3}){0,3}$/;

export function parseBlock(text: string): AddressBlock | undefined {
  const [left = "", bits, extra] = text.split("/");
  if (extra !== undefined || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const address = parseIp(bits === undefined || !shortIpv4.test(left) ? left : padded(left));
  if (address === undefined) return undefined;
  const family = isIpv6(address) ? 6 : 4;
  const max = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? max : Number(bits);
  if (prefix > max) return undefined;
  if (prefix === 0) return { text: "0/0", family: undefined, network: 0n, prefix: 0, single: undefined };
  const network = masked(numberOf(address), family, prefix);
  const single = prefix === max ? address : undefined;
  return { text: single ?? `${address}/${prefix}`, family, network, prefix, single };
}

function padded(left: string): string {
  const parts = left.split(".");
  return [...parts, "0", "0", "0"].slice(0, 4).join(".");
}

export function blockHolds({ family, network, prefix }: AddressBlock, ip: IpAddress): boolean {
  if (family === undefined) return true;
  const own = isIpv6(ip) ? 6 : 4;
  return own === family && masked(numberOf(ip), own, prefix) === network;
}

export function masked(value: bigint, family: 4 | 6, prefix: number): bigint {
  const rest = BigInt((family === 6 ? 128 : 32) - prefix);
  return (value >> rest) << rest;
}

/** Canonical text as every room has it; IPv6 may be shortened. */
export function numberOf(ip: IpAddress): bigint {
  if (!isIpv6(ip)) return ip.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = "", tail] = ip.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** Values kept by block, found by address, the most specific block first. */
export class BlockTable<T> {
  readonly #byPrefix = new Map<string, Map<bigint, T>>();
  #everybody: T | undefined;
  /** Prefix lengths in use, longest first. */
  #lengths: readonly Readonly<{ family: 4 | 6; prefix: number }>[] = [];

  get(block: AddressBlock): T | undefined {
    if (block.family === undefined) return this.#everybody;
    return this.#byPrefix.get(keyOf(block.family, block.prefix))?.get(block.network);
  }

  set({ family, prefix, network }: AddressBlock, value: T): void {
    if (family === undefined) {
      this.#everybody = value;
      return;
    }
    const key = keyOf(family, prefix);
    const map = this.#byPrefix.get(key) ?? new Map<bigint, T>();
    if (!this.#byPrefix.has(key)) {
      this.#byPrefix.set(key, map);
      this.#lengths = [...this.#lengths, { family, prefix }].sort((left, right) => right.prefix - left.prefix);
    }
    map.set(network, value);
  }

  findAll(ip: IpAddress): T[] {
    const own = isIpv6(ip) ? 6 : 4;
    return this.#within(own, numberOf(ip), own === 6 ? 128 : 32);
  }

  /** Of every block that holds this one and is larger. */
  around({ family, network, prefix }: AddressBlock): T[] {
    return family === undefined ? [] : this.#within(family, network, prefix - 1);
  }

  #within(own: 4 | 6, value: bigint, longest: number): T[] {
    const found: T[] = [];
    for (const { family, prefix } of this.#lengths) {
      if (family !== own || prefix > longest) continue;
      const hit = this.#byPrefix.get(keyOf(family, prefix))?.get(masked(value, family, prefix));
      if (hit !== undefined) found.push(hit);
    }
    if (this.#everybody !== undefined) found.push(this.#everybody);
    return found;
  }
}

function keyOf(family: 4 | 6, prefix: number): string {
  return `${family}/${prefix}`;
}
