/**
 * The shapes at the border of the SMTP receiver: what a listener is given, and the mail that it hands on.
 * The receiver knows the protocol (RFC 5321, 3207, 1870, 2920, 3030, 3461, 6152, 6531, 2034) and nothing of queue,
 * policy or routing: it is handed functions.
 */
import type { IpAddress, Mailbox } from "../../mail/address.ts";
import type { Body, BodyFacts } from "../../mail/body.ts";
import type { ClientName } from "../../mail/client-name.ts";
import type { Envelope, EnvelopeSender } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
import type { Conduct } from "./conduct.ts";
import type { HeadersWanted } from "./header-section.ts";
import type { SaslMechanism, StartSasl } from "./sasl/sasl.ts";

/** What is known of one session when a question about it is asked. */
export type SessionFacts = Readonly<{
  id: string;
  listener: string;
  clientAddress: IpAddress;
  clientPort: number;
  /** What the client connected to, also where the listener's address is a wildcard. */
  localAddress: IpAddress | undefined;
  localPort: number;
  /** As given in EHLO or HELO, raw: escape before showing. */
  ehlo: string;
  esmtp: boolean;
  clientName: ClientName;
  /** With the client's certificate, where one was shown. */
  tls: Readonly<{ handshake: HandshakeFacts; serverName: string | undefined }> | undefined;
  /** Who logged in; `by` is the SASL mechanism, or the certificate alone. */
  login: Readonly<{ user: string; by: SaslMechanism | "certificate" }> | undefined;
}>;

/** A whole message, its bytes already under our `Received:` field. */
export type ReceivedMail = Readonly<{
  id: string;
  session: SessionFacts;
  /** ms since 1970, when the final dot (or last chunk) was read. */
  receivedAt: number;
  envelope: Envelope;
  body: Body;
  facts: BodyFacts;
  /** First value of each header field that was wanted, by lower-case name. */
  headers: ReadonlyMap<string, string>;
}>;

export type ReceiverLimits = Readonly<{
  /** EX-1; 0 is none. */
  maxMessageBytes: number;
  maxRecipients: number;
  /** Longest line taken in data, octets with CR LF (LN-11). */
  maxLineBytes: number;
  /** Messages above this go to a spool file instead of memory. */
  maxMemoryBytes: number;
  maxHeaderBytes: number;
  maxReceivedFields: number;
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** Mistaken commands since the last accepted message before 421. */
  maxErrors: number;
  /** Commands since the last accepted message before 421; accepted recipients do not count (AT-22). */
  maxCommands: number;
}>;

/** All in ms. */
export type ReceiverTimeouts = Readonly<{
  /** Between commands (SR-18), and before the first one. */
  commandMs: number;
  greetingMs: number;
  handshakeMs: number;
  /** Between two reads of data, and for one whole message. */
  dataBlockMs: number;
  dataTotalMs: number;
  sessionMs: number;
}>;

export type ReceiverOptions = Readonly<{
  listener: string;
  /** A-label name in greeting, EHLO reply and Received. */
  hostname: string;
  /** TLS from the first octet. */
  implicitTls: boolean;
  /**
   * Undefined: nobody needs this client's name, and it does not wait for it. Resolves within its own time-out, never
   * rejects.
   */
  clientName: (client: IpAddress) => Promise<ClientName> | undefined;
  /** Pure and immediate. */
  conduct: (session: SessionFacts) => Conduct;
  startSasl: StartSasl;
  /** Failed log-ins in one session before 421 (AU-10). */
  maxAuthFailures: number;
  limits: ReceiverLimits;
  timeouts: ReceiverTimeouts;
  /** LN-3. */
  bareNewline: "reject" | "normalize";
  /** Header fields whose values `accept` needs, asked before each message. */
  headersWanted: (session: SessionFacts) => HeadersWanted;
  /** Folder for messages above `maxMemoryBytes`: files are written, synced and handed on. */
  spoolDirectory: string;
  newId: () => string;
  /** Relay decision and the like; a reply refuses. Pure and immediate: no waiting between commands. */
  checkClient: (client: IpAddress) => Reply | undefined;
  checkSender: (session: SessionFacts, sender: EnvelopeSender) => Reply | undefined;
  checkRecipient: (session: SessionFacts, sender: EnvelopeSender, recipient: Mailbox) => Reply | undefined;
  /** A message, sender, recipient, log-in or client that was refused, for the record. */
  onRefusal: (session: SessionFacts, refusal: Refusal) => void;
  /**
   * Takes responsibility: 2yz only once it is on disk (SR-15). A spool file belongs to it from a 2yz on; after any other
   * answer the receiver deletes the file. Should not reject; if it does, the client is told 451.
   */
  accept: (mail: ReceivedMail) => Promise<Reply>;
}>;

export type Refusal = Readonly<{
  stage: "client" | "starttls" | "auth" | "mail" | "rcpt" | "data";
  /** Of the open transaction, or the one that was refused; undefined before MAIL. */
  sender: EnvelopeSender | undefined;
  /** The one that was refused, else those accepted so far. */
  recipients: readonly Mailbox[];
  reply: Reply;
  /** Who was named in an AUTH that failed. Raw: escape before showing. */
  triedUser?: string;
}>;

/** An open listener. */
export interface Receiver {
  readonly address: string;
  /** As bound, where the options said 0. */
  readonly port: number;
  /** Sessions open now. */
  readonly sessions: number;
  /**
   * Takes no new connection, says 421 to each session at its next safe point (SR-19), lets messages that are being
   * read or committed end, and cuts what is left after `graceMs`. Resolves when no session is open.
   */
  stop(graceMs: number): Promise<void>;
}
