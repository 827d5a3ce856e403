/**
 * One connection to a peer, as commands out and replies in; in clear first, in TLS after `startTls`.
 *
 *     idle --begin--> busy --finish--> idle
 *       \               \
 *        '-- broken <----'      (closed, timed out, protocol error: final)
 *
 * Guarantees:
 *  - replies are matched by count; one that nobody asked for breaks the conversation (EX-22);
 *  - nothing that was read in clear is ever taken for a reply inside TLS (ST-11): octets behind the 220 are reported,
 *    and TLS starts with an empty parser;
 *  - every wait has a deadline, and all waits together the total limit (CL-5, CL-6); no method throws or hangs.
 * Not here: what the commands are (`envelope-commands.ts`), what replies mean (`transaction.ts`, `open-connection.ts`).
 */
import type { Socket } from "node:net";
import type { Clock } from "../../mail/clock.ts";
import type { EnhancedStatus } from "../../mail/outcome.ts";
import type { Reply } from "../../mail/reply.ts";
import type { SmtpStage } from "../../mail/smtp-stage.ts";
import { shakeHands } from "../../tls/client-handshake.ts";
import type { HandshakeSettings } from "../../tls/handshake-settings.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
import { describeTlsError } from "../../tls/tls-error.ts";
import { Deadline } from "./deadline.ts";
import { ReplyParser } from "./reply-parser.ts";
import type { ConnectionFacts, OpenOptions, SenderTimeouts } from "./sender.ts";

/** Why nothing more can be said here. `code` is the system's or OpenSSL's, `PROTOCOL` or `TIMEOUT`. */
export type Break = Readonly<{ stage: SmtpStage; status: EnhancedStatus; code: string; text: string }>;

/** A 421: the peer is about to close, whatever was asked (CL-14). */
export type Goodbye = Readonly<{ stage: SmtpStage; reply: Reply }>;

export type TlsStart =
  | Readonly<{ kind: "done"; facts: HandshakeFacts }>
  | Readonly<{ kind: "injected" }>
  | Readonly<{ kind: "failed"; code: string; text: string }>;

/** For the answer to QUIT (CL-6). */
const quitMs = 5000;
/** Kept unread. A group of commands has at most 103: RSET, MAIL, 100 RCPT, DATA. */
const maxReplies = 200;

export class Conversation {
  /** Our end. */
  readonly local: ConnectionFacts;
  #socket: Socket;
  #parser = new ReplyParser();
  readonly #waits: Readonly<Record<SmtpStage, number>>;
  readonly #deadline: Deadline;
  #busy = true;
  #stage: SmtpStage = "greeting";
  #replies: Reply[] = [];
  #wanted = 0;
  #stageAt: (index: number) => SmtpStage = () => this.#stage;
  #answered: ((replies: Reply[]) => void) | undefined;
  #drained: (() => void) | undefined;
  #handshake: AbortController | undefined;
  #broken: Break | undefined;
  #goodbye: Goodbye | undefined;
  #quitting = false;
  #closeListeners: (() => void)[] = [];

  /** @param socket connected; from here on it belongs to the conversation. */
  constructor(socket: Socket, { id, timeouts }: Pick<OpenOptions, "id" | "timeouts">, clock: Clock) {
    this.#socket = socket;
    this.local = { id, localAddress: socket.localAddress ?? null, localPort: socket.localPort ?? null, keywords: [] };
    this.#waits = waitsOf(timeouts);
    this.#deadline = new Deadline(clock, () => this.#timedOut());
    this.#deadline.limitTotal(timeouts.totalMs);
    this.#listen();
  }

  get broken(): Break | undefined {
    return this.#broken;
  }

  get goodbye(): Goodbye | undefined {
    return this.#goodbye;
  }

  /** A reply came although no one waits for it: the peer speaks before its time, as in the middle of a body. */
  get hasReply(): boolean {
    return this.#replies.length > 0;
  }

  /** Something is under way from now on. @param totalMs a new limit over all its waits; without it the old one goes on. */
  begin(totalMs?: number): void {
    this.#busy = true;
    if (totalMs !== undefined) this.#deadline.limitTotal(totalMs);
  }

  finish(): void {
    this.#busy = false;
    this.#deadline.disarm();
    if (this.#replies.length > 0) this.reject("a reply to nothing");
  }

  /** Called once it is over, however it ended; at once when it is over already. */
  onClose(listener: () => void): void {
    if (this.#broken === undefined) this.#closeListeners.push(listener);
    else listener();
  }

  /** One command and its reply; `undefined` when the conversation broke. */
  async ask(stage: SmtpStage, line: string): Promise<Reply | undefined> {
    if (this.#replies.length > 0 || !this.#parser.idle) {
      this.reject("a reply before its command");
      return undefined;
    }
    this.write(line);
    const [answer] = await this.read(1, () => stage);
    return answer;
  }

  /** @returns false when the peer should be given time (`drain`); what is written after a break is dropped. */
  write(octets: Uint8Array | string): boolean {
    if (this.#broken !== undefined) return true;
    return typeof octets === "string" ? this.#socket.write(octets, "utf8") : this.#socket.write(octets);
  }

  /** Waits until what was written has left, at most as long as the stage allows. */
  drain(stage: SmtpStage): Promise<void> {
    if (this.#broken !== undefined || !this.#socket.writableNeedDrain) return Promise.resolve();
    this.enter(stage);
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /**
   * The next `count` replies, in order; fewer when the conversation broke, or when one of them was a 421, behind which
   * no others come (CL-14).
   *
   * @param stageAt which command reply number `index` belongs to: each has its own time.
   */
  read(count: number, stageAt: (index: number) => SmtpStage): Promise<Reply[]> {
    this.#wanted = count;
    this.#stageAt = stageAt;
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#settle();
    });
  }

  /**
   * Hands the socket to TLS, unless something stands behind the 220 already: that is `injected` (ST-11). What comes in
   * clear later meets OpenSSL as the first record and fails the handshake.
   */
  async startTls(settings: HandshakeSettings): Promise<TlsStart> {
    const raw = this.#socket;
    const behind = this.#replies.length > 0 || !this.#parser.idle || raw.readableLength > 0;
    if (behind || this.#broken?.code === "PROTOCOL") {
      this.close();
      return { kind: "injected" };
    }
    if (this.#broken !== undefined) return { kind: "failed", code: this.#broken.code, text: this.#broken.text };
    this.enter("handshake");
    this.#handshake = new AbortController();
    this.#unlisten();
    const result = await shakeHands(raw, settings, this.#handshake.signal);
    this.#handshake = undefined;
    if (result.kind === "failed") {
      this.#break(result.code, "4.7.5", result.text);
      return result;
    }
    this.#socket = result.socket;
    this.#parser = new ReplyParser();
    this.#listen();
    return { kind: "done", facts: result.facts };
  }

  /** Ends at once, without QUIT. */
  close(): void {
    this.#break("CLOSED", "4.4.2", "closed by us");
  }

  /** Ends the work under way for a reason of ours. */
  abort(text: string): void {
    this.#break("ABORTED", "4.3.0", text);
  }

  /** Ends it because the peer does not speak SMTP as agreed. */
  reject(text: string): void {
    this.#break("PROTOCOL", "4.5.0", text);
  }

  /** What follows is timed as this stage. */
  enter(stage: SmtpStage): void {
    this.#stage = stage;
    this.#deadline.arm(this.#waits[stage]);
  }

  /** QUIT, and a few seconds for the answer (CL-13); in the middle of something, the end at once. */
  quit(): void {
    if (this.#broken !== undefined || this.#quitting) return;
    if (this.#busy) {
      this.close();
      return;
    }
    this.#quitting = true;
    this.#deadline.limitTotal(quitMs);
    this.#deadline.arm(quitMs);
    this.#socket.write("QUIT\r\n", "latin1");
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("error", this.#onError);
  }

  /** Errors keep a listener: those of a socket under TLS surface there as well. */
  #unlisten(): void {
    const socket = this.#socket;
    socket.on("error", () => undefined);
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onEnd);
    socket.off("drain", this.#onDrain);
    socket.off("error", this.#onError);
  }

  readonly #onData = (chunk: Buffer): void => this.#receive(chunk);
  readonly #onEnd = (): void => this.#break("ECONNRESET", "4.4.2", "connection closed by the peer");
  readonly #onDrain = (): void => this.#wakeWriter();
  readonly #onError = (error: Error): void => {
    const { code, text } = describeTlsError(error);
    this.#break(code, "4.4.2", text);
  };
  readonly #onReply = (reply: Reply): void => {
    this.#replies.push(reply);
  };

  #receive(chunk: Buffer): void {
    if (this.#broken !== undefined) return;
    const before = this.#replies.length;
    const problem = this.#parser.feed(chunk, this.#onReply);
    if (problem !== undefined) this.reject(problem);
    // While we write, nobody takes replies away: a peer that floods us with them must not fill the memory (AT-20).
    else if (this.#replies.length > maxReplies) this.reject("more replies than commands");
    // Only a whole reply buys the peer more time: one that drips octets gets none (AT-20).
    else if (this.#replies.length === before) return;
    else if (this.#busy) this.#settle();
    else this.#spokenTo();
  }

  /** Idle, and the peer says something: goodbye (421, or the answer to QUIT), or nonsense. */
  #spokenTo(): void {
    const [reply] = this.#replies;
    if (this.#quitting) this.#socket.end();
    this.#break("PROTOCOL", "4.4.2", `the peer said ${reply?.code} on an idle connection`);
  }

  /** Hands the waiting reader what it asked for, or sets the time for the reply that is missing. */
  #settle(): void {
    const answered = this.#answered;
    if (answered === undefined) return;
    const replies = this.#replies;
    const goodbye = replies.findIndex(isGoodbye);
    if (goodbye >= 0 && goodbye < this.#wanted) this.#hearGoodbye(goodbye);
    else if (replies.length < this.#wanted && this.#broken === undefined) {
      this.enter(this.#stageAt(replies.length));
      return;
    }
    this.#answered = undefined;
    // What goes wrong from here on belongs to the last command that was answered.
    if (this.#broken === undefined) this.#stage = this.#stageAt(this.#wanted - 1);
    this.#replies = replies.length > this.#wanted ? replies.slice(this.#wanted) : [];
    this.#deadline.disarm();
    answered(replies.length > this.#wanted ? replies.slice(0, this.#wanted) : replies);
  }

  #hearGoodbye(index: number): void {
    const reply = this.#replies[index];
    if (reply !== undefined) this.#goodbye = { stage: this.#stageAt(index), reply };
    this.#wanted = index + 1;
  }

  #timedOut(): void {
    const late = this.#quitting ? "no answer to QUIT" : "timed out";
    this.#handshake?.abort(Object.assign(new Error(late), { code: "TIMEOUT" }));
    this.#break("TIMEOUT", this.#stage === "connect" ? "4.4.1" : "4.4.2", late);
  }

  #break(code: string, status: EnhancedStatus, why: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = { stage: this.#stage, status, code, text: `${why} ${during[this.#stage]}` };
    this.#deadline.close();
    this.#handshake?.abort(Object.assign(new Error(why), { code }));
    // An orderly end leaves what was written on its way; destroying at once would cut off a QUIT.
    if (this.#socket.writableEnded) this.#socket.destroySoon();
    else this.#socket.destroy();
    this.#settle();
    this.#wakeWriter();
    for (const listener of this.#closeListeners) listener();
  }

  #wakeWriter(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }
}

function isGoodbye({ code }: Reply): boolean {
  return code === 421;
}

const during: Readonly<Record<SmtpStage, string>> = {
  connect: "while connecting",
  greeting: "while waiting for the greeting",
  ehlo: "while waiting for the reply to EHLO",
  starttls: "while waiting for the reply to STARTTLS",
  handshake: "during the TLS handshake",
  mail: "while waiting for the reply to MAIL FROM",
  rcpt: "while waiting for the reply to RCPT TO",
  data: "while waiting for the reply to DATA",
  body: "while sending the message",
  "final-dot": "while waiting for the reply to the end of the message",
};

function waitsOf(timeouts: SenderTimeouts): Record<SmtpStage, number> {
  return {
    connect: timeouts.connectMs,
    greeting: timeouts.greetingMs,
    ehlo: timeouts.ehloMs,
    starttls: timeouts.starttlsMs,
    handshake: timeouts.handshakeMs,
    mail: timeouts.mailMs,
    rcpt: timeouts.rcptMs,
    data: timeouts.dataMs,
    body: timeouts.dataBlockMs,
    "final-dot": timeouts.finalDotMs,
  };
}
