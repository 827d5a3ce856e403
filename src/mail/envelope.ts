/**
 * The envelope: MAIL FROM, RCPT TO and their parameters; never headers.
 * Parameters are kept exactly as received, since DSN forbids to change them (RFC 3461 §5.2.1).
 */
import type { Mailbox } from "./address.ts";

/** When the sender wants to hear (RFC 3461 §4.1). Absent: as if `failure` (and optionally delay). */
export type Notify = "never" | readonly ("success" | "failure" | "delay")[];

export type EnvelopeSender = Readonly<{
  /** `undefined` is the null reverse-path `<>`: never answered with a DSN. */
  mailbox: Mailbox | undefined;
  body: "7bit" | "8bitmime";
  smtputf8: boolean;
  /** RFC 3461 §4.3 and §4.4; `envid` still in xtext. */
  ret: "full" | "hdrs" | undefined;
  envid: string | undefined;
}>;

export type EnvelopeRecipient = Readonly<{
  mailbox: Mailbox;
  notify: Notify | undefined;
  /** RFC 3461 §4.2, `type;xtext` as received. */
  orcpt: string | undefined;
}>;

export type Envelope = Readonly<{ sender: EnvelopeSender; recipients: readonly EnvelopeRecipient[] }>;
