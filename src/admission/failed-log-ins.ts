/**
 * Failed log-ins by address, in one worker: who waits for how long, and who is locked out (standards.md AU-10).
 * An IPv6 client has a whole /64 to choose addresses from, so that counts as one. A success forgets nothing: else
 * whoever has one account could guess at others without end.
 */
import { LRUCache } from "lru-cache";
import type { AuthSettings } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import { isIpv6, networkAddress } from "../mail/ip.ts";
import type { Observer } from "../observe/events.ts";

type Tries = Readonly<{
  /** When each failed, oldest first; at most as many as lock out. */
  at: readonly number[];
  lockedUntil: number;
}>;

/** Addresses remembered; beyond that the one that has been quiet the longest is forgotten. */
const maxAddresses = 50_000;
const longestDelay = 16;
/** Whoever is allowed more is still locked out after these: each is remembered. */
const mostFailures = 1000;

export class FailedLogIns {
  readonly #settings: () => AuthSettings;
  readonly #clock: Clock;
  readonly #observe: Observer;
  readonly #tries = new LRUCache<string, Tries>({ max: maxAddresses });

  constructor({
    settings,
    clock,
    observe,
  }: Readonly<{ settings: () => AuthSettings; clock: Clock; observe: Observer }>) {
    this.#settings = settings;
    this.#clock = clock;
    this.#observe = observe;
  }

  isLocked(address: IpAddress): boolean {
    return this.#clock.now() < (this.#tries.get(keyOf(address))?.lockedUntil ?? 0);
  }

  /** Counts a failure at once, so that tries made meanwhile see it; resolves when its answer may be given. */
  async note(address: IpAddress): Promise<void> {
    const { failureDelayMs } = this.#settings();
    const failures = this.#count(address);
    await this.#wait(failureDelayMs * Math.min(longestDelay, 2 ** (failures - 1)));
  }

  /** @returns failures of this address within the window, this one included */
  #count(address: IpAddress): number {
    const { windowMs, lockMs, ...limits } = this.#settings();
    const maxFailures = Math.min(limits.maxFailures, mostFailures);
    const key = keyOf(address);
    const now = this.#clock.now();
    const { at = [], lockedUntil = 0 } = this.#tries.get(key) ?? {};
    const recent = [...at.filter((time) => time > now - windowMs), now].slice(-maxFailures);
    const isOver = recent.length >= maxFailures;
    this.#tries.set(key, { at: isOver ? [] : recent, lockedUntil: isOver ? now + lockMs : lockedUntil });
    if (isOver && now >= lockedUntil) {
      const error = `${key} is locked out for ${Math.round(lockMs / 1000)} s after ${maxFailures} failed tries`;
      this.#observe({ kind: "trouble", where: "log-in", error });
    }
    return recent.length;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (ms > 0) this.#clock.after(ms, resolve);
      else resolve();
    });
  }
}

/** What counts as one client. */
function keyOf(address: IpAddress): string {
  return isIpv6(address) ? `${networkAddress(address, 64)}/64` : address;
}
