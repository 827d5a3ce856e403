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

/** What can be asked for; behind the first table of a pipe stand keys that no mail asks for. */
function entriesOf(tables: readonly LookupTable[], type: string): ReturnType<LookupTable["entries"]> {
  const [first] = tables;
  return type === "unionmap" || tables.length === 1
    ? tables.flatMap((table) => table.entries())
    : throughPipe(first, tables);
}

function throughPipe(
  first: LookupTable | undefined,
  tables: readonly LookupTable[],
): ReturnType<LookupTable["entries"]> {
  return (first?.entries() ?? []).flatMap(({ key, hit }) => {
    const answer = pass(hit.value, tables.slice(1));
    return answer.kind === "found" ? [{ key, hit: { value: answer.hit.value, from: hit.from } }] : [];
  });
}

function askAll(tables: readonly LookupTable[], { spec, context }: TableRequest): LookupTable["lookup"] {
  return (key) => {
    const values: string[] = [];
    let from = { ...context.at, written: spec };
    for (const table of tables) {
      const answer = table.lookup(key);
      if (answer.kind === "error") return answer;
      if (answer.kind === "none" || answer.hit.value === "") continue;
      if (values.length === 0) from = answer.hit.from;
      values.push(answer.hit.value);
    }
    return values.length === 0 ? notFound : { kind: "found", hit: { value: values.join(","), from } };
  };
}

function askInTurn([first, ...rest]: readonly LookupTable[]): LookupTable["lookup"] {
  return (key) => {
    const answer = first?.lookup(key) ?? notFound;
    if (answer.kind !== "found") return answer;
    const last = pass(answer.hit.value, rest);
    return last.kind === "found" ? { kind: "found", hit: { value: last.hit.value, from: answer.hit.from } } : last;
  };
}

function pass(value: string, tables: readonly LookupTable[]): LookupAnswer {
  let answer: LookupAnswer = { kind: "none" };
  let key = value;
  for (const table of tables) {
    answer = table.lookup(key);
    if (answer.kind !== "found") return answer;
    key = answer.hit.value;
  }
  return answer;
}
