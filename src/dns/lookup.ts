/**
 * The questions of one type: cached, shared while in flight, bounded.
 *
 *     lookup --cached--> the same promise again, nothing allocated
 *            --asked already--> the answer on its way
 *            --new--> a slot, then the servers, CNAME after CNAME; the answer is cached by its TTL
 *
 * A question ends for all when its last asker has given up. Errors are kept 30 s (RS-11), so that a broken zone costs
 * one question in that time however much mail waits for it.
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../mail/clock.ts";
import type { Domain } from "../mail/domain.ts";
import { type Chain, dnsError, readChain, startChain } from "./chain.ts";
import type { QuestionType } from "./query.ts";
import type { DnsAnswer } from "./resolver.ts";
import type { ServerList } from "./servers.ts";
import type { Slots } from "./slots.ts";

type Cached<T> = Readonly<{ answer: Promise<DnsAnswer<T>>; expiresAt: number }>;

type InFlight<T> = { answer: Promise<DnsAnswer<T>>; askers: number; readonly stop: AbortController };

export type LookupOptions = Readonly<{
  servers: ServerList;
  slots: Slots;
  clock: Clock;
  /** From the question to the answer, waiting for a slot included. */
  overallMs: number;
  maxCached: number;
}>;

const errorSeconds = 30;
/** Of one type's answers as text: a hostile zone's answer can be a hundred times the usual one. */
const maxCachedOctets = 8 * 2 ** 20;

/** `T` is what a record of `type` carries (`chain.ts`). */
export class Lookup<T> {
  readonly #type: QuestionType;
  readonly #options: LookupOptions;
  readonly #cache: LRUCache<Domain, Cached<T>>;
  readonly #inFlight = new Map<Domain, InFlight<T>>();

  constructor(type: QuestionType, options: LookupOptions) {
    this.#type = type;
    this.#options = options;
    this.#cache = new LRUCache({ max: options.maxCached, maxSize: maxCachedOctets });
  }

  ask(name: Domain, signal: AbortSignal | undefined): Promise<DnsAnswer<T>> {
    const cached = this.#cache.get(name);
    if (cached !== undefined && cached.expiresAt > this.#options.clock.now()) return cached.answer;
    if (signal?.aborted === true) return Promise.resolve(givenUp);
    const flight = this.#inFlight.get(name) ?? this.#start(name);
    flight.askers += 1;
    return signal === undefined ? flight.answer : this.#orGiveUp(name, flight, signal);
  }

  /** Ends every question; their askers get an error. */
  async stop(): Promise<void> {
    const flights = [...this.#inFlight.values()];
    for (const { stop } of flights) stop.abort();
    await Promise.all(flights.map(({ answer }) => answer));
  }

  #start(name: Domain): InFlight<T> {
    const stop = new AbortController();
    const flight = { answer: this.#run(name, stop), askers: 0, stop };
    this.#inFlight.set(name, flight);
    return flight;
  }

  async #run(name: Domain, stop: AbortController): Promise<DnsAnswer<T>> {
    const { slots, clock, overallMs } = this.#options;
    let late = false;
    const deadline = clock.after(overallMs, () => {
      late = true;
      stop.abort();
    });
    const answer = await slots.use(() => this.#askServers(startChain(name), stop.signal), stop.signal);
    deadline.cancel();
    if (this.#inFlight.get(name)?.stop === stop) this.#inFlight.delete(name);
    if (answer === undefined && !late) return givenUp;
    return this.#keep(name, answer ?? dnsError(`no DNS server answered within ${overallMs / 1000} s`));
  }

  /** `undefined`: stopped. */
  async #askServers(chain: Chain, signal: AbortSignal): Promise<DnsAnswer<T> | undefined> {
    const said = await this.#options.servers.ask({ name: chain.name, type: this.#type }, signal);
    if (said.kind === "cancelled") return undefined;
    if (said.kind === "error") return said;
    const reading = readChain<T>(said.message, this.#type, chain, said.status);
    return reading.kind === "answer" ? reading.answer : this.#askServers(reading.chain, signal);
  }

  #keep(name: Domain, answer: DnsAnswer<T>): DnsAnswer<T> {
    const seconds = answer.kind === "error" ? errorSeconds : answer.ttlSeconds;
    const expiresAt = this.#options.clock.now() + seconds * 1000;
    this.#cache.set(name, { answer: Promise.resolve(answer), expiresAt }, { size: JSON.stringify(answer).length });
    return answer;
  }

  /** The flight's answer, or an error as soon as this asker gives up; the last one to do so ends the flight. */
  #orGiveUp(name: Domain, flight: InFlight<T>, signal: AbortSignal): Promise<DnsAnswer<T>> {
    const { promise, resolve } = Promise.withResolvers<DnsAnswer<T>>();
    const giveUp = (): void => {
      resolve(givenUp);
      flight.askers -= 1;
      if (flight.askers > 0) return;
      // Who asks from now on must not be handed a question that is being ended.
      if (this.#inFlight.get(name) === flight) this.#inFlight.delete(name);
      flight.stop.abort();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    void flight.answer.then((answer) => {
      signal.removeEventListener("abort", giveUp);
      resolve(answer);
    });
    return promise;
  }
}

const givenUp = dnsError("given up while waiting for DNS");
