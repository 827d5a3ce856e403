/**
 * The real Sendmail and Letterlock, side by side: the same access maps and configurations, the same peers. Any difference
 * that `differences.ts` does not explain fails. `LETTERLOCK_DIFFERENTIAL_SEED=random` explores.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import { Namespace } from "./lab/namespace.ts";
import { missing } from "./lab/programs.ts";
import { batches } from "./sendmail-differential/batches.ts";
import { CertificateMaker } from "./sendmail-differential/certificates.ts";
import { compileAs } from "./sendmail-differential/compile.ts";
import { type Difference, differences, type Ruled } from "./sendmail-differential/differences.ts";
import { type Delivered, deliverAll } from "./sendmail-differential/live.ts";
import { clientStates, serverStates } from "./sendmail-differential/peers.ts";
import { differencesPage } from "./sendmail-differential/print-page.ts";
import { seed } from "./sendmail-differential/random.ts";
import { RealSendmail } from "./sendmail-differential/real-sendmail.ts";
import { asAsked, askTlsClient, asLetterlock } from "./sendmail-differential/rulesets.ts";
import { situations } from "./sendmail-differential/situations.ts";

const skip = missing();
const page = path.join(import.meta.dirname, "../../docs/dialects/sendmail-differences.md");

describe(`Letterlock decides as Sendmail does (seed ${seed})`, () => {
  const met = new Set<string>();

  test("rulesets: the same verdict, code, status and text", { skip }, async (context) => {
    await using namespace = await Namespace.create();
    const ruled = await askAll(namespace);
    const unexplained = ruled.filter(isRuledApart).filter((each) => !explain(each, ({ ofRuleset }) => ofRuleset));
    context.diagnostic(`${ruled.length} questions to the rulesets`);
    assert.ok(ruled.length >= 2000);
    assert.deepEqual(unexplained.map(shownRuled), []);
  });

  test("deliveries: the same end, by the same host, in TLS or in clear", { skip }, async (context) => {
    await using namespace = await Namespace.create();
    const delivered = await deliverAll(namespace, situations(seed));
    const apart = delivered.filter(isDeliveredApart);
    const unexplained = apart.filter((each) => !explain(each, ({ ofDelivery }) => ofDelivery));
    context.diagnostic(`${delivered.length} deliveries`);
    assert.ok(delivered.length >= 200);
    assert.deepEqual(unexplained.map(shownDelivered), []);
  });

  /** Notes which entry explains it. */
  function explain<T>(pair: T, predicateOf: (difference: Difference) => ((pair: T) => boolean) | undefined): boolean {
    const entry = differences.find((difference) => predicateOf(difference)?.(pair) === true);
    if (entry !== undefined) met.add(entry.id);
    return entry !== undefined;
  }

  after(() => {
    // Another seed may not meet them all.
    if (skip !== false || process.env.LETTERLOCK_DIFFERENTIAL_SEED !== undefined) return;
    const unmet = differences.map(({ id }) => id).filter((id) => !met.has(id));
    assert.deepEqual(unmet, [], "explained, but not met any more");
  });
});

test("the page of differences is printed from the table", () => {
  assert.equal(readFileSync(page, "utf8"), differencesPage(), "print-page.ts prints it");
});

async function askAll(namespace: Namespace): Promise<readonly Ruled[]> {
  const maker = await CertificateMaker.create();
  const states = { servers: await serverStates(maker), clients: await clientStates(maker) };
  const real = new RealSendmail(namespace, askTlsClient);
  const all: Ruled[] = [];
  for (const [at, { variant, access, questions }] of batches(seed, states).entries()) {
    const configuration = await real.configure(variant, access);
    const answers = await real.ask(configuration, questions.map(asAsked));
    const { source } = compileAs(at % 2 === 0 ? "mc" : "cf", configuration, namespace.folder);
    for (const [index, question] of questions.entries()) {
      const sendmail = answers[index];
      assert.ok(sendmail);
      all.push({ question, access, sendmail, letterlock: asLetterlock(source, question) });
    }
  }
  return all;
}

function isRuledApart({ sendmail, letterlock }: Ruled): boolean {
  return JSON.stringify(told(sendmail)) !== JSON.stringify(told(letterlock));
}

function told(returned: Ruled["sendmail"]): readonly unknown[] {
  return returned.kind === "error" ? [returned.code, returned.status, returned.text] : [returned.kind];
}

function isDeliveredApart({ sendmail, letterlock }: Delivered): boolean {
  if (sendmail.result !== letterlock.result) return true;
  return sendmail.result === "delivered"
    ? sendmail.host !== letterlock.host || sendmail.inTls !== letterlock.inTls
    : sendmail.status !== letterlock.status || sendmail.text !== letterlock.text;
}

/** A line for each entry that may have to do with it: the tag's own. */
function shownRuled({ question, access, sendmail, letterlock }: Ruled): string {
  const { ruleset, party, peer, recipient } = question;
  const who = ruleset === "tls_rcpt" ? recipient : `${party.name ?? ""} [${party.address}]`;
  const tag = {
    tls_server: "TLS_Srv",
    tls_client: "TLS_Clt",
    tls_rcpt: "TLS_Rcpt",
    try_tls: "Try_TLS",
    RelayTLS: "Cert",
  }[ruleset];
  const lines = access.split("\n").filter((line) => line.toLowerCase().startsWith(tag.toLowerCase()));
  const own = lines.filter((line) => party.name !== undefined && line.includes(`:${party.name}\t`));
  const shown = JSON.stringify(own.length > 0 ? own : lines.slice(0, 20));
  return `${ruleset} ${who}, ${peer.name}: Sendmail ${told(sendmail)}, Letterlock ${told(letterlock)}; ${shown}`;
}

function shownDelivered({ situation, recipient, sendmail, letterlock }: Delivered): string {
  const variant = Object.entries(situation.variant).filter(([, value]) => value !== false && String(value) !== "");
  const where = `${recipient} to ${situation.mx}, ${JSON.stringify(situation.access)} ${variant.join(" ")} ${situation.from}`;
  return `${where}:\n  Sendmail   ${Object.values(sendmail).join(" | ")}\n  Letterlock ${Object.values(letterlock).join(" | ")}`;
}
