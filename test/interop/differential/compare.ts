/**
 * Both observations of a case in one vocabulary, and where they differ.
 */
import type { Observations, Observed } from "./ground.ts";
import type { LetterlockResult } from "./letterlock-side.ts";
import type { PostfixResult } from "./postfix-log.ts";
import type { Case, Variant } from "./situations.ts";

/** What is compared. Of mail that was not delivered only the outcome and its code. */
export type Account = Readonly<{
  outcome: "delivered" | "deferred" | "failed" | "nothing";
  status: string;
  /** Host that took the mail. */
  host?: string | undefined;
  channel?: "clear" | "TLS";
  /** Postfix's word for what the handshake proved. */
  trust?: string | undefined;
  protocol?: string | undefined;
  serverName?: string | null;
  clientCertificate?: boolean;
}>;

export type Compared = Readonly<{
  variant: Variant;
  situation: Case;
  postfix: Account;
  letterlock: Account;
  /** Names of what differs; empty where all is equal. */
  fields: readonly string[];
  /** The host's view and the sender's, as they came. */
  raw: Observations["cases"][string];
}>;

export function compareAll(variants: readonly Variant[], { cases }: Observations): readonly Compared[] {
  return variants.flatMap((variant) =>
    variant.cases.map((situation) => {
      const raw = cases[situation.id];
      if (raw === undefined) throw new Error(`nothing was observed of ${situation.id}`);
      const [postfix, letterlock] = [accountOfPostfix(raw.postfix), accountOfLetterlock(raw.letterlock)];
      return { variant, situation, postfix, letterlock, fields: differing(postfix, letterlock), raw };
    }),
  );
}

/** One paragraph for whoever must find out why. */
export function describeCase({ variant, situation, postfix, letterlock, fields, raw }: Compared): string {
  const global = Object.entries(variant.parameters).filter(([name]) => name !== "smtp_tls_policy_maps");
  return [
    `${situation.id} ${situation.recipient} (${fields.join(", ")})`,
    `  written: ${situation.written}`,
    `  main.cf: ${global.map(([name, value]) => `${name}=${value}`).join("; ")}${variant.old ? " (old message)" : ""}`,
    `  Postfix:    ${JSON.stringify(postfix)} ${raw.postfix.result?.text ?? ""}`,
    `  Letterlock: ${JSON.stringify(letterlock)} ${raw.letterlock.result?.level ?? ""} ${raw.letterlock.result?.text ?? ""}`,
    ...(raw.postfix.result?.lines.slice(0, -1).map((line) => `    ${line}`) ?? []),
  ].join("\n");
}

function differing(one: Account, other: Account): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof Account>;
  return [...names].filter((name) => one[name] !== other[name]);
}

function accountOfPostfix({ result, arrival }: Observed<PostfixResult>): Account {
  if (result === undefined) return { outcome: "nothing", status: "" };
  const outcome = outcomes[result.status];
  if (outcome !== "delivered") return { outcome, status: result.dsn };
  const account = delivered(result.dsn, arrival);
  return account.channel === "clear" ? account : { ...account, trust: result.trust, protocol: result.protocol };
}

const outcomes = { sent: "delivered", deferred: "deferred", SOFTBOUNCE: "deferred", bounced: "failed" } as const;

function accountOfLetterlock({ result, arrival }: Observed<LetterlockResult>): Account {
  if (result === undefined) return { outcome: "nothing", status: "" };
  const { kind: outcome, status, protocol } = result;
  if (outcome !== "delivered") return { outcome, status };
  return { ...delivered(status, arrival), trust: trustWord(result), protocol };
}

function delivered(status: string, arrival: Observed<unknown>["arrival"]): Account {
  if (arrival === undefined) return { outcome: "delivered", status };
  const { host, inTls, serverName, clientCertificate } = arrival;
  const channel = inTls ? "TLS" : "clear";
  return {
    outcome: "delivered",
    status,
    host,
    channel,
    serverName: serverName?.toLowerCase() ?? null,
    clientCertificate,
  };
}

/** Postfix says Verified only where a level asked for it; Letterlock states what was proven at every level. */
function trustWord({ achieved, required }: LetterlockResult): string | undefined {
  if (achieved === undefined || achieved === "none") return undefined;
  if (achieved === "encrypted") return "Untrusted";
  return achieved === "verified" && required !== "nothing" ? "Verified" : "Trusted";
}
