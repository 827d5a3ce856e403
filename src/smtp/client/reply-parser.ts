/**
 * Replies off the wire, from a peer that may send anything (RFC 5321 §4.2; standards.md CL-3, CL-4, CL-16, AT-20).
 *
 * Bounded: a line of 2048 octets, a reply of 200 lines and 64 KiB. Lines end at LF, with or without CR: a client gains
 * nothing by refusing the careless. Whatever is no reply is an error, after which nothing more is read.
 */
import { type Reply, reply } from "../../mail/reply.ts";

const maxLineOctets = 2048;
const maxLines = 200;
const maxReplyOctets = 65_536;

export class ReplyParser {
  /** Octets of an unfinished line, as Latin-1. */
  #rest = "";
  #code = 0;
  #enhanced: string | undefined;
  #lines: string[] = [];
  #octets = 0;

  /** False when octets of an unfinished reply are waiting. */
  get idle(): boolean {
    return this.#rest === "" && this.#lines.length === 0;
  }

  /** @param take is called for each complete reply. @returns what is wrong, when the peer broke the protocol. */
  feed(chunk: Buffer, take: (reply: Reply) => void): string | undefined {
    // One conversion per chunk; octets above 127 are put right per line, where they occur at all.
    const text = this.#rest + chunk.toString("latin1");
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      const stop = end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
      const problem = stop - start > maxLineOctets ? "reply line too long" : this.#line(text.slice(start, stop), take);
      if (problem !== undefined) return problem;
      start = end + 1;
    }
    this.#rest = start === 0 ? text : text.slice(start);
    return this.#rest.length > maxLineOctets ? "reply line too long" : undefined;
  }

  #line(line: string, take: (reply: Reply) => void): string | undefined {
    const code = codeOf(line);
    if (code === undefined) return "not an SMTP reply";
    if (this.#lines.length === 0) this.#begin(code, line);
    else if (code !== this.#code) return "the code changed within a reply";
    this.#octets += line.length;
    if (this.#lines.length === maxLines || this.#octets > maxReplyOctets) return "reply too long";
    this.#lines.push(textOf(line, this.#enhanced));
    if (line.charCodeAt(3) === hyphen) return undefined;
    const lines = this.#lines;
    this.#lines = [];
    take(reply(code, this.#enhanced, ...lines));
    return undefined;
  }

  #begin(code: number, line: string): void {
    this.#code = code;
    this.#enhanced = enhancedOf(line);
    this.#octets = 0;
  }
}

const hyphen = 45;

/** Three digits from 200 to 599, then end of line, blank or hyphen. */
function codeOf(line: string): number | undefined {
  const first = line.charCodeAt(0) - 48;
  const second = line.charCodeAt(1) - 48;
  const third = line.charCodeAt(2) - 48;
  // NaN, past the end of a short line, fails every comparison.
  if (!(first >= 2 && first <= 5 && second >= 0 && second <= 9 && third >= 0 && third <= 9)) return undefined;
  const after = line.charCodeAt(3);
  if (line.length > 3 && after !== 32 && after !== hyphen) return undefined;
  return first * 100 + second * 10 + third;
}

const enhancedPattern = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/;

/** RFC 2034 §4: only one of the code's own class counts. */
function enhancedOf(line: string): string | undefined {
  if (line.charCodeAt(5) !== 46 || line.charCodeAt(4) !== line.charCodeAt(0)) return undefined;
  return enhancedPattern.exec(line.slice(4))?.[0];
}

function textOf(line: string, enhanced: string | undefined): string {
  const after = enhanced !== undefined && line.startsWith(enhanced, 4) ? 4 + enhanced.length + 1 : 4;
  const text = line.slice(after);
  return /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, "latin1").toString("utf8") : text;
}
