/**
 * How a session is led: what the policy says of this client, made into what the receiver obeys. Asked when a client
 * connects, again inside TLS, and after AUTH; always from the facts alone, so that nothing of before lingers. Pure but
 * for the profiles that it keeps.
 *
 * Promises: what cannot be honoured is refused, never left out; TLS that is required and cannot be had lets nobody in;
 * AUTH names no mechanism that nobody could use or that would show a password in clear against the rule.
 * Leaves to others: what an envelope needs (`check-envelope.ts`), the words of STARTTLS and AUTH (`../smtp/server`).
 */
import type { Clock } from "../mail/clock.ts";
import type { InboundPolicy } from "../policy/inbound.ts";
import type { InboundRule } from "../policy/rules.ts";
import type { Conduct } from "../smtp/server/conduct.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import type { UserDirectory } from "../users/user.ts";
import { barredFor } from "./barred.ts";
import { certificateUser } from "./certificate-user.ts";
import { mechanismsFor } from "./mechanisms.ts";
import { createProfiles, type Profiles } from "./profiles.ts";
import { inboundQuestion } from "./question.ts";
import { underRule } from "./under-rule.ts";

export type ConductTools = Readonly<{
  policy: () => InboundPolicy;
  users: () => UserDirectory;
  /** Named in Postfix's words. */
  hostname: () => string;
  clock: Clock;
}>;

export function createConduct(tools: ConductTools): (session: SessionFacts) => Conduct {
  const profiles = createProfiles();
  return (session) => conductOf(session, tools, profiles);
}

function conductOf(session: SessionFacts, tools: ConductTools, profiles: Profiles): Conduct {
  const question = inboundQuestion(session, tools.clock.now());
  const policy = tools.policy();
  const rule = policy.rule(question);
  const users = tools.users();
  const tls = session.tls === undefined ? undefined : underRule(session.tls.handshake, rule);
  const profile = profiles.profileOf(rule, {
    demanded: policy.certificateDemands(question),
    byUsers: users.usable.certificate,
  });
  const starttls = starttlsOf(rule, profile !== undefined);
  return {
    starttls,
    profile,
    cutWithoutCertificate: rule.clientCertificate?.value === "require",
    pipelined: rule.pipelined?.value ?? "reject",
    mailWithoutHello: rule.mailWithoutHello?.value ?? false,
    ...mechanismsFor(rule, { tls, starttls, users }),
    authRequired: rule.authRequired?.value ?? false,
    barred: barredFor(rule, { session, tls, hostname: tools.hostname() }),
    user: certificateUser(rule, { client: session.clientAddress, tls }, users),
    wording: rule.wording?.value ?? "letterlock",
    received: rule.received?.value ?? "letterlock",
    isTrusted: tls?.certificate !== undefined && tls.chain.kind === "trusted",
  };
}

/** A certificate that must be shown can only be shown inside TLS: whoever may come in clear would never need one. */
function starttlsOf({ starttls, clientCertificate, rejected }: InboundRule, possible: boolean): Conduct["starttls"] {
  // Who is turned away whatever it does is offered nothing.
  if (rejected?.value.at === "session") return "never";
  const wish = starttls?.value ?? "offer";
  if (wish !== "offer") return wish;
  if (clientCertificate?.value === "require-trusted") return "require";
  return possible ? "offer" : "unavailable";
}
