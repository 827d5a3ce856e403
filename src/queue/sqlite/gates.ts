/**
 * Recipient domains that wait (`postpone`). A gate costs nothing when it is set: rows are moved when they come due,
 * a bounded number at a time. Gates are memory of this run only; after a restart the first attempt sets them anew.
 */

const most = 100_000;

export class Gates {
  readonly #until = new Map<string, number>();

  /** Nothing for this domain is handed out before `until`; never shortens an earlier word. */
  close(domain: string, until: number, now: number): void {
    if (until <= (this.#until.get(domain) ?? now)) return;
    if (this.#until.size >= most) this.#forgetPast(now);
    if (this.#until.size < most || this.#until.has(domain)) this.#until.set(domain, until);
  }

  open(domain: string): void {
    this.#until.delete(domain);
  }

  /** When the domain may be tried; `undefined`: now. */
  closedUntil(domain: string, now: number): number | undefined {
    const until = this.#until.get(domain);
    if (until === undefined) return undefined;
    if (until > now) return until;
    this.#until.delete(domain);
    return undefined;
  }

  #forgetPast(now: number): void {
    for (const [domain, until] of this.#until) if (until <= now) this.#until.delete(domain);
  }
}
