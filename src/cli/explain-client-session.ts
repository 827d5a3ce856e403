/**
 * A made-up session, as far as it matters to those who decide how a session is led, and those who decide.
 */
import { admissionRules } from "../admission/admission.ts";
import { createEnvelopeCheck, type EnvelopeCheck } from "../admission/check-envelope.ts";
import { createConduct } from "../admission/conduct.ts";
import { inboundQuestion } from "../admission/question.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../mail/clock.ts";
import type { InboundPolicy } from "../policy/inbound.ts";
import type { InboundQuestion } from "../policy/rules.ts";
import type { Conduct } from "../smtp/server/conduct.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";
import type { ClientQuestion, Door } from "./explain-client.ts";

export type Tools = Readonly<{
  policy: InboundPolicy;
  conduct: (session: SessionFacts) => Conduct;
  check: EnvelopeCheck;
}>;

export function toolsOf(settings: Settings): Tools {
  const { policy, relay } = admissionRules(settings);
  const shared = { policy: () => policy, users: () => settings.users, clock: systemClock };
  return {
    policy,
    conduct: createConduct({ ...shared, hostname: () => settings.hostname }),
    check: createEnvelopeCheck({ ...shared, relay: () => relay }),
  };
}

/** What most clients bring: the newest TLS that they are offered, and no certificate. */
export function usualHandshake({ profile }: Conduct): HandshakeFacts {
  return {
    protocol: profile?.maxVersion ?? "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    bits: 256,
    group: "X25519",
    resumed: false,
    chain: { kind: "untrusted", code: "NO_CERTIFICATE", text: "no certificate was shown" },
    certificate: undefined,
    intermediates: [],
    clientCertificate: profile?.clientAnchors === undefined ? "not-asked" : "asked",
    durationMs: 0,
  };
}

export function sessionOf(question: ClientQuestion, door: Door, tls: HandshakeFacts | undefined): SessionFacts {
  return {
    id: "explain",
    listener: door.listener?.name ?? "",
    clientAddress: question.client,
    clientPort: 0,
    localAddress: door.address,
    localPort: door.port,
    ehlo: "explain",
    esmtp: true,
    clientName: question.clientName,
    tls: tls && { handshake: tls, serverName: undefined },
    login: question.user === undefined ? undefined : { user: question.user, by: "PLAIN" },
  };
}

export function asked(question: ClientQuestion, door: Door): InboundQuestion {
  return inboundQuestion(sessionOf(question, door, undefined), systemClock.now());
}
