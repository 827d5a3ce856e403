/**
 * What one word of a restriction list (`smtpd_client_restrictions` ...) does, as far as Letterlock can do it.
 *
 * Fail closed: a word that Postfix does not know, or a table that cannot be asked, refuses as Postfix does; a check that
 * is not made here (`may-refuse`) lets nobody relay behind it, since Postfix might have refused him.
 */
import type { EnhancedStatus } from "../../../mail/outcome.ts";
import type { Origin, Pin } from "../../rules.ts";
import type { LookupTable } from "./lookup-table.ts";

export type Answer = Readonly<{ code: number; status: EnhancedStatus; text: string }>;

/** Whose certificate lets him through: one of these, or any with a trusted chain. */
export type CertificateHolders = readonly Pin[] | "trusted";

export type Step = Readonly<{ from: Origin; written: string }> &
  (
    | Readonly<{ kind: "permit" }>
    | Readonly<{ kind: "reject"; answer: Answer }>
    /** `reject_plaintext_session` */
    | Readonly<{ kind: "need-tls"; answer: Answer }>
    | Readonly<{ kind: "permit-where"; who: "networks" | "users" | "ourselves" | "own-domains" }>
    | Readonly<{ kind: "permit-certificate"; holders: CertificateHolders }>
    /** `reject_unauth_destination` */
    | Readonly<{ kind: "reject-foreign" }>
    | Readonly<{ kind: "access"; of: "client" | "sender" | "recipient"; table: LookupTable }>
    | Readonly<{ kind: "may-refuse" }>
  );

/** Where a list is held against a client, in Postfix's order. */
export const stages = ["client", "helo", "sender", "relay", "recipient", "data", "end_of_data"] as const;
export type Stage = (typeof stages)[number];

/** Postfix's words for what is refused. */
export const refusedThings: Readonly<Record<Stage, string>> = {
  client: "Client host",
  helo: "Helo command",
  sender: "Sender address",
  relay: "Recipient address",
  recipient: "Recipient address",
  data: "Data command",
  end_of_data: "End-of-data",
};

/** A status whose class is that of the code. */
export function answer(code: number, detail: `${number}.${number}`, text: string): Answer {
  return { code, status: `${code >= 500 ? 5 : 4}.${detail}`, text };
}

export const configurationError: Answer = answer(451, "3.5", "Server configuration error");
export const lookupError: Answer = answer(451, "3.0", "Temporary lookup failure");
