/**
 * What a `listen` and a `peer` are called: a socket, a block of addresses. One of them may be written in several ways.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { type Cidr, isIpv6, networkAddress, parseIp } from "../../../mail/ip.ts";

/** A socket: `:25` is `*:25`, `[*]:25` and `[::]:25` every IPv6 address. */
export type ListenName = Readonly<{ address: IpAddress | "any" | "any-ipv6"; port: number }>;

export function parseListenName(text: string): ListenName | undefined {
  const [, host = "", digits = ""] = /^(\[[^\]]*\]|[^:[\]]*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  const address = host === "" || host === "*" ? undefined : parseIp(host.replace(/^\[|\]$/g, ""));
  if (host === "" || host === "*" || address === "0.0.0.0") return { address: "any", port };
  if (host === "[*]" || address === "::") return { address: "any-ipv6", port };
  return address === undefined ? undefined : { address, port };
}

/** A block whose address may have bits beyond the prefix. */
export function parseBlock(text: string): Cidr | undefined {
  const [left = "", bits, extra] = text.split("/");
  const address = parseIp(left);
  if (address === undefined || extra !== undefined) return undefined;
  const most = isIpv6(address) ? 128 : 32;
  if (bits === undefined) return { address, prefix: most };
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? { address, prefix: Number(bits) } : undefined;
}

/** The same for every spelling of a socket or a block, and itself one of them; what is neither stands for itself. */
export function socketKey(kind: "listen" | "peer", text: string): string {
  if (kind === "peer") {
    const block = parseBlock(text);
    return block === undefined ? text : `${networkAddress(block.address, block.prefix)}/${block.prefix}`;
  }
  const name = parseListenName(text);
  if (name === undefined) return text;
  const { address, port } = name;
  if (address === "any") return `*:${port}`;
  if (address === "any-ipv6") return `[*]:${port}`;
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
