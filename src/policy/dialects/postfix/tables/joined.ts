/**
 * Tables made of tables: `unionmap:{a, b}` joins the answers of all with commas, `pipemap:{a, b}` asks each with the answer
 * of the one before. An error in one is an error of the whole.
 */
import { splitOutsideBraces, unbrace } from "../braces.ts";
import {
  type LookupAnswer,
  type LookupTable,
  notFound,
  type OpenedTable,
  type TableRequest,
  unusable,
} from "./table.ts";

type Open = (spec: string) => OpenedTable;

export function openJoined(request: TableRequest, open: Open): OpenedTable {
  const { spec, type, name } = request;
  const remedy = `write "${type}:{ type:name, type:name }"`;
  const inside = unbrace(name);
  if (inside.kind === "wrong") return unusable(request, inside.problem, remedy);
  const members = splitOutsideBraces(inside.text).map(({ text }) => open(text));
  if (members.length === 0) return unusable(request, "it holds nothing", remedy);
  const tables = members.map(({ table }) => table);
  const lookup = type === "unionmap" ? askAll(tables, request) : askInTurn(tables);
  return {
    table: { spec, type, kind: kindOf(tables, type), lookup, entries: () => entriesOf(tables, type) },
    notes: members.flatMap(({ notes }) => notes),
  };
}

/** Partial keys make sense where the first, or any, table has whole keys. */
function kindOf(tables: readonly LookupTable[], type: string): LookupTable["kind"] {
  const asked = type === "unionmap" ? tables : tables.slice(0, 1);
  return asked.find(({ kind }) => kind === "fixed")?.kind ?? asked[0]?.kind ?? "unusable";
}

/** What can be asked for: behind the first table of a pipe stand keys that no mail asks for. */
function entriesOf(tables: readonly LookupTable[], type: string): ReturnType<LookupTable["entries"]> {
  if (type === "unionmap") return tables.flatMap((table) => table.entries());
  const [first, ...rest] = tables;
  return (first?.entries() ?? []).flatMap(({ key, hit }) => {
    const answer = pass({ kind: "found", hit }, rest);
    return answer.kind === "found" ? [{ key, hit: answer.hit }] : [];
  });
}

/** An empty answer in front leaves no comma; any other does. Nothing but empty answers is no answer. */
function askAll(tables: readonly LookupTable[], { spec, context }: TableRequest): LookupTable["lookup"] {
  return (key) => {
    let value = "";
    let from = { ...context.at, written: spec };
    for (const table of tables) {
      const answer = table.lookup(key);
      if (answer.kind === "error") return answer;
      if (answer.kind === "none") continue;
      if (value === "") from = answer.hit.from;
      value = value === "" ? answer.hit.value : `${value},${answer.hit.value}`;
    }
    return value === "" ? notFound : { kind: "found", hit: { value, from } };
  };
}

function askInTurn([first, ...rest]: readonly LookupTable[]): LookupTable["lookup"] {
  return (key) => pass(first?.lookup(key) ?? notFound, rest);
}

/** The value of one is the key of the next; the place stays that of the first. */
function pass(answer: LookupAnswer, tables: readonly LookupTable[]): LookupAnswer {
  let last = answer;
  for (const table of tables) {
    if (last.kind !== "found") return last;
    const { from } = last.hit;
    const next = table.lookup(last.hit.value);
    last = next.kind === "found" ? { kind: "found", hit: { value: next.hit.value, from } } : next;
  }
  return last;
}
