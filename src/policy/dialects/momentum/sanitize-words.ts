/**
 * `sanitize` of custom_logger: `special_characters`, `non_printable` and `tr/X/Y/`, with commas between them.
 */
import type { TemplateLog } from "../../../mail/log-definition.ts";

type Sanitize = TemplateLog["sanitize"];

/** @returns `wrong`: the first word that is none of these; a comma or a slash may stand in a `tr` */
export function readSanitize(text: string): Readonly<{ sanitize: Sanitize; wrong: string | undefined }> {
  let sanitize: Sanitize = { specialCharacters: false, nonPrintable: false, replace: [] };
  let rest = text.trim();
  while (rest !== "") {
    const [whole, word] = /^(tr([^\w\s])(.+?)\2(.*?)\2|[^,]*?)\s*(?:,\s*|$)/s.exec(rest) ?? [rest, rest];
    const next = add(sanitize, word ?? whole);
    if (next === undefined) return { sanitize, wrong: word ?? whole };
    sanitize = next;
    rest = rest.slice(whole.length);
  }
  return { sanitize, wrong: undefined };
}

function add(sanitize: Sanitize, word: string): Sanitize | undefined {
  if (word === "" || word.toLowerCase() === "special_characters") {
    return { ...sanitize, specialCharacters: sanitize.specialCharacters || word !== "" };
  }
  if (word.toLowerCase() === "non_printable") return { ...sanitize, nonPrintable: true };
  const [, mark = "", middle] = /^tr([^\w\s])(.*)$/s.exec(word) ?? [];
  const [from, to, end] = middle?.split(mark) ?? [];
  if (from === undefined || to === undefined || end === undefined) return undefined;
  return { ...sanitize, replace: [...sanitize.replace, [from, to]] };
}
