/**
 * What a peer offers, from its answer to EHLO (RFC 5321 §4.1.1.1). Parameters of keywords that take none are ignored
 * (EX-11); at most 100 keywords are kept (CL-16).
 */
import type { Reply } from "../../mail/reply.ts";

export type Capabilities = Readonly<{
  starttls: boolean;
  pipelining: boolean;
  eightBitMime: boolean;
  smtputf8: boolean;
  dsn: boolean;
  chunking: boolean;
  size: boolean;
  /** Octets; 0 is no stated limit (RFC 1870 §4). */
  maxMessageBytes: number;
  /** RFC 9422: recipients in a transaction, transactions in a session. */
  maxRecipients: number;
  maxTransactions: number;
  /** As said, behind the greeting line. */
  keywords: readonly string[];
}>;

export function parseCapabilities({ lines }: Reply): Capabilities {
  const said = lines.slice(1, 101);
  const keywords = new Map(said.map(splitKeyword));
  const limits = parseLimits(keywords.get("LIMITS"));
  return {
    starttls: keywords.has("STARTTLS"),
    pipelining: keywords.has("PIPELINING"),
    eightBitMime: keywords.has("8BITMIME"),
    smtputf8: keywords.has("SMTPUTF8"),
    dsn: keywords.has("DSN"),
    chunking: keywords.has("CHUNKING"),
    size: keywords.has("SIZE"),
    maxMessageBytes: parseNumber(keywords.get("SIZE")) ?? 0,
    maxRecipients: limits.get("RCPTMAX") ?? Number.POSITIVE_INFINITY,
    maxTransactions: limits.get("MAILMAX") ?? Number.POSITIVE_INFINITY,
    keywords: said,
  };
}

/** A host that took only HELO, or none at all. */
export const noCapabilities: Capabilities = parseCapabilities({ code: 250, enhanced: undefined, lines: [] });

function splitKeyword(line: string): [keyword: string, parameters: string] {
  const blank = line.indexOf(" ");
  return blank < 0 ? [line.toUpperCase(), ""] : [line.slice(0, blank).toUpperCase(), line.slice(blank + 1).trim()];
}

function parseNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined;
}

/** `RCPTMAX=20 MAILMAX=5`; a limit of 0 would forbid mail altogether and is ignored. */
function parseLimits(parameters = ""): Map<string, number> {
  const limits = new Map<string, number>();
  for (const item of parameters.split(" ")) {
    const [name = "", value] = item.split("=");
    const limit = parseNumber(value);
    if (limit !== undefined && limit > 0) limits.set(name.toUpperCase(), limit);
  }
  return limits;
}
