/**
 * Which entries of the access map hold for a host and a recipient. Delivery, `explain` and `import` ask here, so that
 * they cannot disagree.
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import type { PeerRequirement } from "../../rules.ts";
import type { AccessMap, RequirementEntry, ValueEntry } from "./access-map.ts";
import type { Era } from "./era.ts";
import { find, hostSteps, type LookUpOptions, namedSteps, recipientSteps, type Step } from "./look-up.ts";
import type { Setup } from "./setup.ts";

export type EntryContext = Readonly<{
  map: AccessMap;
  setup: Setup;
  era: Era;
  options: LookUpOptions;
  /** FEATURE(tls_session_features). */
  sessionFeatures: boolean;
}>;

/** What the entries for one host come to, demands apart; equal entries make one rule. */
export type HostEntries = Readonly<{
  tryTls: ValueEntry | undefined;
  session: ValueEntry | undefined;
  client: ValueEntry | undefined;
}>;

export type HoldingEntries = Readonly<{
  /** @param name as Sendmail's `${server_name}`: the MX host, else its address in brackets */
  ofHost(name: string, address: IpAddress | undefined): HostEntries;
  hostDemand(name: string, address: IpAddress | undefined): RequirementEntry | undefined;
  recipientDemand(recipient: Mailbox): RequirementEntry | undefined;
  /** What holds for hosts that no entry demands anything of. */
  always: PeerRequirement | undefined;
}>;

const bare: Step = { keys: [""], maySkip: false };

export function holdingEntries({ map, setup, era, options, sessionFeatures }: EntryContext): HoldingEntries {
  const { requirements, values } = map;
  return {
    ofHost: (name, address) => ({
      tryTls: find(values.try_tls, hostSteps(name, address, options), options),
      session: sessionFeatures ? find(values.tls_clt_features, namedSteps(name, address, options), options) : undefined,
      client: find(values.clt_features, [...namedSteps(name, undefined, options), bare], options),
    }),
    hostDemand: (name, address) => find(requirements.tls_srv, hostSteps(name, address, options), options),
    recipientDemand(recipient) {
      if (requirements.tls_rcpt.size === 0) return undefined;
      return find(requirements.tls_rcpt, recipientSteps(recipient, options), options);
    },
    always: demandOfAll(era, setup),
  };
}

/** A broken handshake is answered for good where failures are permanent, also where no entry applies. */
function demandOfAll({ defaultReply }: Era, { from }: Setup): PeerRequirement | undefined {
  if (defaultReply.status !== "5.7.0") return undefined;
  const nothing = { of: "host", verify: false, bits: undefined, extensions: [] } as const;
  return { from, text: "TLS_PERM_ERR", ...nothing, reply: defaultReply };
}
