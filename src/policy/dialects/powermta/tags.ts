/**
 * Where names and tags begin and end in a line, those included that stand at the end of another line by mistake.
 */
import { sectionNames } from "./section-names.ts";

/** Where the name of a directive ends: at a blank, or after the regular expression that it is. */
export function nameEnd(text: string): number {
  if (text.startsWith("/")) {
    for (let at = 1; at < text.length; at += 1) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === "/") return at + 1;
    }
  }
  const blank = text.search(/\s/);
  return blank < 0 ? text.length : blank;
}

/** The closing `>` of an opening tag; a command line behind `|` may hold others. */
export function tagEnd(text: string): number | undefined {
  if (/^<[a-z-]+\s*(?:"\s*)?\|/i.test(text)) {
    const last = text.lastIndexOf(">");
    return last < 0 ? undefined : last;
  }
  let quoted = false;
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === "\\" && quoted) at += 1;
    else if (text[at] === '"') quoted = !quoted;
    else if (text[at] === ">" && !quoted) return at;
  }
  const fallback = text.indexOf(">");
  return fallback < 0 ? undefined : fallback;
}

export type GluedTag = Readonly<{ at: number; tag: string }>;

/** Tags of sections that PowerMTA knows, at the end of a directive's line and outside of quotes. */
export function gluedTags(text: string): GluedTag[] {
  const tags: GluedTag[] = [];
  if (!text.endsWith(">") || !text.includes("<")) return tags;
  const quoted = quotedPlaces(text);
  for (let end = text.length; text[end - 1] === ">"; ) {
    const at = text.lastIndexOf("<", end - 1);
    const tag = at < 0 ? "" : text.slice(at, end);
    const name = /^<\/?([a-z-]+)(?:\s[^<>]*)?>$/i.exec(tag)?.[1];
    if (name === undefined || !sectionNames.has(name.toLowerCase()) || quoted[at] === 1) break;
    tags.push({ at, tag });
    end = at;
    while (end > 0 && /\s/.test(text.charAt(end - 1))) end -= 1;
  }
  return tags.reverse();
}

/** 1 for each character that stands inside quotes. */
export function quotedPlaces(text: string): Uint8Array {
  const places = new Uint8Array(text.length);
  let inside = false;
  for (let at = 0; at < text.length; at += 1) {
    places[at] = inside ? 1 : 0;
    if (text[at] === "\\" && /["\\]/.test(text.charAt(at + 1))) at += 1;
    else if (text[at] === '"') inside = !inside;
  }
  return places;
}
