/**
 * Everything that a receiver asks about who may send what, over one policy: a reload replaces what the functions return,
 * and sessions under way meet it with their next command.
 */
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../mail/clock.ts";
import type { Observer } from "../observe/events.ts";
import { createInboundPolicy, type InboundPolicy } from "../policy/inbound.ts";
import type { ReceiverOptions } from "../smtp/server/receiver.ts";
import { createEnvelopeCheck } from "./check-envelope.ts";
import { createConduct } from "./conduct.ts";
import { createInboundRecorder, type InboundRecorder } from "./inbound-recorder.ts";
import { createRelayCheck, type RelayCheck } from "./relay-check.ts";

/** What follows from the settings, made anew at each reload. */
export type AdmissionRules = Readonly<{ settings: Settings; policy: InboundPolicy; relay: RelayCheck }>;

export function admissionRules(settings: Settings): AdmissionRules {
  const { policySources, listeners, inboundDefaults, relayNetworks, relayDomains, outbound, hostname, postmaster } =
    settings;
  const rules = new Map(listeners.map(({ name, rule }) => [name, rule]));
  return {
    settings,
    policy: createInboundPolicy(policySources, (listener) => rules.get(listener), inboundDefaults),
    relay: createRelayCheck(relayNetworks, relayDomains, {
      allowLiterals: outbound.allowAddressLiterals,
      hostname,
      takesPostmaster: postmaster !== undefined,
    }),
  };
}

export type Admission = Pick<ReceiverOptions, "conduct" | "checkSender" | "checkRecipient" | "onRefusal"> &
  Readonly<{ accepted: InboundRecorder["accepted"] }>;

/** @param now the rules of the moment */
export function createAdmission(now: () => AdmissionRules, clock: Clock, observe: Observer): Admission {
  const policy = () => now().policy;
  const users = () => now().settings.users;
  const check = createEnvelopeCheck({ policy, users, relay: () => now().relay, clock });
  const recorder = createInboundRecorder(check, clock, observe);
  return {
    conduct: createConduct({ policy, users, hostname: () => now().settings.hostname, clock }),
    checkSender: check.checkSender,
    checkRecipient: check.checkRecipient,
    onRefusal: recorder.refused,
    accepted: recorder.accepted,
  };
}
