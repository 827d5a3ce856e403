/**
 * What one session tells the log and the record: its handshakes and log-ins, each refusal, its trouble, and at its end
 * what came of it. Counts, and decides nothing.
 */
import type { Observer } from "../../observe/events.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
import { type LogInEnd, logInResult } from "./log-in.ts";
import type { ReceiverOptions, Refusal, SessionFacts } from "./receiver.ts";
import type { SaslMechanism } from "./sasl/sasl.ts";

export class SessionReports {
  readonly #observe: Observer;
  readonly #onRefusal: ReceiverOptions["onRefusal"];
  readonly #whose: Pick<SessionFacts, "listener"> & Readonly<{ client: SessionFacts["clientAddress"] }>;
  #messages = 0;
  #refusals = 0;

  constructor(
    observe: Observer,
    { listener, onRefusal }: Pick<ReceiverOptions, "listener" | "onRefusal">,
    client: SessionFacts["clientAddress"],
  ) {
    this.#observe = observe;
    this.#onRefusal = onRefusal;
    this.#whose = { listener, client };
  }

  handshake({ protocol, cipher, group, resumed }: HandshakeFacts): void {
    this.#observe({ kind: "inbound-handshake", ...this.#whose, protocol, cipher, group: group ?? null, resumed });
  }

  handshakeFailed(error: string): void {
    this.#observe({ kind: "inbound-handshake-failed", ...this.#whose, error });
  }

  logIn(mechanism: SaslMechanism, end: LogInEnd): void {
    const user = (end.kind === "done" ? end.user : end.triedUser) ?? null;
    this.#observe({ kind: "log-in", ...this.#whose, mechanism, result: logInResult(end), user });
  }

  taken(): void {
    this.#messages++;
  }

  refused(session: SessionFacts, refusal: Refusal): void {
    this.#refusals++;
    this.#onRefusal(session, refusal);
  }

  trouble(where: string, error: string): void {
    this.#observe({ kind: "trouble", where, error });
  }

  ended({ ehlo, tls }: SessionFacts, reason: string, durationMs: number): void {
    const [messages, refusals] = [this.#messages, this.#refusals];
    const spoken = tls === undefined ? null : describeTls(tls.handshake);
    this.#observe({ kind: "session-ended", ...this.#whose, ehlo, tls: spoken, messages, refusals, reason, durationMs });
  }
}

function describeTls({ protocol, cipher, group }: HandshakeFacts): string {
  return [protocol, cipher, group].filter(Boolean).join(" ");
}
