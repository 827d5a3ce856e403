/**
 * What DNS says that a client is called, as whoever decides about it may rely on it.
 */
import type { Domain } from "./domain.ts";

/**
 * `verified`: the PTR name leads back to the address. `forged`: it does not. `none`: there is no PTR name.
 * `unknown`: DNS could not tell just now. `not-asked`: nobody needs it.
 */
export type ClientName =
  | Readonly<{ kind: "verified"; name: Domain }>
  | Readonly<{ kind: "forged"; name: Domain }>
  | Readonly<{ kind: "none" | "unknown" | "not-asked" }>;

/** Only a name that leads back to the address says anything. */
export function verifiedName(clientName: ClientName): Domain | undefined {
  return clientName.kind === "verified" ? clientName.name : undefined;
}
