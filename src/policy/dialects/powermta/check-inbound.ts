/**
 * Listeners, certificates and certificate users, looked at before any client connects.
 */
import { nameWarning } from "../server-certificate.ts";
import { hostNameOf } from "./bindings.ts";
import { checkAdmission } from "./check-admission.ts";
import { cipherList } from "./cipher-lists.ts";
import type { Configuration, Listener } from "./configuration.ts";
import type { CredentialFile, KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import { checkListeners } from "./listeners.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { serverStatement } from "./server-settings.ts";
import { checkUsers } from "./users.ts";
import { booleanOf } from "./values.ts";

/** What is found wrong before any client connects. */
export function checkInbound(configuration: Configuration, keys: KeyFiles, notes: NoteList): void {
  for (const listener of [undefined, ...configuration.listeners]) checkFiles(configuration, listener, keys, notes);
  checkUsers(configuration, keys, notes);
  checkListeners(configuration, notes);
  checkOffers(configuration, notes);
  checkAdmission(configuration, notes);
}

function checkFiles(
  configuration: Configuration,
  listener: Listener | undefined,
  keys: KeyFiles,
  notes: NoteList,
): void {
  const own = (name: string): Directive | undefined =>
    listener === undefined
      ? serverStatement(configuration, undefined, name)
      : listener.statements.get(`tls-${name}`)?.at(-1);
  const certificate = own("certificate");
  if (certificate !== undefined) {
    const [file = "", password] = wordsOf(certificate.value);
    const read = keys.credential(file, password);
    if (read.kind === "bad") notes.error(certificate, read.problem, read.remedy);
    else checkCertificate(certificate, read, hostNameOf(configuration.globals), notes);
  }
  const authorities = own("ca-file");
  if (authorities !== undefined) {
    const read = keys.anchors(wordsOf(authorities.value)[0] ?? "");
    if (read.kind === "bad") notes.error(authorities, read.problem, read.remedy);
  }
  for (const name of ["ciphers", "tlsv1.3-ciphersuites"]) checkCiphers(own(name), notes);
  if (listener?.implicitTls?.on === true && serverStatement(configuration, listener, "certificate") === undefined) {
    notes.error(
      listener.implicitTls.place,
      `listener ${listener.text} begins with TLS and has no certificate`,
      "write tls-certificate FILE",
    );
  }
}

function checkCertificate(
  at: Directive,
  { warnings, names }: Extract<CredentialFile, { kind: "credential" }>,
  hostname: string | undefined,
  notes: NoteList,
): void {
  const name = hostname === undefined ? undefined : nameWarning(names, hostname);
  for (const { text, remedy } of [...warnings, ...(name === undefined ? [] : [name])]) {
    notes.warning(at, `${at.name}: ${text}`, remedy);
  }
}

function checkCiphers(directive: Directive | undefined, notes: NoteList): void {
  if (directive === undefined) return;
  const text = textOf(directive.value);
  const made = directive.name.endsWith("ciphersuites") ? cipherList(undefined, text) : cipherList(text, undefined);
  if (made.kind === "ok") return;
  notes.differs(
    directive,
    `${directive.name}: none of these may be used (${made.problem}); clients are told to come back later`,
    "write HIGH:!ADH:@STRENGTH, or take the line out",
  );
}

/** `allow-starttls yes` and no certificate at all: not offered (our reading; the guides do not say). */
function checkOffers(configuration: Configuration, notes: NoteList): void {
  const some = [undefined, ...configuration.listeners].some(
    (listener) => serverStatement(configuration, listener, "certificate") !== undefined,
  );
  if (some) return;
  for (const { statements } of configuration.sources) {
    const allow = statements.get("allow-starttls")?.at(-1);
    if (allow === undefined || booleanOf(allow.value) !== true) continue;
    notes.warning(
      allow,
      "allow-starttls without a certificate: STARTTLS is not offered",
      "write smtp-server-tls-certificate FILE",
    );
  }
}
