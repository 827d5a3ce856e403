/**
 * What a peer delivered: one file per recipient, written by a script that the peer's own delivery agent starts with
 * the message on its input. The script changes nothing; what it reads has the local line ending, LF.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import path from "node:path";
import { inRoot, type Namespace } from "./namespace.ts";

const script = `#!/bin/sh -eu
# FOLDER RECIPIENT < MESSAGE: appears under its name only when it is whole
unfinished=$(mktemp "$1/.XXXXXXXXXX")
cat > "$unfinished"
chmod 644 "$unfinished"
mv "$unfinished" "$1/$2,\${unfinished##*/.}"
`;

export class Arrivals {
  /** The command, as programs in a root folder call it; the recipient's address is to be its last argument. */
  readonly command: string;
  readonly #folder: string;

  constructor(namespace: Namespace, peer: string) {
    this.#folder = path.join(namespace.folder, peer, "mail");
    mkdirSync(this.#folder, { recursive: true });
    chmodSync(this.#folder, 0o777);
    const store = path.join(namespace.folder, "store");
    writeFileSync(store, script);
    chmodSync(store, 0o755);
    this.command = `${inRoot}/store ${inRoot}/${peer}/mail`;
  }

  /** All that has come for the address so far. */
  of(recipient: string): Buffer[] {
    return this.#names(recipient).map((name) => readFileSync(path.join(this.#folder, name)));
  }

  /** Waits until at least so many messages have come for the address; fails after the deadline. */
  async wait(recipient: string, count = 1, deadlineMs = 30_000): Promise<Buffer[]> {
    const deadline = AbortSignal.timeout(deadlineMs);
    await new Promise<void>((resolve, reject) => {
      const watcher = watch(this.#folder, { signal: deadline });
      const look = () => {
        if (this.#names(recipient).length < count) return;
        watcher.close();
        resolve();
      };
      watcher.on("change", look);
      deadline.addEventListener("abort", () => reject(new Error(`nothing came for ${recipient} at ${this.#folder}`)));
      look();
    });
    return this.of(recipient);
  }

  #names(recipient: string): string[] {
    return readdirSync(this.#folder).filter((name) => name.startsWith(`${recipient},`));
  }
}
