/**
 * The same recipients under the same files, by Letterlock: `compilePostfix`, then one attempt for each as a delivery
 * makes it.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { RecipientOutcome } from "../../../src/delivery/attempt-result.ts";
import type { LabZone } from "../../../src/lab/dns-server.ts";
import type { SourceFiles } from "../../../src/policy/dialects/dialect.ts";
import { compilePostfix } from "../../../src/policy/dialects/postfix/compile.ts";
import { parseMailbox } from "../../../src/smtp/path.ts";
import { startAttemptLab } from "../../lab/attempt-lab.ts";
import { inRoot } from "../lab/namespace.ts";
import type { Variant } from "./situations.ts";

export type LetterlockResult = Readonly<{
  kind: "delivered" | "deferred" | "failed";
  status: string;
  text: string;
  host: string | undefined;
  level: string | undefined;
  /** What the connection proved; undefined without TLS. */
  achieved: string | undefined;
  /** Whether the decision required any proof. */
  required: string | undefined;
  protocol: string | undefined;
}>;

/** As `attempt-lab.ts` says EHLO. */
export const letterlockName = "relay.test";

type Surroundings = Readonly<{ folder: string; zone: LabZone; ageMs: number }>;

export async function askLetterlock(
  { name, cases }: Variant,
  { folder, zone, ageMs }: Surroundings,
): Promise<Readonly<{ results: Map<string, LetterlockResult>; notes: readonly string[] }>> {
  const compiled = compilePostfix({ main: `${inRoot}/${name}/etc/main.cf` }, filesBelow(folder));
  await using lab = await startAttemptLab({ hosts: [], yaml: "", zone, dialect: () => compiled });
  const results = new Map<string, LetterlockResult>();
  const unrouted = (recipient: string): LetterlockResult => {
    const mailbox = parseMailbox(recipient);
    if (mailbox === undefined) throw new Error(recipient);
    const question = { recipient: mailbox, sender: undefined, binding: lab.settings.defaultBinding };
    const answer = compiled.settings.routing?.route({ ...question, bindingGroup: undefined });
    if (answer === undefined || answer.kind === "nexthops") throw new Error(`no outcome for ${recipient}`);
    return {
      ...nothingMet,
      kind: answer.kind === "fail" ? "failed" : "deferred",
      status: answer.status,
      text: answer.text,
    };
  };
  for (const { recipient } of cases) {
    const [outcome] = await lab.send({ to: [recipient], ageMs });
    results.set(recipient, outcome === undefined ? unrouted(recipient) : describe(outcome));
    // Each recipient meets its hosts anew, as in Postfix without a connection cache.
    lab.pool.closeAll();
  }
  const notes = compiled.notes
    .filter(({ kind }) => kind !== "applied" && kind !== "no-effect")
    .map(({ kind, file, line, text }) => `${kind} ${path.basename(file)}:${line} ${text}`);
  return { results, notes };
}

const nothingMet = {
  host: undefined,
  level: undefined,
  achieved: undefined,
  required: undefined,
  protocol: undefined,
} as const;

function describe({ outcome, contact }: RecipientOutcome): LetterlockResult {
  const { kind, status, text } = outcome;
  const done = contact?.facts?.tls.kind === "done" ? contact.facts.tls.handshake : undefined;
  const decision = contact?.decision;
  return {
    kind,
    status,
    text,
    host: contact?.host ?? contact?.address,
    level: decision?.level,
    achieved: done === undefined ? undefined : contact?.verdict?.achieved,
    required: decision?.kind === "connect" ? decision.authenticate.required : undefined,
    protocol: done?.protocol,
  };
}

/** The files as Postfix names them. */
function filesBelow(folder: string): SourceFiles {
  const outside = (name: string) => path.join(folder, path.relative(inRoot, name));
  return {
    read(name) {
      try {
        return { kind: "found", text: readFileSync(outside(name), "utf8") };
      } catch (error) {
        return { kind: "failed", reason: String(error) };
      }
    },
    list: (name) => attempt(() => readdirSync(outside(name)).sort()),
    modifiedAt: (name) => attempt(() => statSync(outside(name)).mtimeMs),
  };
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
