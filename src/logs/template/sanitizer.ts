/**
 * Values from outside made fit for one line: control characters and everything else that is not printable ASCII
 * escaped, whatever the log asks for (standards.md AT-28), then what `sanitize` of custom_logger asks for.
 */
import type { TemplateLog } from "../../mail/log-definition.ts";
import { onOneLine } from "../words/one-line.ts";

export function createSanitizer({ specialCharacters, nonPrintable, replace }: TemplateLog["sanitize"]) {
  const steps: ((text: string) => string)[] = [onOneLine];
  if (specialCharacters) steps.push(withShortEscapes);
  if (nonPrintable) steps.push(inDecimal);
  if (replace.length > 0) steps.push(createReplacer(replace));
  if (steps.length === 1) return onOneLine;
  return (text: string): string => {
    let value = text;
    for (const step of steps) value = step(value);
    return value;
  };
}

/** `special_characters`: standard escapes (inferred: C's) where ours are in hexadecimal. */
const shortEscapes: ReadonlyMap<string, string> = new Map([
  ["07", "\\a"],
  ["08", "\\b"],
  ["09", "\\t"],
  ["0a", "\\n"],
  ["0b", "\\v"],
  ["0c", "\\f"],
  ["0d", "\\r"],
]);

function withShortEscapes(text: string): string {
  if (!text.includes("\\x0")) return text;
  return text.replaceAll(/\\x(0[7-9a-d])/g, (written, code: string) => shortEscapes.get(code) ?? written);
}

/** `non_printable`: the decimal code; that a backslash stays before it is inferred. */
function inDecimal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})/g, (_, short?: string, long?: string) => {
    return `\\${Number.parseInt(short ?? long ?? "", 16)}`;
  });
}

/** `tr/.../.../`: each character of the first set for the one at its place in the second, the last one going on. */
function createReplacer(replace: TemplateLog["sanitize"]["replace"]): (text: string) => string {
  const map = new Map<string, string>();
  for (const [from, to] of replace) {
    const targets = charactersOf(to);
    for (const [at, character] of charactersOf(from).entries()) {
      if (!map.has(character)) map.set(character, onOneLine(targets[at] ?? targets.at(-1) ?? ""));
    }
  }
  const characters = [...map.keys()].map((character) => character.replaceAll(/[\\\]^-]/g, "\\$&"));
  if (characters.length === 0) return (text) => text;
  const pattern = new RegExp(`[${characters.join("")}]`, "gu");
  return (text) => text.replaceAll(pattern, (character) => map.get(character) ?? character);
}

/** Of a set: `a-f` is six characters. */
function charactersOf(set: string): string[] {
  const spelt = set.replaceAll(/([\x20-\x7e])-([\x20-\x7e])/g, (_, first: string, last: string) => {
    const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
    return String.fromCharCode(...Array.from({ length: Math.max(0, high - low + 1) }, (__, at) => low + at));
  });
  return [...spelt];
}
