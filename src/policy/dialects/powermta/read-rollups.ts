/**
 * `<mx-rollup-list>`: which MX hosts move the mail of their domains into a queue of its own (reference, section 1.4).
 */
import type { Rollup } from "./configuration.ts";
import { parsePattern, queueName } from "./domain-sections.ts";
import { wordsOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive, Section } from "./parse.ts";
import type { SectionReader } from "./section-reader.ts";

export function readRollups(node: Section, reader: SectionReader): Rollup[] {
  return reader.directives(node).flatMap((directive) => readRollup(directive, reader.notes) ?? []);
}

function readRollup(node: Directive, notes: NoteList): Rollup | undefined {
  const [host = "", queue = "", option, extra] = wordsOf(node.value);
  const pattern = parsePattern(host);
  const fits = pattern?.kind === "exact" || pattern?.kind === "below";
  const known = option === undefined || option.toLowerCase() === "rollup-by-ip";
  if (!fits || queue === "" || !known || extra !== undefined) {
    notes.error(node, `mx ${node.value} is no roll-up rule`, "write mx HOST NAME.rollup");
    return undefined;
  }
  if (!queue.toLowerCase().endsWith(".rollup")) {
    notes.error(node, `the queue ${queue} of a roll-up must end in .rollup`, `write ${queue}.rollup`);
    return undefined;
  }
  return { below: pattern.kind === "below", host: pattern.name, queue: queueName(queue), place: node };
}
