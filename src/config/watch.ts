/**
 * Notices that certificates, CA files or the configuration were renewed, also when they were replaced by a rename or
 * by another target of a symbolic link, as ACME clients do. Looks at size, time and inode every few seconds: change
 * notices of the system do not survive renames, and do not come at all from some file systems.
 *
 * Promise: `onChange` is called once after a change has settled, that is, when two looks in a row see the same; a file
 * that is missing for a while and comes back unchanged is no change.
 */
import { stat } from "node:fs/promises";
import type { Clock, Timer } from "../mail/clock.ts";

export const watchEveryMs = 2000;

/** Equal for equal contents as far as one can tell without reading; `undefined` while the file is not there. */
export type Identify = (file: string) => Promise<string | undefined>;

/** `begun` resolves after the first look: what changed before it is not reported. */
export function watchFiles(
  files: readonly string[],
  onChange: (changed: readonly string[]) => void,
  clock: Clock,
  identify: Identify = identifyByStat,
): Disposable & Readonly<{ begun: Promise<void> }> {
  return new Watch(files, onChange, clock, identify);
}

class Watch {
  readonly begun: Promise<void>;
  readonly #files: readonly string[];
  readonly #onChange: (changed: readonly string[]) => void;
  readonly #clock: Clock;
  readonly #identify: Identify;
  #timer: Timer | undefined;
  #stopped = false;
  /** As last reported, and as last seen. */
  #known: ReadonlyMap<string, string> | undefined;
  #seen: ReadonlyMap<string, string> | undefined;

  constructor(
    files: readonly string[],
    onChange: (changed: readonly string[]) => void,
    clock: Clock,
    identify: Identify,
  ) {
    this.#files = files;
    this.#onChange = onChange;
    this.#clock = clock;
    this.#identify = identify;
    this.begun = this.#look();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const now = new Map<string, string>();
    for (const file of this.#files) {
      const identity = await this.#identify(file);
      if (identity !== undefined) now.set(file, identity);
    }
    if (this.#stopped) return;
    this.#timer = this.#clock.after(watchEveryMs, () => void this.#look());
    const [known, before] = [this.#known ?? now, this.#seen ?? now];
    this.#seen = now;
    this.#known = known;
    const changed = this.#files.filter((file) => now.has(file) && now.get(file) !== known.get(file));
    if (changed.length === 0 || changed.some((file) => now.get(file) !== before.get(file))) return;
    this.#known = new Map([...known, ...now]);
    this.#onChange(changed);
  }
}

const identifyByStat: Identify = async (file) => {
  try {
    const { mtimeMs, size, ino, dev } = await stat(file);
    return `${mtimeMs} ${size} ${ino} ${dev}`;
  } catch {
    return undefined;
  }
};
