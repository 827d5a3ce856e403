/**
 * How many sessions are open, in all and for each client address: one peer cannot hold every slot (AT-21, AT-22).
 */
import type { IpAddress } from "../../mail/address.ts";
import type { ReceiverLimits } from "./receiver.ts";

export class ConnectionCounts {
  readonly #byAddress = new Map<IpAddress, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Counts one more session, or says which cap forbids it. */
  enter(address: IpAddress, limits: ReceiverLimits): "all" | "address" | undefined {
    const own = this.#byAddress.get(address) ?? 0;
    if (this.#total >= limits.maxConnections) return "all";
    if (own >= limits.maxConnectionsPerAddress) return "address";
    this.#total++;
    this.#byAddress.set(address, own + 1);
    return undefined;
  }

  leave(address: IpAddress): void {
    const own = this.#byAddress.get(address) ?? 0;
    this.#total--;
    if (own > 1) this.#byAddress.set(address, own - 1);
    else this.#byAddress.delete(address);
  }
}
