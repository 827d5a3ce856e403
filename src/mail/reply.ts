/**
 * An SMTP reply as a value (RFC 5321 §4.2), ours or a peer's.
 */

export type Reply = Readonly<{
  /** 200 to 599. */
  code: number;
  /** RFC 3463 `x.y.z`, when the first line carried one of the code's own class. */
  enhanced: string | undefined;
  /** Text of each line without code and enhanced status; a peer's text is raw: escape before showing (AT-28). */
  lines: readonly string[];
}>;

export function reply(code: number, enhanced: string | undefined, ...lines: string[]): Reply {
  return { code, enhanced, lines };
}

/** By first digit alone (CL-3). */
export function replyClass(answer: Reply): "success" | "intermediate" | "transient" | "permanent" {
  if (answer.code < 300) return "success";
  if (answer.code < 400) return "intermediate";
  return answer.code < 500 ? "transient" : "permanent";
}

/** One line for logs and DSNs: `550 5.1.1 no such user`; lines joined by blanks. Not escaped. */
export function formatReply({ code, enhanced, lines }: Reply): string {
  return [String(code), enhanced, ...lines].filter((part) => part !== undefined && part !== "").join(" ");
}

/** Longer than what records and notices tell of one. */
const maxText = 2048;

/**
 * A reply that is kept for each recipient of a message: what is long becomes one line, cut. Its text is copied: a part of
 * a text keeps the whole in memory.
 */
export function shortReply(answer: Reply): Reply {
  const { code, enhanced, lines } = answer;
  const length = lines.reduce((sum, line) => sum + line.length, 0);
  if (length <= maxText) return answer;
  const text = lines.join(" ").slice(0, maxText);
  return reply(code, enhanced, Buffer.from(text, "utf8").toString("utf8"));
}
