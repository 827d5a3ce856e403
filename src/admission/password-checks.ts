/**
 * Passwords in clear text held against what is stored. Slow on purpose, so: on libuv's threads, two at once in a worker,
 * a bounded number waiting, and each right answer remembered for some minutes, so that a busy sender is not hashed
 * for every connection.
 *
 * What is remembered is an HMAC of name, stored record and password under a key that only this process knows: it dies
 * with the process, and a changed record is another HMAC. Wrong answers are not remembered.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { IpAddress } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import type { KeyDerivation } from "../users/key-derivation.ts";
import { fitsHash, formatPasswordHash } from "../users/password-hash.ts";
import { fitsVerifier, formatScramVerifier } from "../users/scram-verifier.ts";
import type { User } from "../users/user.ts";

export type PasswordQuestion = Readonly<{
  name: string;
  /** Whose record is computed; undefined: there is nobody at all. */
  user: User | undefined;
  /** False: the record is another's, for a stranger. Then no answer is right. */
  isKnown: boolean;
  password: string;
  address: IpAddress;
  /** Asked again when its turn comes: others of this address may have failed meanwhile. */
  isLocked: () => boolean;
}>;

export type PasswordAnswer = "right" | "wrong" | "locked" | "busy";

const maxRemembered = 2000;
const rememberedMs = 10 * 60_000;
const maxRunning = 2;
const maxWaiting = 128;
/** Of those, for one address: the others shall get in too. */
const maxPerAddress = 32;

export class PasswordChecks {
  readonly #clock: Clock;
  readonly #derive: KeyDerivation;
  readonly #key = randomBytes(32);
  /** Until when, by HMAC. */
  readonly #remembered = new LRUCache<string, number>({ max: maxRemembered });
  /** Equal questions share one computation. */
  readonly #pending = new Map<string, Promise<PasswordAnswer>>();
  readonly #perAddress = new Map<IpAddress, number>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(clock: Clock, derive: KeyDerivation) {
    this.#clock = clock;
    this.#derive = derive;
  }

  /** Rejects when the machine cannot compute it now. */
  async check(question: PasswordQuestion): Promise<PasswordAnswer> {
    const { user } = question;
    if (user === undefined) return "wrong";
    const key = this.#keyOf(question, user);
    if ((this.#remembered.get(key) ?? 0) > this.#clock.now()) return "right";
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const begun = this.#compute(question, user).finally(() => this.#pending.delete(key));
    this.#pending.set(key, begun);
    const answer = await begun;
    if (answer === "right") this.#remembered.set(key, this.#clock.now() + rememberedMs);
    return answer;
  }

  #keyOf({ name, isKnown, password }: PasswordQuestion, user: User): string {
    const stored = [user.password && formatPasswordHash(user.password), user.scram && formatScramVerifier(user.scram)];
    const text = JSON.stringify([isKnown, name, ...stored, user.secret, password]);
    return createHmac("sha256", this.#key).update(text).digest("base64");
  }

  async #compute(question: PasswordQuestion, user: User): Promise<PasswordAnswer> {
    const { address, password, isKnown, isLocked } = question;
    if (user.password === undefined && user.scram === undefined) {
      return this.#equal(user.secret ?? "", password) && isKnown ? "right" : "wrong";
    }
    const held = this.#perAddress.get(address) ?? 0;
    if (held >= maxPerAddress || this.#waiting.length >= maxWaiting) return "busy";
    this.#perAddress.set(address, held + 1);
    try {
      return await this.#inTurn(async () => {
        if (isLocked()) return "locked";
        return (await this.#fits(user, password)) && isKnown ? "right" : "wrong";
      });
    } finally {
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    }
  }

  #fits(user: User, password: string): Promise<boolean> | boolean {
    if (user.password !== undefined) return fitsHash(user.password, password, this.#derive);
    return user.scram !== undefined && fitsVerifier(user.scram, password, this.#derive);
  }

  async #inTurn<T>(compute: () => Promise<T>): Promise<T> {
    if (this.#running >= maxRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await compute();
    } finally {
      const next = this.#waiting.shift();
      // The next one takes over the place.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** As long for any two texts. */
  #equal(one: string, other: string): boolean {
    const [left, right] = [one, other].map((text) => createHmac("sha256", this.#key).update(text).digest());
    return left !== undefined && right !== undefined && timingSafeEqual(left, right);
  }
}
