/**
 * Reads the users file: YAML, users by name. Its contents never appear in a problem, since they may be secrets that
 * slipped in.
 *
 *     users:
 *       newsletter:
 *         password: $argon2id$v=19$...
 *         scram: SCRAM-SHA-256$60000:...
 *         senders: [news.example.com, list@example.com]
 *
 * Promises: never throws; every problem with its place; a user of whom anything is wrong is none.
 */
import { isAlias, isMap, isSeq, type YAMLMap } from "yaml";
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
import { isNothing, textOf, type UsersFileProblem, YamlWithPlaces } from "./yaml-with-places.ts";

export type UsersFile = Readonly<{ users: readonly User[]; problems: readonly UsersFileProblem[] }>;

export function parseUsersFile(text: string): UsersFile {
  const yaml = new YamlWithPlaces();
  const users = new Reading(yaml).read(text);
  return { users, problems: yaml.problems };
}

/** Whoever may read the file can try guesses on it. @param mode of `stat`. `undefined`: only owner and group may */
export function permissionProblem(mode: number): UsersFileProblem | undefined {
  if ((mode & 0o007) === 0) return undefined;
  return { line: 1, column: 1, message: "every user of this machine may read the users file", remedy: "chmod 600 it" };
}

/** Values that are still to be read, by key, each with its node. */
type Fields = ReadonlyMap<FieldName, unknown>;

class Reading {
  readonly #yaml: YamlWithPlaces;
  readonly #certificates = new Set<string>();

  constructor(yaml: YamlWithPlaces) {
    this.#yaml = yaml;
  }

  read(text: string): User[] {
    const contents = this.#yaml.parse(text)?.contents;
    if (isNothing(contents)) return [];
    if (!isMap(contents)) {
      this.#yaml.report(contents, { message: "this is no map", remedy: "begin with the line users:" });
      return [];
    }
    return this.#yaml.entries(contents).flatMap(([key, name, value]) => {
      if (name === "users") return this.#users(value, key);
      this.#yaml.report(key, unknownKey(name, ["users"]));
      return [];
    });
  }

  #users(value: unknown, key: unknown): User[] {
    if (isNothing(value)) return [];
    if (isMap(value))
      return this.#yaml.entries(value).flatMap(([at, name, entry]) => this.#user(at, name, entry) ?? []);
    const remedy = "write each user's name, a colon, and what he may";
    this.#yaml.report(value ?? key, { message: "users is a map", remedy });
    return [];
  }

  #user(at: unknown, written: string, entry: unknown): User | undefined {
    const name = this.#value(at, readName(written));
    if (!isMap(entry)) {
      const message = "this user has no entries";
      this.#yaml.report(isAlias(entry) ? entry : at, { message, remedy: "indent them under the name" });
      return undefined;
    }
    const before = this.#yaml.count;
    const user = this.#limits(this.#fields(entry));
    if (this.#yaml.count > before || name === undefined) return undefined;
    if (user.password !== undefined || user.scram !== undefined || user.certificates.length > 0) {
      return { name, ...user };
    }
    const message = "this user has no way to log in: neither password, scram nor certificates";
    this.#yaml.report(at, { message, remedy: "letterlock user passwd NAME, or remove the user" });
    return undefined;
  }

  #fields(entry: YAMLMap): Fields {
    const fields = new Map<FieldName, unknown>();
    for (const [at, key, value] of this.#yaml.entries(entry)) {
      const name = fieldNames.find((one) => one === key);
      if (name === undefined) this.#yaml.report(at, unknownKey(key, fieldNames));
      else if (!isNothing(value)) fields.set(name, value);
      else this.#yaml.report(at, { message: `${name} has no value`, remedy: "give one, or remove the line" });
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
    this.#yaml.report(node, { message: `${name} is one value`, remedy: "write it behind the colon" });
    return undefined;
  }

  /** One value may stand without brackets. */
  #list<T>(fields: Fields, name: FieldName, read: (text: string) => Read<T>): T[] | undefined {
    const node = fields.get(name);
    if (node === undefined) return undefined;
    const items: readonly unknown[] = isSeq(node) ? node.items : [node];
    if (items.length === 0) {
      const message = `${name} lists nothing, so that nothing would be allowed`;
      this.#yaml.report(node, { message, remedy: "list some, or remove the line" });
    }
    return items.flatMap((item) => {
      const text = textOf(item);
      if (text !== undefined) return this.#value(item, read(text)) ?? [];
      this.#yaml.report(item ?? node, { message: `${name} is a list`, remedy: "write [one, another]" });
      return [];
    });
  }

  /** A certificate says who logs in: it cannot say two names. */
  #own(read: ReturnType<typeof readCertificate>): ReturnType<typeof readCertificate> {
    if (!read.ok) return read;
    const digest = `${read.value.of} ${read.value.sha256}`;
    if (!this.#certificates.has(digest)) {
      this.#certificates.add(digest);
      return read;
    }
    const mistake = { message: "this certificate stands here for the second time", remedy: "remove it from one user" };
    return { ok: false, mistake };
  }

  #value<T>(node: unknown, read: Read<T>): T | undefined {
    if (read.ok) return read.value;
    this.#yaml.report(node, read.mistake);
    return undefined;
  }
}

function unknownKey(name: string, known: readonly string[]): Mistake {
  const near = nearestWord(name, known);
  const remedy = near === undefined ? `known are ${known.join(", ")}` : `did you mean ${near}?`;
  return { message: "this key is not known", remedy };
}
