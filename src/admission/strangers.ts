/**
 * What names are treated as that nobody has: as one of the users, always the same one, so that neither the time nor the
 * parameters of an answer tell who exists (standards.md AU-4, AT-33).
 */
import { createHmac } from "node:crypto";
import type { ScramRecord } from "../smtp/server/sasl/log-in-checks.ts";
import type { User, UserDirectory } from "../users/user.ts";

type Pools = Readonly<{ withPassword: readonly User[]; withScram: readonly User[] }>;

export class Strangers {
  readonly #secret: Buffer;
  readonly #pools = new WeakMap<UserDirectory, Pools>();

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** Whose password record is computed in his place. */
  likeness(name: string, users: UserDirectory): User | undefined {
    return this.#draw(name, this.#poolsOf(users).withPassword);
  }

  /** A salt of his own that never changes, the iterations of one of the users, and keys that no proof fits. */
  scramRecord(name: string, users: UserDirectory): ScramRecord {
    const { iterations = 4096, salt = Buffer.alloc(16) } =
      this.#draw(name, this.#poolsOf(users).withScram)?.scram ?? {};
    return {
      iterations,
      salt: this.#chance("salt", name).subarray(0, salt.length),
      storedKey: this.#chance("stored key", name).subarray(0, 32),
      serverKey: this.#chance("server key", name).subarray(0, 32),
    };
  }

  sharedSecret(name: string): string {
    return this.#chance("shared secret", name).toString("hex", 0, 32);
  }

  #draw(name: string, pool: readonly User[]): User | undefined {
    return pool[this.#chance("draw", name).readUInt32BE() % pool.length];
  }

  /** 64 octets. */
  #chance(purpose: string, name: string): Buffer {
    return createHmac("sha512", this.#secret).update(`${purpose}\0${name}`).digest();
  }

  #poolsOf(users: UserDirectory): Pools {
    const known = this.#pools.get(users);
    if (known !== undefined) return known;
    const pools = {
      withPassword: users.users.filter(({ password, scram, secret }) => (password ?? scram ?? secret) !== undefined),
      withScram: users.users.filter(({ scram }) => scram !== undefined),
    };
    this.#pools.set(users, pools);
    return pools;
  }
}
