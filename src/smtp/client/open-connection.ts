/**
 * From an address to a connection whose TLS facts are complete: TCP, greeting, EHLO, STARTTLS, handshake.
 * Stops right behind the handshake: what the facts are worth is judged before anything more is said, and
 * `SmtpConnection.prepare` then says EHLO anew (ST-12).
 * RFC 5321 §3.1, §3.2; RFC 3207 §4; RFC 8314 §3.3. Nothing of a message is sent here.
 */
import type { Clock } from "../../mail/clock.ts";
import type { Reply } from "../../mail/reply.ts";
import type { PeerFacts, TlsProgress } from "../../tls/peer-facts.ts";
import { type Capabilities, noCapabilities } from "./capabilities.ts";
import { Connection } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import { dial } from "./dial.ts";
import { type Failure, hearGreeting, sayHello, unreachable } from "./hello.ts";
import type { ConnectionFacts, OpenOptions, OpenResult } from "./sender.ts";

/** @param tools.signal ends whatever is under way. Never throws. */
export async function openConnection(
  options: OpenOptions,
  { clock, signal }: Readonly<{ clock: Clock; signal?: AbortSignal }>,
): Promise<OpenResult> {
  const dialled = await dial(options, clock, signal);
  if (dialled.kind === "failed") {
    const { code, text } = dialled;
    return { kind: "unreachable", stage: "connect", status: "4.4.1", code, text };
  }
  const talk = new Conversation(dialled.socket, options, clock);
  const stop = (): void => talk.abort("stopped");
  signal?.addEventListener("abort", stop, { once: true });
  const opening = new Opening(talk, options, clock);
  const result = await (options.implicitTls ? opening.inTls() : opening.inClear());
  signal?.removeEventListener("abort", stop);
  talk.finish();
  if (result.kind === "open") return talk.broken === undefined ? result : unreachable(talk);
  // A word of farewell to a peer that refused; closed already where something broke.
  talk.quit();
  return result;
}

class Opening {
  readonly #talk: Conversation;
  readonly #options: OpenOptions;
  readonly #clock: Clock;
  /** With what was offered in clear, once that is known. */
  #connection: ConnectionFacts;

  constructor(talk: Conversation, options: OpenOptions, clock: Clock) {
    this.#talk = talk;
    this.#options = options;
    this.#clock = clock;
    this.#connection = talk.local;
  }

  /** RFC 8314: TLS from the first octet; the greeting comes inside. */
  inTls(): Promise<OpenResult> {
    return this.#shakeHands("greeting-and-ehlo");
  }

  async inClear(): Promise<OpenResult> {
    const { ehlo, starttls } = this.#options;
    const refused: Failure | undefined = await hearGreeting(this.#talk);
    if (refused !== undefined) return refused;
    const hello = await sayHello(this.#talk, ehlo, starttls === "always" ? "unwanted" : "allowed");
    if (hello.kind === "failed") return hello.failure;
    if (hello.kind === "no-ehlo") return this.#broken(false, { kind: "not-offered" });
    const { peer } = hello;
    this.#connection = { ...this.#talk.local, keywords: peer.keywords };
    if (!peer.starttls) return this.#open(peer, this.#facts(false, { kind: "not-offered" }));
    if (starttls === "never") return this.#open(peer, this.#facts(true, { kind: "skipped" }));
    return this.#starttls(peer);
  }

  async #starttls(peer: Capabilities): Promise<OpenResult> {
    const reply: Reply | undefined = await this.#talk.ask("starttls", "STARTTLS\r\n");
    if (reply === undefined) return this.#broken(true, { kind: "lost" });
    // 220 is the only yes (ST-17).
    if (reply.code === 220) return this.#shakeHands("ehlo");
    const progress: TlsProgress = { kind: "refused", reply };
    return this.#talk.goodbye === undefined
      ? this.#open(peer, this.#facts(true, progress))
      : this.#broken(true, progress);
  }

  async #shakeHands(opening: "ehlo" | "greeting-and-ehlo"): Promise<OpenResult> {
    const start = await this.#talk.startTls(this.#options.handshake);
    if (start.kind !== "done") return this.#broken(true, start);
    const facts = this.#facts(true, { kind: "done", handshake: start.facts });
    // What was learned in clear is forgotten (RFC 3207 §4.2).
    return this.#open(noCapabilities, facts, opening);
  }

  #open(peer: Capabilities, facts: PeerFacts, opening: "none" | "ehlo" | "greeting-and-ehlo" = "none"): OpenResult {
    const connection = new Connection({
      talk: this.#talk,
      options: this.#options,
      facts,
      connection: this.#connection,
      peer,
      opening,
    });
    return this.#talk.broken === undefined ? { kind: "open", facts, connection } : unreachable(this.#talk);
  }

  #broken(offered: boolean, tls: TlsProgress): OpenResult {
    return { kind: "tls-broken", facts: this.#facts(offered, tls), connection: this.#connection };
  }

  #facts(offered: boolean, tls: TlsProgress): PeerFacts {
    return { offered, tls, seenAt: this.#clock.now() };
  }
}
