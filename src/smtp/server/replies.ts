/**
 * Every reply that the receiver itself gives. Plain text that repeats nothing of what the client sent (AT-24, AT-28).
 * Codes: RFC 5321 §4.2; statuses: RFC 3463 and the registry of RFC 5248 (EX-9, EX-10).
 */
import { type Reply, reply } from "../../mail/reply.ts";
import type { ReplyWording } from "./conduct.ts";

export const replies = {
  bye: reply(221, "2.0.0", "Bye"),
  ok: reply(250, "2.0.0", "Ok"),
  senderOk: reply(250, "2.1.0", "Sender ok"),
  recipientOk: reply(250, "2.1.5", "Recipient ok"),
  chunkOk: reply(250, "2.0.0", "Octets received"),
  cannotVerify: reply(252, "2.5.0", "Cannot verify, but will take mail for it and try to deliver"),
  help: reply(214, "2.0.0", "See RFC 5321"),
  loggedIn: reply(235, "2.7.0", "Authentication successful"),
  startMail: reply(354, undefined, "End data with <CR><LF>.<CR><LF>"),

  timeout: reply(421, "4.4.2", "Timeout, closing connection"),
  shuttingDown: reply(421, "4.3.2", "Service going down, closing connection"),
  troubled: reply(421, "4.3.0", "Trouble here, try again later"),
  tooManyErrors: reply(421, "4.7.0", "Too many errors, closing connection"),
  tooManyCommands: reply(421, "4.7.0", "Too many commands without a message, closing connection"),
  tooManyConnections: reply(421, "4.7.0", "Too many connections, try again later"),
  tooManyFromAddress: reply(421, "4.7.0", "Too many connections from your address, try again later"),
  foreignProtocol: reply(421, "4.7.0", "This is an SMTP server, closing connection"),
  acceptFailed: reply(451, "4.3.0", "Could not store the message, try again later"),
  storageFull: reply(452, "4.3.1", "No room for the message now, try again later"),
  tooManyRecipients: reply(452, "4.5.3", "Too many recipients"),
  authTroubled: reply(454, "4.7.0", "Authentication is not possible now, try again later"),
  authLocked: reply(454, "4.7.0", "Too many failed log-ins from your address, try again later"),
  tooManyLogIns: reply(421, "4.7.0", "Too many failed log-ins, closing connection"),

  unknownCommand: reply(500, "5.5.1", "Unknown command"),
  forbiddenOctet: reply(500, "5.5.2", "Bare CR, bare LF or NUL in command line"),
  bareLineFeed: reply(500, "5.5.2", "A command line must end with CR LF, closing connection"),
  lineTooLong: reply(500, "5.5.2", "Command line too long"),
  badArgument: reply(501, "5.5.4", "Bad argument"),
  noArgument: reply(501, "5.5.4", "No argument allowed"),
  hostNameNeeded: reply(501, "5.5.4", "Host name or address literal needed"),
  badParameter: reply(501, "5.5.4", "Bad or repeated parameter"),
  badSenderPath: reply(501, "5.1.7", "Bad sender address syntax"),
  badRecipientPath: reply(501, "5.1.3", "Bad recipient address syntax"),
  badChunkSize: reply(501, "5.5.4", "BDAT needs a number of octets, closing connection"),
  notOffered: reply(502, "5.5.1", "Command not offered"),
  authCancelled: reply(501, "5.7.0", "Authentication cancelled"),
  badBase64: reply(501, "5.5.2", "Not base64"),
  badAuthResponse: reply(501, "5.5.2", "Response not understood"),
  authLineTooLong: reply(500, "5.5.6", "Response too long"),
  helloFirst: reply(503, "5.5.1", "Send EHLO first"),
  alreadyInTransaction: reply(503, "5.5.1", "A transaction is open already"),
  mailFirst: reply(503, "5.5.1", "Send MAIL first"),
  recipientFirst: reply(503, "5.5.1", "Send RCPT first"),
  chunksBegun: reply(503, "5.5.1", "BDAT has begun, only BDAT or RSET now"),
  chunkFailed: reply(503, "5.5.1", "An earlier chunk was refused, send RSET"),
  alreadyLoggedIn: reply(503, "5.5.1", "Logged in already"),
  noAuthInTransaction: reply(503, "5.5.1", "No AUTH during a transaction"),
  unknownMechanism: reply(504, "5.5.4", "Mechanism not offered"),
  authFirst: reply(530, "5.7.0", "Authentication required"),
  logInFailed: reply(535, "5.7.8", "User name or password wrong"),
  authNeedsTls: reply(538, "5.7.11", "This mechanism needs TLS: issue STARTTLS first"),
  badSenderDomain: reply(553, "5.1.7", "Sender domain is not valid"),
  badRecipientDomain: reply(553, "5.1.3", "Recipient domain is not valid"),
  utf8NotAsked: reply(553, "5.6.7", "Non-ASCII address needs the SMTPUTF8 parameter"),
  noValidRecipients: reply(554, "5.5.1", "No valid recipients"),
  cutOff: reply(554, "5.7.1", "Nothing is said: cut off after a handshake without a client certificate"),
  spokeTooEarly: reply(554, "5.5.0", "Input before its time, closing connection"),
  unknownParameter: reply(555, "5.5.4", "Parameter not known"),

  bareNewline: reply(550, "5.5.2", "Bare CR or bare LF in the message: lines must end with CR LF"),
  messageTooBig: reply(552, "5.3.4", "Message larger than the limit"),
  headerTooBig: reply(552, "5.3.4", "Message header larger than the limit"),
  dataLineTooLong: reply(554, "5.6.0", "A line of the message is too long"),
  routingLoop: reply(554, "5.4.6", "Too many Received fields: the message loops"),
} as const;

/** What is said of STARTTLS, and of what waits for it. */
export type TlsReplies = Readonly<{
  ready: Reply;
  badArgument: Reply;
  /** Switched off here. */
  notOffered: Reply;
  /** Meant to be offered, and not to be had now; `namesUnavailable`: EHLO names it all the same. */
  unavailable: Reply;
  namesUnavailable: boolean;
  alreadyTls: Reply;
  /** Undefined: STARTTLS ends the transaction. */
  inTransaction: Reply | undefined;
  tlsFirst: Reply;
  /** Known commands that need no TLS where TLS is required. */
  allowedBeforeTls: ReadonlySet<string>;
  /** AUTH where it is not offered at all, and where it waits for TLS. */
  noAuth: Reply;
  authBeforeTls: Reply;
}>;

const tlsFirst = reply(530, "5.7.0", "Must issue a STARTTLS command first");

const own: TlsReplies = {
  ready: reply(220, "2.0.0", "Ready to start TLS"),
  badArgument: replies.noArgument,
  notOffered: replies.notOffered,
  unavailable: reply(454, "4.7.0", "TLS not available now"),
  namesUnavailable: false,
  alreadyTls: reply(503, "5.5.1", "TLS is on already"),
  inTransaction: undefined,
  tlsFirst,
  // ST-7
  allowedBeforeTls: new Set(["EHLO", "NOOP", "QUIT", "STARTTLS"]),
  noAuth: replies.notOffered,
  authBeforeTls: replies.authNeedsTls,
};

/** Postfix: INB-1 to INB-10; Sendmail: 4.4; PowerMTA: 2.5; Momentum documents none of its own. */
export const tlsReplies: Readonly<Record<ReplyWording, TlsReplies>> = {
  letterlock: own,
  momentum: own,
  postfix: {
    ...own,
    badArgument: reply(501, "5.5.4", "Syntax: STARTTLS"),
    notOffered: reply(502, "5.5.1", "Error: command not implemented"),
    unavailable: reply(454, "4.7.0", "TLS not available due to local problem"),
    namesUnavailable: true,
    alreadyTls: reply(554, "5.5.1", "Error: TLS already active"),
    allowedBeforeTls: new Set(["HELO", "EHLO", "STARTTLS", "NOOP", "QUIT", "HELP"]),
    noAuth: reply(503, "5.5.1", "Error: authentication not enabled"),
    authBeforeTls: reply(503, "5.5.1", "Error: authentication not enabled"),
  },
  sendmail: {
    ...own,
    badArgument: reply(501, "5.5.2", "Syntax error (no parameters allowed)"),
    notOffered: reply(503, "5.5.0", "TLS not available"),
    unavailable: reply(454, "4.3.3", "TLS not available after start"),
    alreadyTls: reply(454, "4.3.3", "TLS not available after start"),
    inTransaction: reply(503, "5.5.0", "TLS not permitted during a mail transaction"),
    noAuth: reply(503, "5.3.3", "AUTH not available"),
    authBeforeTls: reply(503, "5.3.3", "AUTH not available"),
  },
  powermta: {
    ...own,
    ready: reply(220, "2.0.0", "ready to start TLS"),
    authBeforeTls: tlsFirst,
  },
};
