/**
 * Letterlock's own attempts inside the namespace. In: the attempts as JSON. Out: their outcomes, in order.
 */
import { json } from "node:stream/consumers";
import type { LabZone } from "../../../src/lab/dns-zone.ts";
import { startAttemptLab } from "../../lab/attempt-lab.ts";
import { compileAs } from "./compile.ts";
import type { Configuration } from "./real-sendmail.ts";

export type Attempt = Readonly<{
  configuration: Configuration;
  from: "mc" | "cf";
  recipients: readonly string[];
}>;

export type Attempts = Readonly<{ folder: string; zone: LabZone; attempts: readonly Attempt[] }>;

/** One recipient's; `status` and `text` as Letterlock would report them. */
export type AttemptOutcome = Readonly<{ recipient: string; result: string; status: string; text: string }>;

const { folder, zone, attempts } = (await json(process.stdin)) as Attempts;
const all: AttemptOutcome[][] = [];
for (const attempt of attempts) all.push(await make(attempt));
console.log(JSON.stringify(all));

async function make({ configuration, from, recipients }: Attempt): Promise<AttemptOutcome[]> {
  const dialect = () => compileAs(from, configuration, folder);
  await using lab = await startAttemptLab({ hosts: [], yaml: "", zone, dialect });
  const outcomes = await lab.send({ to: recipients });
  return outcomes.map(({ recipient, outcome }) => ({
    recipient: recipient.recipient.mailbox.text,
    result: outcome.kind === "failed" ? "bounced" : outcome.kind,
    status: outcome.status,
    text: outcome.text,
  }));
}
