/**
 * `type:name` opened: every type of look-up table that Postfix has is here, asked the same way, or answers `error` to every
 * key with the reason (Postfix: section 3.3, KEY-16). Never throws.
 */

import { parseTableSpec } from "./table-spec.ts";
import { openCidr } from "./tables/cidr-table.ts";
import { openInline, openStatic, openText, textTypes } from "./tables/fixed.ts";
import { openJoined } from "./tables/joined.ts";
import { openPatterns } from "./tables/pattern-table.ts";
import { note, type OpenedTable, silent, type TableContext, type TableRequest, unusable } from "./tables/table.ts";

export type { LookupTable, TableContext, TableHit } from "./tables/table.ts";

/** Ask another program, whose answers are not here to be read. */
const remoteTypes: ReadonlySet<string> = new Set(
  "environ internal ldap memcache mongodb mysql netinfo nis nisplus pgsql socketmap sqlite tcp unix".split(" "),
);
/** `unionmap:{ pipemap:{ ...` */
const maxDepth = 10;

/** The same spec and the same files give the same table. */
export function openTable(spec: string, context: TableContext): OpenedTable {
  return openNested(spec, context, 0);
}

function openNested(spec: string, context: TableContext, depth: number): OpenedTable {
  const parsed = parseTableSpec(spec);
  const request: TableRequest = { spec, type: parsed?.type ?? "", name: parsed?.name ?? "", context };
  const { type } = request;
  if (parsed === undefined) return unusable(request, "a table is named type:name", "write hash:/etc/postfix/NAME");
  if (textTypes.has(type)) return openText(request);
  if (type === "inline") return openInline(request);
  if (type === "static") return openStatic(request);
  if (type === "regexp" || type === "pcre") return openPatterns(request, type);
  if (type === "cidr") return openCidr(request);
  if ((type === "unionmap" || type === "pipemap") && depth < maxDepth) {
    return openJoined(request, (member) => openNested(member, context, depth + 1));
  }
  return openNothing(request);
}

function openNothing(request: TableRequest): OpenedTable {
  const { spec, type, name, context } = request;
  if (type === "fail") {
    const what = `${spec}: every look-up fails, as this type is meant to: ${name}`;
    const table = silent({ spec, type, kind: "unusable", text: "fails by intent" });
    return { table, notes: [note("warning", context.at, what, "name another table when mail is to flow")] };
  }
  const remedy = "put the entries into a file that is named texthash:FILE";
  if (remoteTypes.has(type)) {
    const text = `tables of type ${type} are kept by another program, which is not asked here`;
    const table = silent({ spec, type, kind: "remote", text });
    return { table, notes: [note("error", context.at, `${spec}: ${text}`, remedy)] };
  }
  if (type === "randmap") return unusable(request, "its answers are random, and a policy is not", remedy);
  return unusable(request, `there is no table type "${type}"`, remedy);
}
