/**
 * Clients that are turned away: entries under `Connect:` or without a tag that say neither OK nor RELAY (ruleset
 * check_relay), and `Srv_Features: temp`.
 */
import type { EnhancedStatus } from "../../../mail/outcome.ts";
import type { RejectedClient, Sourced } from "../../rules.ts";
import { isWord, type ValueEntry } from "./access-map.ts";

/** @param at `rcpt` under FEATURE(delay_checks) */
export function turnedAway(
  entry: ValueEntry | undefined,
  at: RejectedClient["at"],
): Sourced<RejectedClient> | undefined {
  if (entry === undefined || !isTurnedAway(entry)) return undefined;
  return { value: { ...replyOf(entry.value), at }, from: entry.from };
}

/**
 * With DISCARD and QUARANTINE what comes is accepted there, and thrown away or kept apart: nothing that a client is
 * told. Cheap: access maps are long.
 */
export function isTurnedAway({ value }: ValueEntry): boolean {
  if (!/ok|relay|discard|quarantine/i.test(value)) return true;
  return !["OK", "RELAY", "DISCARD"].some((word) => isWord(value, word)) && !/^\s*"?QUARANTINE:/i.test(value);
}

export const tryAgainLater: RejectedClient = {
  code: 450,
  status: "4.3.0",
  text: "Please try again later.",
  at: "session",
};

type Told = Pick<RejectedClient, "code" | "status" | "text">;

/**
 * `REJECT`, `ERROR:5.7.1:550 text`, `ERROR:550 5.7.1 text`, `550 text` or a bare text. The status in front counts only
 * where a code follows; where none is written, Sendmail says the code's class.
 */
function replyOf(value: string): Told {
  if (isWord(value, "REJECT")) return { code: 550, status: "5.7.1", text: "Access denied" };
  const [, error] = /^\s*ERROR:(.*)$/is.exec(value) ?? [];
  const [, status, behind] = /^([^\s:.]+\.[^\s:.]+\.[^\s:]+):(.*)$/s.exec(error ?? "") ?? [];
  const said = unquoted(behind ?? error ?? value);
  const [, code, own, text = ""] = /^([45]\d\d) +(?:([45]\.\d{1,3}\.\d{1,3}) +)?(.*)$/s.exec(said) ?? [];
  if (code === undefined) return { code: 553, status: "5.3.0", text: said };
  const kind = code.startsWith("4") ? 4 : 5;
  return { code: Number(code), status: statusOf(own ?? status ?? "", kind), text };
}

function unquoted(text: string): string {
  return text.replaceAll('"', "").trim();
}

function statusOf(text: string, kind: 4 | 5): EnhancedStatus {
  const [, written, subject, detail] = /^([45])\.(\d{1,3})\.(\d{1,3})$/.exec(text) ?? [];
  return Number(written) === kind ? `${kind}.${Number(subject)}.${Number(detail)}` : `${kind}.0.0`;
}
