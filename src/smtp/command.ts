/**
 * One command line as verb and argument. Where a line ends, and how long it may be, is the reader's business.
 * RFC 5321 §2.3.8, §2.4, §4.1.1; UTF-8 in command lines: RFC 6531 §3.3.
 */
import { isAscii } from "node:buffer";

export type Command = Readonly<{
  /** Upper case (SR-11). */
  verb: string;
  /** Without the blanks around it; spelled as it came. */
  argument: string;
}>;

/** A line as text. Bytes that are no UTF-8 become U+FFFD, which no grammar of ours takes. */
export function decodeLine(bytes: Buffer): string {
  return isAscii(bytes) ? bytes.toString("latin1") : bytes.toString("utf8");
}

/** Splits at the first blank; trailing blanks are tolerated (RFC 5321 §4.1.1). */
export function splitCommand(line: string): Command {
  const blank = line.indexOf(" ");
  if (blank < 0) return { verb: line.toUpperCase(), argument: "" };
  return { verb: line.slice(0, blank).toUpperCase(), argument: line.slice(blank + 1).trim() };
}

/** A bare CR, a bare LF or a NUL inside a command line: never white space, never a line end (LN-1, LN-4). */
export function hasForbiddenOctet(line: string): boolean {
  return /[\0\r\n]/.test(line);
}

/**
 * Openings of other protocols that a confused or abused client sends us (AT-24): HTTP methods, header lines, an SSH
 * banner. They are answered once and the connection is closed, so that nothing later in the request is obeyed.
 */
export function isForeignProtocol({ verb, argument }: Command): boolean {
  if (/^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI)$/.test(verb)) return argument !== "";
  return verb.endsWith(":") || verb.startsWith("SSH-");
}
