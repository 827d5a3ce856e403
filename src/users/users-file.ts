/**
 * Reads the users file: YAML, users by name. Its contents never appear in a problem, since they may be secrets that
 * slipped in.
 *
 *     users:
 *       newsletter:
 *         password: $argon2id$v=19$...
 *         scram: SCRAM-SHA-256$100000:...
 *         senders: [news.example.com, list@example.com]
 *
 * Promises: never throws; every problem with its place, and no user who could not log in as he is meant to. Work grows with
 * the text alone: anchors and aliases are refused.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { nearestWord } from "../mail/nearest-word.ts";
import type { User } from "./user.ts";
import {
  type FieldName,
  fieldNames,
  type Mistake,
  type Read,
  readBinding,
  readCertificate,
  readMayRelay,
  readName,
  readNetwork,
  readPassword,
  readRequireTls,
  readScram,
  readSender,
} from "./user-fields.ts";

/** Both 1-based. */
export type UsersFileProblem = Readonly<{ line: number; column: number; message: string; remedy: string }>;
export type UsersFile = Readonly<{ users: readonly User[]; problems: readonly UsersFileProblem[] }>;

const maxLength = 16 * 1024 * 1024;

/** How the file is parsed, also for editing: every scalar stays the text that was written. */
export const yamlOptions = {
  schema: "failsafe",
  uniqueKeys: false, // checked here: the parser's own check is quadratic
  prettyErrors: false,
  logLevel: "silent",
} as const;

export function parseUsersFile(text: string): UsersFile {
  const reading = new Reading();
  const users = reading.read(text);
  return { users, problems: reading.problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** Whoever may read the file can try guesses on it. @param mode of `stat`. `undefined`: only owner and group may */
export function permissionProblem(mode: number): UsersFileProblem | undefined {
  if ((mode & 0o007) === 0) return undefined;
  return { line: 1, column: 1, message: "every user of this machine may read the users file", remedy: "chmod 600 it" };
}

/** Values that are still to be read, by key, each with its node. */
type Fields = ReadonlyMap<FieldName, unknown>;

class Reading {
  readonly problems: UsersFileProblem[] = [];
  readonly #lines = new LineCounter();
  readonly #certificates = new Set<string>();

  read(text: string): User[] {
    if (text.length > maxLength) {
      this.#report(undefined, { message: "the file is larger than 16 MiB", remedy: "is this the users file?" });
      return [];
    }
    const document = this.#parse(text);
    if (document === undefined || document.contents === null || isNothing(document.contents)) return [];
    if (!isMap(document.contents)) {
      this.#report(document.contents, { message: "this is no map", remedy: "begin with the line users:" });
      return [];
    }
    return this.#entries(document.contents).flatMap(([key, name, value]) => {
      if (name === "users") return this.#users(value, key);
      this.#report(key, unknownKey(name, ["users"]));
      return [];
    });
  }

  #parse(text: string): Document.Parsed | undefined {
    const document = this.#parsed(text);
    const complaints = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
    for (const { pos } of complaints) {
      this.#problemAt(pos[0], { message: "this is not well-formed YAML", remedy: "check blanks, colons and quotes" });
    }
    return complaints.length > 0 ? undefined : document;
  }

  #parsed(text: string): Document.Parsed | undefined {
    try {
      return parseDocument(text, { ...yamlOptions, lineCounter: this.#lines });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the parser recurses as deep as the text nests
      this.#report(undefined, { message: "nested too deep", remedy: "check brackets and blanks" });
      return undefined;
    }
  }

  #users(value: unknown, key: unknown): User[] {
    if (isNothing(value)) return [];
    if (!isMap(value)) {
      this.#report(value ?? key, {
        message: "users is a map",
        remedy: "write each user's name, a colon, and what he may",
      });
      return [];
    }
    return this.#entries(value).flatMap(([at, name, entry]) => this.#user(at, name, entry) ?? []);
  }

  #user(at: unknown, written: string, entry: unknown): User | undefined {
    const name = this.#value(at, readName(written));
    if (!isMap(entry)) {
      const message = "this user has no entries";
      this.#report(isAlias(entry) ? entry : at, { message, remedy: "indent them under the name" });
      return undefined;
    }
    const before = this.problems.length;
    const user = this.#limits(this.#fields(entry));
    if (this.problems.length > before || name === undefined) return undefined;
    if (user.password !== undefined || user.scram !== undefined || user.certificates.length > 0)
      return { name, ...user };
    const message = "this user has no way to log in: neither password, scram nor certificates";
    this.#report(at, { message, remedy: "letterlock user passwd NAME, or remove the user" });
    return undefined;
  }

  #fields(entry: YAMLMap): Fields {
    const fields = new Map<FieldName, unknown>();
    for (const [at, key, value] of this.#entries(entry)) {
      const name = fieldNames.find((one) => one === key);
      if (name === undefined) this.#report(at, unknownKey(key, fieldNames));
      else if (isNothing(value))
        this.#report(at, { message: `${name} has no value`, remedy: "give one, or remove the line" });
      else fields.set(name, value);
    }
    return fields;
  }

  #limits(fields: Fields): Omit<User, "name"> {
    return {
      password: this.#text(fields, "password", readPassword),
      scram: this.#text(fields, "scram", readScram),
      secret: undefined,
      certificates: this.#list(fields, "certificates", (text) => this.#own(readCertificate(text))) ?? [],
      senders: this.#list(fields, "senders", readSender),
      networks: this.#list(fields, "networks", readNetwork),
      bindings: this.#list(fields, "bindings", readBinding),
      requireTls: this.#text(fields, "require-tls", readRequireTls) ?? "none",
      mayRelay: this.#text(fields, "may-relay", readMayRelay) ?? true,
    };
  }

  #text<T>(fields: Fields, name: FieldName, read: (text: string) => Read<T>): T | undefined {
    const node = fields.get(name);
    if (node === undefined) return undefined;
    const text = textOf(node);
    if (text !== undefined) return this.#value(node, read(text));
    this.#report(node, { message: `${name} is one value`, remedy: "write it behind the colon" });
    return undefined;
  }

  /** A certificate says who logs in: it cannot say two names. */
  #own(read: ReturnType<typeof readCertificate>): ReturnType<typeof readCertificate> {
    if (!read.ok) return read;
    const { of, sha256 } = read.value;
    if (!this.#certificates.has(`${of} ${sha256}`)) {
      this.#certificates.add(`${of} ${sha256}`);
      return read;
    }
    const mistake = { message: "this certificate stands here for the second time", remedy: "remove it from one user" };
    return { ok: false, mistake };
  }

  /** One value may stand without brackets. */
  #list<T>(fields: Fields, name: FieldName, read: (text: string) => Read<T>): T[] | undefined {
    const node = fields.get(name);
    if (node === undefined) return undefined;
    const items: readonly unknown[] = isSeq(node) ? node.items : [node];
    if (items.length === 0 && name !== "certificates") {
      this.#report(node, {
        message: `${name} lists nothing, so that nothing would be allowed`,
        remedy: "list some, or remove the line",
      });
    }
    return items.flatMap((item) => {
      const text = textOf(item);
      if (text === undefined)
        this.#report(item ?? node, { message: `${name} is a list`, remedy: "write [one, another]" });
      return text === undefined ? [] : (this.#value(item, read(text)) ?? []);
    });
  }

  #value<T>(node: unknown, read: Read<T>): T | undefined {
    if (read.ok) return read.value;
    this.#report(node, read.mistake);
    return undefined;
  }

  /** Key node, key and value of each pair; what has no text for a key, or stands twice, is reported and left out. */
  #entries(map: YAMLMap): (readonly [key: unknown, name: string, value: unknown])[] {
    const seen = new Map<string, unknown>();
    return map.items.flatMap((pair: Pair) => {
      const name = isScalar(pair.key) ? pair.key.value : undefined;
      if (typeof name !== "string" || name === "") {
        this.#report(pair.key ?? map, { message: "this key is no text", remedy: "write a name before the colon" });
        return [];
      }
      if (seen.has(name)) {
        const message = "this stands here for the second time";
        this.#report(pair.key, {
          message,
          remedy: `remove one of the two: the first is on line ${this.#place(seen.get(name)).line}`,
        });
        return [];
      }
      seen.set(name, pair.key);
      return [[pair.key, name, pair.value] as const];
    });
  }

  #report(node: unknown, mistake: Mistake): void {
    const { line, column } = this.#place(node);
    this.problems.push(isAlias(node) ? { line, column, ...noAlias } : { line, column, ...mistake });
  }

  #problemAt(offset: number, mistake: Mistake): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({ line: Math.max(1, line), column: Math.max(1, col), ...mistake });
  }

  #place(node: unknown): { line: number; column: number } {
    const offset = (node as { range?: readonly number[] | null } | undefined)?.range?.[0];
    const { line, col } = this.#lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

const noAlias: Mistake = { message: "aliases have no place in a users file", remedy: "write the value out" };

function unknownKey(name: string, known: readonly FieldName[] | readonly ["users"]): Mistake {
  const near = nearestWord(name, known);
  const remedy = near === undefined ? `known are ${known.join(", ")}` : `did you mean ${near}?`;
  return { message: "this key is not known", remedy };
}

function textOf(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === "string" && !isNothing(node) ? node.value : undefined;
}

/** Nothing after the colon, `~` or `null`. */
function isNothing(node: unknown): boolean {
  if (node === null || node === undefined) return true;
  return isScalar(node) && node.type === "PLAIN" && /^(?:|~|null)$/.test(String(node.value ?? ""));
}
