/**
 * The dates of a certificate of ours, in words where something is to be done about them.
 */

/** Whoever renews by hand has three weeks. */
const soonMs = 21 * 86_400_000;

/** All in ms since 1970. */
export function validityWarning(what: string, notBefore: number, notAfter: number, now: number): string | undefined {
  const iso = (time: number): string => new Date(time).toISOString();
  if (notAfter < now) return `${what} expired on ${iso(notAfter)}`;
  if (notBefore > now) return `${what} is not valid before ${iso(notBefore)}`;
  if (notAfter - now >= soonMs) return undefined;
  return `${what} expires on ${iso(notAfter)}, in ${Math.floor((notAfter - now) / 86_400_000)} days`;
}
