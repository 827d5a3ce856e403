/**
 * How one session is to be led: what it is offered, what it must do first, and in whose words it is refused. Whoever
 * decides that is asked when a client connects, again inside TLS, and after AUTH; the session only obeys.
 */
import type { Reply } from "../../mail/reply.ts";
import type { ServerTlsProfile } from "../../tls/server-tls.ts";
import type { SaslMechanism } from "./sasl/sasl.ts";

/** Whose replies to STARTTLS, AUTH and what depends on them: see `replies.ts`. */
export type ReplyWording = "letterlock" | "postfix" | "sendmail" | "momentum" | "powermta";

/** How `Received:` tells of TLS: RFC 8314 §4.3, `smtpd_tls_received_header`, or Sendmail's `(version=...)`. */
export type ReceivedForm = "letterlock" | "postfix" | "sendmail";

export type Conduct = Readonly<{
  /** `unavailable`: the command is known and fails for now (454). `require`: 530 before TLS (ST-7). */
  starttls: "never" | "unavailable" | "offer" | "require";
  /** Undefined: no handshake can be made. */
  profile: ServerTlsProfile | undefined;
  /** The connection is cut off after a handshake without a client certificate (Momentum). */
  cutWithoutCertificate: boolean;
  pipelined: "reject" | "discard";
  mailWithoutHello: boolean;
  /** Offered now; none: AUTH is not offered. */
  mechanisms: readonly SaslMechanism[];
  /** In clear text: some mechanism would be offered inside TLS. */
  authNeedsTls: boolean;
  authRequired: boolean;
  /**
   * Nothing is taken from this client: EHLO lists ENHANCEDSTATUSCODES alone, and every command but HELO, EHLO, NOOP,
   * RSET and QUIT gets this reply. `close`: it is said in place of the greeting, or after STARTTLS at the first command,
   * and the connection ends (Postfix).
   */
  barred: Readonly<{ reply: Reply; close: boolean }> | undefined;
  /** Logged in by the certificate alone. */
  user: string | undefined;
  wording: ReplyWording;
  received: ReceivedForm;
  /** The client showed a certificate that leads to a CA which counts for it. */
  isTrusted: boolean;
}>;
