/**
 * Stanzas by what they are named after: a plain name, a regular expression, or nothing that anything is called.
 */
import { readStanzaName } from "./domain-key.ts";
import { type NamedStanzas, Stanza } from "./model.ts";
import type { Notes, Position } from "./notes.ts";

export class StanzaNames {
  readonly #notes: Notes;
  readonly #id: () => number;

  /** @param id a number that no stanza has yet */
  constructor(notes: Notes, id: () => number) {
    this.#notes = notes;
    this.#id = id;
  }

  /** @returns the stanza of that name, which may be there already */
  register(stanzas: NamedStanzas, text: string, words: string, at: Position): Stanza {
    const name = readStanzaName(text);
    if (name.kind === "plain") {
      const stanza = stanzas.plain.get(name.key) ?? new Stanza(words, at, this.#id());
      stanzas.plain.set(name.key, stanza);
      return stanza;
    }
    if (name.kind === "regex") {
      const known = stanzas.bySource.get(name.source);
      if (known !== undefined) return known;
      this.#checkRegex(name, text, at);
      const stanza = new Stanza(words, at, this.#id());
      stanzas.bySource.set(name.source, stanza);
      stanzas.regexes.push({ stanza, regex: name.regex, source: name.source });
      return stanza;
    }
    if (name.kind === "error") {
      this.#notes.add("error", at, `the regular expression ${text} cannot be used: ${name.text}`, "write it otherwise");
    }
    return new Stanza(words, at, this.#id());
  }

  #checkRegex(
    { anchored, capitals }: Readonly<{ anchored: boolean; capitals: boolean }>,
    text: string,
    at: Position,
  ): void {
    if (!anchored) {
      const remedy = "begin it with (^|[.]) or ^ and end it with $";
      this.#notes.add("warning", at, `the regular expression ${text} also matches within longer names`, remedy);
    }
    if (capitals) {
      const remedy = "write it in lower case, or begin it with (?i)";
      this.#notes.add("warning", at, `${text} has capital letters, but names are compared in lower case`, remedy);
    }
  }

  /** A stanza for every domain, or for none, must not look as if it had an effect. */
  checkMeaning({ name, stanza }: Readonly<{ name: string; stanza: Stanza }>, text: string, at: Position): void {
    if (readStanzaName(text).kind !== "meaningless") return;
    const kind = stanza.settings.size > 0 ? "error" : "warning";
    const remedy = "write the options in the binding, the group or at the top; or a regular expression between slashes";
    this.#notes.add(
      kind,
      at,
      `${name} "${text}" matches nothing: no name of a ${name}, and there are no wildcards`,
      remedy,
    );
  }
}
