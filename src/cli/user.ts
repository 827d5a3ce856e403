/**
 * `letterlock user …`: who may log in. Changes the users file; a running relay reads it again as any other file of its
 * configuration. No password, hash or verifier is ever printed.
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { type Command, Option } from "commander";
import { findConfiguration } from "../config/find.ts";
import { formatProblem, Problems } from "../config/problem.ts";
import { parseYamlTree } from "../config/yaml-tree.ts";
import { errorText } from "../mail/error-text.ts";
import { escapeText } from "../mail/escape.ts";
import { editUsersFile } from "../users/edit-users-file.ts";
import { nodeKeyDerivation } from "../users/key-derivation.ts";
import { formatPasswordHash, hashPassword, type PasswordScheme, passwordSchemes } from "../users/password-hash.ts";
import { prepareStored } from "../users/saslprep.ts";
import { formatScramVerifier, makeScramVerifier } from "../users/scram-verifier.ts";
import type { User } from "../users/user.ts";
import { type FieldName, type Read, readCertificate, readName, readNetwork, readSender } from "../users/user-fields.ts";
import { parseUsersFile, permissionProblem } from "../users/users-file.ts";
import { changeUsersFile } from "../users/write-users-file.ts";
import type { UsersFileProblem } from "../users/yaml-with-places.ts";
import { type Asked, askPassword, readPasswordFromStdin } from "./ask-password.ts";
import { shownUser, usersTable } from "./user-table.ts";

type FileOptions = Readonly<{ file?: string; config?: string }>;
type PasswordOptions = Readonly<{ passwordStdin?: boolean; scheme: PasswordScheme; scram: boolean }>;
type LimitOptions = Readonly<{
  password: boolean;
  sender: readonly string[];
  network: readonly string[];
  binding: readonly string[];
  certificate: readonly string[];
  requireTls?: "encrypted" | "trusted";
  relay: boolean;
}>;
type AddOptions = FileOptions & PasswordOptions & LimitOptions;
type Fields = Partial<Record<FieldName, string | readonly string[] | null>>;

/** What the operator did wrong: told in one line, exit code 2. */
class Mistaken extends Error {}

const shortestPassword = 8;

export function userCommand(user: Command, took: (code: Promise<number>) => Promise<void>): void {
  user.description("who may log in: the users file");
  withPassword(withFile(user.command("add")))
    .description("add a user; the password is asked for")
    .argument("<name>")
    .option("--no-password", "he logs in by certificate alone")
    .option("--certificate <file>", "a certificate to log in with: PEM file, sha256:HEX or spki-sha256:HEX", gather, [])
    .option("--sender <sender>", "allowed envelope sender: address, domain, .domain below it", gather, [])
    .option("--network <block>", "where he may log in from: address or block", gather, [])
    .option("--binding <name>", "as whom his mail may leave; the first where nothing chooses", gather, [])
    .addOption(
      new Option("--require-tls [level]", "to log in at all; trusted: also a client certificate of a trusted CA")
        .choices(["encrypted", "trusted"])
        .preset("encrypted"),
    )
    .option("--no-relay", "his mail goes to our own domains alone")
    .action((name: string, options: AddOptions) => took(told(() => add(name, options))));
  withPassword(withFile(user.command("passwd")))
    .description("give a user a new password; everything else stays")
    .argument("<name>")
    .action((name: string, options: FileOptions & PasswordOptions) => took(told(() => passwd(name, options))));
  withFile(user.command("remove"))
    .description("remove a user")
    .argument("<name>")
    .action((name: string, options: FileOptions) => took(told(() => remove(name, options))));
  withFile(user.command("list"))
    .description("one line per user, without secrets")
    .option("--json", "print JSON")
    .action((options: FileOptions & { json?: boolean }) => took(told(async () => list(options))));
}

function withFile(command: Command): Command {
  return command
    .option("--file <file>", "the users file (else users-file of the configuration)")
    .option("-c, --config <file>", "the configuration file that names the users file");
}

function withPassword(command: Command): Command {
  return command
    .option("--password-stdin", "read the password from standard input: one line")
    .addOption(new Option("--scheme <scheme>", "how it is hashed").choices(passwordSchemes).default("argon2id"))
    .option("--no-scram", "store no SCRAM verifier beside the hash");
}

function gather(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

async function told(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    process.stderr.write(`letterlock: ${errorText(error)}\n`);
    const isFileTrouble = typeof (error as NodeJS.ErrnoException).code === "string";
    return error instanceof Mistaken || isFileTrouble ? 2 : 3;
  }
}

async function add(name: string, options: AddOptions): Promise<number> {
  const file = fileOf(options);
  must(readName(name), `the name ${escapeText(name)}`);
  const limits = limitFields(options);
  if (!options.password && options.certificate.length === 0) {
    throw new Mistaken("--no-password leaves no way to log in: give a --certificate");
  }
  return change(file, async (text, users) => {
    if (users.some((user) => user.name === name)) {
      throw new Mistaken(`${escapeText(name)} is there already: letterlock user passwd changes the password`);
    }
    const fields = { ...(options.password ? await passwordFields(options) : {}), ...limits };
    return { text: editUsersFile(text, { kind: "set", name, fields }), done: `${escapeText(name)} added to ${file}` };
  });
}

async function passwd(name: string, options: FileOptions & PasswordOptions): Promise<number> {
  const file = fileOf(options);
  return change(file, async (text, users) => {
    if (!users.some((user) => user.name === name)) return undefined;
    const fields = await passwordFields(options);
    const done = `${escapeText(name)} has a new password in ${file}`;
    return { text: editUsersFile(text, { kind: "set", name, fields }), done };
  });
}

async function remove(name: string, options: FileOptions): Promise<number> {
  const file = fileOf(options);
  return change(file, async (text, users) => {
    if (!users.some((user) => user.name === name)) return undefined;
    return { text: editUsersFile(text, { kind: "remove", name }), done: `${escapeText(name)} removed from ${file}` };
  });
}

/** Exit code 1 where `edit` finds nobody to change. */
async function change(
  file: string,
  edit: (text: string, users: readonly User[]) => Promise<{ text: string; done: string } | undefined>,
): Promise<number> {
  let done: string | undefined;
  await changeUsersFile(file, async (text) => {
    const edited = await edit(text, usable(file, text));
    if (edited !== undefined) usable(file, edited.text);
    done = edited?.done;
    return edited?.text;
  });
  if (done === undefined) process.stderr.write(`letterlock: there is no such user in ${file}\n`);
  else process.stdout.write(`${done}\n`);
  return done === undefined ? 1 : 0;
}

function list(options: FileOptions & { json?: boolean }): number {
  const file = fileOf(options);
  if (!existsSync(file)) throw new Mistaken(`there is no ${file}: letterlock user add makes it`);
  const users = usable(file, readFileSync(file, "utf8"));
  const open = permissionProblem(statSync(file).mode);
  if (open !== undefined) process.stderr.write(`${inWords(file, open, "warning")}\n`);
  process.stdout.write(options.json ? `${JSON.stringify(users.map(shownUser), null, 2)}\n` : usersTable(users));
  return 0;
}

/** @returns the users of a file in which nothing is wrong */
function usable(file: string, text: string): readonly User[] {
  const { users, problems } = parseUsersFile(text);
  if (problems.length === 0) return users;
  const lines = problems.map((problem) => inWords(file, problem, "error"));
  throw new Mistaken(`the users file has errors, nothing was changed\n${lines.join("\n")}`);
}

function inWords(file: string, problem: UsersFileProblem, severity: "error" | "warning"): string {
  return formatProblem({ file, severity, ...problem });
}

async function passwordFields({ passwordStdin, scheme, scram }: PasswordOptions): Promise<Fields> {
  const password = storable(await (passwordStdin ? readPasswordFromStdin() : askPassword()));
  return {
    password: formatPasswordHash(await hashPassword(scheme, password, nodeKeyDerivation)),
    // An old verifier would let the old password in.
    scram: scram ? formatScramVerifier(await makeScramVerifier(password, nodeKeyDerivation)) : null,
  };
}

function storable(asked: Asked): string {
  if ("trouble" in asked) throw new Mistaken(asked.trouble);
  if (asked.password.length < shortestPassword) {
    throw new Mistaken(`the password is too short: ${shortestPassword} characters are the least`);
  }
  const prepared = prepareStored(asked.password);
  if (prepared !== undefined) return prepared;
  throw new Mistaken("the password has characters that not every client can send (RFC 4013), or is too long");
}

function limitFields({ certificate, sender, network, binding, requireTls, relay }: LimitOptions): Fields {
  const certificates = certificate.map(digestOf);
  for (const one of sender) must(readSender(one), `--sender ${escapeText(one)}`);
  for (const one of network) must(readNetwork(one), `--network ${escapeText(one)}`);
  return {
    ...(certificates.length > 0 && { certificates }),
    ...(sender.length > 0 && { senders: sender }),
    ...(network.length > 0 && { networks: network }),
    ...(binding.length > 0 && { bindings: binding }),
    ...(requireTls !== undefined && { "require-tls": requireTls }),
    ...(!relay && { "may-relay": "no" }),
  };
}

function digestOf(text: string): string {
  if (/^(?:spki-)?sha256:/.test(text)) {
    const { of, sha256 } = must(readCertificate(text), `--certificate ${escapeText(text)}`);
    return `${of === "spki" ? "spki-" : ""}sha256:${sha256}`;
  }
  try {
    return `sha256:${new X509Certificate(readFileSync(text)).fingerprint256.replaceAll(":", "").toLowerCase()}`;
  } catch (error) {
    throw new Mistaken(`--certificate ${escapeText(text)}: ${errorText(error)}`);
  }
}

function must<T>(read: Read<T>, what: string): T {
  if (read.ok) return read.value;
  throw new Mistaken(`${what}: ${read.mistake.message} (${read.mistake.remedy})`);
}

/** `--file`, else what the configuration names. */
function fileOf({ file, config }: FileOptions): string {
  if (file !== undefined) return path.resolve(file);
  const configuration = findConfiguration(config);
  const named = configuration === undefined ? undefined : configuredFile(configuration);
  if (named === undefined) throw new Mistaken("which users file? Say --file, or users-file in the configuration");
  return named;
}

/** Also from a configuration with errors: one of them may be that the users file is not there yet. */
function configuredFile(configuration: string): string | undefined {
  const tree = parseYamlTree(readFileSync(configuration, "utf8"), new Problems(configuration));
  if (tree?.kind !== "map") return undefined;
  const value = tree.entries.find(({ key }) => key === "users-file")?.value;
  return value?.kind === "text" ? path.resolve(path.dirname(configuration), value.text) : undefined;
}
