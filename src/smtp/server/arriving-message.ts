/**
 * The message of one transaction, from the reply to DATA or the first BDAT until it is handed on: our `Received:` field,
 * the dots of DATA, and what `MessageIntake` makes of the octets. Its time is kept by the session.
 */
import type { Envelope } from "../../mail/envelope.ts";
import { type Reply, replyClass } from "../../mail/reply.ts";
import { withStatus } from "../reply-wire.ts";
import { DotReader } from "./dot-reader.ts";
import { type IntakeResult, MessageIntake } from "./message-intake.ts";
import type { Protocol } from "./protocol.ts";
import { receivedField } from "./received-field.ts";
import type { ReceiverOptions } from "./receiver.ts";
import { replies } from "./replies.ts";

export type ArrivalTools = Readonly<{
  /** By which command it comes. */
  verb: "data" | "bdat";
  /** ms since 1970. */
  now: () => number;
  /** The disk has caught up. */
  onDrain: () => void;
  onTrouble: (error: string) => void;
}>;

export class ArrivingMessage {
  /** When its last octet must have come, ms since 1970. */
  readonly endBy: number;
  readonly verb: ArrivalTools["verb"];
  readonly #id: string;
  readonly #protocol: Protocol;
  readonly #options: ReceiverOptions;
  readonly #tools: ArrivalTools;
  readonly #intake: MessageIntake;
  readonly #dots = new DotReader();

  /** @param protocol with a transaction open */
  constructor(protocol: Protocol, options: ReceiverOptions, tools: ArrivalTools) {
    const { facts: session, conduct } = protocol;
    const { hostname, timeouts } = options;
    const at = tools.now();
    const id = options.newId();
    const { received: form, isTrusted } = conduct;
    const envelope = envelopeOf(protocol);
    const received = receivedField({ session, form, isTrusted, hostname, messageId: id, envelope, at });
    const wanted = options.headersWanted(session);
    this.endBy = at + timeouts.dataTotalMs;
    this.verb = tools.verb;
    this.#id = id;
    this.#protocol = protocol;
    this.#options = options;
    this.#tools = tools;
    this.#intake = new MessageIntake(id, received, { ...options, wanted }, tools.onDrain);
  }

  /** Nothing more is to be read before `onDrain`. */
  get backlogged(): boolean {
    return this.#intake.backlogged;
  }

  get refusal(): Reply | undefined {
    return this.#intake.refusal;
  }

  /** Of DATA. @returns what came behind the end of the message; undefined: its end has not come */
  writeText(octets: Buffer): Buffer | undefined {
    const { text, rest } = this.#dots.read(octets);
    this.#intake.write(text);
    return rest;
  }

  /** Of BDAT. */
  writeOctets(octets: Buffer): void {
    this.#intake.write(octets);
  }

  /** Hands it on, and replies once it is safe (SR-15) or refused (SR-16). */
  async end(): Promise<Reply> {
    const result = await this.#intake.finish();
    const reply = result.kind === "refused" ? result.reply : await this.#accept(result);
    if (replyClass(reply) !== "success") this.discard();
    return reply;
  }

  discard(): void {
    this.#intake.discard();
  }

  async #accept({ body, facts, headers }: IntakeResult & { kind: "message" }): Promise<Reply> {
    const { facts: session } = this.#protocol;
    const envelope = envelopeOf(this.#protocol);
    const receivedAt = this.#tools.now();
    try {
      const mail = { id: this.#id, session, receivedAt, envelope, body, facts, headers };
      return withStatus(await this.#options.accept(mail));
    } catch (error) {
      this.#tools.onTrouble(String(error));
      return replies.acceptFailed;
    }
  }
}

function envelopeOf({ sender, recipients }: Protocol): Envelope {
  if (sender === undefined) throw new Error("a message without a transaction");
  return { sender, recipients };
}
