/**
 * Changes the users file as a text, so that comments, order and blank lines of everything else stay.
 * Expects a text in which `parseUsersFile` finds no problem.
 */
import { type Document, isMap, parseDocument, YAMLMap } from "yaml";
import type { FieldName } from "./user-fields.ts";
import { yamlOptions } from "./yaml-with-places.ts";

/** A field of `null` goes, one that is not named stays as it is. */
export type UserChange =
  | Readonly<{
      kind: "set";
      name: string;
      fields: Readonly<Partial<Record<FieldName, string | readonly string[] | null>>>;
    }>
  | Readonly<{ kind: "remove"; name: string }>;

const opening = `# Who may log in. Changed by "letterlock user"; may be edited by hand, comments stay.
users: {}
`;

/** @param text empty for a new file */
export function editUsersFile(text: string, change: UserChange): string {
  const document = parseDocument(text.trim() === "" ? opening : text, yamlOptions);
  const users = usersOf(document);
  if (change.kind === "remove") users.delete(change.name);
  else setFields(document, entryOf(users, change.name), change.fields);
  if (users.items.length > 0) users.flow = false;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function usersOf(document: Document): YAMLMap {
  const users = document.get("users");
  if (isMap(users)) return users;
  const fresh = new YAMLMap(document.schema);
  document.set("users", fresh);
  return fresh;
}

function entryOf(users: YAMLMap, name: string): YAMLMap {
  const entry = users.get(name);
  if (isMap(entry)) return entry;
  const fresh = new YAMLMap(users.schema);
  users.set(name, fresh);
  return fresh;
}

function setFields(document: Document, entry: YAMLMap, fields: Extract<UserChange, { kind: "set" }>["fields"]): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) entry.delete(name);
    else if (value !== undefined)
      entry.set(name, typeof value === "string" ? value : document.createNode(value, { flow: true }));
  }
}
