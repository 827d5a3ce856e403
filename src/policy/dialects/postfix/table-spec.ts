/**
 * What stands in `smtp_tls_policy_maps` and its like: tables `type:name`, separated by comma or white space; braces hold
 * `inline:{...}` and `static:{...}` together (Postfix: KEY-1).
 */
import { splitOutsideBraces } from "./braces.ts";

/** The tables of a list in their order, as written. */
export function splitTableList(value: string): readonly string[] {
  return splitOutsideBraces(value).map(({ text }) => text);
}

/** `undefined` where it is no `type:name`. `proxy:` is another way to the same table, and left out. */
export function parseTableSpec(spec: string): Readonly<{ type: string; name: string }> | undefined {
  const colon = spec.indexOf(":");
  if (colon <= 0 || colon === spec.length - 1) return undefined;
  const type = spec.slice(0, colon);
  const name = spec.slice(colon + 1);
  return type === "proxy" ? parseTableSpec(name) : { type, name };
}
