/**
 * What a scripted host (`partner-host.ts`) is told to do, and what it remembers.
 */
import type { IssuedCertificate } from "./certificates.ts";

/** What happens once STARTTLS was said (or, in implicit mode, at the connection). */
export type PartnerHandshake =
  | Readonly<{ kind: "shake-hands" }>
  /** STARTTLS is offered and answered by this instead of 220; the session goes on in clear. */
  | Readonly<{ kind: "refuse"; reply: string }>
  /** The connection ends in place of the answer to STARTTLS. */
  | Readonly<{ kind: "drop-before-reply" }>
  /** 220, then the connection ends when the ClientHello has come. */
  | Readonly<{ kind: "drop" }>
  /** 220, then octets that are no TLS in answer to the ClientHello. */
  | Readonly<{ kind: "garbage" }>
  /** 220, then silence. */
  | Readonly<{ kind: "stall" }>
  /** These lines follow the 220 in clear: in the same segment, or in one of their own once the ClientHello has come. */
  | Readonly<{ kind: "inject"; lines: string; segment: "same" | "later" }>;

export type PartnerTls =
  | Readonly<{ mode: "none" }>
  | Readonly<{
      mode: "starttls" | "implicit";
      certificate: Pick<IssuedCertificate, "chainPem" | "privateKeyPem">;
      minVersion?: "TLSv1" | "TLSv1.2" | "TLSv1.3";
      maxVersion?: "TLSv1" | "TLSv1.2" | "TLSv1.3";
      /** OpenSSL cipher list. */
      ciphers?: string;
      /** OpenSSL group list. */
      groups?: string;
      clientCertificate?: Readonly<{ wanted: "requested" | "required"; anchors: readonly string[] }>;
      handshake?: PartnerHandshake;
    }>;

/** Each is a moment at which the host speaks; `message` is the reply to the end of the data. */
export type PartnerMoment =
  | "greeting"
  | "EHLO"
  | "HELO"
  | "STARTTLS"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "BDAT"
  | "message"
  | "RSET"
  | "NOOP"
  | "QUIT";

/** A reply without its last CR LF; octets as they are; the end of the connection; or silence. */
export type PartnerAnswer = string | Readonly<{ octets: string | Uint8Array }> | "drop" | "stall";

/** @param line the command. @param inTls whether it came in TLS. @returns undefined for the usual answer. */
export type PartnerScript = (line: string, inTls: boolean) => PartnerAnswer | undefined;

export type PartnerMessage = Readonly<{
  /** MAIL and RCPT lines as they came, those that were accepted. */
  mail: string;
  rcpt: readonly string[];
  /** Without dot-stuffing and final dot. */
  body: Buffer;
  by: "DATA" | "BDAT";
  inTls: boolean;
}>;

export type PartnerConnection = Readonly<{
  /** Octets received outside TLS, those of a handshake that the host did not take part in included. */
  clear: Buffer;
  /** Octets received inside TLS. */
  decrypted: Buffer;
  /** SNI as sent; undefined without. */
  serverName: string | undefined;
  /** DER of the client's certificate. */
  clientCertificate: Uint8Array | undefined;
  /** Ended by close_notify or FIN, not by a reset. */
  endedInOrder: boolean;
}>;

export type PartnerOptions = Readonly<{
  tls: PartnerTls;
  /** Default 127.0.0.1. */
  address?: string;
  /** Default: any free one. */
  port?: number;
  /** In the greeting and EHLO. Default `partner.example.net`. */
  hostname?: string;
  /** EHLO keywords other than STARTTLS. */
  keywords?: readonly string[];
  answers?: Readonly<Partial<Record<PartnerMoment, PartnerAnswer | PartnerScript>>>;
}>;

export const usualKeywords: readonly string[] = [
  "PIPELINING",
  "SIZE 52428800",
  "8BITMIME",
  "SMTPUTF8",
  "DSN",
  "ENHANCEDSTATUSCODES",
  "CHUNKING",
];
