/**
 * The explanation of one hop in words, and the table of the lines that were considered.
 */
import { styleText } from "node:util";
import { escapeText } from "../mail/escape.ts";
import { placeOfRule } from "../mail/rule-place.ts";
import type { Explanation } from "../policy/explain.ts";
import { table } from "./table.ts";

/** Ends in a line feed. */
export function mailInWords({
  recipient,
  nexthop,
  binding,
  mx,
  decision,
  rule,
  reasons,
  candidates,
}: Explanation): string {
  const strong = (text: string): string => styleText("bold", text, { stream: process.stdout });
  const lines = [
    `recipient   ${recipient}`,
    `nexthop     ${nexthop}${mx === null ? "" : `, MX host ${mx}`}`,
    `binding     ${binding}`,
    `level       ${strong(decision.level)}${decision.mode === "monitor" ? " (monitor: judged, not enforced)" : ""}`,
    `rule        ${placeOfRule(rule)}, ${rule.scope}`,
  ];
  if (!decision.connect) lines.push("             no connection is made under this rule");
  else {
    lines.push(`proof       ${proofInWords(decision)}`);
    for (const { of, text, reply, ...place } of decision.demands) {
      lines.push(`demand      of the ${of}: ${text}, else ${reply} (${placeOfRule(place)})`);
    }
    if (decision.mxPatterns !== null) lines.push(`MX hosts    only ${decision.mxPatterns.join(", ")}`);
    lines.push(`clear text  ${clearTextInWords(decision)}`);
    lines.push(
      `handshake   ${[decision.protocols, decision.ciphers, sniInWords(decision.serverName, mx), decision.clientCertificate === null ? null : `client certificate ${decision.clientCertificate}`].filter((part) => part !== null).join(", ")}`,
    );
    if (decision.onFailure === "bounce") lines.push("failure     returned to the sender at once");
  }
  for (const { text, rfc } of reasons) lines.push(`because     ${text}${rfc === "" ? "" : ` (${rfc})`}`);
  const none = "No rule was considered: the built-in default holds.\n";
  return `${lines.join("\n")}\n\n${candidates.length === 0 ? none : candidateTable(candidates)}`;
}

/** With the line as written where a source has its own terms; how it came there stands below it. */
function candidateTable(candidates: Explanation["candidates"]): string {
  const asWritten = candidates.some(({ written }) => written !== null);
  const head = ["VERDICT", "LINE", "SCOPE", ...(asWritten ? ["AS WRITTEN"] : []), "SETTINGS"];
  const rows = candidates.flatMap((candidate) => {
    const { verdict, scope, written, through, settings } = candidate;
    const text = escapeText((written ?? "").replaceAll(/[ \t]+/g, " "));
    const first = [
      verdict,
      placeOfRule(candidate),
      scope,
      ...(asWritten ? [text] : []),
      escapeText(settings.join("; ")),
    ];
    const blank = first.slice(1).map(() => "");
    return [first, ...through.map((step) => [...blank, `through ${escapeText(step)}`])];
  });
  return table(head, rows);
}

const commonNameInWords: Readonly<Record<string, string>> = {
  also: ", in SubjectAltName or as common name",
  "without-san": ", as common name where SubjectAltName has none",
};

function proofInWords(decision: Explanation["decision"]): string {
  const { starttls, authenticate, names, pins, anchors, commonName, minCipherBits } = decision;
  const bits = minCipherBits === null ? "" : `, cipher of at least ${minCipherBits} bits`;
  if (starttls === "never") return "none: TLS is not asked for";
  if (authenticate === "pin") return `one of ${pins} pinned certificates or keys${bits}`;
  if (authenticate === "nothing")
    return `none: ${starttls === "always" ? "encrypted" : "encrypted when offered"}${bits}`;
  const name =
    authenticate === "chain"
      ? ", for whatever name"
      : ` and the name ${names.join(" or ") || "of the MX host"}${commonNameInWords[commonName ?? ""] ?? ""}`;
  return `chain to ${anchors ?? "system"} CAs${name}${pins > 0 ? `, and one of ${pins} pins` : ""}${bits}`;
}

/**
 * An opportunistic rule takes clear text from a host that offers nothing else, whatever it says of broken TLS; a demand
 * for TLS that comes on top of a rule takes none, whatever that rule allows.
 */
function clearTextInWords(decision: Explanation["decision"]): string {
  const { level, mode, clearText, clearTextTurn, clearTextIfUnproven, whenRefused } = decision;
  if (mode === "enforce" && level !== "none" && level !== "may") return "never";
  if (level === "none") return "allowed";
  const offered = `only where TLS is not offered${whenRefused === "clear" ? " or is refused" : ""}`;
  if (clearText === "never") return level === "may" ? offered : "never";
  const proof = clearTextIfUnproven ? " or proof" : "";
  const turn = clearTextTurn === "same-host" ? "before the next host" : "when every host was tried with TLS";
  return clearText === "allowed"
    ? `allowed; after a failed handshake${proof} ${turn}`
    : `${offered}; after a failed handshake${proof} on a later attempt, ${turn}`;
}

/** Before the MX host is known, its name is what will be sent, unless the rule says otherwise. */
function sniInWords(serverName: string | null, mx: string | null): string {
  if (serverName !== null) return `SNI ${serverName}`;
  return mx === null ? "SNI as the rule and the MX host's name say" : "no SNI";
}
