/**
 * A question to a list of servers until one has answered it (RS-10): in their order, those that lately kept silent
 * last, each round waiting twice as long as the one before.
 *
 * A trusted server's SERVFAIL may be its word that the data is forged; servers that validate nothing are not asked for
 * a second opinion then (RS-6).
 */
import type { Clock } from "../mail/clock.ts";
import type { Exchange, ExchangeOptions } from "./exchange.ts";
import { type DnsMessage, rcodes } from "./message.ts";
import { type DnsServer, makeQuery, type Question } from "./query.ts";
import type { DnssecStatus } from "./resolver.ts";
import { exchangeTcp } from "./tcp-exchange.ts";
import { exchangeUdp } from "./udp-exchange.ts";

/** `message` has RCODE 0 or 3. `error` says what each server did, one after another. */
export type ServersAnswer =
  | Readonly<{ kind: "message"; message: DnsMessage; status: DnssecStatus }>
  | Readonly<{ kind: "error"; error: string; extended: string | undefined }>
  | Readonly<{ kind: "cancelled" }>;

/** One server's word. `edns` is false when it had to be asked without. */
type ServerAnswer =
  | Exclude<Exchange, { kind: "message" }>
  | Readonly<{ kind: "message"; message: DnsMessage; edns: boolean }>;

type Trouble = Readonly<{ text: string; extended: string | undefined }>;

const tcpTimeoutMs = 5_000;
/** How long a server that kept silent is asked last. */
const silentForMs = 60_000;

export class ServerList {
  readonly #servers: readonly DnsServer[];
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #silentUntil = new Map<DnsServer, number>();

  /** @param timeoutMs for the first round */
  constructor(servers: readonly DnsServer[], timeoutMs: number, clock: Clock) {
    this.#servers = servers;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Goes on until a server answers, all have refused, or `signal` fires; the caller sets the limit. */
  async ask(question: Question, signal: AbortSignal): Promise<ServersAnswer> {
    let left = this.#inOrder();
    let trouble: Trouble = { text: "no DNS server is configured", extended: undefined };
    for (let timeoutMs = this.#timeoutMs; left.length > 0; timeoutMs *= 2) {
      for (const server of left) {
        if (!left.includes(server)) continue;
        const answer = await this.#askOne(question, "with", { server, timeoutMs, clock: this.#clock, signal });
        if (answer.kind === "cancelled") return answer;
        if (answer.kind === "timeout") {
          this.#silentUntil.set(server, this.#clock.now() + silentForMs);
          continue;
        }
        this.#silentUntil.delete(server);
        if (answer.kind === "message" && isConclusive(answer.message)) {
          return { kind: "message", message: answer.message, status: statusOf(answer, server) };
        }
        trouble = troubleOf(answer, server);
        left = left.filter((other) => other !== server && !(mayHideForgery(answer, server) && !other.trusted));
      }
    }
    return { kind: "error", error: trouble.text, extended: trouble.extended };
  }

  #inOrder(): readonly DnsServer[] {
    if (this.#silentUntil.size === 0) return this.#servers;
    const now = this.#clock.now();
    const isSilent = (server: DnsServer): boolean => (this.#silentUntil.get(server) ?? 0) > now;
    return [...this.#servers.filter((server) => !isSilent(server)), ...this.#servers.filter(isSilent)];
  }

  async #askOne(
    question: Question,
    edns: "with" | "without",
    options: Omit<ExchangeOptions, "query">,
  ): Promise<ServerAnswer> {
    const answer = await exchangeUdp({ ...options, query: makeQuery(question, edns) });
    if (answer.kind !== "message") return answer;
    if (edns === "with" && refusesEdns(answer.message)) return this.#askOne(question, "without", options);
    if (!answer.message.truncated) return { ...answer, edns: edns === "with" };
    const whole = await exchangeTcp({ ...options, timeoutMs: tcpTimeoutMs, query: makeQuery(question, edns) });
    return whole.kind === "message" ? { ...whole, edns: edns === "with" } : whole;
  }
}

function isConclusive({ rcode }: DnsMessage): boolean {
  return rcode === rcodes.noError || rcode === rcodes.nxDomain;
}

function refusesEdns({ rcode }: DnsMessage): boolean {
  return rcode === rcodes.formErr || rcode === rcodes.notImp || rcode === rcodes.badVers;
}

function statusOf({ message, edns }: Extract<ServerAnswer, { kind: "message" }>, { trusted }: DnsServer): DnssecStatus {
  return trusted && edns && message.authentic ? "secure" : "insecure";
}

function mayHideForgery(answer: ServerAnswer, { trusted }: DnsServer): boolean {
  return trusted && answer.kind === "message" && answer.message.rcode === rcodes.servFail;
}

function troubleOf(answer: Extract<ServerAnswer, { kind: "message" | "failed" }>, { address }: DnsServer): Trouble {
  if (answer.kind === "failed") return { text: `${answer.error} (DNS server ${address})`, extended: undefined };
  const { rcode, extended } = answer.message;
  return { text: `${rcodeNames[rcode] ?? `RCODE ${rcode}`} from DNS server ${address}`, extended };
}

const rcodeNames: Readonly<Record<number, string>> = {
  [rcodes.formErr]: "FORMERR",
  [rcodes.servFail]: "SERVFAIL",
  [rcodes.notImp]: "NOTIMP",
  [rcodes.refused]: "REFUSED",
  [rcodes.badVers]: "BADVERS",
};
