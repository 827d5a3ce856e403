/**
 * Values kept by address block, found by address: one map access per prefix length that occurs, however many blocks.
 */
import ipaddr from "ipaddr.js";
import type { IpAddress } from "./address.ts";
import type { Cidr } from "./ip.ts";

export class AddressTable<T> {
  /** By the length of the address and of the prefix, then by the octets under the prefix. */
  readonly #blocks = new Map<number, { bits: number; prefix: number; values: Map<string, T> }>();

  get({ address, prefix }: Cidr): T | undefined {
    const octets = octetsOf(address);
    return this.#blocks.get(keyOf(octets.length * 8, prefix))?.values.get(masked(octets, prefix));
  }

  set({ address, prefix }: Cidr, value: T): void {
    const octets = octetsOf(address);
    const bits = octets.length * 8;
    const key = keyOf(bits, prefix);
    const known = this.#blocks.get(key) ?? { bits, prefix, values: new Map<string, T>() };
    this.#blocks.set(key, known);
    known.values.set(masked(octets, prefix), value);
  }

  /** Of every block that covers the address. */
  findAll(address: IpAddress): T[] {
    if (this.#blocks.size === 0) return [];
    const octets = octetsOf(address);
    const found: T[] = [];
    for (const { bits, prefix, values } of this.#blocks.values()) {
      if (bits !== octets.length * 8) continue;
      const value = values.get(masked(octets, prefix));
      if (value !== undefined) found.push(value);
    }
    return found;
  }
}

function keyOf(bits: number, prefix: number): number {
  return bits * 1000 + prefix;
}

function octetsOf(address: IpAddress): readonly number[] {
  return ipaddr.parse(address).toByteArray();
}

function masked(octets: readonly number[], prefix: number): string {
  let key = "";
  for (let at = 0; at * 8 < prefix; at++) {
    const bits = Math.min(8, prefix - at * 8);
    key += String.fromCharCode((octets[at] ?? 0) & (0xff00 >> bits) & 0xff);
  }
  return key;
}
