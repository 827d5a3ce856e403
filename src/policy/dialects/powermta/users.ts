/**
 * `<smtp-user>`: who may log in, by the password that stands in the file or by a certificate (reference, sections 2.2 and
 * 4.1). What a user may do then, his source says: `source.inbound` is asked again once he is known.
 */
import { prepareStored } from "../../../users/saslprep.ts";
import type { User } from "../../../users/user.ts";
import type { Origin, Pin } from "../../rules.ts";
import type { Configuration, SmtpUser } from "./configuration.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import { originAt } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { ownSource, sourceFlag } from "./source-settings.ts";

export type CertificateUser = Readonly<{ name: string; pin: Pin; from: Origin }>;

type Method = "password" | "system" | "certificate";

/** Those whose certificate can be read, in the order of the file. */
export function certificateUsers({ users }: Configuration, keys: KeyFiles): readonly CertificateUser[] {
  return [...users.values()].flatMap((user): CertificateUser[] => {
    const sha256 = certificateOf(user, keys);
    if (sha256 === undefined) return [];
    const pin = { of: "certificate", algorithm: "sha256", digest: sha256 } as const;
    return [{ name: user.name, pin, from: originAt(user.place, `smtp-user ${user.name}`) }];
  });
}

/** Whoever has nothing to log in with is left out; `checkUsers` has told. */
export function usersOf(configuration: Configuration, keys: KeyFiles): readonly User[] {
  return [...configuration.users.values()].flatMap((user): User[] => {
    const sha256 = certificateOf(user, keys);
    const secret = passwordOf(user);
    if ((sha256 === undefined && secret === undefined) || prepareStored(user.name) === undefined) return [];
    const own = ownSource(configuration, user.name);
    return [
      {
        name: user.name,
        password: undefined,
        scram: undefined,
        secret,
        certificates: sha256 === undefined ? [] : [{ of: "certificate", sha256 }],
        senders: undefined,
        networks: undefined,
        bindings: undefined,
        requireTls: "none",
        mayRelay: own !== undefined && sourceFlag([own], "always-allow-relaying", false),
      },
    ];
  });
}

export function checkUsers({ users }: Configuration, keys: KeyFiles, notes: NoteList): void {
  for (const user of users.values()) {
    const method = methodOf(user);
    const directive = last(user, "authentication-method");
    if (method === undefined && directive !== undefined) {
      const text = `authentication-method: "${textOf(directive.value)}" is none`;
      notes.error(directive, text, "write password, system or certificate");
    } else if (method === "system" && directive !== undefined) {
      const text = `smtp-user ${user.name} cannot log in here: accounts of the system are not asked`;
      notes.differs(directive, text, "add the user to the users file of letterlock.yaml");
    } else if (method === "certificate") checkCertificate(user, keys, notes);
    else if (passwordOf(user) === undefined || prepareStored(user.name) === undefined) {
      const text = `smtp-user ${user.name} cannot log in: no client can send this name, or there is no such password`;
      notes.warning(user.place, text, "write password TEXT");
    }
  }
}

function checkCertificate(user: SmtpUser, keys: KeyFiles, notes: NoteList): void {
  const file = last(user, "tls-certificate");
  if (file === undefined) {
    const text = `smtp-user ${user.name} has no tls-certificate to be known by`;
    notes.error(user.place, text, "write tls-certificate FILE");
    return;
  }
  const read = keys.certificate(wordsOf(file.value)[0] ?? "");
  if (read.kind === "bad") notes.error(file, read.problem, read.remedy);
}

function certificateOf(user: SmtpUser, keys: KeyFiles): string | undefined {
  const file = methodOf(user) === "certificate" ? last(user, "tls-certificate") : undefined;
  const read = file === undefined ? undefined : keys.certificate(wordsOf(file.value)[0] ?? "");
  return read?.kind === "certificate" ? read.sha256 : undefined;
}

/** An empty one is none, and so is one that no client could send (SASLprep). */
function passwordOf(user: SmtpUser): string | undefined {
  const directive = methodOf(user) === "password" ? last(user, "password") : undefined;
  return directive === undefined ? undefined : prepareStored(textOf(directive.value));
}

function methodOf(user: SmtpUser): Method | undefined {
  const directive = last(user, "authentication-method");
  if (directive === undefined) return "password";
  const word = textOf(directive.value).toLowerCase();
  return word === "password" || word === "system" || word === "certificate" ? word : undefined;
}

function last({ statements }: SmtpUser, name: string): Directive | undefined {
  return statements.get(name)?.at(-1);
}
