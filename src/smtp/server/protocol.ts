/**
 * The conversation of one session as a value: a command goes in, a reply and what comes next go out. No socket, no
 * timer, no octets of a message.
 *
 *     start --EHLO/HELO--> greeted --MAIL--> sender --RCPT--> recipients --DATA--> (data)
 *       ^                    ^  ^               |                 |   \---BDAT--> chunks --BDAT LAST--> (message done)
 *       '--STARTTLS, AUTH----'  '--RSET, EHLO---'-----------------'-----------------'
 *
 * How it is led is the `Conduct`'s word, which is asked for when the client's name is known, inside TLS and after AUTH,
 * and anew at each command that opens something: what a reload forbids is not begun any more.
 *
 * Guarantees: one reply per command, in order (SR-3); a refused command changes nothing (SR-5, SR-8); what was said
 * before TLS is forgotten inside it (ST-4); EHLO names only what is obeyed (SR-7).
 */
import type { ClientName } from "../../mail/client-name.ts";
import type { EnvelopeRecipient, EnvelopeSender } from "../../mail/envelope.ts";
import { type Reply, reply } from "../../mail/reply.ts";
import { type Command, hasForbiddenOctet, isForeignProtocol, splitCommand } from "../command.ts";
import { withStatus } from "../reply-wire.ts";
import { parseAuth } from "./auth-command.ts";
import type { Conduct } from "./conduct.ts";
import { parseMail, parseRcpt } from "./envelope-commands.ts";
import type { ReceiverOptions, Refusal, SessionFacts } from "./receiver.ts";
import { replies, type TlsReplies, tlsReplies } from "./replies.ts";
import type { SaslMechanism } from "./sasl/sasl.ts";

/**
 * What the session does after the reply. `octets`: read so many first, then reply (BDAT); `refusal` says that they are
 * to be thrown away. `close` with the reason for the log.
 */
export type Next =
  | Readonly<{ kind: "command" }>
  | Readonly<{ kind: "data" }>
  | Readonly<{ kind: "octets"; sizeBytes: number; last: boolean; refusal: Reply | undefined }>
  | Readonly<{ kind: "starttls" }>
  /** The mechanism's exchange: challenges and responses until it ends. */
  | Readonly<{ kind: "auth"; mechanism: SaslMechanism; initial: Buffer | undefined }>
  | Readonly<{ kind: "close"; reason: string }>;

/**
 * `reply` is undefined where octets come first, and where an exchange begins. `refusal` is set when it was not a slip
 * of the client's: somebody decided so, and the record is to tell.
 */
export type Answer = Readonly<{
  reply: Reply | undefined;
  next: Next;
  refusal?: Omit<Refusal, "reply">;
}>;

type Transaction = {
  readonly sender: EnvelopeSender;
  readonly recipients: EnvelopeRecipient[];
  refusedRecipients: number;
  chunks: "none" | "begun" | "failed";
};

export type ProtocolOptions = Pick<
  ReceiverOptions,
  "hostname" | "implicitTls" | "limits" | "checkSender" | "checkRecipient" | "conduct" | "maxAuthFailures"
> &
  Readonly<{
    /** Can a handshake be made with what the conduct names? */
    mayShakeHands: (conduct: Conduct) => boolean;
  }>;

type SessionStart = Omit<SessionFacts, "ehlo" | "esmtp" | "tls" | "clientName" | "login">;

const nextCommand: Next = { kind: "command" };
/** Commands of registered extensions that are not offered here: 502, others 500 (SR-5). */
const knownElsewhere = new Set(["EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "BURL", "VERB"]);
const known = new Set([
  ...["EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "HELP", "QUIT", "STARTTLS", "AUTH"],
  ...knownElsewhere,
]);
/** What begins a session, a transaction, a log-in or TLS: by the rules of the moment, with the certificate of the moment. */
const opening = new Set(["EHLO", "HELO", "MAIL", "AUTH", "STARTTLS"]);
/** What a barred client may still say. */
const allowedWhenBarred = new Set(["EHLO", "HELO", "NOOP", "RSET", "QUIT"]);
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
  #clientName: ClientName = { kind: "not-asked" };
  #login: SessionFacts["login"];
  #transaction: Transaction | undefined;
  #errors = 0;
  #authFailures = 0;
  #commandsSinceMessage = 0;
  #facts: SessionFacts | undefined;
  #conduct: Conduct | undefined;

  constructor(start: SessionStart, options: ProtocolOptions) {
    this.#start = start;
    this.#options = options;
  }

  /** What is known of the session; the same object until EHLO, TLS or AUTH change it. */
  get facts(): SessionFacts {
    this.#facts ??= {
      ...this.#start,
      ehlo: this.#ehlo ?? "",
      esmtp: this.#esmtp,
      clientName: this.#clientName,
      tls: this.#tls,
      login: this.#login,
    };
    return this.#facts;
  }

  get conduct(): Conduct {
    this.#conduct ??= this.#options.conduct(this.facts);
    return this.#conduct;
  }

  get #words(): TlsReplies {
    return tlsReplies[this.conduct.wording];
  }

  /** Asked for before the greeting. */
  nameClient(name: ClientName): void {
    this.#clientName = name;
    this.#forgetFacts();
  }

  #forgetFacts(): void {
    this.#facts = undefined;
    this.#conduct = undefined;
  }

  get sender(): EnvelopeSender | undefined {
    return this.#transaction?.sender;
  }

  get recipients(): readonly EnvelopeRecipient[] {
    return this.#transaction?.recipients ?? [];
  }

  /** TLS is on: everything said in clear is forgotten (ST-4, AU-5). @returns why nothing more is to be heard */
  startTls(tls: NonNullable<SessionFacts["tls"]>): "no client certificate" | undefined {
    this.#tls = tls;
    this.#ehlo = undefined;
    this.#esmtp = false;
    this.#login = undefined;
    this.#transaction = undefined;
    this.#forgetFacts();
    const { user, cutWithoutCertificate } = this.conduct;
    if (user !== undefined) this.#logIn({ user, by: "certificate" });
    return cutWithoutCertificate && tls.handshake.certificate === undefined ? "no client certificate" : undefined;
  }

  /** The exchange ended well: the client is this user from now on. */
  logIn(user: string, by: SaslMechanism): Answer {
    this.#logIn({ user, by });
    return say(replies.loggedIn);
  }

  #logIn(login: NonNullable<SessionFacts["login"]>): void {
    this.#login = login;
    this.#forgetFacts();
  }

  /** The exchange ended without a log-in. @param counts a guess, not a slip of the client's or our own trouble */
  failLogIn(reply: Reply, counts: boolean, triedUser: string | undefined): Answer {
    if (counts) this.#authFailures++;
    const tooMany = this.#authFailures >= this.#options.maxAuthFailures;
    const { sender, recipients } = noEnvelope;
    return {
      reply: tooMany ? replies.tooManyLogIns : reply,
      next: tooMany ? { kind: "close", reason: "too many failed log-ins" } : nextCommand,
      refusal: { stage: "auth", sender, recipients, ...(triedUser === undefined ? {} : { triedUser }) },
    };
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
    if (opening.has(verb)) this.#conduct = undefined;
    const gate = this.#gate(command);
    if (gate !== undefined) return gate;
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
      case "AUTH":
        return this.#auth(argument);
      default:
        if (isForeignProtocol(command))
          return say(replies.foreignProtocol, { kind: "close", reason: "other protocol" });
        return say(knownElsewhere.has(verb) ? replies.notOffered : replies.unknownCommand);
    }
  }

  /** What stands before every command: a client from whom nothing is taken, and TLS first. */
  #gate({ verb, argument }: Command): Answer | undefined {
    const { barred, starttls } = this.conduct;
    if (barred?.close) {
      const refusal = { stage: "client", ...noEnvelope } as const;
      return { reply: barred.reply, next: { kind: "close", reason: "barred" }, refusal };
    }
    if (barred !== undefined && known.has(verb) && !allowedWhenBarred.has(verb)) {
      const mayMakeItGood = verb === "STARTTLS" && this.#tls === undefined && starttls !== "never";
      if (!mayMakeItGood) return this.#turnDown(verb, argument, barred.reply);
    }
    if (starttls !== "require" || this.#tls !== undefined || !known.has(verb)) return undefined;
    const { allowedBeforeTls, tlsFirst } = this.#words;
    return allowedBeforeTls.has(verb) ? undefined : this.#turnDown(verb, argument, tlsFirst);
  }

  /** The octets of a chunk come in any case; at MAIL the record is to tell. */
  #turnDown(verb: string, argument: string, reply: Reply): Answer {
    if (verb === "BDAT") return this.#bdat(argument, reply);
    return verb === "MAIL" ? refuse(reply, { stage: "mail", ...noEnvelope }) : say(reply);
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
    const { barred, mechanisms, starttls } = this.conduct;
    if (barred !== undefined) return ["ENHANCEDSTATUSCODES", ...(this.#namesStartTls() ? ["STARTTLS"] : [])];
    const keywords = ["PIPELINING", `SIZE ${this.#options.limits.maxMessageBytes}`];
    if (this.#namesStartTls()) keywords.push("STARTTLS");
    const hidden = starttls === "require" && this.#tls === undefined;
    if (mechanisms.length > 0 && !hidden) keywords.push(`AUTH ${mechanisms.join(" ")}`);
    keywords.push("ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING");
    return keywords;
  }

  #namesStartTls(): boolean {
    const { starttls } = this.conduct;
    if (this.#options.implicitTls || this.#tls !== undefined || starttls === "never") return false;
    return this.#words.namesUnavailable || this.#mayStartTls();
  }

  #mayStartTls(): boolean {
    const { conduct } = this;
    return (conduct.starttls === "offer" || conduct.starttls === "require") && this.#options.mayShakeHands(conduct);
  }

  #mail(argument: string): Answer {
    const silent = this.#ehlo === undefined;
    if (silent && !this.conduct.mailWithoutHello) return say(replies.helloFirst);
    if (this.#transaction !== undefined) return say(replies.alreadyInTransaction);
    if (this.conduct.authRequired && this.#login === undefined) {
      return refuse(replies.authFirst, { stage: "mail", ...noEnvelope });
    }
    const parsed = parseMail(argument, this.#options.limits.maxMessageBytes, this.#esmtp || silent);
    if (parsed.kind === "refused") {
      const { reply } = parsed;
      return reply === replies.messageTooBig ? refuse(reply, { stage: "mail", ...noEnvelope }) : say(reply);
    }
    const { sender } = parsed;
    const refusal = this.#options.checkSender(this.facts, sender);
    if (refusal !== undefined) return refuse(refusal, { stage: "mail", sender, recipients: [] });
    this.#transaction = { sender, recipients: [], refusedRecipients: 0, chunks: "none" };
    return say(replies.senderOk);
  }

  #rcpt(argument: string): Answer {
    const transaction = this.#transaction;
    if (transaction === undefined) return say(replies.mailFirst);
    if (transaction.chunks !== "none") return say(replies.chunksBegun);
    const parsed = parseRcpt(argument, transaction.sender.smtputf8, this.#esmtp || this.#ehlo === undefined);
    if (parsed.kind === "refused") {
      transaction.refusedRecipients++;
      return say(parsed.reply);
    }
    const { recipient } = parsed;
    if (transaction.recipients.length >= this.#options.limits.maxRecipients) {
      const { sender } = transaction;
      return refuse(replies.tooManyRecipients, { stage: "rcpt", sender, recipients: [recipient.mailbox] });
    }
    const refusal = this.#options.checkRecipient(this.facts, transaction.sender, recipient.mailbox);
    if (refusal !== undefined) {
      transaction.refusedRecipients++;
      return refuse(refusal, { stage: "rcpt", sender: transaction.sender, recipients: [recipient.mailbox] });
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
      const next = { kind: "close", reason: "BDAT too large to skip" } as const;
      const recipients = this.recipients.map(({ mailbox }) => mailbox);
      return { reply: replies.messageTooBig, next, refusal: { stage: "data", sender: this.sender, recipients } };
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
    const words = this.#words;
    if (argument !== "") return say(words.badArgument);
    if (this.#tls !== undefined) return say(words.alreadyTls);
    if (this.conduct.starttls === "never" || this.#options.implicitTls) return say(words.notOffered);
    if (!this.#mayStartTls()) return refuse(words.unavailable, { stage: "starttls", ...noEnvelope });
    if (this.#transaction !== undefined && words.inTransaction !== undefined) return say(words.inTransaction);
    return say(words.ready, { kind: "starttls" });
  }

  /** RFC 4954 §4: after EHLO, outside a transaction, once (AU-1). */
  #auth(argument: string): Answer {
    const { mechanisms, authNeedsTls } = this.conduct;
    if (mechanisms.length === 0) return say(authNeedsTls ? this.#words.authBeforeTls : this.#words.noAuth);
    if (!this.#esmtp) return say(replies.helloFirst);
    // Who is known by the certificate alone has not said AUTH yet, and may.
    if (this.#login !== undefined && this.#login.by !== "certificate") return say(replies.alreadyLoggedIn);
    if (this.#transaction !== undefined) return say(replies.noAuthInTransaction);
    const parsed = parseAuth(argument);
    if (parsed.kind === "refused") return say(parsed.reply);
    const { mechanism, initial } = parsed;
    if (mechanisms.includes(mechanism)) return { reply: undefined, next: { kind: "auth", mechanism, initial } };
    return say(authNeedsTls ? replies.authNeedsTls : replies.unknownMechanism);
  }

  /** Ends a session that only makes mistakes, or never gets to a message (AT-22). */
  #count(answer: Answer): Answer {
    const { maxErrors, maxCommands } = this.#options.limits;
    this.#commandsSinceMessage++;
    if (isError(answer.reply) || answer.reply === this.conduct.barred?.reply) this.#errors++;
    if (answer.next.kind === "close") return answer;
    if (this.#errors >= maxErrors) return ending(answer, replies.tooManyErrors, "too many errors");
    if (this.#commandsSinceMessage > maxCommands) return ending(answer, replies.tooManyCommands, "too many commands");
    return answer;
  }
}

/** Mistakes in the protocol; a refused sender or recipient is none. */
function isError(answer: Reply | undefined): boolean {
  return answer !== undefined && ((answer.code >= 500 && answer.code <= 504) || answer.code === 555);
}

function say(reply: Reply, next: Next = nextCommand): Answer {
  return { reply, next };
}

/** What was refused stays refused. */
function ending({ refusal }: Answer, reply: Reply, reason: string): Answer {
  return { reply, next: { kind: "close", reason }, ...(refusal && { refusal }) };
}

const noEnvelope = { sender: undefined, recipients: [] } as const;

function refuse(reply: Reply, refusal: Omit<Refusal, "reply">): Answer {
  return { reply: withStatus(reply), next: nextCommand, refusal };
}
