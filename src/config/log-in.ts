/**
 * Whether anybody can log in where it is said that one may, or must.
 */
import type { InboundRule, Origin, PolicySource } from "../policy/rules.ts";
import type { ScopedInboundRule } from "../policy/scoped-inbound.ts";
import type { UserDirectory } from "../users/user.ts";
import type { Loading } from "./loading.ts";
import type { Place } from "./problem.ts";
import type { ListenerSettings } from "./settings.ts";
import { strangerAt } from "./stranger.ts";

type Others = Readonly<{
  inboundRules: readonly ScopedInboundRule[];
  users: UserDirectory;
  sources: readonly PolicySource[];
}>;

export function checkLogIn(listeners: readonly ListenerSettings[], others: Others, loading: Loading): void {
  const own = [...listeners.map(({ rule }) => rule), ...others.inboundRules.map(({ settings }) => settings)];
  for (const rule of own) checkUsers(rule, others.users, loading);
  for (const listener of listeners) checkRequired(listener, others, loading);
}

function checkUsers({ auth, mechanisms }: InboundRule, users: UserDirectory, { problems }: Loading): void {
  if (auth !== undefined && auth.value !== "never" && users.size === 0) {
    const message = "nobody can log in: there is no user";
    problems.warning(placeOf(auth.from), message, "write users-file:, and run letterlock user add");
  }
  if (mechanisms === undefined) return;
  const missing = (["CRAM-MD5", "EXTERNAL"] as const).filter((each) => mechanisms.value.includes(each));
  for (const mechanism of missing) {
    const usable = mechanism === "CRAM-MD5" ? users.usable.secret : users.usable.certificate;
    if (usable) continue;
    const needs =
      mechanism === "CRAM-MD5" ? "a password in clear text, which our users file never has" : "a certificate";
    problems.warning(placeOf(mechanisms.from), `no user can log in by ${mechanism}: it needs ${needs}`, "leave it out");
  }
}

/** No mail before AUTH, and no AUTH. */
function checkRequired(
  listener: ListenerSettings,
  { inboundRules, sources }: Others,
  { problems, now }: Loading,
): void {
  const { authRequired, auth, userByCertificate } = listener.rule;
  if (authRequired?.value !== true || userByCertificate !== undefined) return;
  const question = { ...strangerAt(listener, now), client: listener.address };
  const said = sources.some((source) => source.inbound?.(question)?.auth !== undefined);
  const ruled = inboundRules.some(({ settings }) => (settings.auth ?? settings.userByCertificate) !== undefined);
  if (auth === undefined ? said || ruled : auth.value !== "never") return;
  const message = "auth-required without AUTH takes no mail at all";
  problems.error(placeOf(authRequired.from), message, "add auth: in-tls");
}

function placeOf({ line, column }: Origin): Place {
  return { line: line ?? 1, column: column ?? 1 };
}
