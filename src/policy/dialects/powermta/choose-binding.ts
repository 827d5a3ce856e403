/**
 * As whom a submitted message leaves (reference, section 4.2): the header field X-Virtual-MTA where the source lets it, the
 * source's pattern list, its default virtual MTA, `{default}`. A pool's members take turns.
 */
import type { BindingAnswer, BindingChooser, SubmissionQuestion } from "../dialect.ts";
import { blockHolds } from "./address-block.ts";
import { defaultVirtualMta } from "./bindings.ts";
import type { Configuration, Source } from "./configuration.ts";
import { textOf } from "./lines.ts";
import { headersOf, virtualMtaByPattern } from "./pattern-list.ts";
import { sourceFlag, sourceStatement, sourcesOf } from "./source-settings.ts";
import { parseSourceHost } from "./values.ts";

const field = "x-virtual-mta";

/** The name, whether it exists or not; `null`: an empty header field, which names nothing. */
type Chosen = string | null;

export function bindingChooser(configuration: Configuration): BindingChooser {
  return {
    headersWanted(question) {
      const sources = sourcesOf(configuration, question);
      const wanted = new Map<string, "keep" | "remove">();
      const list = patternListOf(configuration, sources);
      for (const header of list === undefined ? [] : headersOf(list, configuration.patternLists))
        wanted.set(header, "keep");
      if (sourceFlag(sources, `process-${field}`, false)) {
        wanted.set(field, sourceFlag(sources, `retain-${field}`, false) ? "keep" : "remove");
      }
      return wanted;
    },
    choose(question) {
      const sources = sourcesOf(configuration, question);
      return answer(configuration, sources, chosenName(configuration, sources, question));
    },
  };
}

function chosenName(configuration: Configuration, sources: readonly Source[], question: SubmissionQuestion): Chosen {
  const header = sourceFlag(sources, `process-${field}`, false) ? question.header(field)?.trim() : undefined;
  if (header === "") return sourceFlag(sources, `allow-empty-${field}`, false) ? defaultVirtualMta : null;
  if (header !== undefined) return header;
  const list = patternListOf(configuration, sources);
  const byPattern = list === undefined ? undefined : virtualMtaByPattern(list, configuration.patternLists, question);
  if (byPattern !== undefined) return byPattern;
  const fallback = sourceStatement(sources, "default-virtual-mta");
  const name = fallback === undefined ? defaultVirtualMta : textOf(fallback.directive.value);
  return name.toLowerCase() === "by-smtp-source-ip" ? bySourceAddress(configuration, question) : name;
}

function patternListOf({ patternLists }: Configuration, sources: readonly Source[]) {
  const statement = sourceStatement(sources, "pattern-list");
  return statement === undefined ? undefined : patternLists.get(textOf(statement.directive.value));
}

/** The virtual MTA whose own source address is the one that the client connected to. */
function bySourceAddress({ virtualMtas }: Configuration, { localAddress }: SubmissionQuestion): string {
  if (localAddress === undefined) return defaultVirtualMta;
  for (const { name, statements } of virtualMtas.values()) {
    for (const { value } of statements.get("smtp-source-host") ?? []) {
      const block = parseSourceHost(value)?.block;
      if (block !== undefined && blockHolds(block, localAddress)) return name;
    }
  }
  return defaultVirtualMta;
}

function answer(configuration: Configuration, sources: readonly Source[], chosen: Chosen): BindingAnswer {
  const known = chosen === null ? undefined : existing(configuration, chosen);
  if (known !== undefined) return known;
  if (sourceFlag(sources, "reject-invalid-virtual-mta", true)) {
    const which = chosen === null ? "an empty X-Virtual-MTA" : `VirtualMTA ${JSON.stringify(chosen)}`;
    return { kind: "reject", status: "5.3.5", text: `${which}: specified VirtualMTA does not exist` };
  }
  const fallback = configuration.globals.get("invalid-virtual-mta-fallback")?.at(-1);
  const name = fallback === undefined ? defaultVirtualMta : textOf(fallback.value);
  return existing(configuration, name) ?? { kind: "binding", name: defaultVirtualMta };
}

function existing({ virtualMtas, pools }: Configuration, name: string): BindingAnswer | undefined {
  if (name === defaultVirtualMta || virtualMtas.has(name)) return { kind: "binding", name };
  const pool = pools.get(name);
  if (pool === undefined || pool.members.length === 0) return undefined;
  return { kind: "group", name, members: pool.members };
}
