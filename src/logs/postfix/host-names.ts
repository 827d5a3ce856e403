/**
 * How Postfix names hosts and clients in its lines.
 */
import type { EarlierHost } from "../../mail/attempt.ts";
import type { SessionLabel } from "../../observe/events.ts";

/** `mx.example.net[192.0.2.7]`; an address literal stands for its own name; `none` where no address was met. */
export function hostName({ mx, address }: Pick<EarlierHost, "mx" | "address">): string {
  return address === null ? (mx ?? "none") : `${mx ?? address}[${address}]`;
}

/** `mx.example.net[192.0.2.7]:25` */
export function hostWithPort(host: Pick<EarlierHost, "mx" | "address" | "port">): string {
  return `${hostName(host)}:${host.port ?? 25}`;
}

/** `client.example.com[192.0.2.100]`, `unknown[192.0.2.100]` */
export function clientName({ client, clientName: name }: Pick<SessionLabel, "client" | "clientName">): string {
  return `${name ?? "unknown"}[${client}]`;
}
