/**
 * A connection that carries messages, one transaction after the other.
 *
 * Guarantees: nothing is sent once the peer closed, said 421 or broke the protocol; a transaction that was left half-way
 * is reset before the next (with it, not before it: no extra round trip). The caller sends one message at a time.
 */

import type { PeerFacts } from "../../tls/peer-facts.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Break, Conversation } from "./conversation.ts";
import { lacking, lackingFor } from "./envelope-commands.ts";
import { hearGreeting, sayHello } from "./hello.ts";
import { lost } from "./lost.ts";
import type {
  ConnectionFacts,
  OpenOptions,
  OpenResult,
  OutboundMessage,
  RecipientResult,
  SmtpConnection,
} from "./sender.ts";
import { transact } from "./transaction.ts";

/** RFC 5321 §4.5.3.1.8: what every server takes in one transaction (CL-10). */
const maxRecipients = 100;

type Unready = Exclude<OpenResult, Readonly<{ kind: "open" }>>;

export type ConnectionParts = Readonly<{
  talk: Conversation;
  options: OpenOptions;
  facts: PeerFacts;
  connection: ConnectionFacts;
  /** As learned in clear; replaced by what is heard inside TLS. */
  peer: Capabilities;
  /** What `prepare` has to say and hear. */
  opening: "none" | "ehlo" | "greeting-and-ehlo";
}>;

export class Connection implements SmtpConnection {
  readonly facts: PeerFacts;
  #connection: ConnectionFacts;
  readonly #talk: Conversation;
  readonly #options: OpenOptions;
  #peer: Capabilities;
  #opening: ConnectionParts["opening"];
  #messages = 0;
  #transactions = 0;
  #leftOpen = false;

  constructor({ talk, options, facts, connection, peer, opening }: ConnectionParts) {
    this.facts = facts;
    this.#connection = connection;
    this.#talk = talk;
    this.#options = options;
    this.#peer = peer;
    this.#opening = opening;
  }

  get connection(): ConnectionFacts {
    return this.#connection;
  }

  get messages(): number {
    return this.#messages;
  }

  get reusable(): boolean {
    const { broken, goodbye } = this.#talk;
    return broken === undefined && goodbye === undefined && this.#transactions < this.#peer.maxTransactions;
  }

  async prepare(): Promise<Unready | undefined> {
    if (this.#opening === "none") return undefined;
    this.#talk.begin();
    const unready = await this.#introduce();
    this.#talk.finish();
    return unready === undefined ? undefined : (this.#brokenTls() ?? unready);
  }

  async send(message: OutboundMessage): Promise<readonly RecipientResult[]> {
    if (this.#opening !== "none") throw new Error("send before prepare");
    this.#messages += 1;
    const whole = lacking(message, this.#peer, this.#options.eightBitWithoutExtension);
    if (whole !== undefined) return message.recipients.map(() => whole);
    this.#talk.begin(this.#options.timeouts.totalMs);
    const results = await this.#sendInGroups(message);
    this.#talk.finish();
    return results;
  }

  quit(): void {
    this.#talk.quit();
  }

  onClose(listener: () => void): void {
    this.#talk.onClose(listener);
  }

  async #introduce(): Promise<Unready | undefined> {
    const { ehlo, starttls } = this.#options;
    const refused = this.#opening === "ehlo" ? undefined : await hearGreeting(this.#talk);
    if (refused !== undefined) return refused;
    const hello = await sayHello(this.#talk, ehlo, starttls === "always" ? "unwanted" : "allowed");
    if (hello.kind !== "heard") return hello.failure;
    this.#peer = hello.peer;
    if (this.#opening === "greeting-and-ehlo") {
      this.#connection = { ...this.#connection, keywords: hello.peer.keywords };
    }
    this.#opening = "none";
    return undefined;
  }

  /** A TLS alert in place of the first reply: a TLS 1.3 server finds fault with our certificate only after its Finished. */
  #brokenTls(): Unready | undefined {
    const { broken } = this.#talk;
    if (broken === undefined || !isTlsError(broken)) return undefined;
    const tls = { kind: "failed", code: broken.code, text: broken.text } as const;
    return { kind: "tls-broken", facts: { ...this.facts, tls }, connection: this.#connection };
  }

  /** Recipients go in groups; those refused for their number alone get a transaction of their own (CL-10, CL-11). */
  async #sendInGroups(message: OutboundMessage): Promise<RecipientResult[]> {
    const { recipients } = message;
    const results: (RecipientResult | undefined)[] = recipients.map((recipient) => lackingFor(recipient, this.#peer));
    let waiting = [...results.keys()].filter((index) => results[index] === undefined);
    while (waiting.length > 0 && this.reusable) {
      const group = waiting.slice(0, Math.min(maxRecipients, this.#peer.maxRecipients));
      const again = await this.#sendGroup(message, group, results);
      waiting = [...again, ...waiting.slice(group.length)];
    }
    return results.map((result) => result ?? lost(this.#talk));
  }

  /** @returns those of the group that deserve another transaction right away. */
  async #sendGroup(
    message: OutboundMessage,
    group: readonly number[],
    results: (RecipientResult | undefined)[],
  ): Promise<number[]> {
    const recipients = group.flatMap((index) => message.recipients[index] ?? []);
    this.#transactions += 1;
    const { results: settled, leftOpen } = await transact(this.#talk, this.#peer, {
      message,
      recipients,
      reset: this.#leftOpen,
    });
    this.#leftOpen = leftOpen;
    for (const [at, index] of group.entries()) results[index] = settled[at];
    if (!settled.some(({ kind }) => kind === "delivered")) return [];
    const again = group.filter((index) => isTooMany(results[index]));
    if (this.reusable) for (const index of again) results[index] = undefined;
    return again;
  }
}

function isTooMany(result: RecipientResult | undefined): boolean {
  return result?.kind === "refused" && result.stage === "rcpt" && result.reply.code === 452;
}

function isTlsError({ code }: Break): boolean {
  return code.startsWith("ERR_SSL_");
}
