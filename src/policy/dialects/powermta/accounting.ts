/**
 * `<acct-file>` sections, handed on as they are written to whoever writes records (reference, section 3.1). What is odd
 * about one is told here.
 */
import type { AccountingFile } from "../dialect.ts";
import type { AccountingSection } from "./configuration.ts";
import { type NoteList, originAt } from "./note-list.ts";

export function accountingOf(sections: readonly AccountingSection[], notes: NoteList): readonly AccountingFile[] {
  return sections.map(({ target, directives, place }) => {
    const interval = directives.find(({ name }) => name === "move-interval");
    if (interval !== undefined && !directives.some(({ name }) => name === "move-to")) {
      notes.warning(interval, "move-interval has no effect without move-to", "write move-to FOLDER, or remove it");
    }
    const [, again] = directives.filter(({ name }) => name === "records");
    if (again !== undefined) notes.warning(again, "records is written twice in this <acct-file>", "write one list");
    return {
      from: originAt(place, `acct-file ${target}`),
      target,
      directives: directives.map(({ name, value, line }) => ({ name, value, line })),
    };
  });
}
