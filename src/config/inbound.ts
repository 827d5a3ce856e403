/**
 * Everything about mail that comes in: listeners, users, rules, and what holds where nothing is said.
 */
import type { Domain } from "../mail/domain.ts";
import type { InboundRule } from "../policy/rules.ts";
import type { ScopedInboundRule } from "../policy/scoped-inbound.ts";
import type { UserDirectory } from "../users/user.ts";
import type { InboundMaterial } from "./client-settings.ts";
import { assembleInboundProfile } from "./inbound-profile.ts";
import { assembleInboundRules } from "./inbound-rules.ts";
import { checkOpenRelay, withoutConflicts } from "./listener-conflicts.ts";
import { assembleListeners } from "./listeners.ts";
import { checkLogIn } from "./log-in.ts";
import type { Values } from "./section-types.ts";
import type { Dialect, ListenerSettings } from "./settings.ts";
import type { fileTable } from "./table.ts";
import { assembleUsers } from "./users.ts";

export type Inbound = Readonly<{
  listeners: readonly ListenerSettings[];
  inboundRules: readonly ScopedInboundRule[];
  inboundDefaults: InboundRule;
  users: UserDirectory;
}>;

export function assembleInbound(
  values: Values<typeof fileTable>,
  {
    dialects,
    opensTheirs,
    hostname,
    material,
  }: Readonly<{
    dialects: readonly Dialect[];
    /** The listeners of dialects, where our own file names none. */
    opensTheirs: boolean;
    hostname: Domain;
    material: InboundMaterial;
  }>,
): Inbound {
  const { loading } = material;
  const brought = dialects.map(({ compiled }) => compiled.settings);
  const sources = dialects.map(({ compiled }) => compiled.source);
  const profile = assembleInboundProfile(values, material.certificates, loading);
  const named = opensTheirs ? brought.flatMap(({ listeners = [] }) => listeners) : [];
  const byDefault = { hostname, defaults: profile.defaults, sources };
  const all = assembleListeners(values, named, profile, material, byDefault);
  const listeners = withoutConflicts(all, values, loading);
  const users = assembleUsers(
    values,
    brought.flatMap((each) => each.users ?? []),
    loading,
  );
  const inboundRules = assembleInboundRules(values["inbound-rules"].value, { listeners, users }, material);
  checkOpenRelay(values, listeners, dialects, loading);
  checkLogIn(listeners, { inboundRules, users, sources }, loading);
  return { listeners, inboundRules, inboundDefaults: profile.defaults, users };
}
