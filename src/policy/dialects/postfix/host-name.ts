/**
 * What Postfix takes for a host name in a configuration. A next-hop that is one is also looked up by its parents
 * (KEY-8); SNI and policy domains must be one.
 */

const name =
  /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;

/** Letters, digits, hyphen and underscore; no bracket, colon or trailing dot; not digits and dots alone. */
export function isHostName(text: string): boolean {
  return text.length <= 255 && name.test(text) && /[^0-9.]/.test(text);
}
