/**
 * The conversation of one session as a value: a command goes in, a reply and what comes next go out. No socket, no
 * timer, no octets of a message.
 *
 *     start --EHLO/HELO--> greeted --MAIL--> sender --RCPT--> recipients --DATA--> (data)
 *       ^                    ^  ^               |                 |   \---BDAT--> chunks --BDAT LAST--> (message done)
 *       '-----STARTTLS-------'  '--RSET, EHLO---'-----------------'-----------------'
 *
 * Guarantees: one reply per command, in order (SR-3); a refused command changes nothing (SR-5, SR-8); what was said
 * before TLS is forgotten inside it (ST-4); EHLO names only what is obeyed (SR-7).
 */
import type { EnvelopeRecipient, EnvelopeSender } from "../../mail/envelope.ts";
import { type Reply, reply } from "../../mail/reply.ts";
import { type Command, hasForbiddenOctet, isForeignProtocol, splitCommand } from "../command.ts";
import { withStatus } from "../reply-wire.ts";
import { parseMail, parseRcpt } from "./envelope-commands.ts";
import type { ReceiverOptions, SessionFacts } from "./receiver.ts";
import { replies } from "./replies.ts";

/**
 * What the session does after the reply. `octets`: read so many first, then reply (BDAT); `refusal` says that they are
 * to be thrown away. `close` with the reason for the log.
 */
export type Next =
  | Readonly<{ kind: "command" }>
  | Readonly<{ kind: "data" }>
  | Readonly<{ kind: "octets"; sizeBytes: number; last: boolean; refusal: Reply | undefined }>
  | Readonly<{ kind: "starttls" }>
  | Readonly<{ kind: "close"; reason: string }>;

/** `reply` is undefined only where octets come first. `stage` is set when the world outside refused, for the log. */
export type Answer = Readonly<{
  reply: Reply | undefined;
  next: Next;
  refusal?: Readonly<{ stage: string; to: string | null }>;
}>;

type Transaction = {
  readonly sender: EnvelopeSender;
  readonly recipients: EnvelopeRecipient[];
  refusedRecipients: number;
  chunks: "none" | "begun" | "failed";
};

export type ProtocolOptions = Pick<
  ReceiverOptions,
  "hostname" | "tlsMode" | "requireTls" | "limits" | "checkSender" | "checkRecipient"
> &
  Readonly<{ tlsAvailable: () => boolean }>;

type SessionStart = Omit<SessionFacts, "ehlo" | "esmtp" | "tls">;

const nextCommand: Next = { kind: "command" };
/** Commands of registered extensions that are not offered here: 502, others 500 (SR-5). */
const knownElsewhere = new Set(["AUTH", "EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "BURL", "VERB"]);
/** A chunk of more than so many times the message limit is not read to its end, but the connection closed (EX-19). */
const SKIPPABLE_LIMITS = 2;
/** RFC 1870, 3030: at most 20 digits; above 2^53 no octet could be counted (EX-19). */
const chunkArgument = /^(\d{1,20})( LAST)?$/i;

export class Protocol {
  readonly #options: ProtocolOptions;
  readonly #start: SessionStart;
  #ehlo: string | undefined;
  #esmtp = false;
  #tls: SessionFacts["tls"];
  #transaction: Transaction | undefined;
  #errors = 0;
  #commandsSinceMessage = 0;
  #facts: SessionFacts | undefined;

  constructor(start: SessionStart, options: ProtocolOptions) {
    this.#start = start;
    this.#options = options;
  }

  /** What is known of the session; the same object until EHLO or TLS change it. */
  get facts(): SessionFacts {
    this.#facts ??= { ...this.#start, ehlo: this.#ehlo ?? "", esmtp: this.#esmtp, tls: this.#tls };
    return this.#facts;
  }

  get sender(): EnvelopeSender | undefined {
    return this.#transaction?.sender;
  }

  get recipients(): readonly EnvelopeRecipient[] {
    return this.#transaction?.recipients ?? [];
  }

  /** TLS is on: everything said in clear is forgotten (ST-4). */
  startTls(tls: NonNullable<SessionFacts["tls"]>): void {
    this.#tls = tls;
    this.#ehlo = undefined;
    this.#esmtp = false;
    this.#facts = undefined;
    this.#transaction = undefined;
  }

  /** The message is over, taken or not. */
  endMessage(taken: boolean): void {
    this.#transaction = undefined;
    if (!taken) return;
    this.#errors = 0;
    this.#commandsSinceMessage = 0;
  }

  /** A chunk was refused after its octets were read: only RSET helps now. RFC 3030 §2 */
  failChunks(): void {
    if (this.#transaction !== undefined) this.#transaction.chunks = "failed";
  }

  /** Obeys one command line, given without its CR LF. */
  obey(line: string): Answer {
    return this.#count(hasForbiddenOctet(line) ? say(replies.forbiddenOctet) : this.#obey(splitCommand(line)));
  }

  /** A command line longer than we read. */
  refuseLongLine(): Answer {
    return this.#count(say(replies.lineTooLong));
  }

  #obey(command: Command): Answer {
    const { verb, argument } = command;
    if (this.#options.requireTls && this.#tls === undefined && !allowedBeforeTls.has(verb)) {
      return verb === "BDAT" ? this.#bdat(argument, replies.tlsFirst) : say(replies.tlsFirst);
    }
    switch (verb) {
      case "EHLO":
      case "HELO":
        return this.#hello(argument, verb === "EHLO");
      case "MAIL":
        return this.#mail(argument);
      case "RCPT":
        return this.#rcpt(argument);
      case "DATA":
        return argument === "" ? this.#data() : say(replies.noArgument);
      case "BDAT":
        return this.#bdat(argument);
      case "RSET":
        return argument === "" ? this.#reset() : say(replies.noArgument);
      case "NOOP":
        return say(replies.ok);
      case "VRFY":
        return say(argument === "" ? replies.badArgument : replies.cannotVerify);
      case "HELP":
        return say(replies.help);
      case "QUIT":
        return argument === "" ? say(replies.bye, { kind: "close", reason: "quit" }) : say(replies.noArgument);
      case "STARTTLS":
        return this.#starttls(argument);
      default:
        if (isForeignProtocol(command))
          return say(replies.foreignProtocol, { kind: "close", reason: "other protocol" });
        return say(knownElsewhere.has(verb) ? replies.notOffered : replies.unknownCommand);
    }
  }

  /** Any name will do that is one word of printable ASCII: it proves nothing, and is shown with care (SR-10, TR-8). */
  #hello(name: string, esmtp: boolean): Answer {
    if (!/^[!-~]{1,255}$/.test(name)) return say(replies.hostNameNeeded);
    this.#transaction = undefined;
    this.#ehlo = name;
    this.#esmtp = esmtp;
    this.#facts = undefined;
    return say(reply(250, undefined, this.#options.hostname, ...(esmtp ? this.#keywords() : [])));
  }

  #keywords(): string[] {
    const keywords = ["PIPELINING", `SIZE ${this.#options.limits.maxMessageBytes}`];
    if (this.#mayStartTls()) keywords.push("STARTTLS");
    keywords.push("ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING");
    return keywords;
  }

  #mayStartTls(): boolean {
    return this.#options.tlsMode === "starttls" && this.#tls === undefined && this.#options.tlsAvailable();
  }

  #mail(argument: string): Answer {
    if (this.#ehlo === undefined) return say(replies.helloFirst);
    if (this.#transaction !== undefined) return say(replies.alreadyInTransaction);
    const parsed = parseMail(argument, this.#options.limits.maxMessageBytes, this.#esmtp);
    if (parsed.kind === "refused") return say(parsed.reply);
    const { sender } = parsed;
    const refusal = this.#options.checkSender(this.facts, sender);
    if (refusal !== undefined) return refuse(refusal, "mail", null);
    this.#transaction = { sender, recipients: [], refusedRecipients: 0, chunks: "none" };
    return say(replies.senderOk);
  }

  #rcpt(argument: string): Answer {
    const transaction = this.#transaction;
    if (transaction === undefined) return say(replies.mailFirst);
    if (transaction.chunks !== "none") return say(replies.chunksBegun);
    const parsed = parseRcpt(argument, transaction.sender.smtputf8, this.#esmtp);
    if (parsed.kind === "refused") {
      transaction.refusedRecipients++;
      return say(parsed.reply);
    }
    const { recipient } = parsed;
    if (transaction.recipients.length >= this.#options.limits.maxRecipients) return say(replies.tooManyRecipients);
    const refusal = this.#options.checkRecipient(this.facts, transaction.sender, recipient.mailbox);
    if (refusal !== undefined) {
      transaction.refusedRecipients++;
      return refuse(refusal, "rcpt", recipient.mailbox.text);
    }
    transaction.recipients.push(recipient);
    this.#commandsSinceMessage--; // bounded by maxRecipients already
    return say(replies.recipientOk);
  }

  /** Why no message may begin now. */
  #notReady(): Reply | undefined {
    const transaction = this.#transaction;
    if (transaction === undefined) return replies.mailFirst;
    if (transaction.recipients.length > 0) return undefined;
    return transaction.refusedRecipients > 0 ? replies.noValidRecipients : replies.recipientFirst;
  }

  #data(): Answer {
    const refusal = this.#notReady() ?? (this.#transaction?.chunks === "none" ? undefined : replies.chunksBegun);
    return refusal === undefined ? say(replies.startMail, { kind: "data" }) : say(refusal);
  }

  /**
   * The octets follow whatever we say, so they are read in any case (EX-17); without a number nobody knows how many.
   *
   * @param reason why there is no message anyway
   */
  #bdat(argument: string, reason?: Reply): Answer {
    const match = chunkArgument.exec(argument);
    const sizeBytes = Number(match?.[1]);
    if (match === null || !Number.isSafeInteger(sizeBytes)) {
      return say(replies.badChunkSize, { kind: "close", reason: "BDAT without a usable size" });
    }
    const { maxMessageBytes } = this.#options.limits;
    if (maxMessageBytes > 0 && sizeBytes > SKIPPABLE_LIMITS * maxMessageBytes) {
      return say(replies.messageTooBig, { kind: "close", reason: "BDAT too large to skip" });
    }
    const failed = this.#transaction?.chunks === "failed" ? replies.chunkFailed : undefined;
    const refusal = reason ?? this.#notReady() ?? failed;
    if (this.#transaction !== undefined && refusal === undefined) this.#transaction.chunks = "begun";
    return { reply: undefined, next: { kind: "octets", sizeBytes, last: match[2] !== undefined, refusal } };
  }

  #reset(): Answer {
    this.#transaction = undefined;
    return say(replies.ok);
  }

  #starttls(argument: string): Answer {
    if (this.#tls !== undefined) return say(replies.alreadyTls);
    if (this.#options.tlsMode !== "starttls") return say(replies.notOffered);
    if (argument !== "") return say(replies.noArgument);
    return this.#mayStartTls() ? say(replies.readyForTls, { kind: "starttls" }) : say(replies.noTlsNow);
  }

  /** Ends a session that only makes mistakes, or never gets to a message (AT-22). */
  #count(answer: Answer): Answer {
    const { maxErrors, maxCommands } = this.#options.limits;
    this.#commandsSinceMessage++;
    if (isError(answer.reply)) this.#errors++;
    if (answer.next.kind === "close") return answer;
    if (this.#errors >= maxErrors) return say(replies.tooManyErrors, { kind: "close", reason: "too many errors" });
    if (this.#commandsSinceMessage > maxCommands) {
      return say(replies.tooManyCommands, { kind: "close", reason: "too many commands" });
    }
    return answer;
  }
}

/** ST-7. */
const allowedBeforeTls = new Set(["EHLO", "NOOP", "QUIT", "STARTTLS"]);

/** Mistakes in the protocol; a refused sender or recipient is none. */
function isError(answer: Reply | undefined): boolean {
  return answer !== undefined && ((answer.code >= 500 && answer.code <= 504) || answer.code === 555);
}

function say(reply: Reply, next: Next = nextCommand): Answer {
  return { reply, next };
}

function refuse(reply: Reply, stage: string, to: string | null): Answer {
  return { reply: withStatus(reply), next: nextCommand, refusal: { stage, to } };
}
