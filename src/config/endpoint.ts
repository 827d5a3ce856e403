/**
 * Addresses to listen on.
 */
import type { IpAddress } from "../mail/address.ts";
import { inCidr, isIpv6, parseCidr } from "../mail/ip.ts";
import type { Endpoint } from "./value-types.ts";

const loopback = ["127.0.0.0/8", "::1"].map((text) => parseCidr(text)).filter((block) => block !== undefined);

/** Only this machine gets there. */
export function isLoopback(address: IpAddress): boolean {
  return loopback.some((block) => inCidr(address, block));
}

/** `[::1]:25` */
export function formatEndpoint({ address, port }: Endpoint): string {
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
