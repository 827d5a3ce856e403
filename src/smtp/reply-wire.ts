/**
 * A reply as the octets of the wire: every line with the code, and with the enhanced status where there is one (EX-9).
 * RFC 5321 §4.2, RFC 2034 §4.
 */
import type { Reply } from "../mail/reply.ts";

/** RFC 5321 §4.5.3.1.5 allows 512 octets for a line; code, status and CR LF are left room. */
const MAX_TEXT = 480;

/** Always ASCII: what is not printable becomes `?`, so that no text can end the line (AT-28). */
export function formatReplyLines({ code, enhanced, lines }: Reply): string {
  const status = enhanced === undefined ? "" : `${enhanced} `;
  const last = Math.max(0, lines.length - 1);
  let wire = "";
  for (let number = 0; number < last; number++) wire += `${code}-${status}${clean(lines[number])}\r\n`;
  return `${wire}${code} ${status}${clean(lines[last])}\r\n`;
}

/** Gives a final reply the status that EX-9 demands: `x.0.0` where its maker had no better one. */
export function withStatus(answer: Reply): Reply {
  const own = String(answer.code)[0];
  if (own === "3" || answer.enhanced?.startsWith(`${own}.`)) return answer;
  return { ...answer, enhanced: `${own}.0.0` };
}

function clean(text = ""): string {
  const printable = /^[ -~]*$/.test(text) ? text : text.replace(/[^ -~]/gu, "?");
  return printable.length > MAX_TEXT ? printable.slice(0, MAX_TEXT) : printable;
}
