/**
 * An envelope check as tests need it: mail for ours.example is taken from anybody, no network relays, and clients of one
 * CA are trusted unless the rule says otherwise.
 */
import type { Clock } from "../mail/clock.ts";
import { domain } from "../mail/domain.ts";
import { createInboundPolicy } from "../policy/inbound.ts";
import type { InboundRule, PolicySource } from "../policy/rules.ts";
import { sampleClientCa } from "../tls/client-sample.ts";
import { trustBundle } from "../tls/handshake-settings.ts";
import type { User } from "../users/user.ts";
import { createUserDirectory } from "../users/user-directory.ts";
import { createEnvelopeCheck, type EnvelopeCheck } from "./check-envelope.ts";
import { createRelayCheck } from "./relay-check.ts";
import { said } from "./session-sample.ts";

export type SampleSetting = Readonly<{
  rule?: InboundRule;
  sources?: readonly PolicySource[];
  users?: readonly User[];
}>;

export const sampleAnchors = trustBundle([sampleClientCa], ["ours.pem"]);

export function sampleCheck({ rule = {}, sources = [], users = [] }: SampleSetting, clock: Clock): EnvelopeCheck {
  const merged: InboundRule = { clientAnchors: said(sampleAnchors), ...rule };
  const policy = createInboundPolicy(sources, () => merged, {});
  const directory = createUserDirectory(users);
  const relay = createRelayCheck([], [{ kind: "exact", domain: domain("ours.example") }], {
    allowLiterals: false,
    hostname: domain("relay.ours.example"),
    takesPostmaster: false,
  });
  return createEnvelopeCheck({ policy: () => policy, users: () => directory, relay: () => relay, clock });
}
