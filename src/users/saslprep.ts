/**
 * Names and passwords in the one form in which they are stored and compared (SASLprep, RFC 4013; standards.md AU-9):
 * odd spaces become spaces, invisible characters go, compatibility characters become plain ones (NFKC).
 * The tables of RFC 3454 are a library's; what is plain ASCII never gets there.
 */
import saslprep from "@mongodb-js/saslprep";

const plain = /^[\x20-\x7e]*$/;
/** UTF-16 units; nobody's name or password is longer, and the work stays small. */
const maxLength = 1024;

/**
 * For what is to be stored (RFC 3454 §7 "stored string").
 *
 * @returns `undefined` for what no client could send in the same form again: control characters, mixed writing
 *   directions, characters newer than Unicode 3.2 (emoji), nothing at all, more than 1024 characters
 */
export function prepareStored(text: string): string | undefined {
  return prepare(text, false);
}

/** For what a client says: characters newer than Unicode 3.2 stay as they are (RFC 3454 §7 "query"). */
export function prepareQuery(text: string): string | undefined {
  return prepare(text, true);
}

function prepare(text: string, allowUnassigned: boolean): string | undefined {
  if (text.length > maxLength || text === "") return undefined;
  if (plain.test(text)) return text;
  try {
    const prepared = saslprep(text, { allowUnassigned });
    return prepared === "" || prepared.length > maxLength ? undefined : prepared;
  } catch {
    return undefined; // its way to say that a character is prohibited
  }
}
