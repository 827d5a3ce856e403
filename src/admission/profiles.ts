/**
 * What a client is offered in its handshake. Equal content is the same object for as long as it is in use, since the
 * contexts of OpenSSL, and with them the ticket keys, are kept by it.
 *
 * A certificate is asked for where the rule says so, where a demand on this client's mail may need one, and where users
 * may log in by one; it is checked against the CAs of all of them at once (`../tls/client-trust.ts` tells them apart).
 */
import { LRUCache } from "lru-cache";
import type { InboundRule } from "../policy/rules.ts";
import { joinAnchors } from "../tls/client-trust.ts";
import { anchorsId, type TrustAnchors } from "../tls/handshake-settings.ts";
import type { ServedCertificates, ServerTlsProfile } from "../tls/server-tls.ts";

export type CertificateNeeds = Readonly<{
  /** CAs that demands name on their own; undefined: no demand needs a certificate. */
  demanded: readonly TrustAnchors[] | undefined;
  /** Some user logs in by one. */
  byUsers: boolean;
}>;

export type Profiles = Readonly<{
  /** Undefined where there is no certificate of our own to show. */
  profileOf(rule: InboundRule, needs: CertificateNeeds): ServerTlsProfile | undefined;
}>;

export function createProfiles(): Profiles {
  const known = new LRUCache<string, ServerTlsProfile>({ max: 1000 });
  return {
    profileOf(rule, needs) {
      const served = rule.certificates?.value;
      if (served === undefined) return undefined;
      const sets = anchorsFor(rule, needs);
      const { min, max } = rule.protocols?.value ?? { min: "TLSv1.2", max: "TLSv1.3" };
      const ciphers = rule.ciphers?.value;
      const groups = rule.groups?.value;
      const key = JSON.stringify([servedId(served), min, max, ciphers, groups, sets?.map(anchorsId)]);
      const before = known.get(key);
      if (before !== undefined) return before;
      const clientAnchors = sets === undefined ? undefined : joinAnchors(sets);
      const profile = { ...served, minVersion: min, maxVersion: max, ciphers, groups, clientAnchors };
      known.set(key, profile);
      return profile;
    },
  };
}

/** Undefined: no certificate is asked for. None: it is asked for, and nobody is trusted by his chain. */
function anchorsFor(rule: InboundRule, { demanded, byUsers }: CertificateNeeds): readonly TrustAnchors[] | undefined {
  const { clientCertificate, clientAnchors } = rule;
  // Written by us for this very client; another server's default of not asking does not outlast a demand of ours.
  if (clientCertificate?.value === "do-not-ask" && clientCertificate.from.source === "letterlock") return undefined;
  const asked = clientCertificate === undefined ? isOfUse(rule, byUsers) : clientCertificate.value !== "do-not-ask";
  if (!asked && demanded === undefined) return undefined;
  return [...(clientAnchors === undefined ? [] : [clientAnchors.value]), ...(demanded ?? [])];
}

/** Where nobody says whether to ask: a certificate may let this client in, or name its user. */
function isOfUse({ auth, relayByCertificate, userByCertificate }: InboundRule, byUsers: boolean): boolean {
  if (relayByCertificate !== undefined || (userByCertificate?.value.length ?? 0) > 0) return true;
  return byUsers && auth !== undefined && auth.value !== "never";
}

const servedIds = new WeakMap<ServedCertificates, string>();

function servedId(served: ServedCertificates): string {
  const before = servedIds.get(served);
  if (before !== undefined) return before;
  const id = JSON.stringify(
    [served.default, ...served.others].map(({ credentials, names }) => [credentials.map((one) => one.id), names]),
  );
  servedIds.set(served, id);
  return id;
}
