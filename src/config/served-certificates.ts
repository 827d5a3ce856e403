/**
 * Which certificates a listener shows to whom, made of the list that names them: without SNI the first, and beside it
 * those of other key types for the same names, so that old clients find RSA and new ones ECDSA. A name that is asked for
 * by SNI gets all that carry it, one of each key type; what carries it exactly goes before a wildcard. Pure.
 */
import type { Credential } from "../tls/handshake-settings.ts";
import { carriesName } from "../tls/names.ts";
import type { ServedCertificates, ServerCredential } from "../tls/server-tls.ts";

export type NamedCertificate = Readonly<{
  credential: Credential;
  /** Lower case; `*.example.com` covers one label. */
  names: readonly string[];
  /** `rsa`, `ec` ... */
  keyType: string;
}>;

export function serveTogether(certificates: readonly [NamedCertificate, ...NamedCertificate[]]): ServedCertificates {
  const [first] = certificates;
  const beside = certificates.filter((each) => first.names.every((name) => carriesName(each.names, name)));
  const [leading = first, ...more] = onePerType([first, ...beside]);
  const byDefault: ServerCredential = {
    credentials: [leading.credential, ...more.map(({ credential }) => credential)],
    names: first.names,
  };
  const groups = new Map<string, ServerCredential>();
  for (const name of new Set(certificates.flatMap(({ names }) => names))) {
    const [best, ...others] = onePerType(inOrderFor(name, certificates));
    if (best === undefined) continue;
    const credentials = [best, ...others].map(({ credential }) => credential);
    const key = credentials.map(({ id }) => id).join();
    const known = groups.get(key);
    groups.set(key, {
      credentials: known?.credentials ?? [best.credential, ...others.map(({ credential }) => credential)],
      names: [...(known?.names ?? []), name],
    });
  }
  const usual = byDefault.credentials.map(({ id }) => id).join();
  const others = [...groups].filter(([key]) => key !== usual).map(([, group]) => group);
  const own = [...groups].find(([key]) => key === usual)?.[1];
  // Where a wildcard of another certificate covers a name of the default one, the name must be found first.
  const hidden = own?.names.some((name) => others.some((other) => carriesName(other.names, name)));
  return { default: byDefault, others: own !== undefined && hidden === true ? [own, ...others] : others };
}

type Claim = Readonly<{ name: string; winner: string; loser: string }>;

/** Names that two of one key type carry exactly; the earlier one is served. */
export function claimedTwice(certificates: readonly NamedCertificate[]): readonly Claim[] {
  const owners = new Map<string, NamedCertificate>();
  const claims = new Map<string, Claim>();
  for (const certificate of certificates) {
    for (const name of new Set(certificate.names)) {
      const key = `${certificate.keyType} ${name}`;
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, certificate);
      else {
        const [winner, loser] = [owner.credential.name, certificate.credential.name];
        if (winner !== loser && !claims.has(`${winner} ${loser}`)) {
          claims.set(`${winner} ${loser}`, { name, winner, loser });
        }
      }
    }
  }
  return [...claims.values()];
}

function inOrderFor(name: string, certificates: readonly NamedCertificate[]): readonly NamedCertificate[] {
  const exact = certificates.filter(({ names }) => names.includes(name));
  return [...exact, ...certificates.filter((each) => !exact.includes(each) && carriesName(each.names, name))];
}

function onePerType(certificates: readonly NamedCertificate[]): readonly NamedCertificate[] {
  return certificates.filter(({ keyType }, at) => certificates.findIndex((other) => other.keyType === keyType) === at);
}
