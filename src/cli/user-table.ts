/**
 * Users as an operator sees them: without secrets, only what kind of each there is.
 */
import { formatDomainPattern } from "../mail/domain-pattern.ts";
import { escapeText } from "../mail/escape.ts";
import type { User } from "../users/user.ts";
import { table } from "./table.ts";

/** As `--json` prints him. */
export function shownUser({
  name,
  password,
  scram,
  certificates,
  senders,
  networks,
  bindings,
  requireTls,
  mayRelay,
}: User) {
  return {
    name,
    password: password?.kind ?? null,
    scram: scram === undefined ? null : "SCRAM-SHA-256",
    certificates: certificates.map(({ of, sha256 }) => `${of === "spki" ? "spki-" : ""}sha256:${sha256}`),
    senders: senders?.map((one) => ("address" in one ? one.address : formatDomainPattern(one.domain))) ?? null,
    networks: networks?.map(({ address, prefix }) => `${address}/${prefix}`) ?? null,
    bindings: bindings ?? null,
    requireTls,
    mayRelay,
  };
}

export function usersTable(users: readonly User[]): string {
  if (users.length === 0) return "Nobody may log in.\n";
  const rows = users.map(shownUser).map((user) => {
    const proofs = [user.password, user.scram, certificateCount(user.certificates.length)];
    const cells = [
      user.name,
      proofs.filter((proof) => proof !== null).join(", "),
      user.senders?.join(" ") ?? "any",
      user.networks?.join(" ") ?? "any",
      user.bindings?.join(" ") ?? "any",
      user.requireTls,
      user.mayRelay ? "yes" : "no",
    ];
    return cells.map((cell) => escapeText(cell, 100));
  });
  return table(["NAME", "LOGS IN BY", "SENDERS", "NETWORKS", "BINDINGS", "TLS", "RELAY"], rows);
}

function certificateCount(count: number): string | null {
  if (count === 0) return null;
  return count === 1 ? "1 certificate" : `${count} certificates`;
}
