/**
 * Anybody at all, for asking what a listener offers to clients of whom nothing is known.
 */
import type { IpAddress } from "../mail/address.ts";
import type { InboundQuestion } from "../policy/rules.ts";

/** @param now ms since 1970 */
export function strangerAt(
  { name, address, port }: Readonly<{ name: string; address: IpAddress; port: number }>,
  now: number,
): InboundQuestion {
  return {
    listener: name,
    localAddress: address,
    localPort: port,
    client: "192.0.2.1" as IpAddress,
    clientName: undefined,
    user: undefined,
    now,
  };
}
