/**
 * A session and a handshake as tests need them: in clear, of an unknown client, unless they say otherwise.
 */
import type { IpAddress } from "../../mail/address.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
import type { Conduct } from "./conduct.ts";
import type { SessionFacts } from "./receiver.ts";

export function sampleSession(change: Partial<SessionFacts> = {}): SessionFacts {
  return {
    id: "s1",
    listener: "lab",
    clientAddress: "192.0.2.1" as IpAddress,
    clientPort: 1,
    localAddress: undefined,
    localPort: 25,
    ehlo: "c.example",
    esmtp: true,
    clientName: { kind: "not-asked" },
    tls: undefined,
    login: undefined,
    ...change,
  };
}

/** TLS 1.3, without a client certificate. */
export function sampleHandshake(change: Partial<HandshakeFacts> = {}): HandshakeFacts {
  return {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    bits: 256,
    group: "X25519MLKEM768",
    resumed: false,
    chain: { kind: "untrusted", code: "NO_CERTIFICATE", text: "no certificate was shown" },
    certificate: undefined,
    intermediates: [],
    clientCertificate: "not-asked",
    durationMs: 1,
    ...change,
  };
}

/** STARTTLS with that profile, no AUTH. */
export function sampleConduct(change: Partial<Conduct> = {}): Conduct {
  return {
    starttls: "offer",
    profile: undefined,
    cutWithoutCertificate: false,
    pipelined: "reject",
    mailWithoutHello: false,
    mechanisms: [],
    authNeedsTls: false,
    authRequired: false,
    barred: undefined,
    user: undefined,
    wording: "letterlock",
    received: "letterlock",
    isTrusted: false,
    ...change,
  };
}
