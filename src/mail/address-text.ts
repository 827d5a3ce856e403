/**
 * The two halves of a mail address that a record holds as text.
 */

/** All of it where there is no domain (`postmaster`). */
export function localPartOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? address : address.slice(0, at);
}

/** As written; empty where there is none. */
export function domainPartOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : address.slice(at + 1);
}
