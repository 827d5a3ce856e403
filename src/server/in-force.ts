/**
 * What follows from the settings of a relay: made anew at each reload, and asked for anew with each question.
 */
import { isDeepStrictEqual } from "node:util";
import { type AdmissionRules, admissionRules } from "../admission/admission.ts";
import type { Settings } from "../config/settings.ts";
import { createClientNames } from "../dns/client-name.ts";
import { createStubResolver } from "../dns/stub-resolver.ts";
import type { Clock } from "../mail/clock.ts";
import { createPolicy, type Policy } from "../policy/policy.ts";
import { createTransportTable, type TransportTable } from "../route/transport.ts";

export type InForce = Readonly<{
  settings: Settings;
  policy: Policy;
  transport: TransportTable;
  resolver: ReturnType<typeof createStubResolver>;
  clientName: ReturnType<typeof createClientNames>;
  admission: AdmissionRules;
  /** Header fields that some log prints: seen at acceptance, told by every record of the message. */
  printedHeaders: ReadonlySet<string>;
}>;

/** A client waits for its greeting at most so long because DNS is silent about its name. */
const maxNameWaitMs = 5_000;

/** A resolver whose settings stay keeps its cache and its open questions. */
export function putInForce(settings: Settings, clock: Clock, before: InForce | undefined): InForce {
  return {
    settings,
    policy: createPolicy(settings.policySources),
    transport: createTransportTable(settings.transports, settings.routing),
    admission: admissionRules(settings),
    printedHeaders: new Set(settings.logs.flatMap(({ headers }) => headers)),
    ...(before !== undefined && isDeepStrictEqual(settings.dns, before.settings.dns)
      ? { resolver: before.resolver, clientName: before.clientName }
      : askDns(settings, clock)),
  };
}

function askDns({ dns }: Settings, clock: Clock): Pick<InForce, "resolver" | "clientName"> {
  const resolver = createStubResolver({ ...dns, clock });
  const timeoutMs = Math.min(maxNameWaitMs, dns.overallMs);
  return { resolver, clientName: createClientNames({ resolver, timeoutMs, clock }) };
}
