/**
 * What a Postfix log says of each recipient: status, enhanced status code, host, and the word of the TLS summary line
 * (reference sections 4.1 and 4.5). A delivery process has one delivery at a time, so its lines belong together.
 */

export type PostfixResult = Readonly<{
  status: "sent" | "deferred" | "bounced" | "SOFTBOUNCE";
  dsn: string;
  /** `undefined`: relay=none. */
  host: string | undefined;
  text: string;
  /** Of the connection over which the status came, where there was TLS on it. */
  trust: "Verified" | "Trusted" | "Untrusted" | "Anonymous" | undefined;
  protocol: string | undefined;
  /** All that the process said since its delivery before. */
  lines: readonly string[];
}>;

const linePattern = /postfix\/([\w/-]+)\[(\d+)\]: (.*)$/;
const statusPattern =
  /^[0-9A-F]+: to=<([^>]*)>, (?:orig_to=<[^>]*>, )?relay=(\S+), .*?dsn=([\d.]+), status=(\w+) \((.*)\)$/;
const summaryPattern = /^(Verified|Trusted|Untrusted|Anonymous) TLS connection established to (\S+): (TLSv[\d.]+)/;

/** By recipient; a recipient that was tried twice keeps its first result. */
export function readPostfixLog(log: string): Map<string, PostfixResult> {
  const results = new Map<string, PostfixResult>();
  const said = new Map<string, string[]>();
  for (const line of log.split("\n")) {
    const [, , pid = "", text = ""] = linePattern.exec(line) ?? [];
    if (pid === "") continue;
    const lines = said.get(pid) ?? [];
    said.set(pid, lines);
    lines.push(text);
    const [, recipient = "", relay = "", dsn = "", status = "", reason = ""] = statusPattern.exec(text) ?? [];
    if (recipient === "") continue;
    if (!results.has(recipient))
      results.set(recipient, { ...describe(relay, lines), dsn, text: reason, lines, status: statusOf(status) });
    said.set(pid, []);
  }
  return results;
}

function statusOf(word: string): PostfixResult["status"] {
  if (word === "sent" || word === "deferred" || word === "bounced" || word === "SOFTBOUNCE") return word;
  throw new Error(`unknown status ${word}`);
}

function describe(relay: string, lines: readonly string[]): Pick<PostfixResult, "host" | "trust" | "protocol"> {
  const host = relay === "none" ? undefined : relay.replace(/\[.*$/, "");
  const last = lines.map((line) => summaryPattern.exec(line)).findLast((match) => match !== null && match[2] === relay);
  return { host, trust: last?.[1] as PostfixResult["trust"], protocol: last?.[3] };
}
