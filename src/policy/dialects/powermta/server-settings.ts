/**
 * What a listener's handshakes are made of: its own TLS directives over the global ones of the same meaning (reference,
 * section 2.2; that all of them are handed down, and not the certificate alone, is our reading).
 */
import type { InboundRule, Origin } from "../../rules.ts";
import { cipherList } from "./cipher-lists.ts";
import type { Configuration, Listener } from "./configuration.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { versionRange } from "./tls-rule.ts";
import { booleanOf } from "./values.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type ServerSettings = Pick<
  InboundRule,
  "implicitTls" | "certificates" | "clientAnchors" | "protocols" | "ciphers" | "refuse"
>;

type Find = (name: string) => Directive | undefined;
type At = (directive: Directive) => Origin;
type Refuse = (directive: Directive, value: string) => void;

/** @param listener undefined: what holds where no listener of the configuration is meant */
export function serverSettings(
  configuration: Configuration,
  listener: Listener | undefined,
  keys: KeyFiles,
): ServerSettings {
  const find: Find = (name) => serverStatement(configuration, listener, name);
  const scope = listener === undefined ? "everything" : `listener ${listener.text}`;
  const at: At = (directive) => originAt(directive, scope);
  const settings: Mutable<ServerSettings> = {};
  const refuse: Refuse = (directive, value) => {
    settings.refuse ??= { value, from: at(directive) };
  };
  if (listener?.implicitTls !== undefined) {
    settings.implicitTls = { value: listener.implicitTls.on, from: originAt(listener.implicitTls.place, scope) };
  }
  setFiles(settings, find, keys, at, refuse);
  setVersions(settings, find, at, refuse);
  setCiphers(settings, find, at, refuse);
  return settings;
}

/** @param name what follows `smtp-server-tls-` globally, and `tls-` at a listener */
export function serverStatement(
  { globals }: Configuration,
  listener: Listener | undefined,
  name: string,
): Directive | undefined {
  const own = listener?.statements.get(`tls-${name}`)?.at(-1) ?? globals.get(`smtp-server-tls-${name}`)?.at(-1);
  return own === undefined || textOf(own.value) === "" ? undefined : own;
}

function setFiles(settings: Mutable<ServerSettings>, find: Find, keys: KeyFiles, at: At, refuse: Refuse): void {
  const certificate = find("certificate");
  if (certificate !== undefined) {
    const [file = "", password] = wordsOf(certificate.value);
    const read = keys.credential(file, password);
    if (read.kind === "bad") refuse(certificate, read.problem);
    else {
      const value = { default: { credentials: [read.credential], names: [] }, others: [] } as const;
      settings.certificates = { value, from: at(certificate) };
    }
  }
  const authorities = find("ca-file");
  if (authorities === undefined) return;
  const read = keys.anchors(wordsOf(authorities.value)[0] ?? "");
  if (read.kind === "bad") refuse(authorities, read.problem);
  else settings.clientAnchors = { value: read.anchors, from: at(authorities) };
}

function setVersions(settings: Mutable<ServerSettings>, find: Find, at: At, refuse: Refuse): void {
  const tls12 = find("allow-tlsv1.2");
  const tls13 = find("allow-tlsv1.3");
  const either = tls12 ?? tls13;
  if (either === undefined) return;
  const on = (directive: Directive | undefined): boolean =>
    directive === undefined || booleanOf(directive.value) !== false;
  if (on(tls12) || on(tls13)) settings.protocols = { value: versionRange(on(tls12), on(tls13)), from: at(either) };
  else refuse(either, "neither TLS 1.2 nor TLS 1.3 is allowed, and nothing older is spoken here");
}

function setCiphers(settings: Mutable<ServerSettings>, find: Find, at: At, refuse: Refuse): void {
  const list = find("ciphers");
  const suites = find("tlsv1.3-ciphersuites");
  const either = list ?? suites;
  const made = cipherList(
    list === undefined ? undefined : textOf(list.value),
    suites === undefined ? undefined : textOf(suites.value),
  );
  if (made.kind === "ok")
    settings.ciphers = { value: made.ciphers, from: either === undefined ? defaultOrigin : at(either) };
  else if (either !== undefined) refuse(either, `no cipher of the configuration may be used: ${made.problem}`);
}
