/**
 * The lines behind an answer to a client: what is demanded of its mail, which settings hold, and who was passed over.
 */
import { escapeText } from "../mail/escape.ts";
import { formatReply } from "../mail/reply.ts";
import type { InboundPolicy } from "../policy/inbound.ts";
import { judgeDemand } from "../policy/judge-inbound.ts";
import type { InboundDemand, InboundQuestion, Origin, PeerRequirement } from "../policy/rules.ts";
import type { ClientQuestion } from "./explain-client.ts";
import { demandInWords, requirementInWords, settingInWords } from "./explain-client-values.ts";

type Line = Readonly<{ source: string; file: string | null; line: number | null; scope: string }>;

export type DemandLine = Line &
  Readonly<{
    at: "mail" | "rcpt";
    /** In Letterlock's words, and as it is written there. */
    needs: string;
    written: string;
    mode: "enforce" | "monitor";
    /** To a client in clear; null where even that would meet it. */
    answer: string | null;
    /** Counts only if the client's name is what DNS cannot tell now. */
    hangsOnName: boolean;
  }>;

export type SettingLine = Line &
  Readonly<{ setting: string; value: string; passedOver: readonly (Line & Readonly<{ value: string }>)[] }>;

/** The demands of `settings` in Sendmail's form come first: every envelope must meet them. */
export function demandsOn(
  asked: InboundQuestion,
  { sender, recipient }: Pick<ClientQuestion, "sender" | "recipient">,
  policy: InboundPolicy,
): Readonly<{ demands: readonly DemandLine[]; atRecipient: boolean }> {
  const { requirements = [], requirementsAt } = policy.rule(asked);
  const atMail = policy.demands({ ...asked, sender, recipient: undefined });
  const atRcpt = recipient === undefined ? [] : policy.demands({ ...asked, sender, recipient });
  const seen = new Set<InboundDemand>();
  const lines = [...requirements.map((one) => requirementLine(one, requirementsAt?.value ?? "mail"))];
  for (const [at, answers] of [
    ["mail", atMail],
    ["rcpt", atRcpt],
  ] as const) {
    for (const answer of answers) {
      if (answer.kind === "at-recipient" || seen.has(answer.demand)) continue;
      seen.add(answer.demand);
      lines.push(demandLine(at, answer.demand, answer.unsure === true, asked.now));
    }
  }
  return { demands: lines, atRecipient: atMail.some(({ kind }) => kind === "at-recipient") };
}

function requirementLine(requirement: PeerRequirement, at: "mail" | "rcpt"): DemandLine {
  const { code, status } = requirement.reply;
  return {
    ...lineOf(requirement.from),
    at,
    needs: requirementInWords(requirement),
    written: escapeText(requirement.text),
    mode: "enforce",
    answer: `${code} ${status}`,
    hangsOnName: false,
  };
}

function demandLine(at: "mail" | "rcpt", demand: InboundDemand, hangsOnName: boolean, now: number): DemandLine {
  const verdict = judgeDemand(demand, { handshake: undefined, anchors: undefined }, now);
  return {
    ...lineOf(demand.from),
    at,
    needs: demandInWords(demand),
    written: escapeText(demand.text),
    mode: demand.mode,
    answer: verdict.kind === "unmet" ? escapeText(formatReply(verdict.reply)) : null,
    hangsOnName,
  };
}

export function consideredSettings(asked: InboundQuestion, policy: InboundPolicy): readonly SettingLine[] {
  return policy.considered(asked).map(({ setting, value, from, passedOver }) => ({
    ...lineOf(from),
    setting,
    value: settingInWords(setting, value),
    passedOver: passedOver.map((one) => ({ ...lineOf(one.from), value: settingInWords(setting, one.value) })),
  }));
}

function lineOf({ source, file, line, scope }: Origin): Line {
  return { source, file: file ?? null, line: line ?? null, scope: escapeText(scope) };
}
