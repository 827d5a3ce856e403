/**
 * Listeners of another mail server as sockets that one process can open side by side.
 */
import { isIpv6 } from "../../mail/ip.ts";
import type { DialectListener } from "./dialect.ts";

/**
 * Of listeners at one address and port the last; and none at an address that a listener at every address of its family
 * serves already at that port, in the same way: what each offers is found by the address that the client came to.
 */
export function withoutCovered(listeners: readonly DialectListener[]): readonly DialectListener[] {
  const last = new Map(listeners.map((listener) => [`${listener.address} ${listener.port}`, listener]));
  const all = [...last.values()];
  return all.filter((one) => isEverywhere(one) || !all.some((other) => covers(other, one)));
}

function covers(wide: DialectListener, one: DialectListener): boolean {
  const alike = wide.port === one.port && wide.implicitTls === one.implicitTls;
  return isEverywhere(wide) && alike && isIpv6(wide.address) === isIpv6(one.address);
}

function isEverywhere({ address }: DialectListener): boolean {
  return address === "0.0.0.0" || address === "::";
}
