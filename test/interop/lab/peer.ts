/**
 * A real mail server in the namespace. Each takes mail for every domain on port 25 and hands it to `Arrivals`;
 * a local part of `refused` is turned away with 550. Postfix and Exim also send: what comes in on two further
 * addresses goes on to Letterlock, by STARTTLS and by implicit TLS, where the certificate must be right.
 */
import type { Arrivals } from "./arrivals.ts";

export type Peer = Readonly<{
  name: "Postfix" | "Exim" | "OpenSMTPD" | "Sendmail";
  /** As its package calls it. */
  version: string;
  /** The name in its certificate. */
  host: string;
  address: string;
  /** Its certificate, as a file. */
  certificate: string;
  smtputf8: boolean;
  dsn: boolean;
  arrivals: Arrivals;
}>;

/** Where the peers and Letterlock are in the namespace. */
export const addresses = {
  letterlock: "192.0.2.1",
  postfix: "192.0.2.11",
  /** The same Postfix, without STARTTLS. */
  postfixPlain: "192.0.2.12",
  postfixSendsStarttls: "192.0.2.13",
  postfixSendsImplicit: "192.0.2.14",
  exim: "192.0.2.21",
  eximSendsStarttls: "192.0.2.22",
  eximSendsImplicit: "192.0.2.23",
  opensmtpd: "192.0.2.31",
  sendmail: "192.0.2.41",
  /** A client outside Letterlock's relay networks. */
  stranger: "198.51.100.7",
} as const;

export const ports = { starttls: 2525, implicit: 4465 } as const;

/** Letterlock's name, in its certificate too. */
export const relayName = "relay.test";
