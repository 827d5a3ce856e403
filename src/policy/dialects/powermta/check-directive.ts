/**
 * What becomes of one directive: known here, known elsewhere, or unknown; its value right or wrong. Every line ends in a
 * note. An unknown directive is an error, as in PowerMTA, which does not start with one (reference, section 1.1).
 */

import { nearestWord } from "../../../mail/nearest-word.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { PowerMtaOption } from "./option-types.ts";
import { namesIn, optionIn, scopesOf } from "./options.ts";
import type { Directive } from "./parse.ts";
import { booleanOf, valueFault } from "./values.ts";

/** Sections whose lines are data and not directives. */
const freeForm: ReadonlySet<string> = new Set(["suppression-list"]);

/** @returns the option, where the directive is right and has a meaning here */
export function checkDirective(scope: string, node: Directive, notes: NoteList): PowerMtaOption | undefined {
  if (freeForm.has(scope)) {
    notes.noEffect(node, `a line of <${scope}> has no effect here`);
    return undefined;
  }
  const option = optionIn(scope, node.name);
  if (option === undefined) {
    misplaced(scope, node, notes);
    return undefined;
  }
  if (option.status === "no-effect") {
    notes.noEffect(node, describe(option));
    return undefined;
  }
  if (node.openQuote) {
    notes.error(node, `${node.name}: a quote is not closed`, 'write the closing "');
    return undefined;
  }
  const fault = valueFault(option.kind, node.name, node.value);
  if (fault !== undefined) {
    notes.error(node, fault.reason, fault.remedy);
    return undefined;
  }
  if (option.status === "not-yet") notes.notYet(node, describe(option));
  else if (option.status === "differs" && isDifferent(option, node)) notes.differs(node, describe(option));
  else notes.applied(node, describe(option));
  return option;
}

function misplaced(scope: string, node: Directive, notes: NoteList): void {
  const where = scopesOf(node.name);
  const here = scope === "global" ? "outside of sections" : `in <${scope}>`;
  if (where.length === 0) {
    const near = nearestWord(node.name, namesIn(scope));
    const remedy = near === undefined ? "remove it, or check its spelling" : `did you mean ${near}?`;
    notes.error(node, `unknown directive "${node.name}"`, remedy);
    return;
  }
  const places = where.map((place) => (place === "global" ? "outside of sections" : `in <${place}>`)).join(", ");
  const ours = where.some((place) => optionIn(place, node.name)?.status !== "no-effect");
  if (ours) notes.error(node, `${node.name} cannot stand ${here}`, `write it ${places}`);
  else notes.noEffect(node, `${node.name} stands ${here}, but belongs ${places}; it has no effect here`);
}

const descriptions = new Map<PowerMtaOption, string>();

function describe(option: PowerMtaOption): string {
  const before = descriptions.get(option);
  if (before !== undefined) return before;
  const text = `${option.name}: ${option.reason}`;
  descriptions.set(option, text);
  return text;
}

/** Does this value ask for what we do otherwise? */
function isDifferent({ kind, name }: PowerMtaOption, { value }: Directive): boolean {
  if (kind === "boolean") return booleanOf(value) === true;
  if (textOf(value) === "") return false;
  // Whoever applies these says so itself, where it is so.
  if (name === "smtp-source-host" || name === "smtp-hosts") return false;
  return !(name === "type" && textOf(value).toLowerCase() === "smtp");
}
