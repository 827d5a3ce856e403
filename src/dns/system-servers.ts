/**
 * The machine's own DNS servers, for when the settings name none.
 */
import { readFile } from "node:fs/promises";
import type { IpAddress } from "../mail/address.ts";
import { inAnyCidr, parseCidr, parseIp } from "../mail/ip.ts";
import type { DnsServer } from "./query.ts";

const loopback = ["127.0.0.0/8", "::1"].map(parseCidr).filter((block) => block !== undefined);

/** An empty list when the file is not there, cannot be read, or names no server. */
export async function systemServers(path = "/etc/resolv.conf"): Promise<readonly DnsServer[]> {
  try {
    return parseResolvConf(await readFile(path, "latin1"));
  } catch {
    return [];
  }
}

/**
 * The `nameserver` lines, port 53. The file may lead to a forwarder that validates nothing, so its AD bit is believed
 * only on loopback and only when the file says `options trust-ad` (RS-1). Addresses with a zone id are skipped.
 */
export function parseResolvConf(text: string): readonly DnsServer[] {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const trustsAd = lines.some(([keyword, ...values]) => keyword === "options" && values.includes("trust-ad"));
  return lines
    .filter(([keyword]) => keyword === "nameserver")
    .map(([, address = ""]) => parseIp(address))
    .filter((address) => address !== undefined)
    .map((address) => ({ address, port: 53, trusted: trustsAd && isLoopback(address) }));
}

function isLoopback(address: IpAddress): boolean {
  return inAnyCidr(address, loopback);
}
