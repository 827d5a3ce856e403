/**
 * Which hosts the records of one attempt have told of: what concerns a host is said once for all recipients that met it.
 */
import type { AttemptRecord, EarlierHost } from "../../mail/attempt.ts";

export class HostsTold {
  readonly #told = new Set<string>();

  /** To be called with each record before its hosts. */
  begin({ leads }: Pick<AttemptRecord, "leads">): void {
    if (leads) this.#told.clear();
  }

  /** @returns true the first time; false where nobody was met */
  isNews({
    address,
    port,
    connection,
    error,
  }: Pick<EarlierHost, "address" | "port" | "connection" | "error">): boolean {
    if (address === null) return false;
    const key = connection === null ? `${address} ${port} ${error}` : connection.id;
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    return true;
  }
}
