/**
 * All users at one moment, found by name or by certificate. A reload makes a new directory.
 */
import type { User, UserDirectory } from "./user.ts";

/** @param users where two have the same name or certificate, the first counts: our own file's stand before a dialect's */
export function createUserDirectory(users: readonly User[]): UserDirectory {
  const byName = new Map<string, User>();
  for (const user of users) if (!byName.has(user.name)) byName.set(user.name, user);
  const known = [...byName.values()];
  const byDigest = digestsOf(known);
  return {
    users: known,
    size: known.length,
    usable: {
      password: known.some(({ password, scram, secret }) => (password ?? scram ?? secret) !== undefined),
      scram: known.some(({ scram }) => scram !== undefined),
      secret: known.some(({ secret }) => secret !== undefined),
      certificate: byDigest.size > 0,
    },
    find: (name) => byName.get(name),
    byCertificate: (sha256, spkiSha256) => byDigest.get(`certificate ${sha256}`) ?? byDigest.get(`spki ${spkiSha256}`),
  };
}

function digestsOf(users: readonly User[]): ReadonlyMap<string, User> {
  const found = new Map<string, User>();
  for (const user of users) {
    for (const { of, sha256 } of user.certificates) {
      if (!found.has(`${of} ${sha256}`)) found.set(`${of} ${sha256}`, user);
    }
  }
  return found;
}
