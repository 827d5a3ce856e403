/**
 * A message's bytes: header and body as received, CR LF lines, no dot-stuffing, no final dot.
 * Bytes are never decoded or re-encoded. A small message stays in memory; a large one is a file in the spool.
 */

export type Body =
  | Readonly<{ kind: "memory"; sizeBytes: number; chunks: readonly Uint8Array[] }>
  | Readonly<{ kind: "file"; sizeBytes: number; path: string }>;

/** Facts found while the bytes streamed past, so that nobody has to read them again. */
export type BodyFacts = Readonly<{
  /** Some octet is above 127: the next hop must offer 8BITMIME (EX-8). */
  has8bit: boolean;
  /** Some header octet is above 127: needs SMTPUTF8 (EX-12). */
  hasUtf8Header: boolean;
  /** Number of `Received:` fields as it came in (LP-1). */
  receivedCount: number;
  /** The last two octets are CR LF (LN-9). */
  endsWithCrlf: boolean;
}>;
