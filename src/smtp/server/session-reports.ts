/**
 * What one session tells the log and the record: its handshakes and log-ins, each refusal, its trouble, and at its end
 * what came of it. Counts, and decides nothing.
 */
import { verifiedName } from "../../mail/client-name.ts";
import type { Observer, SessionLabel } from "../../observe/events.ts";
import { describeCertificate, describeChain } from "../../tls/certificate-record.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
import { CommandTally } from "./command-tally.ts";
import { type LogInEnd, logInResult } from "./log-in.ts";
import type { ReceiverOptions, Refusal, SessionFacts } from "./receiver.ts";
import type { SaslMechanism } from "./sasl/sasl.ts";

export class SessionReports {
  readonly #observe: Observer;
  readonly #onRefusal: ReceiverOptions["onRefusal"];
  readonly #facts: () => SessionFacts;
  readonly commands = new CommandTally();
  #messages = 0;
  #refusals = 0;

  constructor(observe: Observer, { onRefusal }: Pick<ReceiverOptions, "onRefusal">, facts: () => SessionFacts) {
    this.#observe = observe;
    this.#onRefusal = onRefusal;
    this.#facts = facts;
  }

  /** The client's name is known, where somebody asked for it. */
  started(): void {
    this.#observe({ kind: "session-started", ...labelOf(this.#facts()) });
  }

  handshake(handshake: HandshakeFacts, serverName?: string): void {
    const { protocol, cipher, bits, group, resumed, certificate, clientCertificate } = handshake;
    this.#observe({
      kind: "inbound-handshake",
      ...labelOf(this.#facts()),
      protocol,
      cipher,
      bits,
      group: group ?? null,
      resumed,
      certificate: certificate === undefined ? null : describeCertificate(certificate),
      chain: describeChain(handshake),
      certificateAsked: clientCertificate !== "not-asked",
      serverName: serverName ?? null,
    });
  }

  handshakeFailed(error: string): void {
    this.#observe({ kind: "inbound-handshake-failed", ...labelOf(this.#facts()), error });
  }

  logIn(mechanism: SaslMechanism, end: LogInEnd): void {
    const user = (end.kind === "done" ? end.user : end.triedUser) ?? null;
    this.#observe({ kind: "log-in", ...labelOf(this.#facts()), mechanism, result: logInResult(end), user });
  }

  /** @param verb which command brought the message */
  taken(verb: "data" | "bdat"): void {
    this.#messages++;
    this.commands.succeeded(verb);
  }

  refused(session: SessionFacts, refusal: Refusal): void {
    this.#refusals++;
    this.#onRefusal(session, refusal);
  }

  trouble(where: string, error: string): void {
    this.#observe({ kind: "trouble", where, error });
  }

  ended(reason: string, durationMs: number): void {
    const facts = this.#facts();
    const { ehlo, tls } = facts;
    const { counts: commands, last: lastCommand } = this.commands;
    const [messages, refusals] = [this.#messages, this.#refusals];
    const spoken = tls === undefined ? null : describeTls(tls.handshake);
    this.#observe({
      kind: "session-ended",
      ...labelOf(facts),
      ehlo,
      tls: spoken,
      messages,
      refusals,
      reason,
      durationMs,
      commands,
      lastCommand,
    });
  }
}

function labelOf({ id, listener, clientAddress, clientPort, clientName }: SessionFacts): SessionLabel {
  return {
    session: id,
    listener,
    client: clientAddress,
    clientPort,
    clientName: verifiedName(clientName) ?? null,
  };
}

function describeTls({ protocol, cipher, group }: HandshakeFacts): string {
  return [protocol, cipher, group].filter(Boolean).join(" ");
}
