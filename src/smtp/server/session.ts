/**
 * One connection of a client: octets in, replies out, between the socket and the `Protocol`.
 *
 *     naming -> handshake -> greeting -> command <-> text (DATA) | octets (BDAT) | response (AUTH)
 *                                           ^             |
 *                                           '-- waiting <-'      any --> ended
 *
 * Guarantees:
 *  - all commands of one read are answered with one write (EX-20); while a message is committed, no further command is
 *    read, and at most one read of input waits in memory;
 *  - input before its time (before the greeting, after DATA, STARTTLS or AUTH in the same read) is answered 554 and ends
 *    the session, so that nothing is ever smuggled past a change of state (EX-23, ST-3); where the conduct says so, what
 *    follows STARTTLS is thrown away instead, never obeyed;
 *  - every state has a deadline, and so have the message and the session (AT-21); `checkDeadline` is called from outside,
 *    a session owns no timer;
 *  - a message without its end is forgotten, however the connection ended (ST-19);
 *  - what goes wrong in here, or in a function that it was handed, ends this session alone.
 * Memory per session: see `MessageIntake`, `SessionInput`, and one read.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ClientName } from "../../mail/client-name.ts";
import type { Clock } from "../../mail/clock.ts";
import { errorText } from "../../mail/error-text.ts";
import { type Reply, replyClass } from "../../mail/reply.ts";
import type { Observer } from "../../observe/events.ts";
import { channelBinding } from "../../tls/channel-binding.ts";
import { clientHandshakeFacts } from "../../tls/client-facts.ts";
import type { TrustAnchors } from "../../tls/handshake-settings.ts";
import type { ServerHandshake } from "../../tls/server-context.ts";
import { describeTlsError } from "../../tls/tls-error.ts";
import { decodeLine } from "../command.ts";
import { ArrivingMessage } from "./arriving-message.ts";
import { MAX_RESPONSE_BYTES } from "./auth-command.ts";
import { ClientSocket } from "./client-socket.ts";
import type { Conduct } from "./conduct.ts";
import { LogIn, type LogInEnd, type LogInTurn } from "./log-in.ts";
import { type Answer, type Next, Protocol } from "./protocol.ts";
import type { ReceiverOptions, Refusal, SessionFacts } from "./receiver.ts";
import { replies } from "./replies.ts";
import type { SaslMechanism } from "./sasl/sasl.ts";
import { SessionInput } from "./session-input.ts";
import { SessionReports } from "./session-reports.ts";

/** How long a client may take to close after our last word. */
const LINGER_MS = 5000;
const NEVER = Number.POSITIVE_INFINITY;
const noLine = Buffer.alloc(0);

export type SessionTools = Readonly<{
  observe: Observer;
  clock: Clock;
  /** The handshake for a connection that starts TLS now; undefined when no certificate can be shown. */
  handshake: (conduct: Conduct) => ServerHandshake | undefined;
  onEnd: (session: Session) => void;
}>;

export type Peer = Pick<SessionFacts, "clientAddress" | "clientPort" | "localAddress" | "localPort">;

type Mode = "naming" | "handshake" | "greeting" | "command" | "text" | "octets" | "response" | "waiting" | "ended";

type Chunk = { left: number; readonly last: boolean; readonly refusal: Reply | undefined };

export class Session {
  readonly #options: ReceiverOptions;
  readonly #tools: SessionTools;
  readonly #peer: Peer;
  readonly #protocol: Protocol;
  readonly #startedAt: number;
  readonly #reports: SessionReports;
  readonly #input = new SessionInput();
  readonly #socket: ClientSocket;
  #mode: Mode = "greeting";
  #arriving: ArrivingMessage | undefined;
  #chunk: Chunk | undefined;
  #logIn: LogIn | undefined;
  #deadline = NEVER;
  #stopping = false;
  #clientEnded = false;
  #closed = false;
  #endReason = "closed by client";

  constructor(socket: Socket, peer: Peer, options: ReceiverOptions, tools: SessionTools) {
    this.#socket = new ClientSocket(socket, {
      data: (bytes) => this.#onData(bytes),
      end: () => this.#onEnd(),
      error: (error) => this.#onError(error),
      close: () => this.#onClose(),
      drain: this.#onDrain,
    });
    this.#peer = peer;
    this.#options = options;
    this.#tools = tools;
    this.#startedAt = tools.clock.now();
    this.#reports = new SessionReports(tools.observe, options, () => this.#protocol.facts);
    this.#protocol = new Protocol(
      { id: options.newId(), listener: options.listener, ...peer },
      { ...options, mayShakeHands: (conduct) => tools.handshake(conduct) !== undefined },
    );
  }

  get peer(): Peer {
    return this.#peer;
  }

  /**
   * Finds out the client's name where it matters; then starts the handshake of an implicit-TLS listener, or waits a
   * moment for early talkers and greets.
   */
  begin(): void {
    this.#alone(() => {
      const name = this.#options.clientName(this.#peer.clientAddress);
      if (name === undefined) this.#open();
      else void this.#aloneAlso(this.#nameClient(name));
    });
  }

  /** Nothing is read meanwhile. */
  async #nameClient(found: Promise<ClientName>): Promise<void> {
    this.#mode = "naming";
    this.#socket.watch();
    const name = await found;
    this.#socket.unwatch();
    if (this.#mode !== "naming") return;
    this.#protocol.nameClient(name);
    this.#open();
  }

  /** What a client of implicit TLS sent meanwhile is its handshake: nobody else may take it from the socket. */
  #open(): void {
    this.#reports.started();
    if (this.#options.implicitTls) {
      this.#socket.watch();
      this.#startTls();
    } else {
      this.#socket.attach();
      this.#greetSoon();
    }
  }

  /** Says 421 as soon as no message is under way (SR-19). */
  stop(): void {
    this.#stopping = true;
    if (this.#mode === "naming" || this.#mode === "handshake") this.destroy("shutting down");
    else if (["greeting", "command", "response"].includes(this.#mode)) this.#sayGoodbye();
  }

  /** Trouble of one client is never another's. */
  #alone(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #aloneAlso(acting: Promise<void>): Promise<void> {
    await acting.catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#reports.trouble("a session", errorText(error));
    this.#socket.unsay();
    if (this.#mode === "naming" || this.#mode === "handshake") this.destroy("trouble here");
    else this.#end(replies.troubled, "trouble here");
  }

  destroy(reason: string): void {
    if (this.#mode !== "ended") this.#endReason = reason;
    this.#mode = "ended";
    this.#socket.destroy();
  }

  /** Ends the session when it is past its deadline. */
  checkDeadline(now: number): void {
    if (now < Math.min(this.#deadline, this.#sessionEnd())) return;
    if (this.#mode === "ended") {
      this.#socket.destroy();
    } else if (this.#mode === "handshake") {
      this.#handshakeFailed("timeout");
    } else {
      this.#end(replies.timeout, "timeout");
    }
  }

  /** The whole session's end; a commit under way is never cut off by it. */
  #sessionEnd(): number {
    return this.#mode === "waiting" || this.#mode === "ended"
      ? NEVER
      : this.#startedAt + this.#options.timeouts.sessionMs;
  }

  // --- the socket -------------------------------------------------------------------------------------------------

  #onData(bytes: Buffer): void {
    if (this.#mode === "ended") return;
    if (this.#mode === "greeting") {
      this.#end(replies.spokeTooEarly, "spoke before the greeting");
      return;
    }
    this.#input.add(bytes);
    if (this.#mode === "waiting") this.#socket.pause();
    else this.#alone(() => this.#run());
  }

  #onEnd(): void {
    this.#clientEnded = true;
    if (this.#mode === "handshake") this.#handshakeFailed("closed by client");
    else if (this.#mode !== "waiting") this.#hangUp();
  }

  #onError(error: Error): void {
    if (this.#mode === "handshake") this.#handshakeFailed(describeTlsError(error).text);
    else if (this.#mode !== "ended") this.#endReason = "connection lost";
  }

  #onClose(): void {
    if (this.#closed) return;
    if (this.#mode === "handshake") this.#handshakeFailed("closed by client");
    this.#closed = true;
    this.#arriving?.discard();
    this.#mode = "ended";
    this.#reports.ended(this.#endReason, this.#tools.clock.now() - this.#startedAt);
    this.#tools.onEnd(this);
  }

  /** The client has read our replies, or the disk has caught up: read on. */
  readonly #onDrain = (): void => {
    if (this.#mode === "waiting" || this.#mode === "ended" || this.#arriving?.backlogged) return;
    if (this.#mode === "text" || this.#mode === "octets") this.#extendMessage();
    this.#socket.resume();
  };

  /** The last reply, and no further word is heard. */
  #end(reply: Reply | undefined, reason: string): void {
    if (this.#mode === "ended") return;
    if (reply !== undefined) this.#socket.say(reply);
    this.#endReason = reason;
    this.#socket.write();
    this.#hangUp();
  }

  #hangUp(): void {
    this.#mode = "ended";
    this.#input.clear();
    this.#arriving?.discard();
    this.#arriving = undefined;
    this.#deadline = this.#tools.clock.now() + LINGER_MS;
    this.#socket.hangUp();
  }

  #sayGoodbye(): void {
    this.#end(replies.shuttingDown, "shutting down");
  }

  // --- greeting and TLS -------------------------------------------------------------------------------------------

  /**
   * Greets after one look at the socket: what lies there by now came before its time (SR-20, EX-23). The second
   * `setImmediate` runs after the first one's poll for input.
   */
  #greetSoon(): void {
    this.#mode = "greeting";
    this.#deadline = this.#tools.clock.now() + this.#options.timeouts.greetingMs;
    setImmediate(() => setImmediate(() => this.#alone(() => this.#greet())));
  }

  #greet(): void {
    if (this.#mode !== "greeting") return;
    const { barred } = this.#protocol.conduct;
    if (barred?.close) {
      this.#reportRefusal({ stage: "client", sender: undefined, recipients: [] }, barred.reply);
      this.#end(barred.reply, "barred");
      return;
    }
    this.#socket.sayLine(`220 ${this.#options.hostname} ESMTP Letterlock\r\n`);
    this.#awaitCommand();
    this.#socket.write();
  }

  #startTls(): void {
    const { conduct } = this.#protocol;
    const handshake = this.#tools.handshake(conduct);
    if (handshake === undefined) {
      this.destroy("no certificate");
      return;
    }
    this.#mode = "handshake";
    this.#deadline = this.#tools.clock.now() + this.#options.timeouts.handshakeMs;
    this.#arriving?.discard();
    this.#arriving = undefined;
    const startedAt = performance.now();
    const secure = this.#socket.startTls(handshake);
    const anchors = conduct.profile?.clientAnchors;
    secure.once("secure", () => this.#alone(() => this.#secured(secure, anchors, startedAt)));
  }

  #secured(socket: TLSSocket, anchors: TrustAnchors | undefined, startedAt: number): void {
    if (this.#mode !== "handshake") return;
    const handshake = clientHandshakeFacts(socket, anchors, performance.now() - startedAt);
    const serverName = typeof socket.servername === "string" ? socket.servername : undefined;
    const cut = this.#protocol.startTls({ handshake, serverName });
    this.#reports.handshake(handshake, serverName);
    if (!this.#options.implicitTls) this.#reports.commands.succeeded("starttls");
    if (cut !== undefined) {
      this.#reportRefusal({ stage: "client", sender: undefined, recipients: [] }, replies.cutOff);
      this.destroy(cut);
    } else if (this.#options.implicitTls) this.#greetSoon();
    else this.#awaitCommand(); // no second greeting inside TLS (ST-5)
  }

  /** Nothing is said any more: what the client would read is not TLS (ST-9). */
  #handshakeFailed(error: string): void {
    this.#reports.handshakeFailed(error);
    this.destroy("handshake failed");
  }

  // --- reading ----------------------------------------------------------------------------------------------------

  #run(): void {
    let progress = true;
    while (progress) {
      if (this.#mode === "command") progress = this.#readCommand();
      else if (this.#mode === "text") progress = this.#readText();
      else if (this.#mode === "octets") progress = this.#readOctets();
      else if (this.#mode === "response") progress = this.#readResponse();
      else progress = false;
    }
    this.#socket.write();
  }

  #awaitCommand(): void {
    this.#mode = "command";
    // Between the chunks of a message, that message's end counts as well.
    this.#deadline = Math.min(
      this.#tools.clock.now() + this.#options.timeouts.commandMs,
      this.#arriving?.endBy ?? NEVER,
    );
  }

  #readCommand(): boolean {
    if (this.#stopping) {
      this.#sayGoodbye();
      return false;
    }
    const read = this.#input.takeCommand();
    if (read.kind === "foreign") this.#end(replies.foreignProtocol, "other protocol");
    else if (read.kind === "bare-line-feed") this.#end(replies.bareLineFeed, "bare LF in a command");
    if (read.kind !== "line") return false;
    const { line, tooLong } = read;
    this.#act(tooLong ? this.#protocol.refuseLongLine() : this.#protocol.obey(decodeLine(line)), line);
    return true;
  }

  #act(answer: Answer, line: Buffer): void {
    const { reply, next } = answer;
    this.#count(answer, line);
    if (!this.#input.isEmpty && this.#mustBeLast(next, line)) {
      if (next.kind === "starttls") {
        this.#reportRefusal({ stage: "starttls", sender: undefined, recipients: [] }, replies.spokeTooEarly);
      }
      this.#end(replies.spokeTooEarly, "input before its time");
      return;
    }
    if (next.kind === "starttls") this.#input.clear();
    if (answer.refusal !== undefined && reply !== undefined) this.#reportRefusal(answer.refusal, reply);
    if (next.kind === "close") {
      this.#end(reply, next.reason);
      return;
    }
    if (reply !== undefined) this.#socket.say(reply);
    this.#follow(next);
  }

  /** What succeeds later is counted then. */
  #count({ reply, next }: Answer, line: Buffer): void {
    if (line === noLine) return;
    const verb = this.#reports.commands.said(line);
    const isDone = next.kind === "command" || (next.kind === "close" && verb === "quit");
    if (isDone && reply !== undefined && reply.code < 400) this.#reports.commands.succeeded(verb);
  }

  /**
   * Must the client wait for the reply before it goes on (RFC 2920 §3.1, RFC 3207 §4)? After each change of state, by
   * construction; and after a DATA or STARTTLS that was refused, since what follows it was not meant as commands.
   */
  #mustBeLast(next: Next, line: Buffer): boolean {
    const discards = this.#protocol.conduct.pipelined === "discard";
    if (next.kind === "starttls") return !discards;
    if (next.kind === "data" || next.kind === "auth") return true;
    const text = line.toString("latin1");
    return /^DATA\s*$/i.test(text) || (!discards && /^STARTTLS\s*$/i.test(text));
  }

  #follow(next: Exclude<Next, { kind: "close" }>): void {
    if (next.kind === "data") {
      this.#arrive("data");
      this.#mode = "text";
    } else if (next.kind === "octets") {
      if (next.refusal === undefined && this.#arriving === undefined) this.#arrive("bdat");
      this.#chunk = { left: next.sizeBytes, last: next.last, refusal: next.refusal };
      this.#extendMessage();
      this.#mode = "octets";
    } else if (next.kind === "starttls") {
      this.#socket.write();
      this.#startTls();
    } else if (next.kind === "auth") {
      this.#beginLogIn(next.mechanism, next.initial);
    } else {
      this.#dropUnfinished();
      this.#awaitCommand();
    }
  }

  /** RSET, EHLO and the like end a transaction whose chunks had begun to come. */
  #dropUnfinished(): void {
    if (this.#arriving === undefined || this.#protocol.sender !== undefined) return;
    this.#arriving.discard();
    this.#arriving = undefined;
  }

  // --- AUTH -------------------------------------------------------------------------------------------------------

  #beginLogIn(mechanism: SaslMechanism, initial: Buffer | undefined): void {
    const exchange = this.#options.startSasl(mechanism, {
      session: this.#protocol.facts,
      offered: this.#protocol.conduct.mechanisms,
      channelBinding: () => channelBinding(this.#socket.raw),
    });
    const logIn = new LogIn(mechanism, exchange, (error) => this.#reports.trouble("checking a log-in", error));
    void this.#aloneAlso(this.#takeTurn(logIn, logIn.begin(initial)));
  }

  /** While a password is checked, no further line is read. */
  async #takeTurn(logIn: LogIn, turn: Promise<LogInTurn>): Promise<void> {
    this.#mode = "waiting";
    this.#deadline = NEVER;
    const result = await turn;
    if (this.#mode !== "waiting") return; // cut off meanwhile
    if (result.kind === "ask") {
      this.#logIn = logIn;
      this.#socket.sayLine(result.line);
      this.#mode = "response";
      this.#deadline = this.#tools.clock.now() + this.#options.timeouts.commandMs;
    } else this.#endLogIn(logIn, result);
    this.#run();
    this.#resumeReading();
  }

  #endLogIn({ mechanism }: LogIn, result: LogInEnd): void {
    this.#logIn = undefined;
    this.#awaitCommand();
    this.#reports.logIn(mechanism, result);
    if (result.kind === "done") this.#reports.commands.succeeded("auth");
    const answer =
      result.kind === "done"
        ? this.#protocol.logIn(result.user, mechanism)
        : this.#protocol.failLogIn(result.reply, result.counts, result.triedUser);
    this.#act(answer, noLine);
  }

  #readResponse(): boolean {
    const logIn = this.#logIn;
    if (logIn === undefined) return false;
    const read = this.#input.takeResponse(MAX_RESPONSE_BYTES);
    if (read.kind === "open") return false;
    if (read.tooLong) {
      this.#end(replies.authLineTooLong, "AUTH response too long");
      return false;
    }
    void this.#aloneAlso(this.#takeTurn(logIn, logIn.answer(read.line.toString("latin1"))));
    return true;
  }

  // --- messages ---------------------------------------------------------------------------------------------------

  #arrive(verb: "data" | "bdat"): void {
    this.#arriving = new ArrivingMessage(this.#protocol, this.#options, {
      verb,
      now: () => this.#tools.clock.now(),
      onDrain: this.#onDrain,
      onTrouble: (error) => this.#reports.trouble("accepting a message", error),
    });
    this.#extendMessage();
  }

  /** Each read gives the message another block's time, up to the total. */
  #extendMessage(): void {
    const blockEnd = this.#tools.clock.now() + this.#options.timeouts.dataBlockMs;
    this.#deadline = Math.min(blockEnd, this.#arriving?.endBy ?? NEVER);
  }

  #readText(): boolean {
    const arriving = this.#arriving;
    if (arriving === undefined || this.#input.isEmpty) return false;
    const rest = arriving.writeText(this.#input.take());
    if (rest !== undefined) {
      this.#input.add(rest);
      void this.#aloneAlso(this.#commit(arriving));
      return false;
    }
    this.#extendMessage();
    this.#waitForDisk(arriving);
    return false;
  }

  #readOctets(): boolean {
    const chunk = this.#chunk;
    if (chunk === undefined) return false;
    const bytes = this.#input.take(chunk.left);
    chunk.left -= bytes.length;
    const arriving = chunk.refusal === undefined ? this.#arriving : undefined;
    arriving?.writeOctets(bytes);
    if (chunk.left > 0) {
      this.#extendMessage();
      if (arriving !== undefined) this.#waitForDisk(arriving);
      return false;
    }
    this.#chunk = undefined;
    return this.#endChunk(chunk, arriving);
  }

  #endChunk(chunk: Chunk, arriving: ArrivingMessage | undefined): boolean {
    if (chunk.last && arriving !== undefined) {
      void this.#aloneAlso(this.#commit(arriving));
      return false;
    }
    const refusal = chunk.refusal ?? arriving?.refusal;
    if (refusal !== undefined && arriving !== undefined) {
      this.#reportRefusal(this.#atData(), refusal);
      this.#protocol.failChunks();
      arriving.discard();
      this.#arriving = undefined;
    }
    this.#socket.say(refusal ?? replies.chunkOk);
    this.#awaitCommand();
    return true;
  }

  #waitForDisk({ backlogged }: ArrivingMessage): void {
    if (!backlogged) return;
    this.#deadline = NEVER; // our disk is slow, not the client
    this.#socket.pause();
  }

  async #commit(arriving: ArrivingMessage): Promise<void> {
    this.#mode = "waiting";
    this.#deadline = NEVER;
    this.#arriving = undefined;
    const reply = await arriving.end();
    const taken = replyClass(reply) === "success";
    if (taken) this.#reports.taken(arriving.verb);
    else this.#reportRefusal(this.#atData(), reply);
    this.#protocol.endMessage(taken);
    if (this.#mode !== "waiting") return; // cut off meanwhile
    this.#socket.say(reply);
    this.#awaitCommand();
    this.#run();
    this.#resumeReading();
  }

  #resumeReading(): void {
    if (this.#clientEnded && this.#mode !== "waiting" && this.#mode !== "ended") this.#hangUp();
    else if (!this.#socket.isBehind) this.#onDrain();
  }

  #atData(): Omit<Refusal, "reply"> {
    const { sender, recipients } = this.#protocol;
    return { stage: "data", sender, recipients: recipients.map(({ mailbox }) => mailbox) };
  }

  #reportRefusal(refusal: Omit<Refusal, "reply">, reply: Reply): void {
    this.#reports.refused(this.#protocol.facts, { ...refusal, reply });
  }
}
