/**
 * Which smtpd service of master.cf a client came to, by address and port.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { InboundQuestion } from "../../rules.ts";
import { parsePort } from "./nexthop-text.ts";

/** `smtp`, `465`, `[::1]:10025`: address and port of an inet service. Without a host it listens at every address. */
export function listenerOf(
  name: string,
): Readonly<{ everywhere: boolean; host: string; address: IpAddress | undefined; port: number | undefined }> {
  const [, host, port] = /^(?:\[?([^\]]*)\]?:)?([^:]+)$/.exec(name) ?? [];
  const address = host === undefined ? undefined : parseIp(host === "localhost" ? "127.0.0.1" : host);
  return { everywhere: host === undefined, host: host ?? "", address, port: parsePort(port ?? name) };
}

/**
 * The service that the client came to: its address and port, or its port at every address. Where none listens there, the
 * one that takes mail from everybody, on port 25. `undefined`: main.cf alone has a say.
 */
export function chooseInbound<T extends Readonly<{ name: string }>>(
  services: readonly T[],
  { localPort, localAddress }: Pick<InboundQuestion, "localPort" | "localAddress">,
): T | undefined {
  const at = (port: number | undefined): T | undefined => {
    const byPort = services.filter(({ name }) => listenerOf(name).port === port);
    const exact = byPort.find(({ name }) => localAddress !== undefined && listenerOf(name).address === localAddress);
    return exact ?? byPort.find(({ name }) => listenerOf(name).everywhere);
  };
  return (localPort === undefined ? undefined : at(localPort)) ?? at(25);
}
