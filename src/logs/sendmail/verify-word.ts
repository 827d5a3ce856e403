/**
 * `verify=` of a connection, out of what its record tells: the very word that a rule's demand is held against
 * (`policy/requirements.ts`), and `TRUSTED` where DANE proved the host.
 */
import type { AttemptTls, EarlierHost } from "../../mail/attempt.ts";
import { type VerifiableTls, verifyValue } from "../../policy/requirements.ts";

export function verifyWord({ tls, failure }: Pick<EarlierHost, "tls" | "failure">): string {
  if (tls === null) return "NONE";
  if (tls.achieved === "verified" && tls.required.startsWith("dane")) return "TRUSTED";
  return verifyValue("server", howFar(tls, failure?.tls ?? null));
}

function howFar(tls: AttemptTls, failed: NonNullable<EarlierHost["failure"]>["tls"]): VerifiableTls {
  if (tls.protocol !== null) return proven(tls.peer, tls.verify.chain);
  if (tls.refusal !== null) return { kind: "refused", reply: tls.refusal };
  if (failed === "handshake" || failed === "injected") return { kind: "failed" };
  return { kind: failed === "lost" ? "lost" : "not-offered" };
}

/** Of a client; `asked`: for a certificate. */
export function clientVerifyWord(certificate: object | null, chain: string | null, asked: boolean): string {
  return verifyValue("client", proven(certificate, chain, asked));
}

function proven(certificate: object | null, chain: string | null, asked = true): VerifiableTls {
  return {
    kind: "done",
    handshake: {
      certificate: certificate ?? undefined,
      chain: { kind: chain === "trusted" ? "trusted" : "untrusted" },
      clientCertificate: asked ? "asked" : "not-asked",
    },
  };
}
