/**
 * Two transcripts of one dialogue, held against each other: the same codes at the same commands; where TLS, AUTH or a
 * client that is turned away is spoken of, the same status and text too; after EHLO the same offers.
 */
import type { Heard } from "../lab/voice.ts";
import type { Transcript } from "./run-dialogues.ts";

/** One place where they are not alike. `at` counts what was said. */
export type Apart = Readonly<{ at: number; said: string; sendmail: Heard | undefined; letterlock: Heard | undefined }>;

export function compare(sendmail: Transcript, letterlock: Transcript): readonly Apart[] {
  const count = Math.max(sendmail.length, letterlock.length);
  return Array.from({ length: count }, (_, at): Apart => {
    const said = sendmail[at]?.said ?? letterlock[at]?.said ?? "";
    return { at, said, sendmail: sendmail[at]?.heard, letterlock: letterlock[at]?.heard };
  }).filter(({ said, sendmail, letterlock }) => told(said, sendmail) !== told(said, letterlock, sendmail));
}

/** @param other what the other one said: whether a text counts is Sendmail's to tell */
function told(said: string, heard: Heard | undefined, other = heard): string {
  if (heard === undefined) return "nothing";
  if (heard.kind === "closed") return "closed";
  if (heard.kind === "handshake") return `${heard.protocol} ${heard.serverKey}`;
  // Which of the two hangs on what Cyrus SASL has installed, offered or not.
  if (/^AUTH /.test(said) && (heard.code === 503 || heard.code === 504)) return "no log-in";
  if (/^EHLO/.test(said)) return `${heard.code} ${offers(heard.lines)}`;
  const words =
    heard.code >= 400 && other !== undefined && other.kind === "reply" && isOfConcern(said, other.lines[0] ?? "");
  return words ? `${heard.code} ${spoken(heard.lines[0] ?? "")}` : String(heard.code);
}

/** What EHLO names of what the configuration decides. */
function offers(lines: readonly string[]): string {
  const names = lines.slice(1).filter((line) => /^(?:STARTTLS|AUTH )/.test(line));
  return [lines.length === 2 ? "bare" : "", ...names].join(" ");
}

function isOfConcern(said: string, line: string): boolean {
  return (
    /^STARTTLS/i.test(said) ||
    /encryption too weak|^\S+ (?:not )?authenticat|no authentication|^\S+ Cert |^\S+ CN .* does not match|AUTH not available/i.test(
      line,
    ) ||
    /Access denied|go away|come back later|not you|not from here|Please try again later/.test(line)
  );
}

/** Sendmail puts the recipient in front. */
function spoken(line: string): string {
  return line.replace(/ <[^>]*>\.\.\. /, " ");
}
