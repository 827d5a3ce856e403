/**
 * A session as the policy is asked about it.
 */
import { verifiedName } from "../mail/client-name.ts";
import type { InboundQuestion } from "../policy/rules.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";

/** @param now ms since 1970 */
export function inboundQuestion(session: SessionFacts, now: number): InboundQuestion {
  const { listener, localAddress, localPort, clientAddress, clientName, login } = session;
  return {
    listener,
    localAddress,
    localPort,
    client: clientAddress,
    clientName: verifiedName(clientName),
    ...(clientName.kind === "unknown" ? { clientNameUnknown: true as const } : {}),
    user: login?.user,
    now,
  };
}
