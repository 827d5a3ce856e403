/**
 * What one option of Momentum is to us: where it may stand, what it may say, what becomes of it. `option-table.ts` holds
 * them all; the compiler reads it, and the manual page of this dialect is printed from it.
 */
import type { OptionStatus } from "../dialect.ts";
import type { Value } from "./syntax.ts";

/** Scopes in which an option of the table can stand. */
export const scopeNames = [
  "global",
  "binding_group",
  "binding",
  "domain",
  "host",
  "esmtp_listener",
  "http_listener",
  "ecstream_listener",
  "xmpp_listener",
  "listen",
  "peer",
  "pathway",
  "pathway_group",
] as const;
export type ScopeName = (typeof scopeNames)[number];

export type OptionEntry = Readonly<{
  name: string;
  scopes: readonly ScopeName[];
  /** In words, for the manual page. */
  values: string;
  default: string;
  status: OptionStatus;
  /** What becomes of it, in a sentence. */
  reason: string;
  /** What is wrong with a value, if anything. */
  check: (value: Value) => string | undefined;
  /** Values (lower case) with which nothing differs after all. */
  sameFor?: readonly string[];
}>;

/** The spellings of a truth value that say no. */
export const noWords = ["false", "off", "no", "0", "disabled"];

export const outboundScopes = ["global", "binding_group", "binding", "domain"] as const;
export const smtpScopes = ["esmtp_listener", "listen", "peer", "pathway", "pathway_group"] as const;
export const inboundScopes = [...smtpScopes, "http_listener", "ecstream_listener", "xmpp_listener"] as const;
